"""The report of a benchmark: on a terminal, as Markdown, and as a plot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from corrbench.render._figures import duration, number, share, short, size
from corrbench.render.markdown import table
from corrbench.timing.bench import BASELINE, BLOCKS, Bench, Timing
from corrbench.timing.crossover import crossings, sweep
from corrbench.timing.interleaved import SAMPLE, Task
from corrbench.timing.roofline import Machine

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADS = ("time", "IQR", "GFLOP/s", "of limit", f"/ {BASELINE}", "memory")
WIDTHS = (9, 7, 8, 8, 8, 9)
NAME = 38  # columns of a terminal for a target's name, at the most
# Colours that the colour-blind tell apart (Okabe and Ito, 2008), and marks for those who print in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
SPREAD = "time of a call: median, quartiles shaded"
MARKS = ("o", "s", "^", "D", "v", "P", "X")
METHOD = (
    f"Time is the median of a call over samples of about {1e3 * SAMPLE:g} ms, taken in turn, target after "
    f"target in random order, on one core, one thread each, in {BLOCKS} fresh processes; IQR, the distance "
    "between the quartiles of the samples, over the median. GFLOP/s counts two operations for each product of the "
    "direct sum, zeros of the padding included. The limit is the time that copying the operands and the result, or the "
    "products at the rate of a matrix product, would take at the rates measured in the same run; *of limit* is that "
    "time over the one needed, above 100 % where a transform multiplies less. */ torch* is the time over that of "
    "`torch`, which is `torch.nn.functional.conv2d`, in the same rounds. Memory is the peak of one call beyond what "
    "the process held before it, result included. In each call one number of the input is another, and in each sample "
    "all are; random calls are compared with the exact answer. Faster or slower is said where it was so in three of "
    "four rounds."
)


def cells(row: Timing) -> tuple[str, ...]:
    """What the columns of `HEADS` say of a row."""
    rate, ratio = number(row.rate / 1e9), number(row.ratio)
    return duration(row.seconds), number(row.spread, ".1%"), rate, share(row.fraction), ratio, size(row.memory)


def title(task: Task, row: Timing) -> str:
    """A case, with what limits it."""
    mode = "" if task.mode == "forward" else f" {task.mode}"
    limit = f"  limit {duration(row.least)}, {row.limit}" if not math.isnan(row.least) else ""
    return f"{short(task.case)}{mode}{limit}"


def chosen(room: int) -> list[int]:
    """The columns of `HEADS` for which there is room, those left out first that matter least."""
    shown = list(range(len(HEADS)))
    for column in (1, 2, 5, 3):
        if sum(WIDTHS[one] + 2 for one in shown) > room:
            shown.remove(column)
    return shown


def grid(names: int, shown: Sequence[int], *, head: bool) -> Table:
    """An empty table, the columns of which are as wide as those of the others."""
    found = Table(box=None, pad_edge=False, show_header=head, header_style="dim", padding=(0, 2, 0, 0))
    found.add_column("", width=names, no_wrap=True, overflow="ellipsis")
    for column in shown:
        found.add_column(HEADS[column], justify="right", width=WIDTHS[column], no_wrap=True)
    return found


def show(console: Console, bench: Bench) -> None:
    """Print all that was measured."""
    longest = max((len(row.target) for row in bench.all_rows), default=0)
    width = min(NAME, longest + 2)
    shown = chosen(console.width - width)
    console.print(grid(width, shown, head=True))
    for task, rows in bench.rows.items():
        console.print(Text(title(task, next(iter(rows.values()))), "bold"), soft_wrap=True)
        lines = grid(width, shown, head=False)
        for row in rows.values():
            style = "bold red" if row.wrong or row.impossible else "" if row.target in bench.targets else "dim"
            if row.samples:
                lines.add_row(f"  {row.target}", *(cells(row)[column] for column in shown), style=style)
        console.print(lines)
        for name, said in remarks(rows.values()):
            style = "bold red" if said.startswith(("wrong", "imp")) else "dim"
            console.print(Text(f"  {name}: {said}", style), soft_wrap=True)
    for line in conclusions(bench):
        console.print(Text(line))


def remarks(rows: Any) -> Iterator[tuple[str, str]]:
    """Target and what there is to say of it beside numbers."""
    for row in rows:
        if row.wrong:
            yield row.target, f"wrong while it was timed: {row.wrong}"
        if row.impossible:
            yield row.target, f"impossible: {row.impossible}"
        if row.note:
            yield row.target, f"not timed: {row.note}"


def conclusions(bench: Bench) -> Iterator[str]:
    """Geometric means, crossovers, and what the machine can do."""
    if len(bench.rows) > 1:
        means = {name: bench.mean_ratio(name) for name in next(iter(bench.rows.values())) if name != BASELINE}
        said = ", ".join(f"{name} {mean:.3g}" for name, mean in means.items() if not math.isnan(mean))
        if said:
            yield f"Geometric mean of times over those of {BASELINE}: {said}."
    for said in crossings(bench):
        yield said if said.endswith(".") else f"{said}."
    yield machine(bench.machine)


def machine(found: Machine) -> str:
    """What was measured of the machine, in one sentence."""
    if not found.copying:
        return "Limits are measured for the CPU only."
    near, far = max(found.copying.values()), found.copying[max(found.copying)]
    rates = " and ".join(f"{rate / 1e9:.3g} GFLOP/s in {dtype}" for dtype, rate in found.multiplying.items())
    return (
        f"One core of this machine copies {near / 1e9:.3g} GB/s in cache and {far / 1e9:.3g} GB/s in memory, read "
        f"and written, and multiplies matrices at {rates}."
    )


def summary(bench: Bench) -> str:
    """The run in one line."""
    timed, calls = sum(bool(row.samples) for row in bench.asked), sum(row.calls for row in bench.all_rows)
    checked = sum(row.checked for row in bench.all_rows)
    return f"{timed} of {len(bench.asked)} timed; {checked} of {calls} calls checked; {bench.seconds:.0f} s"


# ---- Markdown


def markdown(bench: Bench, command: str = "", plot: str = "", environment: dict[str, Any] | None = None) -> str:
    """A report.

    Args:
        bench: what was measured.
        command: that made it.
        plot: the name of the picture beside it.
        environment: versions and machine.
    """
    names = list(next(iter(bench.rows.values())))
    lines = ["# Performance", ""]
    word = "noisy" if bench.verdict == "passed" and bench.noisy else bench.verdict
    lines += [f"`{command}`, verdict: **{word}**; {summary(bench)}.", ""] if command else []
    lines += [f"![time of a call]({plot})", ""] if plot else []
    lines += [*(f"- {line}" for line in conclusions(bench)), ""]
    sizes = sweep(bench)
    by_case = []
    for task, rows in bench.rows.items():
        fastest = min((row.seconds for row in rows.values() if row.samples), default=math.nan)
        marks = ["**" if row.seconds == fastest else "" for row in rows.values()]
        times = [f"{mark}{duration(row.seconds)}{mark}" for mark, row in zip(marks, rows.values(), strict=True)]
        what = f"{task.case.w[2]}×{task.case.w[3]}" if sizes else f"`{short(task.case)}`"
        by_case.append((what, duration(next(iter(rows.values())).least), *times))
    align = ("r" if sizes else "l") + "r" * (len(names) + 1)
    lines += [*table(("kernel" if sizes else "case", "limit", *names), by_case, align), ""]
    each = [(f"`{short(row.task.case)}`", row.target, *cells(row)) for row in bench.all_rows]
    lines += table(("case", "target", *HEADS), each, "ll" + "r" * len(HEADS))
    said = [f"- `{short(row.task.case)}`, {name}: {text}" for row in bench.all_rows for name, text in remarks([row])]
    lines += ["", *said, ""] if said else [""]
    lines += [METHOD, ""]
    if environment:
        lines += [", ".join(f"{name} {value}" for name, value in environment.items()), ""]
    return "\n".join(lines)


# ---- the plot


def figure(bench: Bench) -> Figure:
    """Time against kernel size where the cases differ in that alone, else the time of each case, on log scales."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    sizes = sweep(bench)
    rows = len(bench.rows)
    layout = ConstrainedLayoutEngine(w_pad=0.2)  # room at the sides, where another font may be wider
    found = Figure(figsize=(8.4, 5.0) if sizes else (9.6, 1.6 + 0.42 * rows), layout=layout, facecolor="white")
    axes = found.add_subplot()
    (against_kernels if sizes else by_case)(axes, bench)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(which="major", color="#d9d9d9", linewidth=0.7)
    axes.set_axisbelow(True)
    return found


