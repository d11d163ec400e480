"""A row of the conformance table, from one run: what a library does, and what it gets wrong. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from corrbench.analysis import causes
from corrbench.case import DTYPES, FLOATS
from corrbench.checks import registry
from corrbench.result import Result, Run, Status
from corrbench.support import needs


class Mark(StrEnum):
    """What one cell of the table says."""

    RIGHT = "✓"  # asked, and right
    WRONG = "✗"  # a finding
    DIFFERENT = "≠"  # another convention, documented by the library
    REFUSED = "–"  # it does not do this
    UNASKED = ""


ARGUMENTS = ("bias", "stride", "padding", "padding='same'", "dilation", "groups", "empty batch")
MODES = {"gradients": "backward", "second": "double", "forward mode": "jvp", "vmap": "vmap"}  # of derivatives
COLUMNS = {name: check.column for name, check in registry().items()}
CONDUCT = tuple(column for column in dict.fromkeys(COLUMNS.values()) if column and column not in MODES)
SECTIONS: dict[str, tuple[str, ...]] = {
    "element types": DTYPES,
    "arguments": ARGUMENTS,
    "derivatives": tuple(MODES),
    "conduct": CONDUCT,
}


@dataclass(slots=True, kw_only=True)
class Found:
    """Results of one finding.

    Attributes:
        name: of what is written about it, or a short text; empty for a new one.
        kind: ``new``, or one of `corrbench.analysis.baseline.KINDS`.
        cases: how many cases show it.
        message, region, reproduce: of the smallest of them.
        columns: of the table that it counts in.
        ratio: largest error over its bound; NaN where no number is wrong.
    """

    name: str
    kind: str
    cases: int
    message: str
    reproduce: str
    region: str = ""
    columns: list[str] = field(default_factory=list)
    ratio: float = math.nan


@dataclass(slots=True, kw_only=True)
class Peer:
    """One library's row.

    Attributes:
        name: the registered name of the target.
        about: what is called.
        version: of the library.
        form, arrays, accuracy: as judged.
        verdict: of the run, its baseline applied.
        state: ``judged``, ``not installed``, or ``not judged`` with the reason in `problem`.
        cells: a `Mark` by column.
        found: its findings, known and new.
        fixed: reasons of known findings that no longer occur.
        errors: by real element type the largest error over its bound and the fewest effective bits.
        counts: results by status.
        asked, planned: questions.
        speed: by case, its time over PyTorch's in the same minute.
        arithmetic: how it sums, by column of `corrbench.fingerprint.words.columns`.
        seconds: that judging it took.
    """

    name: str
    about: str = ""
    version: str = ""
    form: str = ""
    arrays: str = ""
    accuracy: str = ""
    verdict: str = ""
    state: str = "judged"
    problem: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    planned: int = 0
    speed: dict[str, float] = field(default_factory=dict)
    arithmetic: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def fresh(self) -> list[Found]:
        """Findings that no baseline records."""
        return [one for one in self.found if one.kind == "new"]

    @property
    def faults(self) -> list[Found]:
        """Findings that are not a documented convention."""
        return [one for one in self.found if one.kind != "different"]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Peer:
        found = [Found(**{**one, "ratio": float(one["ratio"])}) for one in record["found"]]
        errors = {dtype: (float(ratio), float(bits)) for dtype, (ratio, bits) in record["errors"].items()}
        return cls(**{**record, "found": found, "errors": errors})


def peer(run: Run, about: str = "") -> Peer:
    """The row of a run to which its baseline has been applied."""
    row = Peer(
        name=run.target, about=about, version=run.environment.get("target version", ""), form=run.form,
        arrays=run.arrays, accuracy=run.accuracy, counts=run.counts, seconds=run.seconds, verdict=run.verdict,
        asked=run.judged, planned=run.planned,
    )  # fmt: skip
    if run.problem or not run.results:
        row.state, row.problem = "not judged", run.problem or "nothing was asked"
        return row
    stopped = f"stopped at {run.stopped}: {run.judged} of {run.planned} questions" if run.stopped else ""
    row.problem = next((r.message for r in run.results if r.status is Status.ERROR), stopped)
    row.found = findings(run)
    seen = {one.name for one in row.found} - {""}  # by another of its entries, perhaps
    row.fixed = list(dict.fromkeys(str(one["reason"]) for one in run.fixed if one.get("finding") not in seen))
    row.cells = cells(run, row.found)
    row.errors = errors(run.results)
    return row


def findings(run: Run) -> list[Found]:
    """What was found, each known finding once, the new ones by their cause."""
    known: dict[tuple[str, str], list[Result]] = {}
    for result in run.results:
        if result.status is Status.KNOWN:
            known.setdefault((str(result.numbers.known), str(result.numbers.kind)), []).append(result)
    made = [_found(name, kind, members) for (name, kind), members in sorted(known.items())]
    return made + [_found("", "new", group.members, group.region) for group in causes.groups(run, run.findings)]


def _found(name: str, kind: str, members: list[Result], region: str = "") -> Found:
    smallest = min(members, key=causes.size)
    ratios = [ratio for m in members if (ratio := m.numbers.ratio) is not None]
    return Found(
        name=name, kind=kind, cases=len({m.case for m in members}), message=smallest.message.partition(" [known:")[0],
        reproduce=smallest.reproduce, region=region, columns=sorted(columns(members)),
        ratio=max(ratios, default=math.nan),
    )  # fmt: skip


def columns(members: Iterable[Result]) -> set[str]:
    """Where a finding counts: at the element types it occurs in, at the arguments that all its cases ask for, and at
    derivatives; at conduct only if it shows nowhere else, since wrong values show there as well.
    """
    values: list[set[str]] = []
    elsewhere: set[str] = set()
    conduct: set[str] = set()
    for result in members:
        column = column_of(result)
        if column in CONDUCT:
            conduct.add(column)
        elif column:
            elsewhere.add(column)
        else:
            values.append(needs(result.case))
    if values:
        elsewhere |= {dtype for asked in values for dtype in asked & set(DTYPES)}
        elsewhere |= set.intersection(*values) & set(ARGUMENTS)
    return elsewhere or conduct


def column_of(result: Result) -> str:
    """The column of derivatives or conduct that a result belongs to; empty for one of values."""
    column = COLUMNS.get(result.check, "")
    return "gradients" if result.numbers.derivative and column not in MODES else column


def cells(run: Run, found: list[Found]) -> dict[str, str]:
    """A mark for every column."""
    passed: set[str] = set()
    failed: set[str] = set()
    for result in run.results:
        column = column_of(result)
        touched = {column} if column else needs(result.case)
        if result.status in (Status.PASS, Status.WARN):
            passed |= touched
        elif (result.finding or result.status is Status.KNOWN) and not column:
            failed |= touched
    wrong = {column for one in found if one.kind != "different" for column in one.columns}
    other = {column for one in found if one.kind == "different" for column in one.columns}
    marks = {}
    for column in (name for section in SECTIONS.values() for name in section):
        if column in wrong or (column in failed - passed and column not in other):
            mark = Mark.WRONG
        elif column in other:
            mark = Mark.DIFFERENT
        elif column in passed:
            mark = Mark.RIGHT
        else:
            mark = Mark.REFUSED if refused(run, column) else Mark.UNASKED
        marks[column] = mark.value
    return marks


def refused(run: Run, column: str) -> bool:
    """Whether the target said, or its form says, that it does not do this."""
    if column in ARGUMENTS and run.form != "conv2d":
        return True
    if column in MODES:
        return run.arrays == "numpy" or MODES[column] in run.unsupported or "backward" in run.unsupported
    return column in run.unsupported


def errors(results: Iterable[Result]) -> dict[str, tuple[float, float]]:
    """By real element type the largest error over its bound, and on unit data the fewest effective bits, of what
    was accepted.
    """
    found: dict[str, tuple[float, float]] = {}
    for result in results:
        dtype, over_bound, mine = result.case.dtype, result.numbers.over_bound, result.numbers.bits
        if result.check != "values.bound" or result.finding or result.status is Status.KNOWN:
            continue
        if dtype not in FLOATS or math.isnan(over_bound):
            continue
        ratio, bits = found.get(dtype, (0.0, math.inf))
        counts = mine is not None and math.isfinite(mine) and result.case.data == "unit"
        found[dtype] = max(ratio, over_bound), min(bits, mine) if counts and mine is not None else bits
    return {dtype: found[dtype] for dtype in FLOATS if dtype in found}
