"""Which verdict do the blocks give? A look at all cases first, then a second one at those that leave something open."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.target import Spec
from corrbench.timing import interleaved, significance
from corrbench.timing.interleaved import Record, Task
from corrbench.timing.significance import Contrast, Verdict

SCREEN, CONFIRM = 8, 20  # blocks of the first look and of the second, which are fresh ones
CONTROL = "control"  # the name of a second process of the first target, against which nothing may be found
Step = Callable[[int, int, str], None]  # blocks done, blocks planned, what is being timed


@dataclass(slots=True, kw_only=True)
class Match:
    """Two targets compared.

    Attributes:
        contrasts: one for each case.
        unfit: why no verdict can be given at all, if the control, which is the same program twice, showed a difference.
        wrong: targets by name, with cases on which what was timed was wrong.
        seconds: of the whole.
    """

    contrasts: list[Contrast] = field(default_factory=list)
    unfit: str = ""
    wrong: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def having(self, *verdicts: Verdict) -> list[Contrast]:
        return [one for one in self.contrasts if one.verdict in verdicts]

    def to_json(self) -> dict[str, Any]:
        return {"unfit": self.unfit, "wrong": self.wrong, "seconds": round(self.seconds, 1),
                "cases": [one.to_json() for one in self.contrasts]}  # fmt: skip


def compare(
    a: Spec, b: Spec, tasks: Sequence[Task], *, tolerance: float, resolution: float, seed: int, step: Step,
    control: bool = False, names: tuple[str, str] = ("a", "b"),
) -> Match:  # fmt: skip
    """Time b against a.

    Args:
        a: what is measured against.
        b: what is measured.
        tasks: on which cases.
        tolerance: the share by which b may be slower.
        resolution: the share within which a change must lie to be called none.
        seed: of data and of the order of samples.
        step: told of progress.
        control: whether a second process of `a` is measured beside, and no verdict given where it differs.
        names: what the two are called in what is said of them.

    Raises:
        Died, NotLoaded: the process of one of them.
    """
    began = time.monotonic()
    rivals: dict[str, Spec] = {names[0]: a, names[1]: b} | ({CONTROL: a} if control else {})
    chance = random.Random(seed)
    first = {task: Record() for task in tasks}
    _play(rivals, first, SCREEN, chance, step, 0)
    left = [task for task, record in first.items() if not record.refused and _open(record, tolerance, resolution)]
    second = {task: Record() for task in left}
    if left:
        _play(rivals, second, CONFIRM, chance, step, SCREEN)
    match = Match(seconds=time.monotonic() - began)
    for record, task in ((record, task) for records in (first, second) for task, record in records.items()):
        for name, said in record.wrong.items():
            match.wrong.setdefault(name, f"{task}: {said}")
    judged = [task for task in left if not second[task].refused]
    found = significance.judge([second[task].differences[names[1]] for task in judged], tolerance, resolution)
    verdicts = dict(zip(judged, found, strict=True))
    for task, record in first.items():
        fresh = second.get(task, record)
        match.contrasts.append(_contrast(task, fresh, names, *verdicts.get(task, (Verdict.SAME, 1.0))))
    if control and judged:
        same = significance.judge([second[task].differences[CONTROL] for task in judged], tolerance, resolution)
        broken = [str(t) for t, (v, _) in zip(judged, same, strict=True) if v in (Verdict.SLOWER, Verdict.FASTER)]
        if broken:
            match.unfit = f"two processes of the same program differ on {broken[0]}: this machine is unfit at present"
    return match


def _play(
    rivals: Mapping[str, Spec], records: interleaved.Records, count: int, chance: random.Random, step: Step, before: int
) -> None:
    total = before + count
    done = before

    def told(what: str) -> None:
        step(done, total, what)

    for _ in interleaved.blocks(rivals, records, count, chance, told, list(records)):
        done += 1


def _open(record: Record, tolerance: float, resolution: float) -> bool:
    return any(significance.suspicious(d, tolerance, resolution) for d in record.differences.values())


def _contrast(task: Task, record: Record, names: tuple[str, str], verdict: Verdict, p: float) -> Contrast:
    one = Contrast(case=str(task.case), mode=task.mode, p=p)
    if record.refused:
        one.verdict = Verdict.FAILED if record.refuser == names[1] else Verdict.SKIPPED
        one.note = record.refused
        return one
    differences = record.differences[names[1]]
    one.change, one.low, one.high = significance.interval(differences)
    one.a, one.b = (statistics.median(record.seconds[name]) for name in names)
    one.blocks, one.verdict = len(differences), verdict
    if verdict is Verdict.INCONCLUSIVE and math.isfinite(one.visible):
        one.note = f"changes below {one.visible:.1%} cannot be seen here"
    return one
