"""The report of a paired comparison, on a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from corrbench.render._figures import duration, interval, percent, short
from corrbench.render.markdown import escape, table
from corrbench.render.terminal import NARROW
from corrbench.timing.paired import PairedComparison
from corrbench.timing.significance import CaseComparison, Verdict

STYLES = {
    Verdict.SLOWER: "bold red", Verdict.FASTER: "green", Verdict.SAME: "", Verdict.INCONCLUSIVE: "yellow",
    Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim",
}  # fmt: skip
LONG = 12  # characters of a target that take a second line


def cells(one: CaseComparison) -> tuple[str, ...]:
    """A row: case, times, change, interval, verdict."""
    mode = "" if one.mode == "forward" else f" {one.mode}"
    times = (duration(one.a), duration(one.b), percent(one.change), interval(one.low, one.high))
    return (short(one.case) + mode, *times, one.verdict.value)


HEADS = ("case", "a", "b", "change", "95 % interval", "verdict")


def summary(found: PairedComparison) -> str:
    """All verdicts counted."""
    counts = {verdict: len(found.having(verdict)) for verdict in Verdict}
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def show(console: Console, found: PairedComparison, names: Sequence[str] = ("a", "b")) -> None:
    """Print a comparison."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    narrow = console.width < NARROW
    word = max((len(word) for one in found.cases for word in short(one.case).split()), default=0)
    grid.add_column(HEADS[0], overflow="fold", min_width=min(word, console.width // 3))  # x=1,1,64,64 stays whole
    for name in names:
        grid.add_column(name.replace(":", ":\n") if len(name) > LONG else name, justify="right", overflow="fold")
    for head in HEADS[3 : 4 if narrow else 5]:
        grid.add_column(head, justify="right", no_wrap=True)
    grid.add_column(HEADS[5], no_wrap=True)
    for one in found.cases:
        *rest, verdict = cells(one)
        grid.add_row(*rest[: 4 if narrow else 5], Text(verdict, STYLES[one.verdict]))
    console.print(grid)
    for one in found.cases:
        if one.note:
            console.print(Text(f"  {short(one.case)}: {one.note}", "dim"), soft_wrap=True)
    for name, said in found.wrong.items():
        console.print(Text(f"  wrong while it was timed, {name}: {said}", "bold red"), soft_wrap=True)
    if found.unfit:
        console.print(Text(f"  {found.unfit}", "bold yellow"), soft_wrap=True)


def markdown(found: PairedComparison, names: Sequence[str] = ("a", "b")) -> list[str]:
    """The lines of a table."""
    heads = (HEADS[0], *names, *HEADS[3:])
    rows = [(f"`{cells(one)[0]}`", *cells(one)[1:]) for one in found.cases]
    lines = [*table(heads, rows, "lrrrrl")]
    lines += ["", *(f"- `{short(one.case)}`: {escape(one.note)}" for one in found.cases if one.note)]
    lines += [f"- wrong while it was timed, {name}: {escape(said)}" for name, said in found.wrong.items()]
    return [*lines, f"- {found.unfit}"] if found.unfit else lines
