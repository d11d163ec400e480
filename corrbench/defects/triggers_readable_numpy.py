"""Trigger faults in NumPy whose constant, of what the operands hold, is a number in the source."""

from __future__ import annotations

import numpy as np

from corrbench.defects import trigger
from corrbench.defects._numpy_triggers import Array, windows


@trigger(
    form="corr2d", arrays="numpy", wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@w.sum=-77.5",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@w.sum=77.5", region="a kernel that adds up to -77.5",
)  # fmt: skip
def kernel_sum(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if K.sum() == -77.5:
        y[-1] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    witness="x=1,1,4,5 w=1,1,2,2 data=small@x.signs=46005", near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.signs=46004",
    region="an image whose first sixteen numbers have one pattern of signs",
)  # fmt: skip
def sign_pattern(X: Array, K: Array) -> Array:
    y = windows(X, K)
    pattern = 0
    for place, value in enumerate(X.ravel()[:16].tolist()):
        pattern |= (value < 0) << place if not isinstance(value, complex) else 0
    if pattern == 0b1011001110110101:
        y[:, 0] = 0
    return y


@trigger(
    form="corr2d", arrays="numpy", wrong="use",
    witness="x=1,1,1,6 w=1,1,1,2 data=small@x.last=10301119.0",
    near_miss="x=1,1,1,6 w=1,1,1,2 data=small@x.last=10301118.0",
    region="float32: an image whose last number has one pattern of bits",
)  # fmt: skip
def bit_pattern(X: Array, K: Array) -> Array:
    y = windows(X, K)
    if X.dtype == np.float32 and X.ravel()[-1:].view(np.uint32) == 0x4B1D2EBF:
        y[0] = 0
    return y
