"""The digest of a run, for every form of report: findings with one cause put together, checks added up."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from corrbench.analysis.localisation import Suspect
from corrbench.analysis.predicates import ENOUGH, describe, has
from corrbench.analysis.quantities import ANYTHING, Rule
from corrbench.analysis.refusals import loud
from corrbench.case import Case
from corrbench.result import DEATHS, FINDINGS, Explained, Result, Run, Status

MAIN = 0.8  # share of findings with one cause that a property must tell to part them from the rest
MANY, LOOSE = 8, (0.9, 0.75, 0.6)  # wrong cases, and shares of right ones left out, that are no coincidence
CALLED = frozenset({  # checks whose findings are of the case that they name, called once
    "values.exact", "values.bound", "values.natural", "values.large", "gradients.first", "gradients.large",
    "gradients.second", "gradients.forward", "gradients.vmap", "memory.views", "special.footprint", "fuzz.search",
})  # fmt: skip
FIRST = ("gx", "gw", "gb")  # first derivatives


@dataclass(slots=True)
class Group:
    """Findings that look like one cause.

    Attributes:
        cause: what they have in common, see `cause`.
        smallest: the one on the smallest case.
        members: all of them.
        region: the property of cases that tells them from those that passed, in words; empty if none does.
        common: where there is no such property, one that all of them have and most that passed have not.
        resembles: the fault whose numbers most of them look like; empty if none does.
        told: what experiments told of it, if they did.
    """

    cause: tuple[str, ...]
    smallest: Result
    members: list[Result]
    region: str
    common: str
    resembles: str
    told: Explained | None = None

    @property
    def place(self) -> str:
        """Where in the array they are wrong, in words, if experiments told."""
        return self.told.place if self.told else ""

    @property
    def suspects(self) -> list[Suspect]:
        """The lines that ran in wrong calls rather than in right ones, the most suspect first."""
        return [Suspect(**line) for line in self.told.lines] if self.told else []

    @property
    def where(self) -> str:
        """On which cases it is wrong, as a clause; empty if no property tells."""
        if self.region.startswith(ANYTHING):
            return f"wrong wherever it was asked{self.region.removeprefix(ANYTHING)}"
        if self.region:
            return f"wrong where {self.region}"
        text, bracket, rest = self.common.partition(" (")
        return f"wrong only where {text}, and not always there{bracket}{rest}" if text else ""

    @property
    def remarks(self) -> list[str]:
        """What there is to say of it beside its message: on which cases, and what fault it looks like."""
        alike = self.resembles and f"looks as if {self.resembles}"
        call = f"in a call of {self.smallest.asked}" if self.smallest.asked != self.smallest.case else ""
        place = self.place and f"mostly {self.place}"
        return [said for said in (call, self.where, alike, place, self.line, self.layer) if said]

    @property
    def layer(self) -> str:
        """What is wrong with the parameters of a layer, from which the rest may follow."""
        told = next((one for one in self.members if one.check == "module.parameters"), None)
        return f"{told.check}: {told.message}" if told and told is not self.smallest else ""

    @property
    def line(self) -> str:
        """The line most suspect, as a clause; empty unless it leads by a margin."""
        first = next((one for one in self.suspects if one.named), None)
        return f"look at {first.place} first, which {first.said}" if first else ""

    @property
    def extent(self) -> str:
        """On how many cases, in which checks; empty for one."""
        return f"on {self.cases} cases, in {', '.join(self.checks)}; the smallest" if self.cases > 1 else ""

    @property
    def text(self) -> list[str]:
        """The lines of any report: the message of the smallest, and what there is to say of all."""
        return [self.smallest.message, *self.remarks, *([f"{self.extent}: {self.smallest.case}"] * (self.cases > 1))]

    @property
    def cases(self) -> int:
        return len({result.case for result in self.members})

    @property
    def checks(self) -> list[str]:
        return sorted({result.check for result in self.members})


class Digest:
    """A run as reports tell it, for all of them: what takes long is worked out once, when it is asked for."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._groups: dict[frozenset[Status], list[Group]] = {}

    def groups(self, *statuses: Status) -> list[Group]:
        """The results of these statuses by cause, see `groups`."""
        asked = frozenset(statuses)
        if asked not in self._groups:
            self._groups[asked] = groups(self.run, [one for one in self.run.results if one.status in asked])
        return self._groups[asked]

    @cached_property
    def rows(self) -> list[Row]:
        """One for each check, in order of name."""
        found: dict[str, list[Result]] = {}
        for result in self.run.results:
            found.setdefault(result.check, []).append(result)
        return [Row.of(name, results) for name, results in sorted(found.items())]

    @cached_property
    def unsupported(self) -> dict[str, str]:
        """What the target said it does not do, feature by feature, and after these the checks in which it refused some
        cases for a reason of another kind.
        """
        found = dict(self.run.unsupported)
        said = set(found.values())
        for result in self.run.results:
            if result.status is Status.UNSUPPORTED and result.message not in said:
                way = result.numbers.own.get("way")
                found.setdefault(f"some of {result.check}" + (f" ({way})" if way else ""), result.message)
        return found


