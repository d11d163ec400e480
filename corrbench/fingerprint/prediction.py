"""Prediction: the data that models are held to, and where a result has the bits that a model gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corrbench.case import Case
from corrbench.fingerprint.asking import Cell, kept
from corrbench.fingerprint.found import Found
from corrbench.fingerprint.model import Model, evaluate
from corrbench.numerics.inputs import cast
from corrbench.numerics.problem import Array

SPREAD = {"float64": 12, "float32": 8, "bfloat16": 8, "float16": 2}  # powers of two that operands range over
EVERY = 2  # of which one input spreads its sizes and the next does not

Pair = tuple[Array, Array]


def drawn(case: Case, seed: int, count: int, salt: int = 0) -> list[Pair]:
    """Inputs and kernels with full significands, normal, every other one of sizes that spread over powers of two."""
    found = []
    for number in range(count):
        random = np.random.default_rng([seed, salt, number, *case.x, *case.w])
        pair = []
        for shape in (case.x, case.w):
            values = random.standard_normal(shape)
            if number % EVERY:
                values *= 2.0 ** random.integers(-SPREAD[case.dtype], 1, shape)
            pair.append(np.ascontiguousarray(cast(values, case.dtype).astype(kept(case.dtype))))
        found.append((pair[0], pair[1]))
    return found


def seen_operands(cell: Cell, pairs: list[Pair]) -> list[Pair]:
    """With the border that the target puts around."""
    return [(cell.target.convention.enlarged(x, cell.case), w) for x, w in pairs]


def changed(first: Sequence[Array], second: Sequence[Array]) -> str:
    """What differs between the results of the same calls; empty if nothing does."""
    for a, b in zip(first, second, strict=True):
        differ = a.tobytes() != b.tobytes() and (a != b) & ~((a != a) & (b != b))
        if np.any(differ):
            place = [int(axis) for axis in np.argwhere(differ)[0]]
            return (
                f"the same call gave {a[tuple(place)]!r} and then {b[tuple(place)]!r} at {place}, "
                f"and {int(np.sum(differ))} of {a.size} outputs differ"
            )
    return ""


def agree(predicted: Array, got: Array, case: Case) -> Array:
    """Where two results have the same bits; zeros of either sign and any NaN are one."""
    wanted = predicted.astype(kept(case.dtype))
    same: Array = (wanted == got) | ((wanted != wanted) & (got != got))
    return same


def predicted(found: Found, case: Case, x: Array, w: Array) -> Array:
    """The result that the models of all classes predict."""
    made = np.zeros(case.out)
    for region, model in found.classes:
        made = np.where(region.mask, evaluate(model, case, x, w), made)
    return made


def window(case: Case, x: Array, at: tuple[int, int, int]) -> tuple[Case, Array]:
    """The part of the input that all channels of the result see at one place, and the case of that part alone."""
    top, bottom, left, right = case.sides
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    n, row, column = at
    reach = [d * (k - 1) + 1 for d, k in zip(case.dilation, case.w[2:], strict=True)]
    i, j = row * case.stride[0], column * case.stride[1]
    part = padded[n : n + 1, :, i : i + reach[0], j : j + reach[1]]
    shape = (1, case.x[1], reach[0], reach[1])
    return case.but(x=shape, padding=(0, 0, 0, 0), stride=(1, 1)), part


def fits(
    model: Model, cell: Cell, at: tuple[int, int, int], channels: Sequence[int], pairs: list[Pair], results: list[Array]
) -> bool:
    """Whether a model predicts one place in these channels, in all data."""
    n, row, column = at
    for (x, w), y in zip(pairs, results, strict=True):
        case, part = window(cell.case, x, at)
        made = evaluate(model, case, part, w)[0, :, 0, 0]
        if not agree(made, y[n, :, row, column], case)[list(channels)].all():
            return False
    return True


def matches(model: Model, case: Case, pairs: list[Pair], results: list[Array]) -> Array:
    """The outputs that a model predicts in all data."""
    fine = np.ones(case.out, bool)
    for (x, w), y in zip(pairs, results, strict=True):
        fine &= agree(evaluate(model, case, x, w), y, case)
    return fine
