"""A run on a terminal: checks added up, findings with their causes, the verdict last."""

from __future__ import annotations

import textwrap

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corrbench.analysis.causes import Digest, Group
from corrbench.analysis.coverage import Coverage
from corrbench.render import links, snippet
from corrbench.render._figures import counted, number
from corrbench.result import FINDINGS, Run, Status

STYLE = {"pass": "green", "fail": "bold red", "error": "bold yellow"}
NARROW = 80  # columns of a terminal below which a table says only what matters most
SHOWN = 6  # groups of findings, and of warnings, that are written out


def show(console: Console, digest: Digest, *, verbose: bool = False, code: bool = False) -> None:
    """Print a run; with `code` each finding with lines of Python that fail without corrbench."""
    run = digest.run
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
        console.print(table(digest, narrow=console.width < NARROW))
    _groups(console, "Findings", digest.groups(*FINDINGS), "red", run, code=code)
    if found := digest.groups(*FINDINGS):
        page = links.explained(found[0].smallest.check)
        console.print(Text(f"  what a check asks, and why so much is allowed: {page}", "dim"), soft_wrap=True)
    _groups(console, "Warnings", digest.groups(Status.WARN), "yellow", run, brief=not verbose)
    _groups(console, "Not judged", digest.groups(Status.ERROR), "yellow", run)
    if refused := digest.unsupported:
        said = (f"({len(refused)}, neither passed nor failed): ", "dim")
        console.print(Text.assemble(("Unsupported ", "bold"), said, ", ".join(refused)))
        for name, words in refused.items() if verbose else ():
            console.print(Padding(Text(f"{name}: {words}", "dim"), (0, 0, 0, 2)))
    if known := run.counts.get(Status.KNOWN):
        said = (f"({known} findings that the baseline accepts, each with a reason)", "dim")
        console.print(Text.assemble(("Known ", "bold"), said))
        for group in digest.groups(Status.KNOWN):
            name, reason = group.smallest.numbers.known or "", group.smallest.message.rpartition("[known: ")[2]
            told = "" if name + "]" == reason else f"{name}  " * bool(name)
            console.print(Padding(Text(f"{told}{reason.removesuffix(']')} ({len(group.members)})"), (0, 0, 0, 2)))
    if run.coverage and (gaps := Coverage.from_json(run.coverage).gaps):
        shown = gaps if verbose else gaps[:SHOWN]
        more = f", and {len(gaps) - len(shown)} more" if len(shown) < len(gaps) else ""
        console.print(Text.assemble(("Not run ", "bold"), ", ".join(shown) + more))
    for entry in run.fixed:
        words = f"{entry['check']}: recorded in the baseline, seen no more: {entry['message']}"
        console.print(Text.assemble(("Fixed ", "bold green"), words))
    console.print(verdict(run), soft_wrap=True)


def verdict(run: Run) -> Text:
    """The last line."""
    if run.problem:
        return Text.assemble(("ERROR ", STYLE["error"]), run.problem)
    said = ", ".join(f"{count} {status}" for status, count in run.counts.items()) or nothing(run)
    tail = f"; {run.judged} of {run.planned} questions in {run.seconds:.1f} s; seed {run.seed}"
    if run.stopped:
        tail += f"; stopped at {run.stopped}"
    if run.coverage:
        said += f"; {Coverage.from_json(run.coverage).sentence}".removesuffix("; ")
    if run.little:
        said += f"; {run.little}"
    return Text.assemble((run.verdict.upper() + " ", STYLE[run.verdict]), said, (tail, "dim"))


def nothing(run: Run) -> str:
    """That nothing was judged, and why."""
    why = run.unsupported.get("float32") or next(iter(run.unsupported.values()), "")
    return f"nothing was judged: {why}" if why else "nothing was judged"


def table(digest: Digest, *, narrow: bool = False) -> Table:
    """One line for each check; counts only, if the terminal is narrow."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    names = ("check", "pass", "finding", "warn", "skipped", "error/bound", "bits", "rounded")
    shown = 5 if narrow else len(names)
    for name in names[:shown]:
        grid.add_column(name, justify="left" if name == "check" else "right", no_wrap=True)
    for row in digest.rows:
        bad, aside = row.count(*FINDINGS, Status.ERROR), row.count(Status.SKIPPED, Status.UNSUPPORTED)
        cells = (
            row.check, str(row.count(Status.PASS)), Text(str(bad or ""), "bold red"),
            Text(str(row.count(Status.WARN) or ""), "yellow"), str(aside or ""),
            number(row.ratio), number(row.bits, ".1f"), number(row.rounded, ".1%"),
        )  # fmt: skip
        grid.add_row(*cells[:shown])
    return grid


def headline(console: Console, index: int, group: Group, style: str, remarks: list[str]) -> None:
    """What a group's smallest case shows, and what there is to say of the group."""
    result = group.smallest
    head = Text.assemble((f"{index}. ", style), (result.check, "bold"), f"  {result.message}")
    console.print(Padding(head, (0, 0, 0, 2)))
    for said in remarks:
        console.print(Padding(Text(said, "italic"), (0, 0, 0, 5)))


def command(console: Console, group: Group) -> None:
    """The command that shows the smallest case again, whole, to be copied."""
    console.print(Text("     ").append(group.smallest.reproduce, "cyan"), soft_wrap=True)


def _groups(
    console: Console, title: str, found: list[Group], style: str, run: Run, *, brief: bool = False, code: bool = False
) -> None:  # fmt: skip
    if not found:
        return
    said = f"({sum(len(group.members) for group in found)} in {counted(len(found), 'group')})"
    console.print(Text.assemble((f"{title} ", "bold"), (said, "dim")))
    shown = 3 if brief else SHOWN
    for index, group in enumerate(found[:shown], 1):
        headline(console, index, group, style, group.remarks)
        if not brief:
            for line in snippet.numbers(group.smallest, run.form):
                console.print(Text(textwrap.indent(line, "     ")), soft_wrap=True)
            console.print(Padding(Text(f"{group.extent or 'case'}: {group.smallest.case}", "dim"), (0, 0, 0, 5)))
            command(console, group)
            if code and (text := snippet.snippet(group.smallest, run.target, run.form, run.arrays)):
                console.print(Text(textwrap.indent(text, "       "), "cyan"), soft_wrap=True)
    if len(found) > shown:
        said = f"and {counted(len(found) - shown, 'more group')}: see --html, --json or --verbose"
        console.print(Padding(Text(said, "dim"), (0, 0, 0, 2)))
