"""Every mutant judged: first by what has noticed others, then as `verify --fail-fast` does; and is it one at all?

A mutant whose results equal those of the original, to the bit, in every case that is asked is equivalent as far as
anybody can tell here. The others that pass are survivors.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from corrbench.checks import LIGHT, registry
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial, conclude
from corrbench.mutation.copies import Original
from corrbench.mutation.mutants import Mutant
from corrbench.result import FINDINGS, Status
from corrbench.runner import executors, plan, verify
from corrbench.runner.pool import many
from corrbench.runner.store import Store
from corrbench.support import Support
from corrbench.target import Spec

FIRST, LATER = 40, 12  # questions that a mutant is asked first: of the plan, and of those that noticed most before
CASES = 160  # on which results are compared to the bit
PATIENCE = 10.0  # seconds that a call of a mutant may take
BUSY = 90.0  # and on a machine where the original takes as long


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of a mutant.

    Attributes:
        key, kind, line: of the mutant.
        outcome: ``noticed``, ``equivalent`` or ``survived``.
        by: the check that noticed it, and the case; or what it did.
        seconds: that it took.
    """

    key: str
    kind: str
    line: int
    outcome: str = ""
    by: str = ""
    case: str = ""
    message: str = ""
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Answer:
    """What the first questions came to; `hung` where no answer came in time."""

    check: str = ""
    case: str = ""
    seed: int = 0
    message: str = ""
    hung: bool = False


# ---- in the judge's process


def first_finding(spec: Spec, support: Support, jobs: list[plan.Job]) -> Answer:
    """The first job that finds something, or what keeps the target from being loaded; empty if none does."""
    remote = executors.kept(Remote, spec)
    try:
        remote.load()
    except NotLoaded as error:
        return Answer(check="loading", message=str(error)[:400])
    for job in jobs:
        trial = Trial(job.check, job.case, job.seed, spec, support, remote)
        try:
            results = conclude(trial, registry()[job.check].run)
        except NotLoaded as error:
            return Answer(check="loading", message=str(error)[:400])
        for one in results:
            if one.status in FINDINGS:
                hung = one.status is Status.TIMEOUT
                return Answer(check=one.check, case=str(job.case), seed=job.seed, message=one.message[:400], hung=hung)
            if one.status is Status.UNSUPPORTED:  # the original takes it
                said = f"no longer supported: {one.message[:300]}"
                return Answer(check=one.check, case=str(job.case), seed=job.seed, message=said)
    return Answer()


def checksums(spec: Spec, support: Support, cases: list[str], seed: int) -> list[int]:
    """A checksum of all that a target returns for each case, gradients included; of what it raises where it does."""
    remote, found = executors.kept(Remote, spec), []
    from corrbench.case import Case

    for text in cases:
        case = Case.parse(text)
        trial = Trial("mutate", case, seed, spec, support, remote)
        mode = "backward" if trial.differentiable else "forward"
        try:
            reply = trial.answers([Call(case=case, arrays=trial.drawn(case, mode), mode=mode)])[0]
        except (Died, NotLoaded) as death:
            found.append(crc32(type(death).__name__.encode()))
            continue
        said = [reply.raised["type"]] if reply.raised else []
        said += [f"{name} {one.type} {one.dtype} {one.shape}" for name, one in sorted(reply.outputs.items())]
        total = crc32(" ".join(said).encode())
        for _, one in sorted(reply.outputs.items()):
            if one.values is not None:
                total = crc32(np.ascontiguousarray(one.values).tobytes(), total)
        found.append(total)
    return found


# ---- in the user's process


