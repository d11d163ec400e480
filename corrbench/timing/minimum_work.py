"""The least work of a case: its products but for those with padding, and every element that matters once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from corrbench.case import Case
from corrbench.numerics.formats import BYTES


@dataclass(frozen=True, slots=True)
class Work:
    """What one call cannot do without.

    Attributes:
        products: multiplications of the direct sum whose factors are both given numbers, neither a zero of the padding.
        fewest: multiplications, each with an addition, of whatever way is the shortest: the direct sum or transforms.
        moved: bytes of the elements that the result depends on, and of the result, each once.
    """

    products: int
    fewest: float
    moved: int


def work(case: Case, mode: str = "forward") -> Work:
    """The least work of a call, or of a call and all its gradients.

    Each product x·w appears once more in the gradient of x, as g·w, and in that of w, as g·x.

    By fast Fourier transforms of blocks larger than the kernel, t taps, every number of the input and of the result
    goes through log2(t) stages or more, of a multiplication and an addition at the least; and a product with the kernel
    is left for each number of the result and each pair of channels. Winograd's algorithms need more than that, or more
    than a quarter of the direct sum.
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
    taps = max(1, rows[2] * columns[2])
    stages = (n * c * rows[1] * columns[1] + math.prod(case.out)) * math.log2(taps)
    if mode == "backward":
        products *= 3
        elements += math.prod(case.out) + math.prod(case.x) + math.prod(case.w) + (o if case.bias else 0)
    return Work(products, min(products, products / taps + stages), elements * BYTES[case.dtype])


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
