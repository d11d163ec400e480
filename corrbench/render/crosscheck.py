"""The mission's table: corrbench's reference, the target and other implementations against the same exact answers."""

from __future__ import annotations

import math
from typing import NamedTuple

from rich.table import Table

from corrbench.render._figures import number
from corrbench.result import Figures, Result, Run


class Row(NamedTuple):
    """How many were right of those that were asked, in words; `ratio` is the largest error over its bound."""

    target: str
    exact: str
    bound: str
    ratio: float
    gradients: str
    gradcheck: str


def rows(runs: list[Run]) -> list[Row]:
    """One row for each subject, on the cases that it was asked: the references on the article's alone."""
    return [_row(run.target.removeprefix("corrbench.targets."), run.results) for run in runs]


def _row(target: str, results: list[Result]) -> Row:
    of = {name: [r for r in results if r.check == name] for name in {r.check for r in results}}
    real = [r for r in of.get("values.bound", []) if r.numbers.ratio is not None]
    return Row(
        target,
        _right([r for r in of.get("values.exact", []) if r.numbers != Figures()]),
        _right(real),
        max((ratio for r in real if (ratio := r.numbers.ratio) is not None), default=math.nan),
        *(_right(of[name]) if name in of else "" for name in ("gradients.first", "gradients.gradcheck")),
    )


def _right(results: list[Result]) -> str:
    return f"{sum(not result.finding for result in results)}/{len(results)}"


def table(lines: list[Row]) -> Table:
    """The table for a terminal."""
    grid = Table(title="Against the exact answer", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in ("subject", "integers bit-exact", "reals within bound", "worst error/bound", "gradients", "gradcheck"):
        first = name == "subject"
        grid.add_column(name, justify="left" if first else "right", no_wrap=first)
    for line in lines:
        grid.add_row(*line[:3], number(line.ratio), *line[4:])
    return grid
