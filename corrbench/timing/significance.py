"""The statistics of a paired comparison: from the differences of blocks to the verdict on a case; pure.

A block is a fresh pair of processes, and its difference d the median of log(t_b / t_a) over pairs of neighbouring
samples. Blocks are independent of each other, samples within one are not: so tests are made over blocks, on ranks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

LEVEL = 0.05  # of the false discovery rate, and of what intervals miss


class Verdict(StrEnum):
    """What is said of b beside a."""

    SLOWER = "slower"
    SAME = "same"
    FASTER = "faster"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"  # a does it, b does not
    SKIPPED = "skipped"


@dataclass(slots=True, kw_only=True)
class CaseComparison:
    """One case, timed on both sides.

    Attributes:
        case: its text.
        mode: ``forward`` or ``backward``.
        a: median seconds of a call; NaN where there is none.
        b: a with the change; the median of b's own samples may say otherwise, since other moments are in it.
        change: t_b / t_a - 1, from the median over blocks of pairs that were timed in turn.
        low, high: of an interval that holds the true change with a probability of 95 %.
        p: of a change this large if b were slower by the tolerance only, adjusted for the number of cases; 1 unless
            it was tested.
        blocks: how many it was judged on.
        note: what else there is to say.
    """

    case: str
    mode: str
    verdict: Verdict = Verdict.INCONCLUSIVE
    a: float = math.nan
    b: float = math.nan
    change: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = 1.0
    blocks: int = 0
    note: str = ""

    @property
    def detectable(self) -> float:
        """The minimum detectable effect: half the width of the interval."""
        return (self.high - self.low) / 2

    def to_json(self) -> dict[str, Any]:
        odd = {
            key: None for key, value in asdict(self).items() if isinstance(value, float) and not math.isfinite(value)
        }
        return asdict(self) | odd


def interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Median change, and an exact 95 % interval for it from order statistics (Conover, Practical Nonparametric
    Statistics, 3rd ed., section 3.2), all as fractions. Infinite ends where there are too few blocks.
    """
    import numpy as np
    from scipy import stats

    found: Any = stats.quantile_test(np.asarray(differences), q=0.0, p=0.5).confidence_interval(1 - LEVEL)
    low = -math.inf if math.isnan(found.low) else found.low
    high = math.inf if math.isnan(found.high) else found.high
    return math.expm1(float(np.median(differences))), math.expm1(low), math.expm1(high)


def exceeds(differences: Sequence[float], tolerance: float) -> float:
    """p of Wilcoxon's signed-rank test, exact and one-sided, that b is slower by more than `tolerance`."""
    import numpy as np
    from scipy import stats

    shifted = np.asarray(differences) - math.log1p(tolerance)
    return float(stats.wilcoxon(shifted, alternative="greater", method="exact").pvalue)


def suspicious(differences: Sequence[float], tolerance: float, resolution: float) -> bool:
    """Whether a screening leaves a doubt: a change in sight, or an interval that reaches beyond `resolution`."""
    change, low, high = interval(differences)
    return abs(change) > tolerance / 2 or max(high, -low) > resolution


def verdicts(
    differences: Sequence[Sequence[float]], tolerance: float, resolution: float
) -> list[tuple[Verdict, float]]:
    """Verdict and adjusted p for each of several cases, by the method of Benjamini and Hochberg.

    SLOWER: the adjusted p is at most 5 % and the interval lies above the tolerance; FASTER: the same the other way
    round. SAME: the interval lies within ±`resolution`. INCONCLUSIVE otherwise.
    """
    from scipy import stats

    if not differences:
        return []
    ups = stats.false_discovery_control([exceeds(d, tolerance) for d in differences])
    downs = stats.false_discovery_control([exceeds([-one for one in d], tolerance) for d in differences])
    found = []
    for d, up, down in zip(differences, ups, downs, strict=True):
        _, low, high = interval(d)
        if up <= LEVEL and low > tolerance:
            verdict = Verdict.SLOWER
        elif down <= LEVEL and 1 / (1 + high) - 1 > tolerance:
            verdict = Verdict.FASTER
        elif -resolution <= low and high <= resolution:
            verdict = Verdict.SAME
        else:
            verdict = Verdict.INCONCLUSIVE
        found.append((verdict, float(min(up, down))))
    return found
