"""What is asked of a clock, by the commands and from Python: two targets compared, several measured together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.runner import Step
from corrbench.target import Spec, find
from corrbench.timing import bench, cases, paired
from corrbench.timing.roofline import Unmeasured


def compare(
    a: Spec, b: Spec, texts: Sequence[str], step: Step, *, backward: bool, tolerance: float, seed: int
) -> paired.PairedComparison:
    """Two targets timed in turn.

    Args:
        a: the one that is compared with.
        b: the other.
        texts: cases; none for those of the suite speed.
        step: is told how far it is.
        backward: whether gradients are timed too.
        tolerance: per cent by which b may be slower.
        seed: of data and order.

    Raises:
        ValueError: one of them cannot be timed.
    """
    margin = tolerance / 100
    try:
        tasks = cases.tasks((a, b), texts, backward=backward)
        return paired.compare(a, b, tasks, tolerance=margin, resolution=margin, seed=seed, step=step)
    except (NotLoaded, Died) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None


def measure(
    specs: Mapping[str, Spec], suite: str, texts: Sequence[str], step: Step, *, backward: bool, device: str, seed: int,
    limit: float = 0.0,
) -> bench.Bench:  # fmt: skip
    """Targets timed side by side, the baseline beside them.

    Args:
        specs: the targets by name.
        suite: where the cases come from.
        texts: cases; none for those of the suite.
        step: is told how far it is.
        backward: whether gradients are timed too.
        device: of the baseline.
        seed: of data and order.
        limit: seconds, about, that it may take; 0 for as long as it takes.

    Raises:
        ValueError: one of them, or the machine, cannot be measured.
    """
    every = dict(specs)
    every.setdefault(bench.BASELINE, find(bench.BASELINE, device=device))
    try:
        tasks = cases.tasks(every.values(), texts, suite, backward=backward)
        return bench.measure(every, list(specs), tasks, seed, step, limit=limit)
    except (NotLoaded, Died, Unmeasured) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None
