"""Inherited findings: what the library beneath a target gets wrong too, to the same bits, is not the target's fault."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache

from corrbench import checks
from corrbench.analysis import causes
from corrbench.analysis.baseline import BadBaseline, Known, shipped
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.divided import dividing
from corrbench.judge.trial import Trial, conclude
from corrbench.result import DEATHS, Result, Status
from corrbench.support import Support
from corrbench.target import Spec, find

BENEATH = {"torch": ("torch",), "numpy": ("numpy.einsum", "scipy.correlate2d")}  # by the arrays that a target takes
CATALOGUE = "corrbench.defects."
IN_VAIN = 6  # findings of a run that no library shares, after which none is asked any more
TIMES = 4  # that a library is asked whether it dies of a case as the target did


@dataclass(slots=True, weakref_slot=True)
class Libraries:
    """The libraries beneath a target, each in a process of its own that starts when it is first asked."""

    spec: Spec
    remotes: dict[str, Remote] = field(default_factory=dict)
    in_vain: int = 0

    def close(self) -> None:
        """End their processes."""
        for remote in self.remotes.values():
            remote.close()

    def told(self, trial: Trial, results: list[Result]) -> list[Result]:
        """The results of a trial, those that a library shares as warnings that name it."""
        ours = self.spec.target.startswith(CATALOGUE)  # a fault of the library's is none that was planted
        findings = [one for one in results if one.finding and not (ours and one.family == "contract")]
        if not (self.spec.lenient or ours) or self.in_vain >= IN_VAIN:
            return results
        names = [one for one in BENEATH.get(self.spec.arrays, ()) if any(suspected(r, one) for r in findings)]
        for name in names:
            asked = dict.fromkeys((causes.origin(r), r.case) for r in findings if suspected(r, name))
            dead = {(causes.origin(r), r.case) for r in findings if r.status in DEATHS}
            questions = [(replace(trial, check=one[0], case=one[1]), one in dead) for one in asked]
            shared = [other for question, died in questions for other in self._answers(name, question, died)]
            same = [result for result in findings if any(alike(result, other) for other in shared)]
            if same:
                self.in_vain = 0
                return [inherited(result, name) if result in same else result for result in results]
        self.in_vain += bool(names)
        return results

    def _answers(self, name: str, trial: Trial, died: bool) -> list[Result]:
        """What a check says of a library on the same case and data: where it searched, on what it found. Who damages
        its heap does not die each time, so where the target `died` the library is asked several times.
        """
        spec = replace(find(name), timeout=self.spec.timeout, memory=self.spec.memory, python=self.spec.python)
        if name not in self.remotes:
            self.remotes[name] = Remote(dividing(spec))
        support = Support(trial.support.takes, {}, spec.form)
        with suppress(NotLoaded):
            theirs = Trial(trial.check, trial.case, trial.seed, spec, support, self.remotes[name])
            answers = conclude(theirs, checks.registry()[trial.check].run)
            for _ in range(TIMES - 1 if died else 0):
                if any(one.status in DEATHS for one in answers):
                    break
                answers = conclude(theirs, checks.registry()[trial.check].run)
            return answers
        return []


def suspected(result: Result, name: str) -> bool:
    """Whether a library may share a finding: it is known of it, or of an element type that libraries neglect."""
    rare = result.case.dtype in ("float16", "bfloat16") and name in ("torch", "numpy.einsum")
    return rare or any(one.covers(result) for one in entries(name))


def alike(result: Result, other: Result) -> bool:
    """Whether two results are of the same wrong numbers, or the same death."""
    if any(getattr(result, name) != getattr(other, name) for name in ("check", "case", "asked", "status")):
        return False
    if result.status is not Status.FAIL:
        return True
    words = result.numbers.array is not None or result.message == other.message  # figures say all
    return words and measured(result) == measured(other)


def measured(result: Result) -> str:
    """What was measured, without a check's own figures, as text: so that NaN equals NaN."""
    return json.dumps(replace(result.numbers, own={}).to_json())


def inherited(result: Result, name: str) -> Result:
    """A finding as the warning that it is: another's fault, with the name under which that is known."""
    known = (one for one in entries(name) if result.status in one.statuses and one.covers(result))
    finding = next((one.finding for one in known), "")
    said = f", known as {finding}" if finding else ""
    numbers = replace(result.numbers, beyond="inherited", known=finding or None)
    message = f"inherited from {name}{said}: {result.message}"
    return replace(result, status=Status.WARN, message=message, numbers=numbers)


@cache
def entries(name: str) -> tuple[Known, ...]:
    """What is known of a library."""
    with suppress(BadBaseline, OSError):
        found = shipped(name)
        return found.known if found else ()
    return ()
