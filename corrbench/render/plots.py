"""What a report draws, in numbers: which elements are wrong, what the worst is a sum of, how errors spread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from corrbench.case import DTYPES, Case
from corrbench.numerics.diagnose import FINE
from corrbench.numerics.formats import UNIT
from corrbench.numerics.receptive_field import field as receptive
from corrbench.render._figures import counted, number
from corrbench.result import Result

BINS = 72  # bars over the whole width, about
MANY = 1600  # cells of a receptive field that are drawn one by one
SIDE, CELL, THIN = 250, 20, 14  # pixels: a grid's longer side and a cell at most, its shorter side at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Cells, some of them marked. Coordinates are in cells, paths in SVG's words.

    Attributes:
        title, note: what it shows.
        rows, columns: how many cells, padding included.
        inner: x, y, width and height of what is not padding.
        filled, hollow: paths of the marked cells, and of those that are marked on padding.
        ring: the cell of the worst element, (x, y).
        kind: ``wrong`` or ``field``.
    """

    title: str
    note: str = ""
    rows: int
    columns: int
    inner: tuple[int, int, int, int]
    filled: str
    hollow: str = ""
    ring: tuple[int, int] | None = None
    kind: str = "wrong"

    @property
    def box(self) -> tuple[int, int]:
        """Width and height in pixels."""
        scale = min(CELL, SIDE / max(self.rows, self.columns))
        return max(THIN, round(scale * self.columns)), max(THIN, round(scale * self.rows))

    @property
    def lines(self) -> bool:
        """Whether there is room for a line between cells."""
        return max(self.rows, self.columns) <= 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One row of a histogram: bars as (x, width, height, height beyond) in shares of the plot, and what they say."""

    name: str
    bars: tuple[tuple[float, float, float, float, str], ...]
    count: int
    said: str
    mark: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Histograms over one axis: ticks as (x, label), and the place of the bound if there is one."""

    strips: list[Strip] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)
    line: float | None = None


def lengths(chart: dict[str, str] | None) -> list[int]:
    """Of the array that a chart is of; empty where there is none."""
    return [int(length) for length in chart["shape"].split(",")] if chart else []


def errormap(result: Result) -> list[Grid]:
    """The wrong elements of a finding and the receptive field of the worst; empty if the finding has no chart."""
    chart, at, array = result.numbers.map, result.numbers.at, result.numbers.array or "y"
    if chart is None or at is None:
        return []
    shape = lengths(chart)
    last = shape[-2:] if len(shape) > 1 else [1, *shape]
    place = at[-2:] if len(at) > 1 else [0, *at]
    where = f"[{', '.join(map(str, [*at[:-2], ':', ':']))}]" if "planes" in chart else ""
    made = [_chart(f"wrong in {array}{where}", chart["plane"], last, place)]
    if "planes" in chart:
        made.append(_chart(f"planes of {array} that have any", chart["planes"], shape[:2], at[:2]))
    case = result.case
    shapes = {"y": case.out, "gx": case.x, "gw": case.w, "gb": case.w[:1]}
    if shapes.get(array) == tuple(shape):
        made += _field(case, array, at)
    return made


