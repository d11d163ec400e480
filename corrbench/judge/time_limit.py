"""The time limit: whether a target that does not answer hangs, or is slow. A simple case of the same size tells."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from corrbench.case import Case

SURE = 2e4  # multiply-accumulates that every implementation gets done in time
SHARE = 1 / 3  # of the time limit: what takes no more shows that a target is fast enough for the size


@dataclass(slots=True)
class Shown:
    """What a target has shown of its speed, by mode of differentiation.

    Attributes:
        fine: most multiply-accumulates that it has been seen to do well within the limits.
        over: fewest that it has been seen not to do within them, on a simple case.
    """

    fine: dict[str, int] = field(default_factory=dict)
    over: dict[str, int] = field(default_factory=dict)

    def done(self, mode: str, case: Case, seconds: float, limit: float) -> None:
        """Take note of a call that was answered."""
        if seconds <= limit * SHARE:
            self.fine[mode] = max(case.macs, self.fine.get(mode, 0))

    def too_slow(self, mode: str, case: Case) -> bool:
        """Whether it need not be asked."""
        return case.macs >= self.over.get(mode, math.inf)

    def in_time(self, mode: str, case: Case) -> bool:
        """Whether one that did not answer should have, by all that it has shown so far."""
        return case.macs <= max(SURE, self.fine.get(mode, 0))


def simplest(case: Case) -> Case:
    """One plane under one kernel with as many results and about as many terms as a case has."""
    side, k = math.isqrt(max(1, math.prod(case.out)) - 1) + 1, math.isqrt(case.terms)
    return Case(x=(1, 1, side + k - 1, side + k - 1), w=(1, 1, k, k), dtype=case.dtype, data="small")
