"""The difference of two runs: findings, refusals and accuracy, job by job."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from corrbench.analysis import causes
from corrbench.analysis.causes import Group
from corrbench.analysis.run_files import INTERRUPTED
from corrbench.case import Case
from corrbench.result import FINDINGS, SCHEMA, Result, Run, Status, finite

RIGHT = {Status.PASS, Status.WARN}
WRONG = FINDINGS | {Status.KNOWN}  # to be accepted is not to be right
LOSS, ENOUGH = 0.5, 5  # effective bits that may be lost on average over so many cases of an element type


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How accurate one check found one element type to be, before and after, on the cases that both passed.

    Attributes:
        check, dtype: whose accuracy.
        cases: how many were compared.
        bits: mean change in effective bits; negative is a loss.
        before, after: the worst error as a fraction of the bound.
    """

    check: str
    dtype: str
    cases: int
    bits: float
    before: float
    after: float

    @property
    def verdict(self) -> str:
        """``worse``, ``better`` or ``same``."""
        if self.cases < ENOUGH or abs(self.bits) < LOSS:
            return "same"
        return "worse" if self.bits < 0 else "better"


@dataclass(frozen=True, kw_only=True, repr=False)
class Change:
    """What is otherwise in a second run than in a first."""

    before: Run
    after: Run

    @cached_property
    def new(self) -> list[Result]:
        """Findings of the second run that the first has not, nor their cause where it could not be seen."""
        hidden = set(map(id, self.unveiled))
        return [found for found in self._unknown if id(found) not in hidden]

    @cached_property
    def _unknown(self) -> list[Result]:
        return unknown(self.after, self.before)

    @cached_property
    def unveiled(self) -> list[Result]:
        """Findings of a cause that the first run has too, and that do not show a change: where something was fixed,
        those on questions that it was right about in nothing, since another fault kept them from being answered, or
        they were not asked; with another seed, and so other numbers, those of a check that found this cause before.
        """
        held, known = statuses(self.before), kinds(self.before)
        if self.reseeded:
            return [found for found in self._unknown if (causes.cause(found), found.check) in known]
        every = {cause for cause, _ in known}
        return [
            found
            for found in self._unknown
            if self.fixed and causes.cause(found) in every and not held.get(question(found), set()) & RIGHT
        ]

    @property
    def reseeded(self) -> bool:
        """Whether the same case has other numbers in each run."""
        return self.before.seed != self.after.seed

    @cached_property
    def fixed(self) -> list[Result]:
        """Findings of the first run on what the second was right about; with another seed, of causes that are gone."""
        found = mended(self.before, self.after)
        if not self.reseeded:
            return found
        left = kinds(self.after)
        return [one for one in found if (causes.cause(one), one.check) not in left]

    @cached_property
    def groups(self) -> tuple[list[Group], list[Group]]:
        """The new findings by cause, and those that are fixed."""
        return causes.groups(self.after, self.new), causes.groups(self.before, self.fixed)

    @cached_property
    def refused(self) -> dict[str, str]:
        """What the second refuses and the first did."""
        return refusals(self.before, self.after)

    @cached_property
    def shifts(self) -> list[Shift]:
        """Accuracy by check and element type, the largest loss first."""
        return shifts(self.before.results, self.after.results)

    @cached_property
    def alone(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Check and case of what only the first run was asked, and only the second."""
        first, second = statuses(self.before).keys(), statuses(self.after).keys()
        return sorted(first - second), sorted(second - first)

    def __repr__(self) -> str:
        said = f"{len(self.new)} new, {len(self.fixed)} fixed"
        return f"<Change {self.before.target} to {self.after.target} {self.verdict.upper()} {said}>"

    @property
    def strangers(self) -> bool:
        """Whether there is no question that both were asked."""
        return not statuses(self.before).keys() & statuses(self.after).keys()

    @property
    def verdict(self) -> str:
        """``worse``; ``error`` if one could not be judged or they share no question; ``better`` or ``same``."""
        moved = {shift.verdict for shift in self.shifts}
        if self.strangers:
            return "error"
        if self.new or self.refused or "worse" in moved:
            return "worse"
        if "error" in (self.before.verdict, self.after.verdict):
            return "error"
        return "better" if self.fixed or "better" in moved else "same"

    def to_json(self) -> dict[str, Any]:
        """The object that ``corrbench report A B --json`` writes."""
        sides = {
            name: {"target": run.target, "seed": run.seed, "verdict": run.verdict, "counts": run.counts}
            for name, run in (("before", self.before), ("after", self.after))
        }
        shifted = [asdict(shift) | {"verdict": shift.verdict} for shift in self.shifts]
        found: dict[str, Any] = finite({
            "schema": SCHEMA, "verdict": self.verdict, **sides, "new": [one.to_json() for one in self.new],
            "came to light": [one.to_json() for one in self.unveiled],
            "fixed": [one.to_json() for one in self.fixed], "refused": self.refused, "accuracy": shifted,
            "only before": [list(pair) for pair in self.alone[0]], "only after": [list(pair) for pair in self.alone[1]],
        })  # fmt: skip
        return found


def kinds(run: Run) -> set[tuple[tuple[str, ...], str]]:
    """The causes of all that a run found wrong, accepted or not, each with a check that found it."""
    return {(causes.cause(result), result.check) for result in run.results if result.status in WRONG}


def unknown(one: Run, other: Run) -> list[Result]:
    """Findings of one run that another has not, of what both were asked: deaths may have ended the other early.

    What a baseline accepts is not new, and where it was accepted before a finding is not new either.
    """
    held = statuses(other)
    return [
        found
        for found in one.findings
        if not WRONG & held.get(question(found), set()) and (not other.stopped or question(found) in held)
    ]


def mended(before: Run, after: Run) -> list[Result]:
    """Findings of the first run, known ones too, on what the second was right about: there it found nothing, and
    skipped, refused or failed to judge no more than the first.
    """
    old, new = statuses(before), statuses(after)
    right = {
        asked for asked, now in new.items() if now & RIGHT and not now & WRONG and now - RIGHT <= old.get(asked, set())
    }
    return [one for one in before.results if one.status in WRONG and question(one) in right]


def statuses(run: Run) -> dict[tuple[str, str], set[Status]]:
    """What came of each question; it may have several answers, such as one for each gradient."""
    found: dict[tuple[str, str], set[Status]] = {}
    for result in run.results:
        found.setdefault(question(result), set()).add(result.status)
    return found


def question(one: Result) -> tuple[str, str]:
    """What was asked; a search is one question, whatever case it ends on."""
    return one.check, "" if one.family == "fuzz" else str(one.case)


def refusals(before: Run, after: Run) -> dict[str, str]:
    """What the second does not do and the first did: features by name, and questions that it was right on."""
    told = after.unsupported if before.stopped != INTERRUPTED else {}
    found = {name: said for name, said in told.items() if name not in before.unsupported}
    right = {(one.check, one.case) for one in before.results if one.status is Status.PASS}
    asked: dict[str, list[str]] = {}
    for one in after.results:
        if one.status is Status.UNSUPPORTED and (one.check, one.case) in right:
            asked.setdefault(one.message, []).append(f"{one.check} on {one.case}")
    for said, cases in asked.items():
        found[f"{len(cases)} questions, such as {min(cases, key=len)}"] = said
    return found


def lost(before: Sequence[Result], after: Sequence[Result]) -> dict[str, float]:
    """By element type the mean loss of effective bits in the check that lost most, where a shift is ``worse``."""
    worse = [shift for shift in shifts(before, after) if shift.verdict == "worse"]
    return {shift.dtype: -shift.bits for shift in reversed(worse)}  # the largest loss, which stays, is the last


def shifts(before: Sequence[Result], after: Sequence[Result]) -> list[Shift]:
    """Accuracy by check and element type over the results that both passed, the largest loss first."""
    old, new = _measured(before), _measured(after)
    keys: dict[tuple[str, str], list[tuple[str, Case, str]]] = {}
    for key in new:
        if key in old:
            keys.setdefault((key[0], key[1].dtype), []).append(key)
    made = [
        Shift(
            check=check, dtype=name, cases=len(same), bits=statistics.fmean(new[key][0] - old[key][0] for key in same),
            before=max(old[key][1] for key in same), after=max(new[key][1] for key in same),
        )
        for (check, name), same in keys.items()
    ]  # fmt: skip
    return sorted(made, key=lambda shift: (shift.bits, shift.check, shift.dtype))


def _measured(results: Sequence[Result]) -> dict[tuple[str, Case, str], tuple[float, float]]:
    """The fewest effective bits and the largest ratio of each array that a check compared on a case, once or more."""
    found: dict[tuple[str, Case, str], tuple[float, float]] = {}
    for one in results:
        bits, ratio = one.numbers.bits, one.numbers.ratio or 0.0
        if bits is not None and math.isfinite(bits) and not one.finding:
            key = (one.check, one.case, one.numbers.array or "")
            fewest, largest = found.get(key, (math.inf, 0.0))
            found[key] = min(bits, fewest), max(ratio, largest)
    return found
