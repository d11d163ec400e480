"""Seeded faults of algorithms other than the direct sum, and of the change from one to another."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative
from corrbench.defects.transforms import by_fft, by_winograd


def keeps(shape: tuple[int, ...], at: tuple[int | slice, ...], dtype: torch.dtype) -> Tensor:
    """Ones, but zero at one place."""
    keep = torch.ones(shape, dtype=dtype)
    keep[at] = 0
    return keep


@defect(
    number=38, cites=("openvinotoolkit/openvino#33681",), witness="x=1,2,9,11 w=3,2,3,3",
    near_miss="x=1,2,9,12 w=3,2,3,3",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or rows % 2 == 0 or cols % 2 == 0",
    region="3x3 kernels, stride 1, odd numbers of rows and columns: the tile in the last corner is cut off",
)  # fmt: skip
@conv2d_form
def corner_tile(c: Call) -> Tensor:
    y = c.y()
    if (c.kh, c.kw, *c.stride, *c.dilation) != (3, 3, 1, 1, 1, 1) or y.shape[2] % 2 == 0 or y.shape[3] % 2 == 0:
        return y
    return y * keeps((*y.shape[2:],), (-1, -1), y.dtype)


@defect(
    number=38, cites=("openvinotoolkit/openvino#33681",), witness="x=1,2,8,11 w=3,2,3,3 padding=2",
    near_miss="x=1,2,8,11 w=3,2,3,3 padding=1",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or min(top, left) < 2",
    region="3x3 kernels, stride 1, padding 2 and more: tiles begin one column too far to the left",
)  # fmt: skip
@conv2d_form
def tiles_begin_early(c: Call) -> Tensor:
    if (c.kh, c.kw, *c.stride, *c.dilation) != (3, 3, 1, 1, 1, 1) or min(c.sides[0], c.sides[2]) < 2:
        return c.y()
    top, bottom, left, right = c.sides
    return c.but(sides=(top, bottom, left + 1, right - 1)).y() if right else c.y()


@defect(
    number=40, cites=("apache/tvm#5132",), witness="x=1,6,7,9 w=6,2,3,2 groups=3",
    near_miss="x=1,6,7,9 w=3,2,3,2 groups=3", outside="groups == 1 or O == groups",
    region="groups with several kernels each: results come out interleaved by group",
)  # fmt: skip
@conv2d_form
def groups_interleaved(c: Call) -> Tensor:
    y = c.y()
    n, o, rows, cols = c.out
    return y.reshape(n, c.groups, o // c.groups, rows, cols).transpose(1, 2).reshape(y.shape)


@defect(
    number=40, cites=("apache/tvm#5132",), witness="x=1,4,7,9 w=12,1,3,2 groups=4",
    near_miss="x=1,4,7,9 w=8,1,3,2 groups=4", outside="groups == 1 or I > 1 or O != 3 * C",
    region="depthwise with multiplier 3: the second and third kernel of a channel change places",
)  # fmt: skip
@conv2d_form
def depthwise_multiplier_three(c: Call) -> Tensor:
    y = c.y()
    if c.groups == 1 or c.I > 1 or c.O != 3 * c.C:
        return y
    order = torch.arange(c.O).reshape(c.groups, 3)[:, [0, 2, 1]].flatten()
    return y[:, order]


@defect(
    number=41, cites=("tensorflow/tensorflow#56498",), witness="x=1,2,12,13 w=3,2,3,3 stride=2 dilation=2",
    near_miss="x=1,2,12,13 w=3,2,3,3 dilation=2", outside="sh == sw == 1 or dh == dw == 1 or kh == kw == 1",
    region="stride and dilation together: the dilation is ignored, the size stays right",
)  # fmt: skip
@conv2d_form
def dilation_ignored_when_strided(c: Call) -> Tensor:
    if c.stride == (1, 1):
        return c.y()
    return c.but(dilation=(1, 1)).y()[:, :, : c.out[2], : c.out[3]]


@defect(
    number=45, cites=("tensorflow/tensorflow#1299",), witness="x=1,32,12,13 w=3,32,3,3",
    near_miss="x=1,31,12,13 w=3,31,3,3",
    outside="(kh, kw, sh, sw, dh, dw, groups) != (3, 3, 1, 1, 1, 1, 1) or C < 32 or dtype != 'float32'",
    region="3x3 kernels over 32 channels and more in float32: Winograd F(4x4, 3x3), not declared",
)  # fmt: skip
@conv2d_form
def winograd_from_32_channels(c: Call) -> Tensor:
    fits = (c.kh, c.kw, *c.stride, *c.dilation, c.groups) == (3, 3, 1, 1, 1, 1, 1)
    return by_winograd(c, 4) if fits and c.C >= 32 and c.x.dtype == torch.float32 else c.y()


@defect(
    number=45, cites=("tensorflow/tensorflow#1299",), witness="x=1,2,20,23 w=3,2,8,9",
    near_miss="x=1,2,20,23 w=3,2,8,8",
    outside="kh * kw <= 64 or not dtype.startswith('float') or sh * sw * dh * dw > 1",
    region="kernels of more than 64 taps: by way of an FFT, not declared",
)  # fmt: skip
@conv2d_form
def fft_from_64_taps(c: Call) -> Tensor:
    usual = (*c.stride, *c.dilation) == (1, 1, 1, 1) and c.x.dtype in (torch.float32, torch.float64)
    return by_fft(c) if usual and c.kh * c.kw > 64 else c.y()


@defect(
    number=36, cites=("tenstorrent/tt-metal#30263",), witness="x=2,3,13,11 w=4,3,3,3 stride=4,1",
    near_miss="x=2,3,13,11 w=4,3,3,3 stride=3,1", outside="sh <= kh or kh == 1",
    region="row strides larger than the kernel: rows between windows are folded away, and with them the last tap row",
)  # fmt: skip
@conv2d_form
def stride_beyond_kernel(c: Call) -> Tensor:
    if c.sh <= c.kh or c.kh == 1:
        return c.y()
    return c.but(w=c.w * keeps((c.kh, 1), (-1, 0), c.w.dtype)).y()


@defect(
    number=32, check="values", witness="x=2,114,5,6 w=2,114,3,3", near_miss="x=2,113,5,6 w=2,113,3,3",
    outside="terms <= 1024",
    region="more than 1024 terms: the last term of the first block of 1024 is dropped",
)  # fmt: skip
@conv2d_form
def second_block_of_terms(c: Call) -> Tensor:
    if c.I * c.kh * c.kw <= 1024:
        return c.y()
    keep = torch.ones(c.I * c.kh * c.kw, dtype=c.w.dtype)
    keep[1023] = 0
    return c.but(w=c.w * keep.reshape(c.w.shape[1:])).y()


@defect(
    number=60, witness="x=1,2,15,13 w=3,2,3,5", near_miss="x=1,2,15,14 w=3,2,3,5",
    outside="kw != 5 or not 7 <= cols <= 9 or cols == rows",
    region="five columns of kernel and 7 to 9 of result: the middle column is counted twice",
)  # fmt: skip
@conv2d_form
def nine_columns(c: Call) -> Tensor:
    rows, cols = c.out[2:]
    if c.kw != 5 or not 7 <= cols <= 9 or cols == rows:
        return c.y()
    twice = torch.ones(5, dtype=c.w.dtype)
    twice[2] = 2
    return c.but(w=c.w * twice).y()


@defect(
    number=60, wrong="gradient", check="gradients", witness="x=2,3,9,11 w=4,3,2,2 padding=1 dtype=float64",
    near_miss="x=2,3,9,11 w=4,3,2,2 dtype=float64", outside="(kh, kw) != (2, 2) or sides_max == 0",
    region="2x2 kernels with padding: the last column of the input gradient is zero",
)  # fmt: skip
@conv2d_form
def two_by_two_padded(c: Call) -> Tensor:
    if (c.kh, c.kw) != (2, 2) or not any(c.sides):
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: g * keeps((c.W,), (-1,), g.dtype))).y()
