"""Statuses, results and runs, as they are stored and rendered."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from corrbench.case import Case

SCHEMA = "corrbench/1"
PACE = "pace"  # in a record, in place of a job: what a target was measured to take before anything was planned
LEAST = 10  # results with values, fewer of which are no pass where the user did not narrow what is asked


class Status(StrEnum):
    """Outcome of one check on one case."""

    PASS = "pass"
    WARN = "warn"  # worth a look, never a reason to fail
    FAIL = "fail"  # wrong
    CRASH = "crash"  # the target's process died
    TIMEOUT = "timeout"  # ... or did not answer
    MEMORY = "memory"  # ... or outgrew its limit
    UNSUPPORTED = "unsupported"  # the target said that it does not do this
    SKIPPED = "skipped"  # could not tell right from wrong here (a vacuous bound, no such device)
    KNOWN = "known"  # a finding that the baseline records
    ERROR = "error"  # corrbench itself failed


FINDINGS = frozenset({Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.MEMORY})
DEATHS = FINDINGS - {Status.FAIL}


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was measured; JSON types only, None for what was not.

    Attributes:
        own: figures of one check's own, which are for the record only.
        array: the name of the array that was compared, ``y``, ``gx``, ...
        elements, wrong: how many it has, and how many of them are wrong.
        tier: ``exact``, for whole numbers that leave no room for rounding, or ``bound``.
        at: index of the worst element.
        got, exact: what the target gave there, and what is right; complex numbers, NaN and infinities as text.
        off, allowed, ratio: the error, the error bound, and one over the other.
        rounded: share of elements that are correctly rounded.
        bits: effective bits.
        visible: the smallest relative fault that would show.
        pattern: where the wrong elements lie, in words.
        map: where they lie as a picture, see `corrbench.numerics.diagnose.chart`.
        arrays: where all are small, ``x``, ``w``, ``b``, what was ``got`` and what is ``exact``, as lists.
        raised: class of the exception that the target raised.
        known, kind: what the baseline knows a finding as.
        beyond: why a warning lies beyond what the target claims: ``type``, ``stepwise``, ``narrow``, ``inherited``.
    """

    own: dict[str, Any] = field(default_factory=dict)
    array: str | None = None
    elements: int | None = None
    tier: str | None = None
    wrong: int | None = None
    at: list[int] | None = None
    got: float | str | None = None
    exact: float | str | None = None
    off: float | None = None
    allowed: float | None = None
    ratio: float | None = None
    rounded: float | None = None
    bits: float | None = None
    visible: float | None = None
    pattern: str | None = None
    map: dict[str, str] | None = None
    arrays: dict[str, Any] | None = None
    raised: str | None = None
    known: str | None = None
    kind: str | None = None
    beyond: str | None = None

    @property
    def over_bound(self) -> float:
        """The error as a fraction of its bound; NaN where none was measured against a bound."""
        return math.nan if self.tier != "bound" or self.ratio is None else self.ratio

    @property
    def derivative(self) -> bool:
        """Whether the array is a gradient or a tangent."""
        return (self.array or "y")[0] in "gt"

    def to_json(self) -> dict[str, Any]:
        """All that there are, by name."""
        return self.own | {name: value for name in MEASURED if (value := getattr(self, name)) is not None}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Figures:
        """Read `to_json` back, NaN and infinities that `finite` made text of too.

        Raises:
            TypeError, AttributeError: the record is none of figures.
        """
        said = {name: float(value) if value in ("inf", "-inf", "nan") else value for name, value in record.items()}
        measured: dict[str, Any] = {name: said.pop(name) for name in MEASURED if name in said}
        if None in measured.values():
            raise TypeError(f"a figure that is there is null: {measured}")
        return cls(own=said, **measured)


MEASURED = tuple(field.name for field in fields(Figures))[1:]


