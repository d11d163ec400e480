"""The lines of `corrbench doctor` on one screen, under their topics."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from corrbench.environment.doctor import GOOD, LOOK, NONE, Line, works

STYLES = {GOOD: "green", LOOK: "bold yellow", NONE: "dim"}


def show(console: Console, lines: list[Line]) -> None:
    """Print the lines under their topics, what to type below what was found, and the verdict last."""
    width = max((len(line.name) for line in lines if len(line.name) <= 18), default=0)
    for topic, several in groupby(lines, key=lambda line: line.topic):
        console.print(Text(topic, "bold"))
        grid = Table.grid(padding=(0, 1))
        for column in (1, width, None):
            grid.add_column(width=column, overflow="fold")
        for line in several:
            mark = Text(line.mark, "bold red" if line.fatal else STYLES[line.mark])
            todo = ("  → ", (line.todo, "cyan")) if line.todo else ()
            name, before = (line.name, "") if len(line.name) <= width else ("", f"{line.name} ")
            grid.add_row(mark, name, Text.assemble(before, line.said, *todo))
        console.print(grid)
    console.print(last(lines))


def last(lines: list[Line]) -> Text:
    """The verdict."""
    if not works(lines):
        names = ", ".join(line.name for line in lines if line.fatal)
        return Text.assemble(("CANNOT WORK ", "bold red"), f"because of {names}")
    count = sum(line.mark == LOOK for line in lines)
    return Text.assemble(("READY ", "green"), f"{count} worth a look (!)" if count else "nothing stands in the way")
