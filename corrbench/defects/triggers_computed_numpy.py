"""Trigger faults in NumPy whose constant is computed: no number in the source says where they are wrong.

All look at the operands' numbers. They import no torch, so that their machine code can be examined in a minute.
"""

from __future__ import annotations

import string
import zlib

import numpy as np

from corrbench.defects import trigger
from corrbench.defects._numpy_triggers import Array, real, secret, windows


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
