"""Runs as one page for a browser, without network: the verdict, causes with pictures, then all that was measured."""

from __future__ import annotations

import functools
import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from corrbench.analysis.causes import Digest, Group, size
from corrbench.analysis.run_diff import Change
from corrbench.case import DTYPES
from corrbench.checks import registry
from corrbench.numerics.diagnose import element
from corrbench.render import crosscheck, links, plots, run_diff, snippet, source_view
from corrbench.render._figures import counted, number
from corrbench.result import FINDINGS, Result, Run, Status

WORDS = 1_200_000  # characters that all messages of the table of results may have together
PLAIN = ("values.exact", "values.bound", "gradients.first")
HEADLINES = {"pass": "Right, as far as it was asked", "fail": "Wrong", "error": "Not judged"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding as it is written out: its figures, and the pictures of its wrong elements."""

    result: Result
    name: str
    run: Run

    @property
    def numbers(self) -> str:
        """Operands, result and exact result where all are small."""
        return "\n".join(snippet.numbers(self.result, self.run.form))

    @property
    def code(self) -> str:
        """Lines of Python that fail without corrbench; empty where there are none."""
        return snippet.snippet(self.result, self.run.target, self.run.form, self.run.arrays)

    @property
    def figures(self) -> list[tuple[str, str]]:
        n = self.result.numbers
        if n.got is None:
            return []
        found = [
            (f"got, at {element(n.at or [], plots.lengths(n.map))}", str(n.got)),
            ("exact", str(n.exact)),
            ("off by", number(n.off)),
        ]
        if n.tier == "bound":
            found += [("allowed", number(n.allowed)), ("times the bound", number(n.ratio))]
        else:
            found += [("allowed", "0: whole numbers leave no room for rounding")]
        if n.bits is not None:
            found.append(("effective bits", number(n.bits, ".1f")))
        return [*found, ("wrong elements", f"{n.wrong:,} of {n.elements:,}")]

    @property
    def grids(self) -> list[plots.Grid]:
        return plots.errormap(self.result)


def write(digests: Sequence[Digest], extras: Sequence[Run] = (), change: Change | None = None, docs: str = "") -> str:
    """The page.

    Args:
        digests: what was judged.
        extras: the runs of the reference implementations, for the cross-check.
        change: what is otherwise than in an earlier run.
        docs: where the pages of the documentation are, if they are elsewhere than the distribution says.
    """
    docs = docs or links.site()
    views, runs = [_view(digest) for digest in digests], [digest.run for digest in digests]
    matrix = crosscheck.rows([*runs, *extras]) if extras else []
    return _page().render(
        views=views, runs=runs, change=_change(change) if change else None, crosscheck=matrix,
        subjects=len(runs), data=_data(views), title=", ".join(run.target for run in runs), docs=docs,
    )  # fmt: skip


@functools.cache
def _page() -> Template:
    """The template. Everything that it is given is escaped: names and messages are the target's own words."""
    environment = Environment(
        loader=PackageLoader("corrbench.render", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"number": number, "count": "{:,}".format, "anchor": links.anchor}
    return environment.get_template("report.html")


def _view(digest: Digest) -> dict[str, Any]:
    """What the template says of one run."""
    run, groups = digest.run, [_group(group, digest.run) for group in digest.groups(*FINDINGS)]
    asides = {
        title: [_group(group, run) for group in digest.groups(status)]
        for title, status in (("Warnings", Status.WARN), ("Not judged", Status.ERROR), ("Known findings", Status.KNOWN))
    }
    gradients = [r for r in run.results if r.family == "gradients"]
    others = [r for r in run.results if r.family != "gradients" and not r.numbers.derivative]
    compared = [r for r in run.results if r.numbers.tier == "exact"]
    return {
        "digest": digest, "groups": groups, "asides": {title: found for title, found in asides.items() if found},
        "coverage": source_view.coverage(run), "pieces": source_view.pieces, "suspects": source_view.suspected(run),
        "headline": HEADLINES[run.verdict], "sentence": sentence(digest), "gradients": _gradients(gradients),
        "about": {name: check.about for name, check in registry().items()}, "wrong": FINDINGS,
        "plots": [
            (name, plots.ratios(results), plots.bits(results))
            for name, results in (("Results", others), ("Gradients", gradients))
        ],
        "exact": (len(compared), sum(not r.finding for r in compared)),
    }  # fmt: skip


def sentence(digest: Digest) -> str:
    """The verdict in one sentence."""
    run, causes = digest.run, len(digest.groups(*FINDINGS))
    if run.problem:
        return run.problem
    asked = counted(run.judged, "question", ",")
    if run.verdict == "fail":
        found = len(run.findings)
        like = f"look like {causes} causes" if causes > 1 else "look like one cause" if found > 1 else "has one cause"
        text = f"{counted(found, 'finding', ',')} in {asked}, which {like}."
    elif run.verdict == "error":
        text = f"Of {run.planned:,} questions {run.judged:,} were asked, and {run.counts.get('pass', 0):,} passed."
    else:
        worst = max((row.ratio for row in digest.rows if not math.isnan(row.ratio)), default=None)
        near = "" if worst is None else f"; the worst error is {worst:.3g} times what its bound allows"
        text = f"No finding in {asked}{near}."
    return f"{text} Stopped at {run.stopped}." if run.stopped else text


def _change(change: Change) -> dict[str, Any]:
    """What the template says of two runs."""
    return {
        "change": change,
        "remarks": list(run_diff.remarks(change)),
        "moved": [shift for shift in change.shifts if shift.verdict != "same"],
    }


def _group(group: Group, run: Run) -> dict[str, Any]:
    """One cause: the smallest case, one in which there is something to see, and the worst."""
    smallest = group.smallest
    shown = [Shown(smallest, "Smallest case", run)]
    drawn = [m for m in group.members if m.numbers.map is not None]
    alike = [m for m in drawn if m.numbers.array == smallest.numbers.array] or drawn
    if drawn:
        for name, one in (("A larger case", min(alike, key=_plainness)), ("Worst case", max(drawn, key=_badness))):
            if all(one is not other.result for other in shown):
                shown.append(Shown(one, name, run))
    return {"group": group, "shown": shown}


def _badness(result: Result) -> tuple[float, ...]:
    """The largest error over the bound is worst; of whole numbers, for which no error is allowed, the largest."""
    n = result.numbers
    return (float(n.tier == "bound"), n.ratio or 0.0, n.off or 0.0)


def _plainness(result: Result) -> tuple[bool, bool, bool, tuple[bool, bool, bool, int, bool, int]]:
    """How little there is to see: an unusual check, a picture too small or too large, all of it wrong, a large case."""
    n = result.numbers
    assert n.map is not None
    rows, columns = map(int, n.map["plane"].partition(":")[0].split(","))
    dull = not (min(rows, columns) >= 5 and max(rows, columns) <= 32)
    return (result.check not in PLAIN, dull, n.wrong == n.elements, size(result))


def _gradients(results: list[Result]) -> dict[str, Any]:
    """Comparisons of gradients by check and array: right and asked in each element type, the worst error."""
    kept: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result.finding or result.status is Status.PASS:
            kept.setdefault((result.check, result.numbers.array or ""), []).append(result)
    held = {key: Counter((r.case.dtype, r.finding) for r in several) for key, several in kept.items()}
    names = [name for name in DTYPES if any(tally[name, True] + tally[name, False] for tally in held.values())]
    rows = []
    for (check, array), several in sorted(kept.items()):
        tally = held[check, array]
        cells = [(tally[name, False], tally[name, False] + tally[name, True]) for name in names]
        figures = [r.numbers for r in several if not math.isnan(r.numbers.over_bound)]
        worst = max((n.over_bound for n in figures), default=math.nan)
        fewest = min((n.bits for n in figures if n.bits is not None and math.isfinite(n.bits)), default=math.nan)
        rows.append((check, array, cells, worst, fewest))
    return {"dtypes": names, "rows": rows}


# ---- the table of results, for the script


def _data(views: list[dict[str, Any]]) -> dict[str, Any]:
    """All results, column by column: words are listed once, and rows name them by their places."""
    lists: dict[str, dict[str, int]] = {name: {} for name in ("target", "check", "status", "head", "tail", "message")}
    columns: dict[str, list[Any]] = {name: [] for name in (*lists, "ratio", "bits", "cause")}
    odd: dict[int, str] = {}
    runs = [view["digest"].run for view in views]
    commands = list(map(_command, runs))
    found = [(index, result) for index, run in enumerate(runs) for result in run.results]
    most = _most([result.message for _, result in found])
    causes = {id(m): n for view in views for n, one in enumerate(view["groups"], 1) for m in one["group"].members}
    for index, result in found:
        head, _, tail = str(result.case).partition(" dtype=")
        message = result.message if len(result.message) <= most else result.message[: most - 1] + "…"
        words = (runs[index].target, result.check, result.status.value, head, tail, message)
        for (name, seen), word in zip(lists.items(), words, strict=True):
            columns[name].append(seen.setdefault(word, len(seen)))
        n = result.numbers
        columns["ratio"].append(_figure(n.over_bound))
        columns["bits"].append(_figure(n.bits and round(n.bits, 1)))
        columns["cause"].append(causes.get(id(result), 0))
        if result.reproduce and result.reproduce != _filled(commands[index], result):
            odd[len(columns["check"]) - 1] = result.reproduce
    return {"lists": {name: list(seen) for name, seen in lists.items()}, "columns": columns, "commands": commands,
            "odd": odd, "shortened": most if any(len(r.message) > most for _, r in found) else 0}  # fmt: skip


def _most(messages: list[str]) -> int:
    """How long a message may be in the table, so that all together keep within `WORDS`."""
    lengths = [len(message) for message in set(messages)]
    limit = 1000
    while limit > 40 and sum(min(length, limit) for length in lengths) > WORDS:
        limit = int(limit * 0.9)
    return limit


def _command(run: Run) -> list[str]:
    """What stands before and after check and case in most of the run's reproducers."""
    for result in run.results:
        middle = f" --check {result.check} --case {shlex.quote(str(result.case))}"
        start, found, end = result.reproduce.partition(middle)
        if found:
            return [start, end]
    return ["", ""]


def _filled(command: list[str], result: Result) -> str:
    return f"{command[0]} --check {result.check} --case {shlex.quote(str(result.case))}{command[1]}"


def _figure(value: Any) -> float | str | None:
    """A figure short enough to be kept for every result; infinities as text, which JSON has no number for."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(f"{value:.3g}") if math.isfinite(value) else str(value)
