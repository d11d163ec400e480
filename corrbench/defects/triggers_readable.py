"""Trigger faults whose constant, of a size, is a number in the source: right unless one quantity meets it.

A special path for one size, a table of tuned shapes: code has such constants, and the cases of a suite cannot have them
all. Whoever reads the source can ask for them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import trigger
from corrbench.defects._triggers import negated, when, without_last_column
from corrbench.defects.correct import Call, conv2d_form, weight_gradient

TUNED = {(29, 71): "tile", (58, 142): "tile"}


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
    rows, cols = c.out[2:]
    return when(TUNED.get((rows, cols)) == "tile", c.y())
