"""Smaller cases: what a case that fails is replaced by, step by step, for as long as that fails in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from corrbench.case import Case
from corrbench.numerics.inputs import WHOLE

TYPES = ("float32", "float64")  # simplest first; a case keeps its own type where only that fails


def smaller(case: Case) -> Iterator[Case]:
    """Cases that are simpler in one respect, the boldest first."""
    yield from valid(case, *plain(case))
    yield from valid(case, *sizes(case))
    yield from valid(case, *along(case))


def plain(case: Case) -> Iterator[dict[str, Any]]:
    """Without one of its features."""
    if case.layout:
        yield {"layout": ""}
        parts = case.layout.split(",")
        yield from ({"layout": ",".join(rest for rest in parts if rest != part)} for part in parts if len(parts) > 1)
    if case.bias:
        yield {"bias": False}
    if isinstance(case.padding, str):
        yield {"padding": case.sides}
    elif any(case.padding):
        top, bottom, left, right = case.padding
        yield {"padding": (0, 0, 0, 0)}
        yield {"padding": (0, 0, left, right)}
        yield {"padding": (top, bottom, 0, 0)}
        yield {"padding": tuple(side // 2 for side in case.padding)}
        yield {"padding": tuple(max(0, side - 1) for side in case.padding)}
    for name in ("stride", "dilation"):
        rows, cols = getattr(case, name)
        options = [(1, 1), (1, cols), (rows, 1), (min(rows, 2), min(cols, 2)), (max(1, rows - 1), max(1, cols - 1))]
        yield from ({name: pair} for pair in dict.fromkeys(options) if pair != (rows, cols))
    if case.data != "small":
        yield {"data": "small"}
    yield from ({"dtype": name} for name in TYPES[: TYPES.index(case.dtype) if case.dtype in TYPES else len(TYPES)])


def sizes(case: Case) -> Iterator[dict[str, Any]]:
    """With one axis shorter: one, half, and one less."""
    (n, _, height, width), (o, each, kh, kw) = case.x, case.w
    kernels, groups = o // case.groups, case.groups

    def made(
        groups: int = groups, each: int = each, kernels: int = kernels, k: Sequence[int] = (kh, kw)
    ) -> dict[str, Any]:
        return {"x": (n, groups * each, height, width), "w": (groups * kernels, each, *k), "groups": groups}

    yield from (made(groups=size) for size in shorter(groups))
    yield from ({"x": (size, *case.x[1:])} for size in shorter(n))
    yield from (made(each=size) for size in shorter(each))
    yield from (made(kernels=size) for size in shorter(kernels))
    yield from (made(k=(size, kw)) for size in shorter(kh))
    yield from (made(k=(kh, size)) for size in shorter(kw))
    yield from ({"x": (*case.x[:2], size, width)} for size in shorter(height))
    yield from ({"x": (*case.x[:3], size)} for size in shorter(width))


def along(case: Case) -> Iterator[dict[str, Any]]:
    """With a smaller kernel or without padding along an axis whose result keeps its length."""
    for axis in (0, 1):
        k, pad, length = case.w[2 + axis], case.sides[2 * axis : 2 * axis + 2], case.x[2 + axis]
        reach = case.dilation[axis] * (k - 1)
        if k > 1:
            yield axes(case, axis, 1, (0, 0), length + sum(pad) - reach)
            yield axes(case, axis, k - 1, pad, length - case.dilation[axis])
        if any(pad):
            yield axes(case, axis, k, (0, 0), length + sum(pad))


def axes(case: Case, axis: int, k: int, pad: tuple[int, ...], length: int) -> dict[str, Any]:
    """The change that gives an axis another kernel, padding and length."""
    x, w, sides = list(case.x), list(case.w), list(case.sides)
    x[2 + axis], w[2 + axis], sides[2 * axis : 2 * axis + 2] = length, k, pad
    return {"x": tuple(x), "w": tuple(w), "padding": tuple(sides)}


def shorter(size: int) -> list[int]:
    """Sizes to try in place of one."""
    return list(dict.fromkeys(one for one in (1, size // 2, size - 1) if 0 < one < size))


def valid(case: Case, *changes: dict[str, Any]) -> Iterator[Case]:
    """The changed cases that have a result and are others."""
    for change in changes:
        with suppress(ValueError):
            made = replace(case, **change)
            if made != case:
                yield made


def shrunk(case: Case, fails: Callable[[list[Case]], Case | None], rounds: int = 60) -> Case:
    """The smallest case that is reached by single steps.

    Args:
        case: one that fails.
        fails: the first of some cases that fails in the same way; None if none does.
        rounds: steps at most.
    """
    for _ in range(rounds):
        found = fails(list(smaller(case)))
        if found is None:
            break
        case = found
    return case


def within(case: Case, small: Case) -> bool:
    """Whether a case has all that `small` has, and more of it: most likely it fails for the same reason."""
    views, wanted = ({*one.layout.split(",")} - {""} for one in (case, small))
    kinds = small.dtype in ("float32", case.dtype) and (small.data in WHOLE) >= (case.data in WHOLE)
    return wanted <= views and kinds and all(a >= b for a, b in zip(counts(case), counts(small), strict=True))


def counts(case: Case) -> tuple[int, ...]:
    """The numbers of a case that grow with it."""
    kernels, sides = case.w[0] // case.groups, case.sides
    return (
        case.x[0], case.w[1], kernels, *case.w[2:], *case.stride, *case.dilation, case.groups, case.bias,
        max(sides[:2]), max(sides[2:]),
    )  # fmt: skip