@dataclass(slots=True, kw_only=True)
class Bench:
    """What all mutants of one target are judged with.

    Attributes:
        spec: of the original, in its copy.
        folder: where copies lie.
        support: what the original takes.
        jobs: what `verify` would ask it, the most telling first.
        profile, seed: of the plan.
        told: how many mutants each job has noticed.
    """

    original: Original
    spec: Spec
    folder: Path
    support: Support
    jobs: list[plan.Job]
    profile: str
    seed: int
    told: Counter[plan.Job] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)
    right: list[int] = field(default_factory=list)

    def cases(self) -> list[str]:
        """Cases on which results are compared: of all that is asked, evenly, those that cost little."""
        light = list(dict.fromkeys(str(job.case) for job in self.jobs if job.case.macs <= LIGHT))
        step = max(1, len(light) // CASES)
        return light[::step]

    def first(self) -> list[plan.Job]:
        """What is asked first: what noticed most so far, then the plan's own first questions."""
        with self.lock:
            best = [job for job, _ in self.told.most_common(LATER)]
        return [*best, *(job for job in self.jobs[:FIRST] if job not in best)]

    def notice(self, answer: Answer) -> None:
        """Count a question that noticed a mutant."""
        job = next((one for one in self.jobs if str(one.case) == answer.case and one.check == answer.check), None)
        if job is not None:
            with self.lock:
                self.told[job] += 1

    def judge(self, mutant: Mutant, start: executors.Start) -> Fate:
        """One mutant from its copy to its fate."""
        began = time.monotonic()
        place = self.folder / f"m{crc32(mutant.key.encode()):08x}"
        fate = Fate(key=mutant.key, kind=mutant.kind, line=mutant.line)
        try:
            target = self.original.copy(place, mutant.applied(self.original.source))
            spec = replace(self.spec, target=target, timeout=PATIENCE)
            first = self.first()
            answer = asked(start, first_finding, spec, self.support, first)
            if answer.hung and self.hangs(answer.check, answer.case, start):
                spec = replace(spec, timeout=BUSY)
                answer = asked(start, first_finding, spec, self.support, first)
            if answer.check:
                self.notice(answer)
                fate.outcome, fate.by, fate.case, fate.message = "noticed", answer.check, answer.case, answer.message
            else:
                self._further(fate, spec, start)
        finally:
            remove(place)
        fate.seconds = round(time.monotonic() - began, 3)
        return fate

    def hangs(self, check: str, case: str, start: executors.Start) -> bool:
        """Whether the original does not answer in a mutant's time either: then it is the machine that is busy."""
        jobs = [job for job in self.jobs if job.check == check and str(job.case) == case]
        spec = replace(self.spec, timeout=PATIENCE)
        return bool(asked(start, first_finding, spec, self.support, jobs[:1]).hung)

    def _further(self, fate: Fate, spec: Spec, start: executors.Start) -> None:
        """What becomes of one that the first questions do not notice."""
        cases = self.cases()
        with self.lock:
            if not self.right:
                self.right = asked(start, checksums, self.spec, self.support, cases, self.seed)
        patient = replace(spec, timeout=BUSY)  # that a machine is busy makes no difference
        same = asked(start, checksums, patient, self.support, cases, self.seed) == self.right
        options = verify.Options(profile="quick" if same else self.profile, seed=self.seed, fail_fast=True, workers=1)
        run = verify.verify(spec, options, start)
        found = next(iter(run.findings), None)
        if found and found.status is Status.TIMEOUT and self.hangs(found.check, str(found.case), start):
            run = verify.verify(patient, options, start)
        if run.problem or run.verdict == "fail":
            found = next(iter(run.findings), None)
            fate.outcome, fate.by = "noticed", found.check if found else "loading"
            fate.case, fate.message = (str(found.case), found.message[:400]) if found else ("", run.problem)
            if found:
                self.notice(Answer(check=found.check, case=fate.case))
        elif lost := self.support.takes - frozenset({*run_takes(run, self.support)}):
            fate.outcome, fate.by, fate.message = (
                "noticed",
                "support",
                f"no longer supported: {', '.join(sorted(lost))}",
            )
        else:
            fate.outcome = "equivalent" if same else "survived"
            fate.message = f"equal to the bit in {len(cases)} cases" if same else "its results differ, and pass"


def run_takes(run: Any, support: Support) -> set[str]:
    """What of the original's features a run did not find refused."""
    return {name for name in support.takes if name not in run.unsupported}


def asked(start: executors.Start, task: Any, *arguments: Any) -> Any:
    """What a task gives in a judge's process; once more where the judge was lost."""
    try:
        return start().submit(task, *arguments).result()
    except NotLoaded as error:
        return Answer(check="loading", message=str(error)[:400])
    except Exception:  # noqa: BLE001 - whatever an executor raises, the judge was lost
        return start().submit(task, *arguments).result()


def remove(place: Path) -> None:
    """Delete a copy."""
    import shutil

    shutil.rmtree(place, ignore_errors=True)


def judged(bench: Bench, wanted: list[Mutant], workers: int, store: Store | None, deadline: float) -> Iterator[Fate]:
    """The fates of mutants as they come; those that are recorded first. After the deadline no more is begun."""
    left = []
    for one in wanted:
        if store is not None and one.key in store.done:
            yield Fate(**store.done[one.key][0])
        else:
            left.append(one)
    for mutant, fate in many(left, lambda one, start: judge_in_time(bench, one, start, deadline), workers):
        if fate is None:
            continue
        if store is not None:
            from dataclasses import asdict

            store.append([(mutant.key, [asdict(fate)])])
        yield fate


def judge_in_time(bench: Bench, mutant: Mutant, start: executors.Start, deadline: float) -> Fate | None:
    """A mutant's fate; None where the time is over before it is begun."""
    return bench.judge(mutant, start) if time.monotonic() < deadline else None
