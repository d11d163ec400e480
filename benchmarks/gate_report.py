"""The report of `gate_score`: rates with their intervals, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scipy import stats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ABOUT = {
    "gate": "`corrbench gate`, by time alone: alternating samples, 8 blocks, then 20 fresh ones, tests over blocks",
    "asv continuous": "`asv continuous --factor {factor:g} --interleave-rounds`: two processes each, in turn",
    "pytest-benchmark": "`pytest --benchmark-compare-fail=median:{tolerance}%`: one process each, one after the other",
}


COLOURS, MARKS = ("#0072b2", "#d55e00", "#009e73"), "os^"


def rate(found: int, runs: int) -> str:
    """``19 of 20 (76 to 99 %)``, the interval that of Clopper and Pearson (Biometrika 26, 1934) at 95 %."""
    if not runs:
        return ""
    low, high = stats.binomtest(found, runs).proportion_ci(0.95)
    return f"{found} of {runs} ({low:.0%} to {high:.0%})"


def hits(outcomes: Sequence[dict[str, Any]], tool: str, plant: int, slowed: int) -> tuple[int, int]:
    """How often a tool named the slowed case, or any where none was slowed, and of how many runs."""
    mine = [one for one in outcomes if one["tool"] == tool and one["plant"] == plant]
    return sum(slowed in one["named"] if plant else bool(one["named"]) for one in mine), len(mine)


def figure(outcomes: Sequence[dict[str, Any]], slowed: int) -> Figure:
    """Share of runs that call it slower against the planted slowdown, with intervals; at 0 % that is a false alarm."""
    from matplotlib.figure import Figure

    found = Figure(figsize=(7.2, 4.2), layout="constrained", facecolor="white")
    axes = found.add_subplot()
    plants = sorted({one["plant"] for one in outcomes})
    for index, tool in enumerate(tool for tool in ABOUT if any(one["tool"] == tool for one in outcomes)):
        counts = [hits(outcomes, tool, plant, slowed) for plant in plants]
        shares = [named / runs for named, runs in counts]
        ranges = [stats.binomtest(*count).proportion_ci(0.95) for count in counts]
        lengths = [[s - r.low for s, r in zip(shares, ranges, strict=True)],
                   [r.high - s for s, r in zip(shares, ranges, strict=True)]]  # fmt: skip
        apart = [plant + 0.12 * (index - 1) for plant in plants]
        axes.errorbar(apart, [100 * share for share in shares], [[100 * one for one in side] for side in lengths],
                      color=COLOURS[index], marker=MARKS[index], capsize=3, linewidth=1.6, label=tool)  # fmt: skip
    axes.set_xlabel("planted slowdown (%)")
    axes.set_ylabel("runs that call it slower (%)")
    axes.set_xticks(plants)
    axes.set_ylim(-3, 103)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#d9d9d9", linewidth=0.7)
    axes.legend(frameon=False, loc="lower right")
    return found


def markdown(outcomes: Sequence[dict[str, Any]], slowed: int, tolerance: int) -> str:
    """The report; outcomes as `gate_score` records them."""
    return "\n".join(_lines(outcomes, slowed, tolerance)) + "\n"


def _lines(outcomes: Sequence[dict[str, Any]], slowed: int, tolerance: int) -> Iterator[str]:
    tools = [tool for tool in ABOUT if any(one["tool"] == tool for one in outcomes)]
    plants = sorted({one["plant"] for one in outcomes})
    yield "# Gate: how often it is wrong"
    yield ""
    found = {plant: "{} of {}".format(*hits(outcomes, "gate", plant, slowed)) for plant in plants}
    grown = ", ".join(f"{plant} % in {found[plant]}" for plant in plants if plant)
    equal = f"The gate called equal programs slower in {found.get(0, 'no')} runs"
    yield f"**{equal}, and found a planted slowdown of {grown}.**"
    yield ""
    yield (
        "One revision of a small program differs from another by a planted slowdown of one of four cases. Each tool "
        f"was asked whether the later one is slower, with a tolerance of {tolerance} %, in the same hours, in an order "
        "drawn by lot, two at a time on a machine of two cores, each with one of them for all its processes (a gate by "
        "itself has the other one for the judge). *Found*: the slowed case was named. *False alarm*: another case was. "
        "Intervals are those of Clopper and Pearson at 95 %."
    )
    yield ""
    yield "![share of runs that call it slower](gate.svg)"
    yield ""
    yield "| planted | " + " | ".join(tools) + " |"
    yield "|---|" + "---|" * len(tools)
    for plant in plants:
        cells = [rate(*hits(outcomes, tool, plant, slowed)) for tool in tools]
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
        yield f"- **{tool}**: {ABOUT[tool].format(tolerance=tolerance, factor=1 + tolerance / 100)}"
