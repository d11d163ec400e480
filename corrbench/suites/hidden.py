"""Cases nobody can prepare for: shapes, geometry and layout drawn from the run's secret seed."""

from __future__ import annotations

import random

from corrbench.case import Case
from corrbench.suites._random_cases import draw

COUNT = (20, 110, 400)


def cases(thorough: int, seed: int) -> list[Case]:
    """As many as the profile affords, the same for the same seed."""
    rng = random.Random(f"hidden {seed}")
    return [draw(rng) for _ in range(COUNT[thorough])]