def against_kernels(axes: Axes, bench: Bench) -> None:
    """A line for each target, named at its end, its quartiles as a band; the limit dashed."""
    sizes = sweep(bench)
    ends: list[tuple[float, str, str]] = []
    for index, name in enumerate(next(iter(bench.rows.values()))):
        rows = {k: bench.rows[task][name] for k, task in sizes.items() if bench.rows[task][name].samples}
        if not rows:
            continue
        colour = COLOURS[index % len(COLOURS)]
        times, mark = [row.seconds for row in rows.values()], MARKS[index % len(MARKS)]
        axes.plot(list(rows), times, color=colour, marker=mark, markersize=4.5, linewidth=1.6)
        low, high = zip(*(row.quartiles for row in rows.values()), strict=True)
        axes.fill_between(list(rows), low, high, color=colour, alpha=0.2, linewidth=0)
        ends.append((list(rows.values())[-1].seconds, label(name), colour))
    least = [next(iter(bench.rows[task].values())).least for task in sizes.values()]
    if not any(map(math.isnan, least)):
        axes.plot(list(sizes), least, color="#777777", linestyle="--", linewidth=1.2)
        ends.append((least[-1], "limit of a direct sum", "#777777"))
    axes.set_xscale("log")
    axes.set_yscale("log")
    logarithmic(axes)
    lowest, highest = axes.get_ylim()
    for place, (_, text, colour) in zip(apart(ends, lowest, highest), sorted(ends), strict=True):
        beside: dict[str, Any] = {"xytext": (9, 0), "textcoords": "offset points", "va": "center"}
        axes.annotate(text, (max(sizes), place), color=colour, annotation_clip=False, **beside)
    axes.set_xticks(list(sizes), [f"{k}×{k}" for k in sizes])
    axes.minorticks_off()
    task = next(iter(sizes.values()))
    axes.set_xlabel("kernel (elements)")
    axes.set_ylabel(SPREAD)
    where = "" if task.mode == "forward" else ", result and all gradients"
    axes.set_title(f"{task.case.x[2]}×{task.case.x[3]} image, {task.case.dtype}, one thread{where}", loc="left")


