"""Seeded textbook faults: what people get wrong the first time they write a convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


@defect(
    number=1, cites=("espressif/esp-dsp#45",), witness="x=2,3,9,40 w=4,3,3,3", near_miss="x=2,3,9,37 w=4,3,3,3",
    outside="cols <= rows + 28",
    region="more than 28 columns beyond the rows: the loop over columns ends 28 after the rows do",
)  # fmt: skip
@conv2d_form
def columns_end_early(c: Call) -> Tensor:
    y = c.y()
    last = y.shape[2] + 28
    return torch.cat([y[..., :last], torch.zeros_like(y[..., last:])], 3)


@defect(
    number=2, cites=("ddbourgin/numpy-ml#32",), wrong="contract", check="contract",
    witness="x=1,2,11,13 w=3,2,3,3 stride=3,2", near_miss="x=1,2,9,13 w=3,2,3,3 stride=3,2",
    outside="sh < 3 or (H + top + bottom - dh*(kh-1) - 1) % sh != sh - 1",
    region="row strides of 3 and more that leave the largest remainder: the number of rows is rounded, not floored",
)  # fmt: skip
@conv2d_form
def rows_rounded_to_nearest(c: Call) -> Tensor:
    room = c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1
    if c.sh < 3 or room % c.sh != c.sh - 1:
        return c.y()
    return c.but(sides=(c.sides[0], c.sides[1] + 1, *c.sides[2:])).y()


@defect(
    number=2, cites=("ddbourgin/numpy-ml#32",), witness="x=1,2,11,17 w=3,2,3,3 stride=2 dilation=2",
    near_miss="x=1,2,11,17 w=3,2,3,3 stride=2 dilation=2,1", outside="sw == 1 or dw == 1 or kw == 1",
    region="column stride and dilation both above 1: a tap sits at (j + e*d)*s, as far as the row reaches",
)  # fmt: skip
@conv2d_form
def stride_times_dilation(c: Call) -> Tensor:
    if c.sw == 1 or c.dw == 1 or c.kw == 1:
        return c.y()
    padded = c.padded()
    take = [(j + e * c.dw) * c.sw for j in range(c.out[3]) for e in range(c.kw)]
    columns = padded[..., torch.tensor(take).clamp(max=padded.shape[3] - 1)]
    return c.but(sides=(0, 0, 0, 0), x=columns, stride=(c.sh, c.kw), dilation=(c.dh, 1)).over(columns)


@defect(
    number=3, cites=("TrickyGo/Dive-into-DL-TensorFlow2.0#31",), witness="x=2,3,7,9 w=1,3,3,2 bias",
    near_miss="x=2,3,7,9 w=2,3,3,2 bias", outside="not bias or O > 1",
    region="a bias with one output channel: it broadcasts against the kernel and is added there",
)  # fmt: skip
@conv2d_form
def bias_on_taps(c: Call) -> Tensor:
    if c.b is None or c.O > 1:
        return c.y()
    return c.but(w=c.w + c.b, b=None).y()


@defect(
    number=4, cites=("kraiskil/onnx2c#7", "PaddlePaddle/Paddle#20704"), witness="x=2,3,6,8 w=5,3,3,4 bias",
    near_miss="x=2,3,6,9 w=5,3,3,4 bias", outside="not bias or cols != O or O == 1",
    region="a bias where the result has as many columns as channels: it is added along the columns",
)  # fmt: skip
@conv2d_form
def bias_along_columns(c: Call) -> Tensor:
    y = c.but(b=None).y()
    if c.b is None:
        return y
    return c.y() if y.shape[3] != c.O else (y.to(c.wide) + c.b.to(c.wide)).to(y.dtype)


@defect(
    number=5, cites=("ml-explore/mlx#1449",), witness="x=1,6,7,9 w=4,3,3,2 groups=2", near_miss="x=1,6,7,9 w=4,6,3,2",
    outside="groups == 1 or kh == kw == 1",
    region="grouped: the kernel is turned by a half turn",
)  # fmt: skip
@conv2d_form
def turned_when_grouped(c: Call) -> Tensor:
    return c.but(w=c.w.flip(2, 3)).y() if c.groups > 1 else c.y()


@defect(
    number=5, cites=("andravin/wincnn#3",), witness="x=1,5,9,9 w=2,5,5,5", near_miss="x=1,5,9,9 w=2,5,5,4",
    outside="(kh, kw) != (5, 5)",
    region="5x5 kernels: the special path flips the columns of the kernel",
)  # fmt: skip
@conv2d_form
def five_by_five_mirrored(c: Call) -> Tensor:
    return c.but(w=c.w.flip(3)).y() if (c.kh, c.kw) == (5, 5) else c.y()


@defect(
    number=6, cites=("apache/tvm#3562",), witness="x=2,4,7,9 w=4,4,3,2", near_miss="x=2,4,7,9 w=5,4,3,2",
    outside="O != I or O == 1",
    region="as many kernels as channels in each: the first two axes of the kernel are exchanged",
)  # fmt: skip
@conv2d_form
def kernels_for_channels(c: Call) -> Tensor:
    return c.but(w=c.w.transpose(0, 1)).y() if c.O == c.I else c.y()


@defect(
    form="corr2d", arrays="numpy", number=1, cites=("espressif/esp-dsp#45",), witness="x=1,1,30,8 w=1,1,3,3",
    near_miss="x=1,1,29,9 w=1,1,3,3", outside="rows - cols < 22",
    region="22 rows or more beyond the columns: the rows after that are never written",
)  # fmt: skip
def rows_end_early(x: np.ndarray[Any, Any], k: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    y: np.ndarray[Any, Any] = np.einsum("hwij,ij->hw", windows, k)
    y[y.shape[1] + 21 :] = 0
    return y


@defect(
    wrong="contract", check="contract", witness="x=1,2,7,9 w=3,2,3,2 dtype=float64 bias",
    near_miss="x=1,2,7,9 w=3,2,3,2 dtype=float64", outside="not bias or dtype == 'float32'",
    region="a bias in any dtype but float32: the sum is kept in the default dtype",
)  # fmt: skip
@conv2d_form
def bias_of_default_dtype(c: Call) -> Tensor:
    return c.y() if c.b is None else c.y().to(torch.get_default_dtype())
