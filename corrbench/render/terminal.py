"""A run on a terminal: checks added up, findings with their causes, the verdict last."""

from __future__ import annotations

import math

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corrbench.analysis import causes
from corrbench.result import Result, Run, Status

STYLE = {"pass": "green", "fail": "bold red", "error": "bold yellow"}
NARROW = 80  # columns of a terminal below which a table says only what matters most
SHOWN = 6  # groups of findings, and of warnings, that are written out


def number(value: float, digits: int = 3) -> str:
    """A figure for a table cell."""
    return "" if math.isnan(value) else f"{value:.{digits}g}"


def show(console: Console, run: Run, *, verbose: bool = False) -> None:
    """Print a run."""
    version = run.environment.get("target version", "")
    console.print(
        Text.assemble(
            ("corrbench ", "dim"), (run.target, "bold"), f" {version}".rstrip(),
            (f"  {run.form or '?'} · {run.arrays} · {run.accuracy} · {run.device} · {run.profile}", "dim"),
        ),
        soft_wrap=True,
    )  # fmt: skip
    for note in run.notes:
        console.print(Text(note, "yellow"), soft_wrap=True)
    if run.results:
        console.print(table(run, narrow=console.width < NARROW))
    _groups(console, run, "Findings", run.findings, "red")
    warnings = [result for result in run.results if result.status is Status.WARN]
    _groups(console, run, "Warnings", warnings, "yellow", brief=not verbose)
    _groups(console, run, "Not judged", [r for r in run.results if r.status is Status.ERROR], "yellow")
    refused = causes.unsupported(run)
    if refused:
        console.print(
            Text("Unsupported ", "bold")
            .append(f"({len(refused)}, neither passed nor failed): ", "dim")
            .append(", ".join(refused))
        )
        for name, said in refused.items() if verbose else ():
            console.print(Padding(Text(f"{name}: {said}", "dim"), (0, 0, 0, 2)))
    known = sum(result.status is Status.KNOWN for result in run.results)
    if known:
        console.print(
            Text("Known ", "bold").append(f"({known} findings that the baseline accepts, each with a reason)", "dim")
        )
    for entry in run.fixed:
        console.print(
            Text("Fixed ", "bold green").append(
                f"{entry['check']}: recorded in the baseline, seen no more: {entry['message']}"
            )
        )
    console.print(verdict(run), soft_wrap=True)


def verdict(run: Run) -> Text:
    """The last line."""
    if run.problem:
        return Text.assemble(("ERROR ", STYLE["error"]), run.problem)
    said = ", ".join(f"{count} {status}" for status, count in run.counts.items()) or "nothing was judged"
    tail = f"; {run.judged} of {run.planned} questions in {run.seconds:.1f} s; seed {run.seed}"
    if run.stopped:
        tail += f"; stopped at {run.stopped}"
    return Text.assemble((run.verdict.upper() + " ", STYLE[run.verdict]), said, (tail, "dim"))


def table(run: Run, *, narrow: bool = False) -> Table:
    """One line for each check; counts only, if the terminal is narrow."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    names = ("check", "pass", "finding", "warn", "skipped", "error/bound", "bits", "rounded")
    shown = 5 if narrow else len(names)
    for name in names[:shown]:
        grid.add_column(name, justify="left" if name == "check" else "right", no_wrap=True)
    for row in causes.rows(run):
        counts = row.counts
        bad = sum(counts.get(s, 0) for s in (Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.MEMORY, Status.ERROR))
        aside = counts.get(Status.SKIPPED, 0) + counts.get(Status.UNSUPPORTED, 0)
        cells = (
            row.check, str(counts.get(Status.PASS, 0)), Text(str(bad or ""), "bold red"),
            Text(str(counts.get(Status.WARN, "")), "yellow"),
            str(aside or ""), number(row.ratio), "" if math.isnan(row.bits) else f"{row.bits:.1f}",
            "" if math.isnan(row.rounded) else f"{row.rounded:.1%}",
        )  # fmt: skip
        grid.add_row(*cells[:shown])
    return grid


def headline(console: Console, index: int, group: causes.Group, style: str, remarks: list[str]) -> None:
    """What a group's smallest case shows, and what there is to say of the group."""
    result = group.smallest
    head = Text.assemble((f"{index}. ", style), (result.check, "bold"), f"  {result.message}")
    console.print(Padding(head, (0, 0, 0, 2)))
    for said in remarks:
        console.print(Padding(Text(said, "italic"), (0, 0, 0, 5)))


def _groups(console: Console, run: Run, title: str, results: list[Result], style: str, *, brief: bool = False) -> None:
    if not results:
        return
    found = causes.groups(run, results)
    console.print(
        Text(f"{title} ", "bold").append(
            f"({len(results)} in {len(found)} group{'s' if len(found) > 1 else ''})", "dim"
        )
    )
    for index, group in enumerate(found[: 3 if brief else SHOWN], 1):
        result = group.smallest
        headline(console, index, group, style, group.remarks)
        if brief:
            continue
        console.print(Padding(Text(f"{group.extent or 'case'}: {result.case}", "dim"), (0, 0, 0, 5)))
        console.print(Text("     ").append(result.reproduce, "cyan"), soft_wrap=True)  # whole, to be copied
    rest = len(found) - (3 if brief else SHOWN)
    if rest > 0:
        said = f"and {rest} more group{'s' if rest > 1 else ''}: see --html, --json or --verbose"
        console.print(Padding(Text(said, "dim"), (0, 0, 0, 2)))
