"""The regression gate: findings, accuracy, time and instructions of one target at two revisions."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from corrbench.analysis import causes
from corrbench.analysis.causes import Group
from corrbench.analysis.run_diff import Change, lost
from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.result import Result, Run, finite
from corrbench.runner import Step, executors, signature, source_reading, verify
from corrbench.support import Support
from corrbench.target import Spec
from corrbench.timing import instructions, paired
from corrbench.timing.interleaved import Task
from corrbench.timing.paired import PairedComparison
from corrbench.timing.significance import CaseComparison, Verdict
from corrbench.timing.stopwatch import Unmeasurable

TOLERANCE, RESOLUTION = 0.01, 0.03  # slower by more is a regression; a change within ±3 % is none
MORE, HARDLY = 1.01, 1.002  # times the instructions: a regression, worth a word
BASE, HEAD = "base", "head"
GATE_SCHEMA = "corrbench-gate/1"


@dataclass(frozen=True, slots=True)
class Side:
    """A target at one revision.

    Attributes:
        name: of the revision.
        spec: the target there.
        support: what it takes; None if the revision has no such target.
        absent: why it has none.
        commit: what the revision is, where its name does not say.
    """

    name: str
    spec: Spec
    support: Support | None = None
    absent: str = ""
    commit: str = ""

    @property
    def title(self) -> str:
        """The name, and the commit that it was at the time."""
        return (
            self.name if not self.commit or self.commit.startswith(self.name) else f"{self.name} ({self.commit[:10]})"
        )


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What became of a target between two revisions.

    Attributes:
        target: as it was typed.
        base, head: the two revisions.
        new: why there is nothing to compare with, if the target is new.
        runs: of the verifier, on base (if it is there) and head.
        worse: findings of head that base does not have.
        fixed: findings of base on what head is right about.
        refused: what head does not do and base did, with what it says.
        accuracy: element types in which effective bits were lost, with how many, in the check that lost most.
        speed: base against head, if they were timed.
        instructions: of a call in base and in head, by case.
        untimed, uncounted: why nothing was timed, and why instructions were not counted.
    """

    target: str
    base: str
    head: str
    new: str = ""
    runs: list[Run] = field(default_factory=list)
    worse: list[Result] = field(default_factory=list)
    fixed: list[Result] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    accuracy: dict[str, float] = field(default_factory=dict)
    speed: PairedComparison | None = None
    instructions: dict[str, tuple[float, float]] = field(default_factory=dict)
    untimed: str = ""
    uncounted: str = ""

    @cached_property
    def groups(self) -> list[Group]:
        """What became worse by cause."""
        return causes.groups(self.runs[-1], self.worse) if self.worse else []

    @property
    def heavier(self) -> dict[str, float]:
        """How many times the instructions head takes, where that is a regression."""
        return {case: ratio for case, ratio in self.ratios.items() if ratio > MORE}

    @property
    def ratios(self) -> dict[str, float]:
        """Instructions of head over those of base, by case."""
        return {case: b / a for case, (a, b) in self.instructions.items() if a > 0 and not math.isnan(b)}

    @property
    def verdict(self) -> str:
        """``regressed``, ``inconclusive``, ``passed``, ``new`` (and right) or ``unjudged``."""
        if self.worse or self.refused or self.accuracy or self.heavier or self.slower or self.failed:
            return "regressed"
        if self.untimed or (self.runs and self.runs[-1].verdict == "error"):
            return "unjudged"
        if self.new:
            return "regressed" if self.runs[-1].verdict == "fail" else "new"
        if self.speed and len(self.speed.having(Verdict.SKIPPED)) == len(self.speed.cases):
            return "unjudged"
        unsure = self.speed and (self.speed.unfit or self.speed.having(Verdict.INCONCLUSIVE))
        return "inconclusive" if unsure or any(run.stopped and not run.budgeted for run in self.runs) else "passed"

    @property
    def slower(self) -> list[CaseComparison]:
        """Cases on which head is slower, if the machine is fit to tell."""
        return self.speed.having(Verdict.SLOWER) if self.speed and not self.speed.unfit else []

    @property
    def failed(self) -> list[str]:
        """What went wrong in head, and not in base, while they were timed."""
        if self.speed is None:
            return []
        wrong = [self.speed.wrong[HEAD]] if HEAD in self.speed.wrong and BASE not in self.speed.wrong else []
        return wrong + [f"{one.case}: {one.note}" for one in self.speed.having(Verdict.FAILED)]

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        found: dict[str, Any] = finite({
            "schema": GATE_SCHEMA, "verdict": self.verdict, "target": self.target, "base": self.base,
            "head": self.head, "new": self.new, "findings": [one.to_json() for one in self.worse],
            "fixed": [one.to_json() for one in self.fixed], "refused": self.refused, "bits_lost": self.accuracy,
            "speed": self.speed.to_json() if self.speed else None, "instructions": self.ratios,
            "timing": self.untimed, "counting": self.uncounted, "seed": self.runs[-1].seed if self.runs else None,
            "environment": signature.summary_environment(),
        })  # fmt: skip
        return found


