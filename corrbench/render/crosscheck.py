"""The mission's table: corrbench's reference, the target and other implementations against the same exact answers."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from corrbench.result import Figures, Run


def rows(runs: list[Run]) -> list[dict[str, Any]]:
    """One row for each subject, on the cases that it was asked: the references on the article's alone."""
    found = []
    for run in runs:
        whole = [r for r in run.results if r.check == "values.exact" and r.numbers != Figures()]
        real = [r for r in run.results if r.check == "values.bound" and r.numbers.ratio is not None]
        second = [r for r in run.results if r.check == "gradients.gradcheck"]
        adjoint = [r for r in run.results if r.check == "gradients.first"]
        ratios = [ratio for r in real if (ratio := r.numbers.ratio) is not None]
        found.append(
            {
                "target": run.target.removeprefix("corrbench.targets."),
                "exact": f"{sum(not r.finding for r in whole)}/{len(whole)}",
                "bound": f"{sum(not r.finding for r in real)}/{len(real)}",
                "ratio": max(ratios, default=math.nan),
                "gradcheck": f"{sum(not r.finding for r in second)}/{len(second)}" if second else "",
                "gradients": f"{sum(not r.finding for r in adjoint)}/{len(adjoint)}" if adjoint else "",
            }
        )
    return found


def table(lines: list[dict[str, Any]]) -> Table:
    """The table for a terminal."""
    grid = Table(title="Against the exact answer", title_justify="left", box=None, pad_edge=False, header_style="dim")
    for name in ("subject", "integers bit-exact", "reals within bound", "worst error/bound", "gradients", "gradcheck"):
        first = name == "subject"
        grid.add_column(name, justify="left" if first else "right", no_wrap=first)
    for line in lines:
        ratio = "" if math.isnan(line["ratio"]) else f"{line['ratio']:.3g}"
        grid.add_row(line["target"], line["exact"], line["bound"], ratio, line["gradients"], line["gradcheck"])
    return grid