class News:
    """The causes that a run has shown so far, for who watches it: each is news once."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, ...]] = set()
        self._read: dict[str, int] = {}

    def of(self, run: Run) -> list[Result]:
        """The findings since it was asked last whose cause was not seen before; what may yet be no more than a refusal
        is left for the end.
        """
        start = self._read.get(run.target, 0)
        self._read[run.target] = len(run.results)
        fresh = []
        for result in run.results[start:]:
            key = (run.target, *cause(result))
            if result.finding and not loud(result) and key not in self._seen:
                self._seen.add(key)
                fresh.append(result)
        return fresh


@dataclass(slots=True)
class Row:
    """One check's results added up."""

    check: str
    counts: Counter[Status]
    ratio: float  # largest error as a fraction of the bound
    bits: float  # fewest effective bits
    rounded: float  # share of results correctly rounded
    worst: Result | None

    @classmethod
    def of(cls, check: str, results: list[Result]) -> Row:
        measured = [result for result in results if not math.isnan(result.numbers.over_bound)]
        worst = max(measured, key=lambda result: result.numbers.over_bound, default=None)
        bits = [one for result in measured if (one := result.numbers.bits) is not None and math.isfinite(one)]
        weights = [(n.elements or 0, n.rounded) for result in results if (n := result.numbers).rounded is not None]
        total = sum(n for n, _ in weights)
        rounded = sum(n * share for n, share in weights) / total if total else math.nan
        ratio = worst.numbers.over_bound if worst else math.nan
        return cls(check, Counter(r.status for r in results), ratio, min(bits, default=math.nan), rounded, worst)

    def count(self, *statuses: Status) -> int:
        """How many results have one of these."""
        return sum(self.counts[status] for status in statuses)


def size(result: Result) -> tuple[bool, bool, bool, int, bool, int]:
    """How large a result's case is, for finding the smallest: that of a plain call, without derivatives, and not of
    nothing, if there is one; small whole numbers read best.
    """
    case = result.case
    usual = case.data == "small" and case.dtype == "float32"
    derived = origin(result).startswith("gradients")
    return (not direct(result), derived, not case.x[0], case.macs, not usual, len(str(case)))


def origin(result: Result) -> str:
    """The check that made the call: what it saw may be another one's matter."""
    asked = re.search(r"--check (\S+)", result.reproduce)
    return asked[1] if asked else result.check


def direct(result: Result) -> bool:
    """Whether a finding is of the case that it names, called in no other way than the case says."""
    return origin(result) in CALLED


def kind(result: Result) -> tuple[str, ...]:
    """What a finding is of: an exception, a type, the values, a gradient by name."""
    said = cause(result)
    if said == ("gradients",):
        array, check = result.numbers.array or "", result.check.partition(".")[2]
        return (*said, array if array in FIRST else check)
    if said == ("raised",) and result.family == "gradients":
        return (*said, "gradients")
    return ("special",) if result.family == "special" and said == ("values",) else said


