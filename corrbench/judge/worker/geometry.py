"""The arguments of one call written out in numbers, for targets that are handed nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from .library import Array

Conv2d = Callable[..., Any]  # with the signature of torch.nn.functional.conv2d


class Failed(Exception):
    """The target said that it failed, or said what was not agreed upon: no refusal, whatever the words."""


class Geometry(NamedTuple):
    """Stride and dilation by axis, zeros at (top, bottom, left, right), and the shape of the result."""

    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    groups: int
    out: tuple[int, int, int, int]


def pair(value: Any) -> tuple[int, int]:
    """A number twice, or the two that are given.

    Raises:
        ValueError: another number of numbers.
    """
    numbers = (value, value) if isinstance(value, int) else tuple(value)
    if len(numbers) != 2:
        raise ValueError(f"one number or two, not {value!r}")
    return numbers


def sides(padding: Any, kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int, int, int]:
    """Zeros at (top, bottom, left, right); ``"same"`` puts an odd one at the bottom and right, as torch does."""
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    if not isinstance(padding, int) and len(padding) == 4:
        top, bottom, left, right = padding
        return (top, bottom, left, right)
    rows, columns = pair(padding)
    return (rows, rows, columns, columns)


def geometry(x: Array, w: Array, b: Array | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    """The numbers of a call that has a result. Artefacts are never asked for one that has none: their interfaces have
    one size each for what must be equal.

    Raises:
        ValueError: it has none.
    """
    steps, spread = pair(stride), pair(dilation)
    if x.ndim != 4 or w.ndim != 4:
        raise ValueError(f"input and weight of {x.ndim} and {w.ndim} axes, not of four")
    around = sides(padding, w.shape[2:], spread)
    if min(*steps, *spread, groups) < 1 or min(around) < 0:
        raise ValueError(f"stride {steps}, dilation {spread} and groups {groups} begin at 1, padding {around} at 0")
    if padding == "same" and steps != (1, 1):
        raise ValueError("padding='same' needs stride 1")
    if x.dtype != w.dtype or (b is not None and b.dtype != x.dtype):
        raise ValueError("operands of unequal element types")
    if x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ValueError(f"{groups} groups of kernels {w.shape} do not go with an input {x.shape}")
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"a bias of shape {b.shape} for {w.shape[0]} kernels")
    rows, columns = (
        (x.shape[2 + i] + sum(around[2 * i : 2 * i + 2]) - spread[i] * (w.shape[2 + i] - 1) - 1) // steps[i] + 1
        for i in (0, 1)
    )
    if min(rows, columns) < 1:
        raise ValueError(f"the kernel {w.shape[2:]} is larger than the padded input {x.shape[2:]}")
    return Geometry(steps, around, spread, groups, (x.shape[0], w.shape[0], rows, columns))


def planes_too(function: Conv2d) -> Conv2d:
    """The same function, for which two planes are an input and a weight of one channel each: the form corr2d."""

    @functools.wraps(function)
    def called(input: Any, weight: Any, *rest: Any, **words: Any) -> Any:
        if input.ndim == weight.ndim == 2:
            return function(input[None, None], weight[None, None], *rest, **words)[0, 0]
        return function(input, weight, *rest, **words)

    return called
