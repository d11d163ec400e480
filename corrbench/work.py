"""How little work can a case be done with? Products that are not with padding, and every element that matters once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corrbench.case import Case

SIZES = {"float64": 8, "int64": 8, "complex64": 8, "complex128": 16, "float32": 4, "int32": 4, "float16": 2,
         "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """What one call cannot do without, if it multiplies directly.

    Attributes:
        products: multiplications whose two factors are both given numbers, none of them a zero of the padding.
        moved: bytes of the elements that the result depends on, and of the result, each once.
    """

    products: int
    moved: int


def work(case: Case, mode: str = "forward") -> Work:
    """The least work of a call, or of a call and all its gradients.

    Each product x·w appears once more in the gradient of x, as g·w, and in that of w, as g·x.
    """
    (n, c, height, width), (o, cg, kh, kw) = case.x, case.w
    top, _, left, _ = case.sides
    rows, columns = (
        axis(size, taps, out, stride, dilation, before)
        for size, taps, out, stride, dilation, before in (
            (height, kh, case.out[2], case.stride[0], case.dilation[0], top),
            (width, kw, case.out[3], case.stride[1], case.dilation[1], left),
        )
    )
    products = n * o * cg * rows[0] * columns[0]
    seen = n * c * rows[1] * columns[1] + o * cg * rows[2] * columns[2] + (o if case.bias else 0)
    elements = seen + math.prod(case.out)
    if mode == "backward":
        products *= 3
        elements += math.prod(case.out) + math.prod(case.x) + math.prod(case.w) + (o if case.bias else 0)
    return Work(products, elements * SIZES[case.dtype])


def axis(size: int, taps: int, out: int, stride: int, dilation: int, before: int) -> tuple[int, int, int]:
    """Along one axis: pairs of an output and a tap that meet the image, places of it so met, and taps that meet it."""
    pairs, met = 0, 0
    places: set[int] = set()
    for tap in range(taps):
        # 0 <= i*stride + tap*dilation - before < size, for the outputs i from 0 to out - 1
        start = tap * dilation - before
        first, last = max(0, -(start // stride)), min(out - 1, (size - 1 - start) // stride)
        if last >= first:
            pairs, met = pairs + last - first + 1, met + 1
            places.update(range(first * stride + start, last * stride + start + 1, stride))
    return pairs, len(places), met
