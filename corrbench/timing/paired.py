"""The paired comparison of two targets: a screening of all cases, then a confirmation of those that left a doubt."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.judge.target_process import Died
from corrbench.runner import Step
from corrbench.target import Spec
from corrbench.timing import interleaved, significance
from corrbench.timing.interleaved import Samples, Task
from corrbench.timing.significance import CaseComparison, Verdict

FEWEST, ENOUGH = 2, 8  # blocks that are measured whatever the limit, and that a confirmation needs to tell anything
SCREEN, CONFIRM = 8, 20  # blocks of the screening, and fresh ones of the confirmation
CONTROL = "control"  # a second process of the first target: an A/A test, in which nothing may be found
Blocks = list[dict[str, Samples]]  # of one case: by target, the first of which is what the others are compared with


@dataclass(slots=True, kw_only=True)
class PairedComparison:
    """Two targets compared.

    Attributes:
        cases: one for each case.
        unfit: why no verdict can be given at all, if the control, which is the same program twice, showed a difference.
        wrong: targets by name, with cases on which what was timed was wrong.
        seconds: of the whole.
    """

    cases: list[CaseComparison] = field(default_factory=list)
    unfit: str = ""
    wrong: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def having(self, *verdicts: Verdict) -> list[CaseComparison]:
        return [one for one in self.cases if one.verdict in verdicts]

    def to_json(self) -> dict[str, Any]:
        cases = [one.to_json() for one in self.cases]
        return {"unfit": self.unfit, "wrong": self.wrong, "seconds": round(self.seconds, 1), "cases": cases}


def compare(
    a: Spec,
    b: Spec,
    tasks: Sequence[Task],
    *,
    tolerance: float,
    resolution: float,
    seed: int,
    step: Step,
    control: bool = False,
    limit: float = 0.0,
    names: tuple[str, str] = ("a", "b"),
) -> PairedComparison:
    """Time b against a.

    Args:
        a: what is measured against.
        b: what is measured.
        tasks: on which cases.
        tolerance: the share by which b may be slower.
        resolution: the share within which a change must lie to be called none: the equivalence margin.
        seed: of data and of the order of samples.
        step: told of progress, in blocks.
        control: whether a second process of `a` is measured beside, and no verdict given where it differs.
        limit: seconds after which no further block is begun, but for the first two; 0 for none.
        names: what the two are called in what is said of them.

    Raises:
        NotLoaded: one of them cannot be loaded.
    """
    began = time.monotonic()
    subjects: dict[str, Spec] = {names[0]: a, names[1]: b} | ({CONTROL: a} if control else {})
    chance = random.Random(seed)

    def measured(which: Sequence[Task], before: int, count: int) -> dict[Task, Blocks]:
        found: dict[Task, Blocks] = {task: [] for task in which}
        for done in range(before, before + count):
            if limit and done >= before + FEWEST and time.monotonic() - began > limit:
                break
            with interleaved.fresh(subjects) as remotes:
                for task in [one for one in which if not _failed(found[one])]:
                    step(done, before + count, str(task))
                    found[task].append(interleaved.block(remotes, task, chance, interleaved.PAIRED))
        return found

    def doubtful(blocks: Blocks) -> bool:
        others = () if _failed(blocks) else list(subjects)[1:]
        return any(significance.suspicious(_differences(blocks, name), tolerance, resolution) for name in others)

    def verdicts(of: str) -> dict[Task, tuple[Verdict, float]]:
        series = [_differences(confirmed[task], of) for task in judged]
        return dict(zip(judged, significance.verdicts(series, tolerance, resolution), strict=True))

    screened = measured(tasks, 0, SCREEN)
    late = bool(limit) and time.monotonic() - began > limit
    doubts = [task for task, blocks in screened.items() if doubtful(blocks)]
    confirmed = measured([] if late else doubts, SCREEN, CONFIRM)
    judged = [task for task, blocks in confirmed.items() if not _failed(blocks) and len(blocks) >= ENOUGH]
    unsettled = {task for task, blocks in screened.items() if late and (task in doubts or len(blocks) < SCREEN)}
    unsettled |= {task for task, blocks in confirmed.items() if len(blocks) < ENOUGH}
    made = PairedComparison(seconds=time.monotonic() - began)
    for task, name, one in (
        (task, name, one)
        for measurement in (screened, confirmed)
        for task, blocks in measurement.items()
        for block in blocks
        for name, one in block.items()
    ):
        if one.wrong:
            made.wrong.setdefault(name, f"{task}: {one.wrong}")
    found = verdicts(names[1])
    for task, blocks in screened.items():
        verdict, p = found.get(task, (Verdict.INCONCLUSIVE if task in unsettled else Verdict.SAME, 1.0))
        made.cases.append(_of_case(task, confirmed.get(task, blocks), names, verdict, p))
    same = verdicts(CONTROL) if control else {}
    broken = [task for task, (verdict, _) in same.items() if verdict in (Verdict.SLOWER, Verdict.FASTER)]
    if broken:
        made.unfit = f"two processes of the same program differ on {broken[0]}: this machine is unfit at present"
    return made


def _failed(blocks: Blocks) -> dict[str, str]:
    """By target, why it could not be timed; those after the first failure have not been tried."""
    last = blocks[-1] if blocks else {}
    return {
        name: one.failed.message if isinstance(one.failed, Died) else str(one.failed)
        for name, one in last.items()
        if one.failed
    }


def _differences(blocks: Blocks, of: str) -> list[float]:
    """Block by block, the median of log(t / t of the first) over pairs of samples."""
    pairs = ((block[of].seconds, next(iter(block.values())).seconds) for block in blocks)
    return [statistics.median(math.log(b / a) for b, a in zip(*pair, strict=True)) for pair in pairs]


def _of_case(task: Task, blocks: Blocks, names: tuple[str, str], verdict: Verdict, p: float) -> CaseComparison:
    one = CaseComparison(case=str(task.case), mode=task.mode, p=p)
    if failed := _failed(blocks):
        one.verdict = Verdict.FAILED if list(failed) == [names[1]] else Verdict.SKIPPED  # both: nobody's fault
        one.note = ": ".join(next(iter(failed.items())))
        return one
    differences = _differences(blocks, names[1])
    one.change, one.low, one.high = significance.interval(differences)
    one.a = statistics.median(statistics.median(block[names[0]].seconds) for block in blocks)
    one.b = one.a * (1 + one.change)
    one.blocks, one.verdict = len(differences), verdict
    if verdict is Verdict.INCONCLUSIVE and math.isfinite(one.detectable):
        one.note = f"changes below {one.detectable:.1%} cannot be seen here"
    return one
