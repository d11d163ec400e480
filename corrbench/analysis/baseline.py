"""The baseline: findings recorded with a reason each are accepted; new ones, and worse accuracy, are not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from corrbench.analysis import causes, predicates
from corrbench.analysis.quantities import predicate
from corrbench.result import Explained, Result, Run, Status

SCHEMA = "corrbench-baseline/1"
KINDS = ("wrong", "inaccurate", "crash", "different")
SHIPPED = Path(__file__).parents[1] / "baselines"  # what is known of registered targets, a file each
FACTOR = 2.0  # how much larger than recorded an error over its bound may be before it is a finding
ENOUGH = 20  # results of a check and an element type whose worst is no matter of chance where another seed drew them


class BadBaseline(ValueError):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One accepted finding.

    Attributes:
        check: the check's name, `*` standing for anything.
        where: clauses that all hold for its cases, see `corrbench.analysis.quantities.predicate`.
        cases: texts of its cases; with `where` empty only these are accepted.
        statuses: what it may be: ``fail``, ``crash``, ...
        message: how it read when it was recorded.
        reason: why it is accepted, by whom it was reported.
        cause: what `corrbench.analysis.causes.cause` begins with for it, such as ``raised``; empty for anything.
        kind: what it is, one of `KINDS`; ``different`` is a documented convention of the target's own, not a fault.
        finding: the name of what is written about it under ``reports/findings``; empty if nothing is.
        pattern: of a breach of contract that no property of cases tells, how its messages read, see
            `corrbench.analysis.causes.cause`: accepted on whatever case.
        told: of a cause that experiments told, which kind of findings it has, see `corrbench.analysis.causes.kind`. All
            findings where it holds that are of this kind or may follow from it are accepted, whichever check asked:
            another seed lets other checks meet it.
    """

    check: str
    reason: str
    where: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ("fail",)
    message: str = ""
    cause: str = ""
    kind: str = "wrong"
    finding: str = ""
    pattern: str = ""
    told: tuple[str, ...] = ()

    def covers(self, result: Result) -> bool:
        """Whether it speaks of the check and the case of a result."""
        if not fnmatchcase(result.check, self.check):
            return False
        if self.told:
            told = Explained(kind=list(self.told), where=list(self.where), evidence="", base="", check="")
            belongs = causes.belongs(result, told)
            return (belongs or causes.follows(result, told)) if result.finding else belongs and causes.direct(result)
        if self.where:
            return all((has := predicate(name)) is not None and has(result.asked) for name in self.where)
        alike = bool(self.pattern and result.finding) and causes.cause(result)[1:] == (self.pattern,)
        return alike or str(result.case) in self.cases

    def accepts(self, result: Result) -> bool:
        """Whether a result that it `covers` is the finding that it knows."""
        alike = self.told or self.cause in ("", causes.cause(result)[0])
        return bool(result.finding and result.status.value in self.statuses and alike)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The known findings of a target, and how accurate it was: worst error over bound by check and dtype.

    Attributes:
        known: the findings.
        target: the target's name; empty if it may be applied to any.
        version, device: of the library that they were found in, and where; empty for any.
        accuracy, factor: the worst errors, and how many times larger they may become; the square of it with another
            seed, which draws other data.
        seed: of the run in which they were measured; None for any.
    """

    known: tuple[Known, ...] = ()
    target: str = ""
    version: str = ""
    device: str = ""
    accuracy: dict[str, float] = field(default_factory=dict)
    factor: float = FACTOR
    seed: int | None = None

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read a file.

        Raises:
            BadBaseline: it is not there, not JSON, of another schema, or an entry is not understood or gives no reason.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadBaseline(f"cannot read the baseline {path}: {error.strerror}") from None
        except ValueError as error:
            raise BadBaseline(f"the baseline {path} is not JSON: {error}") from None
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise BadBaseline(f"the baseline {path} does not say schema {SCHEMA!r}")
        known = tuple(_known(entry, f"{path}, entry {n}") for n, entry in enumerate(record.get("known", ()), 1))
        target, factor = str(record.get("target", "")), float(record.get("factor", FACTOR))
        version, device = str(record.get("version", "")), str(record.get("device", ""))
        accuracy = dict(record.get("accuracy", {}))
        return cls(
            known=known, target=target, version=version, device=device, accuracy=accuracy, factor=factor,
            seed=record.get("seed"),
        )  # fmt: skip

    def meant_for(self, target: str) -> None:
        """Refuse another target than that which it was recorded for.

        Raises:
            BadBaseline: it is another.
        """
        if self.target not in ("", target):
            raise BadBaseline(
                f"this baseline was recorded for {self.target}, not for {target}: record one of its own with "
                "--record-baseline, or change what the file says the target is called"
            )

    def meant_elsewhere(self, run: Run) -> str:
        """Why this does not speak of a run: another release of the library, or another device; empty if it does."""
        here, plain = run.environment.get("target version", ""), run.device.partition(":")[0]
        if self.device not in ("", plain):
            return f"what is known of {run.target} was recorded on {self.device}, not on {plain}, so it is not applied"
        if self.version and release(here) != release(self.version):
            said = f"of {self.version}, and this is {here or 'another'}"
            return f"what is known of {run.target} was recorded {said}, so it is not applied"
        return ""

    def apply(self, run: Run) -> None:
        """Turn known findings of `run` into ``known``, note those that are gone, add one for each loss of accuracy.

        Raises:
            BadBaseline: it was recorded for another target.
        """
        self.meant_for(run.target)
        seen: set[int] = set()
        asked: set[int] = set()
        for result in run.results:
            for index, one in enumerate(self.known):
                if one.covers(result):
                    asked.add(index)
                    if one.accepts(result):
                        seen.add(index)
                        result.status, result.message = Status.KNOWN, f"{result.message} [known: {one.reason}]"
                        result.numbers.known, result.numbers.kind = one.finding or one.reason, one.kind
                        break
        run.fixed = [asdict(one) for index, one in enumerate(self.known) if index in asked - seen]
        run.results += list(self._worse(run))

    def _worse(self, run: Run) -> Iterable[Result]:
        same = self.seed in (None, run.seed)
        factor, least = (self.factor, 1) if same else (self.factor**2, ENOUGH)
        for key, worst in measured(run, least).items():
            before, now = self.accuracy.get(key), worst.numbers.over_bound
            if before and now > factor * before:
                message = (
                    f"less accurate than recorded: error over bound {now:.3g} for {key}, "
                    f"more than {factor:g} times the {before:.3g} of the baseline"
                )
                yield replace(worst, status=Status.FAIL, message=message, resembles="", seconds=0.0)


def shipped(target: str) -> Baseline | None:
    """What corrbench knows of a registered target; None if nothing."""
    file = SHIPPED / f"{target}.json"
    return Baseline.load(file) if file.is_file() else None


def release(version: str) -> str:
    """The release of a version, without what a build adds to it: 2.13.0 of 2.13.0+cpu."""
    return version.partition("+")[0].partition(" ")[0]


def _known(entry: Any, place: str) -> Known:
    """An entry of a file.

    Raises:
        BadBaseline: it is none.
    """
    try:
        said: dict[str, Any] = {key: tuple(it) if isinstance(it, list) else it for key, it in entry.items()}
        one = Known(**said)
    except (TypeError, AttributeError) as error:
        raise BadBaseline(f"the baseline {place}: {error}") from None
    if unknown := [name for name in one.where if predicate(name) is None]:
        raise BadBaseline(f"the baseline {place}: no property of cases is called {unknown[0]!r}")
    if not one.reason.strip():
        raise BadBaseline(f"the baseline {place}: a known finding needs a reason")
    if one.kind not in KINDS:
        raise BadBaseline(f"the baseline {place}: kind {one.kind!r} is none of {', '.join(KINDS)}")
    return one


def measured(run: Run, least: int = 1) -> dict[str, Result]:
    """The worst passing result by check and dtype, where at `least` so many errors were measured against a bound."""
    found: dict[str, list[Result]] = {}
    for result in run.results:
        if result.status is Status.PASS and not math.isnan(result.numbers.over_bound):
            found.setdefault(f"{result.check} {result.case.dtype}", []).append(result)
    return {
        key: max(results, key=lambda result: result.numbers.over_bound)
        for key, results in found.items()
        if len(results) >= least
    }


def _of_group(group: causes.Group, reason: str) -> Iterable[Known]:
    """One for a cause that experiments told, and else one for each check that met it."""
    if group.told is not None:
        yield replace(_entry(group, group.members, reason), check="*", where=tuple(group.told.where), told=group.cause,
                      message=group.smallest.message)  # fmt: skip
        return
    where = tuple(predicates.names(group.region))
    breach = not where and group.cause[0].startswith("contract.")
    for check in group.checks:
        mine = [member for member in group.members if member.check == check]
        cases = {str(member.case) for member in mine if not where}
        yield replace(_entry(group, mine, reason), where=where, cases=tuple(sorted(cases)),
                      pattern=group.cause[1] if breach else "")  # fmt: skip


def _entry(group: causes.Group, members: list[Result], reason: str) -> Known:
    """What any entry says of some findings of a group."""
    statuses = tuple(sorted({member.status.value for member in members}))
    first = members[0]
    return Known(check=first.check, statuses=statuses, message=first.message, cause=group.cause[0], reason=reason)


def record(run: Run, reason: str) -> str:
    """The text of a baseline that accepts every finding of `run`, each group with its region or its cases."""
    known = [one for group in causes.groups(run, run.findings) for one in _of_group(group, reason)]
    accuracy = {key: result.numbers.over_bound for key, result in sorted(measured(run).items())}
    body = {"schema": SCHEMA, "target": run.target, "factor": FACTOR, "seed": run.seed, "accuracy": accuracy}
    return json.dumps(body | {"known": [asdict(one) for one in known]}, indent=1) + "\n"