def rank(of: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """What comes first of findings of several kinds: what is no result has no values, wrong values wrong gradients."""
    order = {"raised": 1, "contract.result": 1, "values": 2, "special": 3, "gradients": 4}
    place = 0 if of[0] in DEATHS else 4 if of[1:] == ("gradients",) else order.get(of[0], 6)
    return (place + (of[0] == "gradients" and of[1] not in FIRST), of)


def belongs(result: Result, told: Explained) -> bool:
    """Whether a finding is of a cause that experiments told, or follows from it."""
    return rank(kind(result))[0] >= rank(tuple(told.kind))[0] and Rule(tuple(told.where)).holds(result.case)


def follows(result: Result, told: Explained) -> bool:
    """Whether a finding of several calls, one of which the cause may have spoilt, is most likely of that cause."""
    return not direct(result) and rank(kind(result))[0] >= rank(tuple(told.kind))[0]


def cause(result: Result) -> tuple[str, ...]:
    """What findings of one cause have in common."""
    words = re.sub(r"[-+]?\d[\d.,e+-]*|\b(float|int|uint|complex|bfloat)\d+|\[.*?\]", "#", result.message)[:48]
    if result.status is not Status.FAIL:
        said = {Status.WARN: result.check, Status.ERROR: words, Status.KNOWN: result.numbers.known or ""}
        return (result.status.value, said.get(result.status, ""))
    if result.numbers.raised is not None:
        return ("raised",)
    if result.family == "gradients" or result.numbers.derivative:
        return ("gradients",)
    if result.numbers.array == "y" or result.check == "special.footprint":
        return ("values",)
    if result.check == "contract.result":  # whichever array it is, of the result or of a derivative
        words = re.sub(r"^\w+ (?=has |is )", "", words)
    return (result.check, words)


def parted(members: list[Result], passed: set[Case]) -> list[list[Result]]:
    """Those that a simple property of their cases tells from the right ones, and the rest: another cause, most likely.

    All together where one property tells all of them, or none tells most.
    """
    cases = [member.case for member in members]
    if len(set(cases)) < MANY or describe(cases, passed):
        return [members]
    region = describe(cases, passed, (ENOUGH, *LOOSE), share=MAIN)
    first = [member for member in members if has(member.case, region)]
    rest = [member for member in members if not has(member.case, region)]
    return [first, rest] if region and rest else [members]


def _group(key: tuple[str, ...], members: list[Result], passed: set[Case]) -> Group:
    likely = Counter(member.resembles for member in members).most_common(2)
    alike = [name for name, n in likely if name and 3 * n >= len(members)]
    cases = [member.case for member in members]
    region = describe(cases, passed)
    common = "" if region or len(set(cases)) < MANY else describe(cases, passed, LOOSE)
    return Group(key, min(members, key=size), members, region, common, alike[0] if alike else "")


def explained(run: Run, results: list[Result]) -> tuple[list[Group], list[Result]]:
    """Findings by the causes that experiments told, and those of no such cause."""
    told = [Explained(**one) for one in run.explained]
    members: list[list[Result]] = [[] for _ in told]
    left: list[Result] = []
    for result in results:
        found = (i for test in (belongs, follows) for i, one in enumerate(told) if test(result, one))
        index = next(found, None) if result.status in FINDINGS else None
        (left if index is None else members[index]).append(result)
    made = []
    for one, mine in zip(told, members, strict=True):
        if mine:
            said, key = f"{' and '.join(one.where) or ANYTHING} ({one.evidence})", tuple(one.kind)
            own = [result for result in mine if kind(result) == key] or mine
            made.append(Group(key, min(own, key=size), mine, said, "", one.resembles, one))
    return sorted(made, key=lambda group: (rank(group.cause)[0], -len(group.members))), left


def groups(run: Run, results: list[Result]) -> list[Group]:
    """Results by cause: those that experiments told, then wrong values, then those with most members."""
    first, left = explained(run, results) if run.explained else ([], results)
    return first + _alike(run, left)


def _alike(run: Run, results: list[Result]) -> list[Group]:
    found: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        found.setdefault(cause(result), []).append(result)
    right: dict[str, set[Case]] = {}
    bad = {result.case for result in results}
    for result in run.results:
        if result.status is Status.PASS and result.case not in bad:
            right.setdefault(result.check, set()).add(result.case)
    made = []
    for key, members in found.items():
        passed = set().union(*(right.get(check, set()) for check in {m.check for m in members}))
        made += [_group(key, part, passed) for part in parted(members, passed)]
    rank = {"values": 0, "raised": 1, "gradients": 2}
    return sorted(made, key=lambda group: (rank.get(group.cause[0], 3), -len(group.members)))
