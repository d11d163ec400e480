"""The receptive field of one element of a result or of a gradient: which products it is the sum of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corrbench.case import Case, Sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The part of an operand that one element is a sum over: every named row crossed with every named column.

    Attributes:
        operand: ``x``, or ``g`` for the cotangent, the gradient of the result.
        size: rows and columns of one plane of the operand, without padding.
        sides: zeros around it, at (top, bottom, left, right).
        rows, columns: indices into the plane; those outside of ``range(size)`` fall on padding.
        planes: which planes, in words.
    """

    operand: str
    size: tuple[int, int]
    sides: Sides
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    planes: str


def field(case: Case, array: str, at: Sequence[int]) -> Field | None:
    """The field of the element `at` of an array of `case`; None for an array that is not a plain result or gradient.

    Args:
        case: the problem.
        array: ``y``; ``gx``, ``gw`` or ``gb``, its gradients.
        at: an index into the array.
    """
    shapes = {"y": case.out, "gx": case.x, "gw": case.w, "gb": case.w[:1]}
    if array not in shapes or len(at) != len(shapes[array]):
        return None
    if not all(0 <= i < length for i, length in zip(at, shapes[array], strict=True)):
        return None
    first = case.sides[0], case.sides[2]
    image, result = (case.x[2], case.x[3]), (case.out[2], case.out[3])
    each, kernels = case.w[1], case.w[0] // case.groups
    if array == "y":
        group = at[1] // kernels
        rows, columns = (
            tuple(at[2 + i] * case.stride[i] + tap * case.dilation[i] - first[i] for tap in range(case.w[2 + i]))
            for i in (0, 1)
        )
        planes = f"image {at[0]}, {_span('channel', group * each, each)}"
        return Field(operand="x", size=image, sides=case.sides, rows=rows, columns=columns, planes=planes)
    if array == "gx":
        rows, columns = (
            tuple(o for o in range(result[i]) if _meets(case, i, at[2 + i] + first[i] - o * case.stride[i]))
            for i in (0, 1)
        )
        planes = f"image {at[0]}, {_span('channel', at[1] // each * kernels, kernels)}"
    elif array == "gw":
        rows, columns = (
            tuple(o * case.stride[i] + at[2 + i] * case.dilation[i] - first[i] for o in range(result[i]))
            for i in (0, 1)
        )
        planes = f"{_span('image', 0, case.x[0])}, channel {at[0] // kernels * each + at[1]}"
        return Field(operand="x", size=image, sides=case.sides, rows=rows, columns=columns, planes=planes)
    else:
        rows, columns = tuple(range(result[0])), tuple(range(result[1]))
        planes = f"{_span('image', 0, case.x[0])}, channel {at[0]}"
    return Field(operand="g", size=result, sides=(0, 0, 0, 0), rows=rows, columns=columns, planes=planes)


def _meets(case: Case, axis: int, distance: int) -> bool:
    """Whether a tap of the kernel lies so far from the window's first."""
    tap, rest = divmod(distance, case.dilation[axis])
    return rest == 0 and 0 <= tap < case.w[2 + axis]


def _span(name: str, first: int, count: int) -> str:
    return f"{name} {first}" if count == 1 else f"{name}s {first} to {first + count - 1}"
