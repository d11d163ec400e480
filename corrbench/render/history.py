"""ChangePoint points on a terminal: the series as a line of bars, the commit, the levels before and after."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from corrbench.history import FEWEST, ChangePoint, Series
from corrbench.render._figures import duration, percent
from corrbench.render.terminal import NARROW

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # bars at the most: the newest


def bars(one: Series) -> str:
    """The newest values, the lowest of them as the lowest bar."""
    values = [point.value for point in one.points[-WIDTH:]]
    low, high = min(values), max(values)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return "".join(BARS[round((value - low) / step)] for value in values)


def amount(value: float, unit: str) -> str:
    """A level with its unit."""
    if unit == "seconds":
        return duration(value)
    if unit == "bytes":
        return f"{value / 2**20:.4g} MiB"
    return f"{value:.4g} {unit}".rstrip()


def show(console: Console, series: Sequence[Series], changes: Sequence[ChangePoint], *, verbose: bool = False) -> None:
    """Print what has changed, and how much was looked at; what has not as well, if that is asked for."""
    grid = Table(box=None, pad_edge=False, header_style="dim")
    heads = ("benchmark", "commit", "before", "after", "change", "p", "history")[: 5 if console.width < NARROW else 7]
    for head in heads:
        right = head in ("before", "after", "change", "p")
        grid.add_column(head, justify="right" if right else "left", no_wrap=head != "benchmark", overflow="fold")
    for one in changes:
        cells = (
            str(one.series), one.commit[:8], amount(one.before, one.series.unit), amount(one.after, one.series.unit),
            Text(percent(one.change), "bold red" if one.worse else "green"),
            f"{one.p:.2g}" if one.p >= 1e-6 else "<1e-6", bars(one.series),
        )  # fmt: skip
        grid.add_row(*cells[: len(heads)])
    if changes:
        console.print(grid)
    changed = {str(one.series) for one in changes}
    for same in series if verbose else ():
        if str(same) not in changed:
            now = amount(same.points[-1].value, same.unit)
            console.print(Text(f"unchanged: {same}, {now}  {bars(same)}", "dim"), soft_wrap=True)
    console.print(last(series, changes))


def last(series: Sequence[Series], changes: Sequence[ChangePoint]) -> Text:
    """The last line."""
    worse = sum(one.worse for one in changes)
    short = sum(len(one.points) < FEWEST for one in series)
    said = f"{worse} for the worse, {len(changes) - worse} for the better, in {len(series)} series"
    said += f"; {short} have fewer than {FEWEST} points and say nothing yet" if short else ""
    return Text.assemble(("WORSE " if worse else "NO WORSE ", "bold red" if worse else "green"), said)