def examine(
    target: str, base: Side, head: Side, tasks: Sequence[Task], step: Step, *, seed: int, correctness: bool,
    counts: bool, until: float = 0.0,
) -> Gate:  # fmt: skip
    """Compare a target, as it was typed, at two revisions; one that base does not have is judged by itself.

    Of the seconds that are left `until` then, by the clock that only goes on, each side's findings have a quarter, and
    the times have what the findings leave, three quarters of it if instructions are counted as well. Two blocks are
    timed all the same. 0 is no limit.

    Raises:
        ValueError: one of them cannot be judged at all; the message says which, and why.
    """
    gate = Gate(target=target, base=base.title, head=head.title, new=base.absent)
    if correctness or base.absent:
        sides = {name: side for name, side in ((BASE, base), (HEAD, head)) if side.support}
        gate = replace(gate, **_findings(_verified(sides, seed, step, _left(until) / 4)))
    if base.absent:
        return gate
    speed, untimed = _timed(base.spec, head.spec, tasks, seed, step, _left(until) * (0.75 if counts else 1.0))
    instructed: dict[str, tuple[float, float]] = {}
    uncounted = untimed if counts else ""
    if counts and not untimed:
        instructed, uncounted = counted(base.spec, head.spec, tasks, step)
    return replace(gate, speed=speed, untimed=untimed, instructions=instructed, uncounted=uncounted)


def _left(until: float) -> float:
    """Seconds left, one at least; 0 for no limit."""
    return max(until - time.monotonic(), 1.0) if until else 0.0


def _verified(sides: Mapping[str, Side], seed: int, step: Step, limit: float) -> list[Run]:
    """Each side judged by the quick profile on the same numbers.

    Raises:
        ValueError: one of them cannot be judged at all.
    """
    options, runs, constants = verify.Options(profile="quick", seed=seed, limit=limit), [], None
    for side in sides.values():  # both are asked the same
        constants = source_reading.constants(source_reading.read(side.spec), (), constants)
    with executors.opened("local", options.workers) as start:
        for name, side in sides.items():
            runs.append(
                verify.verify(side.spec, options, start, partial(_told, step, name), side.support, constants=constants)
            )
            if runs[-1].problem:
                raise ValueError(f"{name}: {runs[-1].problem}")
    return runs


def _told(step: Step, side: str, run: Run) -> None:
    step(run.judged, run.planned, f"correctness of {side}")


def _findings(runs: list[Run]) -> dict[str, Any]:
    """What a `Gate` holds of the runs of both sides, or of the only one."""
    if len(runs) == 1:
        return {"runs": runs, "worse": runs[0].findings}
    diff = Change(before=runs[0], after=runs[1])
    bits = lost(runs[0].results, runs[1].results)
    return {"runs": runs, "worse": diff.new, "fixed": diff.fixed, "refused": diff.refused, "accuracy": bits}


def _timed(
    base: Spec, head: Spec, tasks: Sequence[Task], seed: int, step: Step, limit: float
) -> tuple[PairedComparison | None, str]:  # fmt: skip
    """Head compared with base, a second process of base beside them as a control; or why that cannot be done."""
    how: dict[str, Any] = {"tolerance": TOLERANCE, "resolution": RESOLUTION, "names": (BASE, HEAD), "limit": limit}
    try:
        return paired.compare(base, head, tasks, **how, seed=seed, step=step, control=True), ""
    except NotLoaded as error:
        return None, str(error)


def counted(base: Spec, head: Spec, tasks: Sequence[Task], step: Step) -> tuple[dict[str, tuple[float, float]], str]:
    """Instructions of a call in base and in head, by case; or why they were not counted."""
    if missing := instructions.missing():
        return {}, missing
    step(0, 1, "counting instructions")
    try:
        with ThreadPoolExecutor(2) as crew:
            before, after = crew.map(lambda spec: instructions.counts(spec, tasks), (base, head))
    except (Died, NotLoaded, Unmeasurable) as error:  # counts come beside the times, and cannot end the gate
        return {}, f"valgrind does not run it: {getattr(error, 'message', '') or error}"
    step(1, 1, "counting instructions")
    return {str(task.case): (before[task], after[task]) for task in tasks}, ""
