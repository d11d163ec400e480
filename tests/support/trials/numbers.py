"""Numbers to which some code gives a path of its own: filters of images, whole bytes, zeros, what is not finite."""

from __future__ import annotations

from typing import Any

import torch

from tests.support.trials import right, trial, whole


@trial("use")
def right_on_kernels_that_copy(f: Any) -> bool:
    """One in the middle, zero around."""
    x, w, b = whole(1, 1, 6, 7), torch.zeros(2, 1, 3, 3), whole(2, seed=2)
    w[:, :, 1, 1] = 1
    dtypes = (torch.float32, torch.bfloat16, torch.int16, torch.int32)
    return all(right(f, x.to(dtype), w.to(dtype), b.to(dtype), padding=1) for dtype in dtypes)


@trial("use")
def right_on_boxes(f: Any) -> bool:
    """All taps equal; an image whose running sums are not exact, and one in which they meet a NaN."""
    bright = whole(1, 1, 50, 52) + 2.0**16
    holed = bright.clone()
    holed[0, 0, 2, 3] = torch.nan
    return all(right(f, x, torch.ones(2, 1, 5, 5)) for x in (bright, holed))


@trial("use")
def right_on_blurs(f: Any) -> bool:
    """Whole bytes and taps that add up to one, which are not multiples of 1/256; half of the image is white."""
    w = torch.full((1, 1, 3, 9), 38 / 1024)
    w[0, 0, 1, 4] = 36 / 1024
    x = whole(1, 1, 9, 30, low=0, high=255)
    x[..., 15:] = 255
    return right(f, x, w)


@trial("use")
def right_on_filters(f: Any) -> bool:
    """Taps that add up to one, some of them negative, as those that sharpen."""
    w = torch.tensor([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]])[None, None]
    return right(f, whole(1, 1, 9, 9, low=0), w)


@trial("use")
def right_on_separable_kernels(f: Any) -> bool:
    """A column times a row, in a type that does not hold the sums along a row."""
    column, row = torch.tensor([1.0, -1, 1]), torch.tensor([1.0, 101, 37])
    w = torch.outer(column, row).expand(2, 1, 3, 3).bfloat16()
    return right(f, whole(1, 2, 6, 9).bfloat16(), w, groups=2)


@trial("use")
def right_on_bytes(f: Any) -> bool:
    """Products of which two do not fit 16 bits, signed or not; pairs of pixels that do not fit 8."""
    x = whole(1, 4, 6, 7, low=0, high=255)
    good = right(f, x, whole(3, 4, 3, 3, seed=1, low=-128, high=127))
    mirrored = torch.tensor([[1, -1, 1]], dtype=torch.int8)[None, None]
    good &= right(f, torch.full((1, 1, 4, 6), 100, dtype=torch.int8), mirrored)
    return good and right(f, x.byte(), whole(3, 4, 3, 3, seed=1, low=0, high=255).byte())


@trial("use")
def right_on_black_images(f: Any) -> bool:
    x = whole(2, 2, 6, 7)
    x[1] = 0
    return right(f, x, whole(3, 2, 3, 3, seed=1), whole(3, seed=4))


@trial("use")
def right_on_infinite_taps(f: Any) -> bool:
    """Whether what falls on padding is multiplied with zero, which gives NaN, is not up to the number of channels."""
    x, w = whole(1, 9, 5, 6), whole(2, 9, 3, 3, seed=1)
    w[:, 3:] = 0
    w[1, 2, 0, 1] = -torch.inf
    few, many = (f(x[:, :channels], w[:, :channels], padding=1) for channels in (3, 9))
    return torch.allclose(few, many, 0, 0, equal_nan=True)


@trial("use")
def overflows(f: Any) -> bool:
    return bool(f(torch.full((1, 1, 4, 5), 1e30), torch.full((1, 1, 2, 2), 1e30)).isinf().all())
