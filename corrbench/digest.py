"""What does a run come to? Findings with one cause put together, checks added up; for every form of report."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from corrbench.case import Case
from corrbench.result import Result, Run, Status


@dataclass(slots=True)
class Group:
    """Findings that look like one cause; `smallest` is the one on the smallest case."""

    smallest: Result
    members: list[Result]

    @property
    def cases(self) -> int:
        return len({result.case for result in self.members})

    @property
    def checks(self) -> list[str]:
        return sorted({result.check for result in self.members})


@dataclass(slots=True)
class Row:
    """One check's results added up."""

    check: str
    counts: dict[Status, int]
    ratio: float  # largest error as a fraction of the bound
    bits: float  # fewest effective bits
    rounded: float  # share of results correctly rounded
    worst: Result | None


def size(result: Result) -> tuple[int, int]:
    """How large a result's case is, for finding the smallest."""
    try:
        return (Case.parse(result.case).macs, len(result.case))
    except ValueError:
        return (1 << 62, len(result.case))


def cause(result: Result) -> tuple[str, ...]:
    """What findings of one cause have in common."""
    if result.resembles:
        return (result.resembles,)
    if result.status is not Status.FAIL:
        return (result.status.value,)
    if "raised" in result.numbers:
        return ("raised", str(result.numbers["raised"]))
    if "array" in result.numbers:
        return ("differs", result.family, str(result.numbers["array"]))
    return (result.check, re.sub(r"[-+]?\d[\d.,e+-]*", "#", result.message)[:60])


def groups(results: list[Result]) -> list[Group]:
    """Results by cause, those with most members first."""
    found: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        found.setdefault(cause(result), []).append(result)
    made = [Group(min(members, key=size), members) for members in found.values()]
    return sorted(made, key=lambda group: -len(group.members))


def rows(run: Run) -> list[Row]:
    """One row for each check, in order of name."""
    table = []
    for name in sorted({result.check for result in run.results}):
        mine = [result for result in run.results if result.check == name]
        counts = {status: sum(r.status is status for r in mine) for status in Status}
        measured = [r for r in mine if r.numbers.get("tier") == "bound" and r.numbers.get("ratio") is not None]
        worst = max(measured, key=lambda r: r.numbers["ratio"], default=None)
        bits = [r.numbers["bits"] for r in measured if math.isfinite(r.numbers.get("bits", math.nan))]
        weights = [(r.numbers["elements"], r.numbers["rounded"]) for r in mine if "rounded" in r.numbers]
        total = sum(n for n, _ in weights)
        table.append(
            Row(
                name, {status: n for status, n in counts.items() if n}, worst.numbers["ratio"] if worst else math.nan,
                min(bits, default=math.nan), sum(n * share for n, share in weights) / total if total else math.nan, worst,
            )  # fmt: skip
        )
    return table


def unsupported(run: Run) -> dict[str, str]:
    """What the target said it does not do, feature by feature, cases that it refused among them."""
    found = dict(run.unsupported)
    for result in run.results:
        if result.status is Status.UNSUPPORTED:
            found.setdefault(result.check, result.message)
    return found