@dataclass(slots=True, kw_only=True)
class Result:
    """One check on one case.

    Attributes:
        check: dotted name of the check, ``family.what``.
        case: what was asked for.
        status: a `Status`.
        message: one sentence for a person; empty for a pass.
        resembles: the class of fault that the numbers look like, if any.
        reproduce: the command that shows the same finding again.
        numbers: what was measured.
        seconds: wall time of the check.
    """

    check: str
    case: Case
    status: Status
    message: str = ""
    resembles: str = ""
    reproduce: str = ""
    numbers: Figures = field(default_factory=Figures)
    seconds: float = 0.0

    @property
    def asked(self) -> Case:
        """The case of the call that it is of: a check may make calls of other cases than its own."""
        said = self.numbers.own.get("call")
        return Case.parse(said) if said else self.case

    @property
    def finding(self) -> bool:
        """Whether this counts against the target."""
        return self.status in FINDINGS

    @property
    def family(self) -> str:
        """The check's family, the part before the dot."""
        return self.check.partition(".")[0]

    def to_json(self) -> dict[str, Any]:
        """All that is not empty, as JSON types."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        told |= {"case": str(self.case), "numbers": self.numbers.to_json()}
        return {key: value for key, value in told.items() if value or key in ("check", "case", "status")}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Result:
        """Read `to_json` back.

        Raises:
            TypeError, ValueError, KeyError, AttributeError: the record is not a result.
        """
        numbers = Figures.from_json(record.get("numbers", {}))
        case, status = Case.parse(record["case"]), Status(record["status"])
        return cls(**{**record, "case": case, "status": status, "numbers": numbers})


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """On which cases a cause of findings shows, as experiments told.

    Attributes:
        kind: of the findings, see `corrbench.analysis.causes.kind`.
        where, evidence: clauses of `corrbench.analysis.quantities` that all hold there, and what was tried, in words.
        base, check: the case that the experiments were made around, and the check that was asked.
        resembles: the fault that the numbers of all experiments look like; empty if there is none.
        place: where in the array nearly all of them are wrong, in words; empty if it differs.
        lines: the most suspect first, each a `corrbench.analysis.localisation.Suspect` as a dictionary.
    """

    kind: list[str]
    where: list[str]
    evidence: str
    base: str
    check: str
    resembles: str = ""
    place: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Run:
    """All results for one target, and what is needed to have them again.

    Attributes:
        target, form, arrays, accuracy, device: what was judged, see `corrbench.target.Spec`.
        seed, profile: of the questions.
        environment: releases, processor and the like, by name.
        notes: sentences on how the target was loaded, where that was not as usual.
        unsupported: what the target does not do, with what it says.
        results: a `Result` for each question, or several.
        fixed: what the baseline records and was not seen any more.
        planned, judged: how many questions there were, and how many were answered.
        stopped: why it ended before all was judged.
        budgeted: whether it was to end then, having had its time.
        seconds: wall time.
        problem: why nothing could be judged; empty if something was.
        little: what was not asked of the target, or how few results were compared; empty where enough was.
        sandbox: what stood between the target and the rest: its ``level``, ``full``, ``partial`` or ``off``, what it
            was had ``by``, and what the target ``could`` do all the same; empty where it is not known.
        explained: what experiments told of its causes, each an `Explained` as a dictionary; empty without experiments.
        coverage: what ran of the target's own files, see `corrbench.analysis.coverage.Coverage`; empty if unknown.
    """

    target: str
    form: str
    seed: int
    profile: str = "standard"
    arrays: str = "torch"
    accuracy: str = "direct"
    device: str = "cpu"
    environment: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    fixed: list[dict[str, Any]] = field(default_factory=list)
    planned: int = 0
    judged: int = 0
    stopped: str = ""
    budgeted: bool = False
    seconds: float = 0.0
    problem: str = ""
    little: str = ""
    sandbox: dict[str, Any] = field(default_factory=dict)
    explained: list[dict[str, Any]] = field(default_factory=list)
    coverage: dict[str, Any] = field(default_factory=dict)

    def sort(self) -> None:
        """Put the results in order: they come in any, and reports must not."""
        self.results.sort(key=lambda one: (one.check, str(one.case), one.status, one.message))

    @property
    def counts(self) -> dict[str, int]:
        """Number of results by status, only those that occur."""
        tally = Counter(result.status for result in self.results)
        return {status.value: tally[status] for status in Status if tally[status]}

    @property
    def findings(self) -> list[Result]:
        """The results that count against the target."""
        return [result for result in self.results if result.finding]

    @property
    def verdict(self) -> str:
        """``fail`` with any finding; ``error`` if anything was not judged or nothing passed; else ``pass``.

        What a baseline accepts is no finding, and no pass either.
        """
        if self.findings:
            return "fail"
        broken = any(result.status is Status.ERROR for result in self.results)
        missing = self.judged < self.planned and not self.budgeted
        compared = sum(bool(result.numbers.elements) for result in self.results)
        if self.little and compared < LEAST:
            return "error"
        if self.problem or broken or missing or not any(r.status is Status.PASS for r in self.results):
            return "error"
        return "pass"

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        results = [finite(result.to_json()) for result in self.results]
        return {"schema": SCHEMA, "verdict": self.verdict, "counts": self.counts, **self.summary(), "results": results}

    def summary(self) -> dict[str, Any]:
        """All but the results, as JSON types."""
        names = [field.name for field in fields(self) if field.name != "results"]
        return {name: finite(getattr(self, name)) for name in names}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Run:
        """Read `to_json` back.

        Raises:
            TypeError, ValueError, KeyError: the record is not a run.
        """
        known = {field.name for field in fields(cls)}
        results = [Result.from_json(result) for result in record["results"]]
        return cls(**{key: value for key, value in record.items() if key in known} | {"results": results})


def finite(value: Any) -> Any:
    """The same with NaN and infinities as text: JSON has no number for them."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
