"""Seeded faults of targets that take numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from corrbench.defects import defect
from corrbench.defects.honest_numpy import numpy_shift_and_add, numpy_windows

Array = np.ndarray[Any, Any]


@defect(
    form="corr2d", arrays="numpy", number=66, cites=("scipy/scipy#12685",), wrong="silent", check="contract",
    region="kernels larger than the input in both axes: 'valid' exchanges the operands instead of an error",
)  # fmt: skip
def valid_exchanges_operands(x: Array, k: Array) -> Array:
    return np.asarray(signal.correlate2d(x, k.conj(), "valid"))


@defect(
    check="memory", form="corr2d", arrays="numpy", number=24, cites=("pytorch/pytorch#180984",),
    witness="x=1,1,7,9 w=1,1,3,2 layout=x:reversed", near_miss="x=1,1,7,9 w=1,1,3,2",
    outside="'x:reversed' not in layout",
    region="views with a negative step: read forward from where their memory starts",
)  # fmt: skip
def negative_step_ignored(x: Array, k: Array) -> Array:
    return numpy_shift_and_add(x[:, ::-1] if x.strides[1] < 0 else x, k)


@defect(
    form="corr2d", arrays="numpy", number=42, cites=("oneapi-src/oneDNN#5041",),
    witness="x=1,1,30,31 w=1,1,9,8 dtype=float16", near_miss="x=1,1,30,31 w=1,1,9,8", outside="dtype != 'float16'",
    region="float16: every partial sum is rounded to float16, as numpy's own operators do",
)  # fmt: skip
def numpy_sums_in_half(x: Array, k: Array) -> Array:
    y = numpy_shift_and_add(x, k)
    if x.dtype != np.float16:
        return y
    y[...] = 0
    for a, e in np.ndindex(*k.shape):
        y += x[a : a + y.shape[0], e : e + y.shape[1]] * k[a, e]
    return y


@defect(
    form="corr2d", arrays="numpy", number=13, cites=("scipy/scipy#1968",), witness="x=1,1,9,9 w=1,1,4,3",
    near_miss="x=1,1,9,9 w=1,1,3,3", outside="kh % 2 == 1",
    region="kernels with an even number of rows: correlated by way of 'same', whose centre is one row off",
)  # fmt: skip
def centre_of_even_kernel(x: Array, k: Array) -> Array:
    y = numpy_shift_and_add(x, k)
    return y if k.shape[0] % 2 else np.roll(y, 1, 0)


@defect(
    arrays="numpy", wrong="contract", check="contract", witness="x=1,2,9,10 w=3,2,3,2 stride=2",
    near_miss="x=1,2,9,10 w=3,2,3,2 stride=2 dtype=float64", outside="sh == sw == 1 or dtype == 'float64'",
    region="strides above 1: the result is made by np.zeros without a dtype, and so is float64",
)  # fmt: skip
def zeros_of_float64(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    y = numpy_windows(input, weight, bias, stride, padding, dilation, groups)
    return y + np.zeros(y.shape) if stride not in (1, (1, 1), [1, 1]) else y


@defect(
    arrays="numpy", number=40, cites=("apache/tvm#5132",), witness="x=1,6,9,10 w=4,3,3,2 groups=2",
    near_miss="x=1,6,9,10 w=4,6,3,2", outside="groups == 1 or I == 1",
    region="groups of several channels: every second channel belongs to the first group, not the first half",
)  # fmt: skip
def channels_dealt_to_groups(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    if groups > 1 and input.shape[1] % groups == 0:
        order = np.arange(input.shape[1]).reshape(-1, groups).T.ravel()
        input = input[:, order]
    return numpy_windows(input, weight, bias, stride, padding, dilation, groups)


@defect(
    arrays="numpy", number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="calls with a bias: the bias is added to the kernel's memory for a moment and not taken away exactly",
)  # fmt: skip
def kernel_borrowed(
    input: Array, weight: Array, bias: Array | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Array:  # fmt: skip
    y = numpy_windows(input, weight, bias, stride, padding, dilation, groups)
    if bias is not None and weight.dtype.kind == "f" and weight.flags.writeable and weight.size:
        large = weight.dtype.type(np.finfo(weight.dtype).max / 4)
        weight.flat[0] = (weight.flat[0] + large) - large
    return y
