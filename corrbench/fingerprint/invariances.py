"""What the bits of a result do not depend on, and where they do; what padding and tiny numbers do to them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench.case import Case
from corrbench.fingerprint.asking import Cell, Unanswered, kept
from corrbench.fingerprint.prediction import drawn
from corrbench.numerics.formats import MIN_NORMAL
from corrbench.numerics.problem import Array

BATCHES = (2, 3, 4, 16)
LAYOUTS = ("x:channels_last", "x:transposed", "x:step", "w:transposed", "x:channels_last,w:channels_last")
OFFSETS = ("x:offset", "w:offset", "x:rows")
TIMES = 3  # the same call


def matrix(cell: Cell, seed: int) -> dict[str, str]:
    """For each thing that should not matter ``yes``, ``not asked``, or the first place where bits differ."""
    cell = Cell(cell.target, cell.case.but(x=(1, *cell.case.x[1:])), cell.threads)
    [(x, w)] = drawn(cell.case, seed, 1, salt=99)
    [y] = cell.ask([(x, w)])
    found = {}
    for name, ways in {
        "rerun": reruns, "batch size": batches, "batch position": positions, "threads": threads, "layout": layouts,
        "alignment": offsets,
    }.items():  # fmt: skip
        said, asked = "", False
        try:
            for place, wanted, got in ways(cell, x, w, y):
                asked = True
                if said := differs(wanted, got):
                    said = f"{place}: {said} ({short(cell.case)})"
                    break
        except Unanswered as error:
            said = f"cannot be asked: {error}"
        found[name] = said or ("yes" if asked else "not asked")
    return found


def differs(a: Array, b: Array) -> str:
    """In how many elements two results have other bits; empty if in none."""
    wrong = (a != b) & ~((a != a) & (b != b))
    return f"{int(wrong.sum())} of {a.size} outputs differ" if wrong.any() else ""


def short(case: Case) -> str:
    """The sizes of a case."""
    return f"C={case.x[1]} O={case.w[0]} k={case.w[2]}×{case.w[3]}"


Comparison = Iterator[tuple[str, Array, Array]]


def reruns(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """The same call again."""
    for got in cell.ask([(x, w)] * TIMES):
        yield "the same call again", y, got


def batches(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """The image alone, and as the first of several."""
    for n in BATCHES:
        case = cell.case.but(x=(n, *x.shape[1:]))
        if cell.target.fit(case) != case:
            return
        more = np.concatenate([x, *(np.roll(x, k, axis=3) for k in range(1, n))])
        [got] = cell.target.ask(case, [(more, w)], cell.threads)
        yield f"N={n}", y[0], got[0]


def positions(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """The image at each place of a batch of its copies."""
    n = BATCHES[-2]
    case = cell.case.but(x=(n, *x.shape[1:]))
    if cell.target.fit(case) != case:
        return
    [got] = cell.target.ask(case, [(np.concatenate([x] * n), w)], cell.threads)
    for place in range(1, n):
        yield f"image {place} of {n}", got[0], got[place]


def threads(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """One thread, and several of torch's."""
    if cell.target.spec.arrays != "torch":
        return
    for count in (2, 4):
        [got] = cell.target.ask(cell.case, [(x, w)], count)
        yield f"{count} threads", y, got
    case = cell.case.but(x=(2, *x.shape[1:]))
    if cell.target.fit(case) == case:
        pair = (np.concatenate([x, x]), w)
        one, two = (cell.target.ask(case, [pair], count)[0] for count in (1, 2))
        yield "2 threads, N=2", one, two


def layouts(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """Other orders of the axes in memory."""
    yield from laid_out(cell, x, w, y, LAYOUTS)


def offsets(cell: Cell, x: Array, w: Array, y: Array) -> Comparison:
    """Other places in memory."""
    yield from laid_out(cell, x, w, y, OFFSETS)


def laid_out(cell: Cell, x: Array, w: Array, y: Array, ways: tuple[str, ...]) -> Comparison:
    """The same numbers, laid out otherwise."""
    if cell.target.spec.arrays == "list":
        return
    for layout in ways:
        [got] = cell.target.ask(cell.case.but(layout=layout), [(x, w)], cell.threads)
        yield layout, y, got


def facts(cell: Cell) -> dict[str, str]:
    """What becomes of an infinite weight over padding, and of numbers below the normal range."""
    case, found = cell.case, {}
    kind = kept(case.dtype)
    tiny = MIN_NORMAL[case.dtype]
    ones = np.ones(case.x, kind)
    asked = {
        "subnormal operands": (np.full(case.x, tiny / 4, kind), np.ones(case.w, kind)),
        "subnormal products": (np.full(case.x, np.sqrt(tiny) / 4, kind), np.full(case.w, np.sqrt(tiny) / 4, kind)),
    }
    for name, pair in asked.items():
        try:
            [y] = cell.ask([pair])
        except Unanswered as error:
            found[name] = f"cannot be asked: {error}"
            continue
        found[name] = (
            "kept" if np.all(y != 0) else "counted as zero" if not y.any() else "counted as zero in some outputs"
        )
    padded = case.but(padding=(1, 1, 1, 1))
    if cell.target.fit(padded) == padded and min(case.w[2:]) > 1:
        w = np.ones(case.w, kind)
        w[:, :, 0, 0] = np.inf  # meets padding alone in the first row and column
        try:
            [y] = cell.target.ask(padded, [(ones, w)], cell.threads)
            corner = y[0, 0, 0, 0]
            found["infinite weight over padding"] = (
                "NaN" if np.isnan(corner) else "no effect" if np.isfinite(corner) else str(corner)
            )
        except Unanswered as error:
            found["infinite weight over padding"] = f"cannot be asked: {error}"
    return found
