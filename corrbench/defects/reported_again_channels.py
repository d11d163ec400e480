"""Seeded faults of channels, groups and depthwise kernels, after fresh reports."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_derivatives import depthwise, masked


@defect(
    number=40, cites=("pytorch/pytorch#18463",), witness="x=2,4,6,6 w=16,2,3,3 groups=2",
    near_miss="x=2,4,6,6 w=8,2,3,3 groups=2", outside="groups == 1 or I >= 16 or O % 16",
    region="groups of less than 16 channels, kernels in sixteens: a block of kernels reaches across groups, and the "
    "second half of them meets the channels of the first group",
)  # fmt: skip
@conv2d_form
def sixteen_kernels_of_small_groups(c: Call) -> Tensor:
    if c.groups == 1 or c.I >= 16 or c.O % 16:
        return c.y()
    first = c.but(x=torch.cat([c.x[:, : c.I]] * c.groups, 1)).y()
    return torch.cat([c.y()[:, : c.O // 2], first[:, c.O // 2 :]], 1)


@defect(
    number=40, cites=("tensorflow/tensorflow#27012",), witness="x=1,1,3,8 w=9,1,1,3", near_miss="x=1,1,3,8 w=8,1,1,3",
    outside="C > 1 or kh > 1 or kw == 1 or O <= 8 or O % 8 == 0 or sides_max > 0",
    region="kernels of one row on one channel, more than eight and not in eights, no padding: taken for depthwise, and "
    "those beyond the eights are the kernels of the last eight",
)  # fmt: skip
@conv2d_form
def one_channel_taken_for_depthwise(c: Call) -> Tensor:
    y = c.y()
    if c.C > 1 or c.kh > 1 or c.kw == 1 or c.O <= 8 or any(c.sides):
        return y
    order = torch.arange(c.O)
    order[c.O // 8 * 8 :] -= 8
    return y[:, order]


@defect(
    number=40, cites=("microsoft/onnxjs#41",), witness="x=1,4,7,7 w=8,1,3,3 groups=4 stride=2 padding=1",
    near_miss="x=1,4,7,7 w=8,1,3,3 groups=4 padding=1",
    outside="I > 1 or groups == 1 or O == groups or min(sh, sw) == 1 or top == 0",
    region="several depthwise kernels to a channel, strided both ways and padded: kernel o meets channel o modulo the "
    "channels",
)  # fmt: skip
@conv2d_form
def strided_multiplier_interleaved(c: Call) -> Tensor:
    if not depthwise(c) or c.O == c.groups or min(c.stride) == 1 or not c.sides[0]:
        return c.y()
    return c.but(x=c.x[:, torch.arange(c.O) % c.C], groups=c.O).y()


@defect(
    number=2, cites=("tensorflow/tfjs#5378",), witness="x=1,2,12,12 w=2,1,3,3 groups=2 padding=4 dilation=4",
    near_miss="x=1,2,12,12 w=2,1,3,3 groups=2 padding=3 dilation=3",
    outside="I > 1 or groups == 1 or dw < 4 or kw != 3 or left == 0",
    region="depthwise kernels of three columns, padded, a dilation of four and more: pairs of columns are read at "
    "once, and the last tap has that before its own",
)  # fmt: skip
@conv2d_form
def wide_dilation_read_in_pairs(c: Call) -> Tensor:
    if not depthwise(c) or c.dw < 4 or c.kw != 3 or not c.sides[2]:
        return c.y()
    begin = c.but(w=masked(c.w, 3, 2, 3)).y()
    return begin + c.but(w=masked(c.w, 3, 0, 2), b=None).over(c.padded().roll(1, 3))


@defect(
    number=50, cites=("tenstorrent/tt-metal#10108",), witness="x=1,3,11,12 w=4,3,7,7 stride=2",
    near_miss="x=1,3,11,12 w=4,3,7,7 stride=2 bias",
    outside="bias or (kh, kw) != (7, 7) or (sh, sw) != (2, 2) or O == 1",
    region="7x7 kernels with stride 2 and no bias, which would have begun the sums: they begin with those of the "
    "kernel before",
)  # fmt: skip
@conv2d_form
def sums_begun_by_the_bias_only(c: Call) -> Tensor:
    y = c.y()
    if c.b is not None or (c.kh, c.kw, *c.stride) != (7, 7, 2, 2):
        return y
    return y + torch.cat([torch.zeros_like(y[:, :1]), y[:, :-1]], 1)


@defect(
    number=32, wrong="contract", check="contract", cites=("tenstorrent/tt-metal#10256",),
    witness="x=1,2,5,6 w=33,2,3,3", near_miss="x=1,2,5,6 w=32,2,3,3", outside="O <= 32 or O % 32 == 0",
    region="more than 32 kernels, not a multiple of 32: the result has channels up to the next multiple",
)  # fmt: skip
@conv2d_form
def channels_up_to_the_next_tile(c: Call) -> Tensor:
    y = c.y()
    if c.O <= 32 or c.O % 32 == 0:
        return y
    return torch.cat([y, torch.zeros_like(y[:, :1]).expand(-1, 32 - c.O % 32, -1, -1)], 1)


@defect(
    number=44, cites=("microsoft/onnxruntime#29651",), witness="x=1,6,6,7 w=3,6,3,3", near_miss="x=1,4,6,7 w=3,4,3,3",
    outside="dtype != 'float32' or groups > 1 or C <= 3 or C % 4 == 0",
    region="float32, more than three channels and a rest beyond fours: the channels of the rest are read as 16 bits",
)  # fmt: skip
@conv2d_form
def rest_of_channels_in_half(c: Call) -> Tensor:
    if c.x.dtype != torch.float32 or c.groups > 1 or c.C <= 3 or c.C % 4 == 0:
        return c.y()
    whole, rest = c.x[:, : c.C // 4 * 4], c.x[:, c.C // 4 * 4 :]
    return c.but(x=torch.cat([whole, rest + (rest.half().float() - rest).detach()], 1)).y()


@defect(
    number=30, check="memory", cites=("pytorch/pytorch#15297",),
    witness="x=1,4,5,6 w=4,1,3,3 groups=4 layout=w:expanded", near_miss="x=1,4,5,6 w=4,1,3,3 groups=4",
    outside="I > 1 or groups == 1 or 'w:expanded' not in layout",
    region="depthwise, one kernel expanded to all channels: the first channel has its result, the others are zero",
)  # fmt: skip
@conv2d_form
def one_kernel_for_all_channels(c: Call) -> Tensor:
    if not depthwise(c) or c.w.stride(0):
        return c.y()
    keep = (torch.arange(c.O) < 1).to(c.x.dtype).reshape(1, -1, 1, 1)
    return c.y() * keep