def _chart(title: str, grid: str, length: Sequence[int], at: Sequence[int]) -> Grid:
    size, _, cells = grid.partition(":")
    rows, columns = map(int, size.split(","))
    bits = "".join(f"{byte:08b}" for byte in bytes.fromhex(cells))
    step = [-(-n // FINE) for n in length]
    marked = [[bits[r * columns + c] == "1" for c in range(columns)] for r in range(rows)]
    note = f"{length[0]}×{length[1]}"
    if step != [1, 1]:
        note += f"; a cell is {step[0]}×{step[1]}"
    return Grid(
        title=title, note=note, rows=rows, columns=columns, inner=(0, 0, columns, rows), filled=_path(_runs(marked)),
        ring=(at[1] // step[1], at[0] // step[0]),
    )  # fmt: skip


def _field(case: Case, array: str, at: Sequence[int]) -> Iterator[Grid]:
    found = receptive(case, array, at)
    if found is None:
        return
    (height, width), (top, bottom, left, right) = found.size, found.sides
    cells = [(r, c) for r in found.rows for c in found.columns] if len(found.rows) * len(found.columns) <= MANY else []
    inside = [0 <= r < height and 0 <= c < width for r, c in cells]
    boxes = [(c + left, r + top, 1, 1) for r, c in cells]
    if not cells and found.rows and found.columns:
        first, across = (found.columns[0], found.rows[0]), (found.columns[-1], found.rows[-1])
        boxes, inside = [(first[0] + left, first[1] + top, across[0] - first[0] + 1, across[1] - first[1] + 1)], [True]
    operand = "the input" if found.operand == "x" else "the gradient of y"
    taps = len(found.rows) * len(found.columns)
    note = f"{height}×{width}; {found.planes}; {counted(taps, 'element')} in each"
    yield Grid(
        title=f"the worst element's receptive field on {operand}",
        note=note + ("; around the frame: padding" if any(found.sides) else ""),
        rows=height + top + bottom, columns=width + left + right, inner=(left, top, width, height), kind="field",
        filled=_path(box for box, within in zip(boxes, inside, strict=True) if within),
        hollow=_path(box for box, within in zip(boxes, inside, strict=True) if not within),
    )  # fmt: skip


def _runs(marked: list[list[bool]]) -> Iterator[tuple[int, int, int, int]]:
    """Marked cells, neighbours in a row put together."""
    for y, row in enumerate(marked):
        x = 0
        while x < len(row):
            end = x
            while end < len(row) and row[end]:
                end += 1
            if end > x:
                yield (x, y, end - x, 1)
            x = max(end, x + 1)


def _path(boxes: Iterator[tuple[int, int, int, int]]) -> str:
    return "".join(f"M{x} {y}h{width}v{height}h{-width}z" for x, y, width, height in boxes)


def ratios(results: Sequence[Result]) -> Plot:
    """Errors as fractions of the bound, by element type, over a logarithmic axis."""
    held = _by_dtype(results, "ratio")
    logs = [math.log10(v) for several in held.values() for v, _ in several if 0 < v < math.inf]
    if not held:
        return Plot()
    low = min(-1, max(-6, math.floor(min(logs, default=-2))))  # the bound, at 0, stays within
    high = min(9, max(1, math.ceil(max(logs, default=1))))
    each = max(1, BINS // (high - low))
    strips = []
    for name, several in held.items():
        powers = [(math.log10(v) if v > 0 else low, bad) for v, bad in several]
        strips.append(_strip(name, powers, low, high, each, f"worst {number(max(v for v, _ in several))}"))
    step = math.ceil((high - low) / 8)
    ticks = [
        (_share(power, low, high), "1" if power == 0 else f"{10.0**power:g}" if abs(power) < 4 else f"1e{power}")
        for power in range(low, high + 1)
        if power % step == 0
    ]
    return Plot(strips=strips, ticks=ticks, line=_share(0, low, high))


def bits(results: Sequence[Result]) -> Plot:
    """Effective bits by element type; each type's own precision is marked."""
    held = _by_dtype(results, "bits")
    if not held:
        return Plot()
    own = {name: -math.log2(UNIT[name]) for name in held}
    high = 8 * math.ceil(max([*own.values(), *(v for several in held.values() for v, _ in several if v < 90)]) / 8)
    strips = [
        _strip(name, several, 0, high, 1, f"fewest {number(min(several)[0], '.1f')}", mark=_share(own[name], 0, high))
        for name, several in held.items()
    ]
    return Plot(strips=strips, ticks=[(_share(n, 0, high), str(n)) for n in range(0, high + 1, 8)])


def _by_dtype(results: Sequence[Result], figure: str) -> dict[str, list[tuple[float, bool]]]:
    """A figure of every comparison against a bound, and whether it was a finding."""
    held: dict[str, list[tuple[float, bool]]] = {}
    for result in results:
        value = getattr(result.numbers, figure)
        if result.numbers.tier == "bound" and value is not None and not math.isnan(value):
            held.setdefault(result.case.dtype, []).append((value, result.finding))
    return {name: held[name] for name in DTYPES if name in held}


def _strip(
    name: str, values: list[tuple[float, bool]], low: int, high: int, each: int, said: str, mark: float | None = None
) -> Strip:
    """A row of bars; what lies outside of the axis is counted at its ends."""
    many = (high - low) * each
    tally = [[0, 0] for _ in range(many)]
    for value, bad in values:
        place = 0 if value == -math.inf else many - 1 if value == math.inf else math.floor((value - low) * each)
        tally[min(many - 1, max(0, place))][bad] += 1
    top = max(sum(pair) for pair in tally)
    bars = []
    for place, (good, wrong) in enumerate(tally):
        heights = [count and max(0.04, count / top) for count in (good, wrong)]
        if any(heights):
            words = f"{good + wrong}" + (f", {wrong} of them findings" if wrong else "")
            bars.append((place / many, 1 / many, heights[0], heights[1], words))
    return Strip(name=name, bars=tuple(bars), count=len(values), said=said, mark=mark)


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low)
