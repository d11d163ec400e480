"""What do the runs of `gate_score` say? Rates with their intervals, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from scipy import stats

ABOUT = {
    "gate": "`corrbench gate`, by time alone: alternating samples, 8 blocks, then 20 fresh ones, tests over blocks",
    "asv continuous": "`asv continuous --factor 1.01 --interleave-rounds`: two processes each, in turn",
    "pytest-benchmark": "`pytest --benchmark-compare-fail=median:1%`: one process each, one after the other",
}


def rate(hits: int, runs: int) -> str:
    """``19 of 20 (76 to 99 %)``, the interval that of Clopper and Pearson (Biometrika 26, 1934) at 95 %."""
    if not runs:
        return ""
    low, high = stats.binomtest(hits, runs).proportion_ci(0.95)
    return f"{hits} of {runs} ({low:.0%} to {high:.0%})"


def markdown(outcomes: Sequence[dict[str, Any]], slowed: int, tolerance: int) -> str:
    """The report; outcomes as `gate_score` records them."""
    return "\n".join(_lines(outcomes, slowed, tolerance)) + "\n"


def _lines(outcomes: Sequence[dict[str, Any]], slowed: int, tolerance: int) -> Iterator[str]:
    tools = [tool for tool in ABOUT if any(one["tool"] == tool for one in outcomes)]
    plants = sorted({one["plant"] for one in outcomes})
    yield "# Gate: how often it is wrong"
    yield ""
    yield (
        "One revision of a small program differs from another by a planted slowdown of one of four cases. Each tool "
        f"was asked whether the later one is slower, with a tolerance of {tolerance} %, all in one run, in an order "
        "drawn by lot, two at a time on a machine of two cores, each with one of them for all its processes (a gate by "
        "itself has the other one for the judge). *Found*: the slowed case was named. *False alarm*: "
        "another case "
        "was. Intervals are those of Clopper and Pearson at 95 %."
    )
    yield ""
    yield "| planted | " + " | ".join(tools) + " |"
    yield "|---|" + "---|" * len(tools)
    for plant in plants:
        cells = []
        for tool in tools:
            mine = [one for one in outcomes if one["tool"] == tool and one["plant"] == plant]
            hits = [one for one in mine if (slowed in one["named"] if plant else one["named"])]
            cells.append(rate(len(hits), len(mine)))
        yield f"| {f'{plant} %, found' if plant else 'nothing, false alarms'} | " + " | ".join(cells) + " |"
    cells = []
    for tool in tools:
        mine = [one for one in outcomes if one["tool"] == tool and one["plant"]]
        cells.append(rate(sum(bool(set(one["named"]) - {slowed}) for one in mine), len(mine)))
    yield "| another case slowed, false alarms | " + " | ".join(cells) + " |"
    cells = [rate(sum(one["unsure"] for one in outcomes if one["tool"] == tool),
                  sum(one["tool"] == tool for one in outcomes)) for tool in tools]  # fmt: skip
    yield "| cannot tell (exit code 3) | " + " | ".join(cells) + " |"
    cells = [f"{statistics.median(one['seconds'] for one in outcomes if one['tool'] == tool):.0f} s" for tool in tools]
    yield "| median time of a run, four cases | " + " | ".join(cells) + " |"
    yield ""
    for tool in tools:
        yield f"- **{tool}**: {ABOUT[tool]}"
