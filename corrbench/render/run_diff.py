"""What has changed between two runs, on a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corrbench.analysis.causes import Group
from corrbench.analysis.run_diff import Change, Shift
from corrbench.render import markdown, terminal
from corrbench.render._figures import counted

STYLES = {"worse": "bold red", "error": "bold yellow", "same": "bold green", "better": "bold green"}
SHOWN = 8  # groups of findings that are written out
HEADS = ("check", "dtype", "cases", "bits", "error/bound before", "after", "")


def summary(change: Change) -> str:
    """The comparison in one line."""
    moved = [shift.verdict for shift in change.shifts]
    parts = [f"{len(change.new)} new findings", f"{len(change.fixed)} fixed"]
    parts += [f"accuracy {word} in {moved.count(word)}" for word in ("worse", "better") if word in moved]
    if change.unveiled:
        parts.append(f"{len(change.unveiled)} of a known cause came to light")
    if change.refused:
        parts.append(f"{len(change.refused)} no longer supported")
    alone = [f"{len(pairs)} asked {word} only" for pairs, word in zip(change.alone, ("before", "after"), strict=True)]
    return ", ".join(parts) + "; " + ", ".join(alone)


def remarks(change: Change) -> Iterator[str]:
    """What a reader must know to read the comparison."""
    before, after = change.before, change.after
    if before.target != after.target:
        yield f"two targets are compared: {before.target}, then {after.target}"
    if before.seed != after.seed:
        yield "the seeds differ: the same case has other numbers in each run, and hidden cases are others"
    for word, run in (("earlier", before), ("later", after)):
        if run.problem or run.stopped:
            yield f"the {word} run: {run.problem or f'stopped at {run.stopped}'}"
        elif run.verdict == "error":
            yield f"the {word} run was not judged to its end, or nothing in it passed"
    if change.strangers:
        yield "no question was asked in both runs: there is nothing to compare; ask both the same, with one --seed"


def show(console: Console, change: Change) -> None:
    """Print a comparison."""
    for title, groups, style in _parts(change):
        said = f"({sum(len(group.members) for group in groups)} in {counted(len(groups), 'group')})"
        console.print(Text.assemble((f"{title} ", "bold"), (said, "dim")))
        for index, group in enumerate(groups[:SHOWN], 1):
            terminal.headline(console, index, group, style, [group.where] if group.where else [])
            if group.smallest.reproduce:
                terminal.command(console, group)
        if len(groups) > SHOWN:
            console.print(Padding(Text(f"and {len(groups) - SHOWN} groups more: see --html", "dim"), (0, 0, 0, 2)))
    for name, said in change.refused.items():
        console.print(Text("No longer supported ", "bold").append(f"{name}{f': {said}' if said else ''}", "default"))
    moved = [shift for shift in change.shifts if shift.verdict != "same"]
    if moved:
        grid = Table(box=None, pad_edge=False, header_style="dim")
        for name in HEADS:
            grid.add_column(name, justify="left" if name in ("check", "dtype", "") else "right")
        for shift in moved:
            grid.add_row(*_cells(shift))
        console.print(grid)
    for remark in remarks(change):
        console.print(Text(remark, "dim"), soft_wrap=True)
    console.print(Text.assemble((change.verdict.upper(), STYLES[change.verdict]), " ", summary(change)), soft_wrap=True)


def write(change: Change) -> str:
    """The comparison as Markdown."""
    return "\n".join(_lines(change)) + "\n"


def _lines(change: Change) -> Iterator[str]:
    yield from (f"# {change.verdict.upper()}: {markdown.escape(change.after.target)}", "")
    yield from (summary(change) + ".", "")
    yield from (f"- {markdown.escape(remark)}" for remark in remarks(change))
    for title, groups, _ in _parts(change):
        yield from ("", f"## {title}", "")
        for group in groups:
            tail = f"; {group.where}" if group.where else ""
            yield f"- **{group.smallest.check}** {markdown.escape(group.smallest.message)}{tail}"
            yield f"  ({counted(len(group.members), 'result')} on {counted(group.cases, 'case')})"
            if group.smallest.reproduce:
                yield f"\n      {group.smallest.reproduce}"
    if change.refused:
        yield from ("", "## No longer supported", "")
        yield from (f"- {markdown.escape(f'{name}: {said}')}" for name, said in change.refused.items())
    if change.shifts:
        yield from ("", "## Accuracy", "")
        yield "Bits gained or lost on average over the cases that both passed, and the worst error over its bound."
        yield ""
        yield from markdown.table(HEADS, [_cells(shift) for shift in change.shifts])


def _parts(change: Change) -> list[tuple[str, list[Group], str]]:
    return [
        (title, groups, style)
        for title, groups, style in zip(("New findings", "Fixed"), change.groups, ("red", "green"), strict=True)
        if groups
    ]


def _cells(shift: Shift) -> tuple[str, ...]:
    figures = (f"{shift.bits:+.2f}", f"{shift.before:.3g}", f"{shift.after:.3g}")
    return (shift.check, shift.dtype, str(shift.cases), *figures, shift.verdict)
