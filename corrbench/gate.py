"""Did the last commit make it worse? Findings, accuracy, time and instructions of one target at two revisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from corrbench.analysis.run_diff import lost, mended, refusals, unknown
from corrbench.judge.client import NotLoaded
from corrbench.judge.sandbox import Died
from corrbench.result import Result, Run, finite
from corrbench.runner import executors, verify
from corrbench.target import Spec
from corrbench.timing import cases, instructions, interleaved, screening
from corrbench.timing.screening import Match
from corrbench.timing.significance import Contrast, Verdict
from corrbench.timing.stopwatch import Unmeasurable

TOLERANCE, RESOLUTION = 0.01, 0.03  # slower by more is a regression; a change within ±3 % is none
MORE, HARDLY = 1.01, 1.002  # times the instructions: a regression, worth a word
BASE, HEAD = "base", "head"
GATE_SCHEMA = "corrbench-gate/1"
Step = Callable[[int, int, str], None]


@dataclass(slots=True, kw_only=True)
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
        match: base against head, if they were timed.
        instructions: of a call in base and in head, by case.
        timing, counting: why nothing was timed, and why instructions were not counted.
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
    match: Match | None = None
    instructions: dict[str, tuple[float, float]] = field(default_factory=dict)
    timing: str = ""
    counting: str = ""

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
        if self.timing or (self.runs and self.runs[-1].verdict == "error"):
            return "unjudged"
        if self.new:
            return "regressed" if self.runs[-1].verdict == "fail" else "new"
        if self.match and len(self.match.having(Verdict.SKIPPED)) == len(self.match.contrasts):
            return "unjudged"
        unsure = self.match and (self.match.unfit or self.match.having(Verdict.INCONCLUSIVE))
        return "inconclusive" if unsure or any(run.stopped for run in self.runs) else "passed"

    @property
    def slower(self) -> list[Contrast]:
        """Cases on which head is slower, if the machine is fit to tell."""
        return self.match.having(Verdict.SLOWER) if self.match and not self.match.unfit else []

    @property
    def failed(self) -> list[str]:
        """What went wrong in head, and not in base, while they were timed."""
        if self.match is None:
            return []
        wrong = [self.match.wrong[HEAD]] if HEAD in self.match.wrong and BASE not in self.match.wrong else []
        return wrong + [f"{one.case}: {one.note}" for one in self.match.having(Verdict.FAILED)]

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        found: dict[str, Any] = finite({
            "schema": GATE_SCHEMA, "verdict": self.verdict, "target": self.target, "base": self.base,
            "head": self.head, "new": self.new, "findings": [one.to_json() for one in self.worse],
            "fixed": [one.to_json() for one in self.fixed], "refused": self.refused, "bits_lost": self.accuracy,
            "speed": self.match.to_json() if self.match else None, "instructions": self.ratios,
            "timing": self.timing, "counting": self.counting, "seed": self.runs[-1].seed if self.runs else None,
            "environment": verify.summary_environment(),
        })  # fmt: skip
        return found


def correctness(gate: Gate, base: Spec | None, head: Spec, seed: int, start: executors.Start, step: Step) -> None:
    """Judge both by the quick profile on the same numbers, and note what is worse.

    Raises:
        ValueError: one of them cannot be judged at all; the message says which, and why.
    """
    options = verify.Options(profile="quick", seed=seed)
    for side, spec in ((BASE, base), (HEAD, head)):
        if spec is None:
            continue
        run = verify.verify(spec, options, start, partial(_told, step, side))
        if run.problem:
            raise ValueError(f"{side}: {run.problem}")
        gate.runs.append(run)
    after = gate.runs[-1]
    before = gate.runs[0] if base is not None else None
    gate.worse = unknown(after, before) if before else after.findings
    if before:
        gate.fixed = mended(before, after)
        gate.refused = refusals(before, after)
        gate.accuracy = lost(before.results, after.results)


def _told(step: Step, side: str, run: Run) -> None:
    step(run.judged, run.planned, f"correctness of {side}")


def speed(gate: Gate, base: Spec, head: Spec, texts: Sequence[str], seed: int, step: Step) -> None:
    """Time head against base, with a second process of base as a control; or say why that cannot be done.

    Raises:
        ValueError: a text is no case.
    """
    try:
        tasks = [interleaved.Task(case) for case in cases.cases([base, head], texts)]
        gate.match = screening.compare(
            base, head, tasks, tolerance=TOLERANCE, resolution=RESOLUTION, seed=seed, step=step, control=True,
            names=(BASE, HEAD),
        )  # fmt: skip
    except (Died, NotLoaded) as error:
        gate.timing = getattr(error, "message", "") or str(error)


def count_instructions(gate: Gate, base: Spec, head: Spec, texts: Sequence[str], step: Step) -> None:
    """Count the instructions of both, side by side."""
    gate.counting = instructions.missing() or gate.timing
    if gate.counting:
        return
    tasks = [interleaved.Task(case) for case in cases.cases([base, head], texts)]
    step(0, 1, "counting instructions")
    try:
        with ThreadPoolExecutor(2) as crew:
            before, after = crew.map(lambda spec: instructions.counts(spec, tasks), (base, head))
    except (Died, NotLoaded, Unmeasurable) as error:  # a second witness: it cannot end the trial
        gate.counting = f"valgrind does not run it: {getattr(error, 'message', '') or error}"
        return
    gate.instructions = {str(task.case): (before[task], after[task]) for task in tasks}
    step(1, 1, "counting instructions")
