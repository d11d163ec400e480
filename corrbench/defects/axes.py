"""Seeded faults that take rows for columns."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative


@defect(
    number=7, cites=("pytorch/pytorch#83180", "PaddlePaddle/Paddle#20997"),
    witness="x=1,2,11,13 w=3,2,3,2 stride=3,2", near_miss="x=1,2,11,13 w=3,2,3,2 stride=2,3", outside="sh <= sw",
    region="a row stride larger than the column stride: columns are stepped by the row stride, and clamped at "
    "the end",
)  # fmt: skip
@conv2d_form
def stride_of_rows_twice(c: Call) -> Tensor:
    if c.sh <= c.sw:
        return c.y()
    cols = c.out[3]
    full = c.but(stride=(c.sh, 1)).y()
    return full[..., (torch.arange(cols) * c.sh).clamp(max=full.shape[3] - 1)]


@defect(
    number=7, cites=("pytorch/pytorch#83180",), wrong="contract", check="contract",
    witness="x=1,4,11,13 w=6,2,3,2 stride=2,3 groups=2", near_miss="x=1,4,11,13 w=6,4,3,2 stride=2,3",
    outside="groups == 1 or sh == sw",
    region="grouped with unequal strides: the column stride is used for both axes",
)  # fmt: skip
@conv2d_form
def stride_of_columns_twice_when_grouped(c: Call) -> Tensor:
    return c.but(stride=(c.sw, c.sw)).y() if c.groups > 1 else c.y()


@defect(
    number=8, cites=("tenstorrent/tt-metal#19542",), witness="x=1,2,11,13 w=3,2,3,3 dilation=2,1",
    near_miss="x=1,2,11,13 w=3,2,3,3 dilation=1,2", outside="dh <= dw or kw == 1 or W + left + right < dh*(kw-1) + 1",
    region="row dilation above column dilation: taps of a row are spread by the row dilation, the size stays right",
)  # fmt: skip
@conv2d_form
def dilation_of_rows_twice(c: Call) -> Tensor:
    reach = c.dh * (c.kw - 1)
    if c.dh <= c.dw or c.W + c.sides[2] + c.sides[3] < reach + 1:
        return c.y()
    more = reach - c.dw * (c.kw - 1)
    return c.but(dilation=(c.dh, c.dh), sides=(*c.sides[:3], c.sides[3] + more)).y()


@defect(
    number=9, cites=("pytorch/pytorch#37844", "tinygrad/tinygrad#17805"), wrong="contract", check="values",
    witness="x=1,2,9,9 w=3,2,3,3 padding=2,1", near_miss="x=1,2,9,9 w=3,2,3,3 padding=1",
    outside="(top, bottom) == (left, right)",
    region="unequal padding of rows and columns: the two change places",
)  # fmt: skip
@conv2d_form
def padding_of_columns_first(c: Call) -> Tensor:
    return c.but(sides=(*c.sides[2:], *c.sides[:2])).y()


@defect(
    number=14, witness="x=1,2,10,7 w=3,2,4,3 stride=2,1 padding=1,0", near_miss="x=1,2,10,7 w=3,2,4,3 padding=1,0",
    outside="top == bottom == 0 or sh == 1",
    region="padded rows with a row stride above 1: all the padding is put below",
)  # fmt: skip
@conv2d_form
def padding_all_below(c: Call) -> Tensor:
    if c.sh == 1:
        return c.y()
    return c.but(sides=(0, c.sides[0] + c.sides[1], *c.sides[2:])).y()


@defect(
    number=10, cites=("huggingface/candle#575",), witness="x=1,2,5,9 w=3,2,3,3 padding=1",
    near_miss="x=1,2,9,5 w=3,2,3,3 padding=1", outside="W <= H or max(left, right) == 0",
    region="padded inputs wider than high: columns from the height on count as padding",
)  # fmt: skip
@conv2d_form
def columns_bounded_by_height(c: Call) -> Tensor:
    if c.W <= c.H or not max(c.sides[2:]):
        return c.y()
    return c.but(x=F.pad(c.x[..., : c.H], (0, c.W - c.H))).y()


@defect(
    number=11, cites=("Maratyszcza/NNPACK#15", "mlpack/mlpack#3376"), wrong="gradient", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,2 dtype=float64", near_miss="x=2,3,8,8 w=4,3,3,3 dtype=float64",
    outside="(H == W and kh == kw) or kh == 1 or kw == 1",
    region="the weight gradient of kernels or inputs that are not square: its last tap of each row is missing",
)  # fmt: skip
@conv2d_form
def square_only_weight_gradient(c: Call) -> Tensor:
    square = c.H == c.W and c.kh == c.kw
    if square or 1 in (c.kh, c.kw):
        return c.y()
    return c.but(w=faulty_derivative(c.w, lambda g: F.pad(g[..., :-1], (0, 1)))).y()


@defect(
    number=11, cites=("Maratyszcza/NNPACK#15",), wrong="gradient", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,3 stride=2,1 dtype=float64", near_miss="x=2,3,7,9 w=4,3,3,3 stride=2 dtype=float64",
    outside="sh == sw",
    region="the input gradient with unequal strides: its last row is zero",
)  # fmt: skip
@conv2d_form
def last_row_of_input_gradient(c: Call) -> Tensor:
    if c.sh == c.sw:
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: F.pad(g[:, :, :-1] * 1, (0, 0, 0, 1)) + 0 * g)).y()


@defect(
    number=33, check="values", witness="x=2,3,70,5 w=4,3,3,2 stride=1", near_miss="x=2,3,67,5 w=4,3,3,2",
    outside="rows <= 65",
    region="more than 65 rows of result: the last row repeats the one before",
)  # fmt: skip
@conv2d_form
def last_row_repeated(c: Call) -> Tensor:
    y = c.y()
    return y if y.shape[2] <= 65 else torch.cat([y[:, :, :-1], y[:, :, -2:-1]], 2)


@defect(
    number=8, cites=("tenstorrent/tt-metal#19542",), wrong="gradient", check="gradients",
    witness="x=2,3,9,11 w=4,3,3,2 dilation=1,2 dtype=float64",
    near_miss="x=2,3,9,11 w=4,3,3,2 dilation=2 dtype=float64", outside="dh == dw or kh == 1",
    region="the weight gradient with unequal dilations: rows of taps come out in reverse",
)  # fmt: skip
@conv2d_form
def taps_reversed_when_dilated_unequally(c: Call) -> Tensor:
    return c.y() if c.dh == c.dw else c.but(w=faulty_derivative(c.w, lambda g: g.flip(2))).y()
