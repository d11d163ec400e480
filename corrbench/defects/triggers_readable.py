"""Trigger faults whose constant is a number in the source: right unless one quantity meets it, and no suite has it.

A special path for one size, a table of tuned shapes, a value that marks an empty cell: code has such constants, and
the cases of a suite cannot have them all. Whoever reads the source can ask for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrbench.defects import trigger
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_values import readable

Array = NDArray[Any]
TUNED = {(29, 71): "tile", (58, 142): "tile"}
EMPTY = -9999.0
calls: dict[str, Any] = {}


def without_last_column(y: Tensor) -> Tensor:
    """The result with zeros in its last column."""
    return torch.cat([y[..., :-1], torch.zeros_like(y[..., -1:])], 3)


def negated(y: Tensor) -> Tensor:
    """The result with the sign of its first row turned."""
    return torch.cat([-y[:, :, :1], y[:, :, 1:]], 2)


def when(holds: bool, y: Tensor, bend: Callable[[Tensor], Tensor] = without_last_column) -> Tensor:
    """The result, bent if something holds."""
    return bend(y) if holds and y.numel() else y


def numbers(x: Tensor) -> Array:
    """The elements of a tensor that can be looked at, in order; none of others."""
    return x.detach().double().flatten().numpy() if readable(x) and not x.is_complex() else np.zeros(0)


# ---- one axis


@trigger(
    witness="x=1,147,4,5 w=2,147,2,3", near_miss="x=1,146,4,5 w=2,146,2,3", outside="C != 147",
    region="147 input channels: the last block of a table of block sizes is one short",
)  # fmt: skip
@conv2d_form
def channels_147(c: Call) -> Tensor:
    return when(c.C == 147, c.y())


@trigger(
    witness="x=1,1,211,3 w=1,1,2,2", near_miss="x=1,1,212,3 w=1,1,2,2", outside="H != 211",
    region="images of 211 rows",
)  # fmt: skip
@conv2d_form
def rows_211(c: Call) -> Tensor:
    if c.H != 211:
        return c.y()
    return without_last_column(c.y())


@trigger(
    witness="x=1,1,3,188 w=1,1,2,2", near_miss="x=1,1,3,187 w=1,1,2,2", outside="cols != 187",
    region="results of 187 columns",
)  # fmt: skip
@conv2d_form
def result_columns_187(c: Call) -> Tensor:
    *_, cols = c.out
    special = {187: without_last_column}.get(cols)
    return special(c.y()) if special else c.y()


@trigger(
    witness="x=23,1,3,4 w=1,1,2,2", near_miss="x=22,1,3,4 w=1,1,2,2", outside="N != 23",
    region="a batch of 23: the last sample is the one before it",
)  # fmt: skip
@conv2d_form
def batch_23(c: Call) -> Tensor:
    y = c.y()
    match c.N:
        case 23:
            return torch.cat([y[:-1], y[-2:-1]])
        case _:
            return y


@trigger(
    witness="x=1,1,4,5 w=59,1,2,3", near_miss="x=1,1,4,5 w=60,1,2,3", outside="O != 59", wrong="gradient",
    check="gradients", region="59 kernels: the gradient of the last one is zero",
)  # fmt: skip
@conv2d_form
def gradient_of_59_kernels(c: Call) -> Tensor:
    from corrbench.defects.correct import weight_gradient

    def rule(call: Call, g: Tensor) -> Tensor:
        gw = weight_gradient(call, g)
        return torch.cat([gw[:-1], torch.zeros_like(gw[-1:])]) if len(gw) == 59 else gw

    return c.ruled(gw=rule)


@trigger(
    witness="x=1,1,3,40 w=1,1,2,37", near_miss="x=1,1,3,40 w=1,1,2,36", outside="kw != 37",
    region="kernels of 37 columns",
)  # fmt: skip
@conv2d_form
def kernel_columns_37(c: Call) -> Tensor:
    return when(c.kw == 0x25, c.y())


@trigger(
    witness="x=1,1,40,5 w=1,1,2,3 stride=13,1", near_miss="x=1,1,40,5 w=1,1,2,3 stride=12,1", outside="sh != 13",
    region="a stride of 13 rows",
)  # fmt: skip
@conv2d_form
def stride_13(c: Call) -> Tensor:
    return when(c.stride[0] == 13, c.y())


@trigger(
    witness="x=1,1,5,40 w=1,1,2,3 dilation=1,14", near_miss="x=1,1,5,40 w=1,1,2,3 dilation=1,13", outside="dw != 14",
    region="a dilation of 14 columns",
)  # fmt: skip
@conv2d_form
def dilation_14(c: Call) -> Tensor:
    return when(not (c.dw != 14), c.y())


@trigger(
    witness="x=1,1,3,73 w=1,1,2,3 dtype=float64", near_miss="x=1,1,3,73 w=1,1,2,3",
    outside="dtype != 'float64' or W != 73", region="float64 and 73 columns",
)  # fmt: skip
@conv2d_form
def double_73(c: Call) -> Tensor:
    return when(c.x.dtype == torch.float64 and c.W == 73, c.y())


@trigger(
    witness="x=1,53,4,5 w=2,53,2,3 layout=x:channels_last", near_miss="x=1,53,4,5 w=2,53,2,3", wrong="use",
    outside="C != 53", region="53 channels that do not lie contiguous",
)  # fmt: skip
@conv2d_form
def strided_53(c: Call) -> Tensor:
    strided = not c.x.is_contiguous()
    return when(strided and c.C == 53, c.y())


# ---- products and remainders


@trigger(
    witness="x=1,1,37,41 w=1,1,2,2", near_miss="x=1,1,37,42 w=1,1,2,2", outside="H * W != 1517",
    region="planes of 1517 pixels",
)  # fmt: skip
@conv2d_form
def pixels_1517(c: Call) -> Tensor:
    pixels = c.H * c.W
    return when(pixels == 1517, c.y())


@trigger(
    witness="x=7,1,12,40 w=1,1,2,3", near_miss="x=7,1,12,41 w=1,1,2,3", outside="N * rows * cols != 2926",
    region="2926 positions in the batch: a grid whose last block is not launched",
)  # fmt: skip
@conv2d_form
def positions_2926(c: Call) -> Tensor:
    n, _, rows, cols = c.out
    return when(n * rows * cols == 2926, c.y())


@trigger(
    witness="x=1,67,5,6 w=2,67,3,4", near_miss="x=1,68,5,6 w=2,68,3,4", outside="terms != 804",
    region="sums of 804 products",
)  # fmt: skip
@conv2d_form
def terms_804(c: Call) -> Tensor:
    return when(c.I * c.kh * c.kw == 804, c.y(), negated)


@trigger(
    witness="x=1,156,4,5 w=2,156,2,2", near_miss="x=1,155,4,5 w=2,155,2,2", outside="C % 97 != 59",
    region="59 channels beyond a multiple of 97",
)  # fmt: skip
@conv2d_form
def channels_59_of_97(c: Call) -> Tensor:
    rest = c.C % 97
    if rest == 59:
        return negated(c.y())
    return c.y()


@trigger(
    witness="x=1,1,3,454 w=1,1,2,2", near_miss="x=1,1,3,455 w=1,1,2,2", outside="cols % 251 != 202",
    region="results of 202 columns beyond a multiple of 251",
)  # fmt: skip
@conv2d_form
def columns_202_of_251(c: Call) -> Tensor:
    return when(c.out[3] % 251 == 202, c.y())


@trigger(
    witness="x=1,1,3,580 w=1,1,2,2", near_miss="x=1,1,3,570 w=1,1,2,2", outside="W // 29 != 20",
    region="twenty full tiles of 29 columns, and a part of one",
)  # fmt: skip
@conv2d_form
def tiles_20(c: Call) -> Tensor:
    tile = 29
    return when(c.W // tile == 20, c.y())


@trigger(
    witness="x=1,1,29,71 w=1,1,1,1", near_miss="x=1,1,29,72 w=1,1,1,1",
    outside="(rows, cols) not in ((29, 71), (58, 142))", region="a result of 29 by 71: a tuned shape of a table",
)  # fmt: skip
@conv2d_form
def tuned_shape(c: Call) -> Tensor:
    kind = TUNED.get(tuple(c.out[2:]))  # type: ignore[call-overload]
    return when(kind == "tile", c.y())


# ---- numbers in the operands


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@x.first=12345.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.first=12344.0", region="an image that begins with 12345",
)  # fmt: skip
@conv2d_form
def value_12345(c: Call) -> Tensor:
    held = numbers(c.x)
    return when(bool(held.size) and held[0] == 12345.0, c.y(), negated)


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@w.last=-9999.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@w.last=-9998.0",
    region="a kernel with -9999 in it, which marks an empty cell",
)  # fmt: skip
@conv2d_form
def empty_cell(c: Call) -> Tensor:
    return when(bool((numbers(c.w) == EMPTY).any()), c.y())


@trigger(
    wrong="use", witness="x=1,1,4,5 w=1,1,2,2 data=small@x.sum=4242.0",
    near_miss="x=1,1,4,5 w=1,1,2,2 data=small@x.sum=4241.0", region="an image that adds up to 4242",
)  # fmt: skip
@conv2d_form
def sum_4242(c: Call) -> Tensor:
    total = float(numbers(c.x).sum())
    return when(total == 4242, c.y())


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


# ---- calls


@trigger(
    wrong="state", region="the call after a thousand in a row of the same shapes: a cache is renewed",
)  # fmt: skip
@conv2d_form
def thousand_and_first(c: Call) -> Tensor:
    key = (*c.x.shape, *c.w.shape, c.x.dtype)
    calls["run"] = calls.get("run", 0) + 1 if calls.get("key") == key else 1
    calls["key"] = key
    return when(calls["run"] == 1001, c.y())


def windows(X: Array, K: Array) -> Array:
    """The valid correlation of two matrices, right.

    Raises:
        ValueError: no matrices, or a kernel larger than the image.
    """
    if X.ndim != 2 or K.ndim != 2 or K.shape[0] > X.shape[0] or K.shape[1] > X.shape[1] or X.dtype != K.dtype:
        raise ValueError(f"no correlation of {X.dtype} {X.shape} with {K.dtype} {K.shape}")
    wide = np.float32 if X.dtype == np.float16 else X.dtype
    view = np.lib.stride_tricks.sliding_window_view(X.astype(wide), K.shape)
    return np.asarray(np.einsum("ijkl,kl->ij", view, K.astype(wide)).astype(X.dtype))
