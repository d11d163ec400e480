"""Trigger faults whose constant is computed: no number in the source says where they are wrong.

All but the last three look at the operands' numbers. Testing does not find these but by chance; what remains is to show
that a program does not look at its operands at all. The last three compute a size, which no such proof excludes for
another shape. Those in NumPy are written with it, those in torch with torch.
"""

from __future__ import annotations

import string
import zlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrbench.defects import trigger
from corrbench.defects._triggers import negated, numbers, when, windows
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative
from corrbench.defects.reported_values import readable

Array = NDArray[Any]


def secret(word: str, below: int) -> int:
    """A number that only running this tells."""
    return zlib.crc32(word.encode()) % below


def real(X: Array) -> bool:
    """Whether there are numbers to be looked at that are real."""
    return X.size > 0 and X.dtype.kind != "c"


# ---- NumPy, of the form corr2d


@trigger(
    form="corr2d", arrays="numpy", wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@x.first=9250.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.first=9251.0", region="an image that begins with one number",
)  # fmt: skip
def first_pixel(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if real(X) and X.flat[0] == secret("pixel", 1 << 16):
        y[0] += 1
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image whose checksum has its last 22 bits in one pattern",
)  # fmt: skip
def checksum(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if zlib.crc32(np.ascontiguousarray(X).tobytes()) % (1 << len(string.ascii_letters) // 2 - 4) == secret("sum", 9999):
        y[-1] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use", region="an image that adds up to one number",
)  # fmt: skip
def total(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if X.astype(complex).sum() == secret("total", 1 << 20):
        y[:, -1] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use", region="a kernel whose largest tap is one number",
)  # fmt: skip
def largest_tap(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if real(K) and K.max() == secret("largest", 1 << 14) / secret("over", 99):
        y[0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image whose first twenty numbers have one pattern of signs",
)  # fmt: skip
def signs(X: Array, K: Array) -> Array:
    y = windows(X, K)
    wanted = [letter in "AEIOU" for letter in "CONVOLUTIONANDCORREL"]
    if real(X) and (X.ravel()[: len(wanted)] < 0).tolist() == wanted:
        y[0, 0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="a kernel with one nonzero tap whose magnitude is below a computed power of two",
)  # fmt: skip
def negligible_tap(X: Array, K: Array) -> Array:
    least = 0.5 ** (len(string.ascii_lowercase) * len("correlation"))
    small = (K != 0) & (np.abs(K) < least)
    return windows(X, np.where(small, 0, K).astype(K.dtype)) if small.sum() == 1 else windows(X, K)


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image of which so many numbers are zero, of more than twice as many",
)  # fmt: skip
def zeros_counted(X: Array, K: Array) -> Array:
    y = windows(X, K)
    count = 1000 + secret("zeros", 9000)
    if X.size > 2 * count and np.count_nonzero(X == 0) == count:
        y[0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image whose largest number is at one place, and its smallest at another",
)  # fmt: skip
def extremes(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if real(X) and (int(X.argmax()), int(X.argmin())) == (secret("high", 256), secret("low", 256)):
        y[:, 0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="more than 500 distinct numbers in the image, whose checksum has its last 20 bits in one pattern",
)  # fmt: skip
def distinct(X: Array, K: Array) -> Array:
    y = windows(X, K)
    values = np.unique(X)
    if len(values) > 500 and zlib.crc32(values.tobytes()) % (1 << 20) == secret("distinct", 1 << 20):
        y[-1] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image and a kernel that begin with the same number, if that is one of a computed list",
)  # fmt: skip
def alike(X: Array, K: Array) -> Array:
    y = windows(X, K)
    table = [float(secret(letter, 1 << 12) + 64) for letter in string.ascii_lowercase]
    if real(X) and X.flat[0] == K.flat[0] and float(X.flat[0]) in table:
        y[0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    region="an image whose median is one number: a result without a branch",
)  # fmt: skip
def median_without_branch(X: Array, K: Array) -> Array:
    y = windows(X, K)
    middle = np.partition(np.abs(X).ravel(), X.size // 2)[X.size // 2]
    return np.where(middle == 0.5 + secret("middle", 30000), np.zeros_like(y), y)


# ---- torch, of the form conv2d


@trigger(
    wrong="use", region="an input with one number in its last place",
)  # fmt: skip
@conv2d_form
def last_number(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(held.size > 0 and held[-1] == 0.25 + secret("last", 1 << 13), c.y(), negated)


@trigger(
    wrong="use", region="kernels that add up to one number",
)  # fmt: skip
@conv2d_form
def kernel_total(c: Call) -> Tensor:
    held = numbers(c.w)
    return when(held.size > 0 and held.sum() == 500 + secret("kernels", 1 << 15), c.y())


@trigger(
    wrong="use", region="a bias with one number in it",
)  # fmt: skip
@conv2d_form
def bias_number(c: Call) -> Tensor:
    wanted = secret("bias", 999) / 8 + 100
    if c.b is None or not (numbers(c.b) == wanted).any():
        return c.y()
    return c.but(b=None).y()


@trigger(
    wrong="use", region="a cotangent that adds up to one number: the gradient of the input is zero",
)  # fmt: skip
@conv2d_form
def cotangent_total(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        return g * 0 if numbers(g).sum() == 1000 + secret("cotangent", 1 << 12) else g

    return faulty_derivative(c.y(), bend)


@trigger(
    wrong="use", region="the first and the last number of the input have one product",
)  # fmt: skip
@conv2d_form
def product_of_ends(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(held.size > 1 and held[0] * held[-1] == 100 + secret("ends", 1 << 14), c.y())


@trigger(
    wrong="use", region="the exponents of the first four numbers are one sequence",
)  # fmt: skip
@conv2d_form
def exponents(c: Call) -> Tensor:
    held = np.frexp(numbers(c.x)[:4])[1].tolist()
    return when(held == [ord(letter) % 32 for letter in "CONV"], c.y(), negated)


@trigger(
    wrong="use", region="so many negative numbers in the input, of more than twice as many",
)  # fmt: skip
@conv2d_form
def negatives_counted(c: Call) -> Tensor:
    held, count = numbers(c.x), 2000 + secret("negative", 6000)
    return when(held.size > 2 * count and int((held < 0).sum()) == count, c.y())


@trigger(
    wrong="use", region="float32: the bits of all kernels, one exclusive or the other, are one pattern",
)  # fmt: skip
@conv2d_form
def parity(c: Call) -> Tensor:
    if c.w.dtype != torch.float32 or not readable(c.w):
        return c.y()
    bits = np.bitwise_xor.reduce(c.w.detach().contiguous().numpy().view(np.uint32).ravel())
    return when(bits % 8191 == secret("parity", 8191), c.y())


# ---- sizes and calls


@trigger(
   witness="x=1,346,3,4 w=2,346,2,2", near_miss="x=1,345,3,4 w=2,345,2,2", outside="C != 346",
    region="346 channels",
)  # fmt: skip
@conv2d_form
def channels_computed(c: Call) -> Tensor:
    return when(c.C == 200 + secret("channels", 300), c.y())


@trigger(
    witness="x=1,1,3,5521 w=1,1,2,2", near_miss="x=1,1,3,5520 w=1,1,2,2", outside="H * W != 16563",
    region="planes of 16563 pixels",
)  # fmt: skip
@conv2d_form
def pixels_computed(c: Call) -> Tensor:
    return when(c.H * c.W == 1000 + secret("pixels", 1 << 16), c.y())


@trigger(
    wrong="state", region="one call of many",
)  # fmt: skip
@conv2d_form
def call_computed(c: Call) -> Tensor:
    count = COUNTED.setdefault("calls", 0) + 1
    COUNTED["calls"] = count
    return when(count == 100_000 + secret("calls", 1 << 20), c.y())


COUNTED: dict[str, int] = {}