def by_case(axes: Axes, bench: Bench) -> None:
    """A line for each case, a mark for each target on it, with a bar between the quartiles of its samples."""
    heights = range(len(bench.rows), 0, -1)
    for index, name in enumerate(next(iter(bench.rows.values()))):
        places = zip((by_name[name] for by_name in bench.rows.values()), heights, strict=True)
        points = [(row.seconds, height, *row.quartiles) for row, height in places if row.samples]
        if points:
            colour, mark = COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
            times, at, low, high = zip(*points, strict=True)
            axes.scatter(times, at, color=colour, marker=mark, label=label(name), zorder=3)
            axes.hlines(at, low, high, color=colour, alpha=0.45, linewidth=4)
    least = [next(iter(by_name.values())).least for by_name in bench.rows.values()]
    if not any(map(math.isnan, least)):
        axes.scatter(least, list(heights), color="#777777", marker="|", s=140, label="limit of a direct sum", zorder=2)
    axes.set_yticks(list(heights), [short(task.case) for task in bench.rows], fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: duration(value))
    axes.minorticks_off()
    axes.set_xlabel(SPREAD)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)


def label(name: str) -> str:
    """What a target is called in the plot."""
    return f"{name} (F.conv2d)" if name == BASELINE else name


def logarithmic(axes: Axes) -> None:
    """Times with their units along the vertical axis."""
    axes.yaxis.set_major_formatter(lambda value, _: duration(value))


def apart(ends: list[tuple[float, str, str]], lowest: float, highest: float, gap: float = 0.045) -> list[float]:
    """Places for the names at the ends of lines, in order, on a log scale, moved apart where they would overlap.

    Args:
        ends: (seconds, name, colour) of each line.
        lowest: end of the axis.
        highest: its other end.
        gap: between neighbours at the least, as a share of the axis.
    """
    span = math.log(highest / lowest)
    places = [math.log(seconds / lowest) / span for seconds, _, _ in sorted(ends)]
    for _ in range(100):
        for index in range(1, len(places)):
            short_of = gap - (places[index] - places[index - 1])
            if short_of > 0:
                places[index - 1] -= short_of / 2
                places[index] += short_of / 2
    return [lowest * math.exp(place * span) for place in places]
