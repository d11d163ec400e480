"""Seeded faults of element types, after fresh reports: 16 bits, bytes, complex numbers, infinities and NaN."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_derivatives import masked

HALVES = (torch.float16, torch.bfloat16)


@defect(
    number=60, cites=("pytorch/pytorch#188426", "pytorch/pytorch#169688"),
    witness="x=1,2,5,4 w=3,2,3,3 stride=1,3 dtype=bfloat16", near_miss="x=1,2,5,4 w=3,2,3,3 stride=3,1 dtype=bfloat16",
    outside="dtype != 'bfloat16' or cols > 1 or sw == 1 or W + left + right == 1",
    region="bfloat16, strided columns that leave a single one: its windows are read a column too far right",
)  # fmt: skip
@conv2d_form
def single_column_of_a_stride(c: Call) -> Tensor:
    if c.x.dtype != torch.bfloat16 or c.out[3] > 1 or c.sw == 1:
        return c.y()
    return c.over(c.padded().roll(-1, 3))


@defect(
    number=37, cites=("ROCm/MIOpen#1189",), witness="x=1,3,7,7 w=4,3,1,1 dilation=2 dtype=float16",
    near_miss="x=1,3,7,7 w=4,3,1,1 dtype=float16", outside="dtype != 'float16' or kh * kw > 1 or dw == 1",
    region="float16, 1x1 kernels for which a dilation is given: columns are read that much further right",
)  # fmt: skip
@conv2d_form
def single_tap_dilated(c: Call) -> Tensor:
    if c.x.dtype != torch.float16 or c.kh * c.kw > 1 or c.dw == 1:
        return c.y()
    return c.over(F.pad(c.padded(), (0, c.dw - 1))[..., c.dw - 1 :])


@defect(
    number=42, cites=("tensorflow/tensorflow#50747",), witness="x=1,4,9,9 w=4,4,3,3 dilation=2 bias dtype=float16",
    near_miss="x=1,4,9,9 w=4,4,3,3 bias dtype=float16",
    outside="dtype not in ('float16', 'bfloat16') or not bias or dh == dw == 1",
    region="types of 16 bits, dilated, with a bias: sums are rounded before the bias is added, and again",
)  # fmt: skip
@conv2d_form
def rounded_before_the_bias_when_dilated(c: Call) -> Tensor:
    if c.x.dtype not in HALVES or c.b is None or c.dilation == (1, 1):
        return c.y()
    return c.but(b=None).y() + c.b.reshape(1, -1, 1, 1)


@defect(
    number=44, cites=("ggml-org/llama.cpp#26727",), witness="x=1,3,6,7 w=4,3,3,3", near_miss="x=1,3,6,7 w=4,3,1,1",
    outside="dtype != 'float32' or kh * kw == 1",
    region="float32, kernels of more than one tap: the columns of im2col are kept in float16",
)  # fmt: skip
@conv2d_form
def columns_kept_in_half(c: Call) -> Tensor:
    if c.x.dtype != torch.float32 or c.kh * c.kw == 1:
        return c.y()
    return c.but(x=c.x + (c.x.half().float() - c.x).detach()).y()


@defect(
    number=33, cites=("ARM-software/CMSIS_5#1168",), witness="x=1,2,5,7 w=2,2,3,3 dtype=int16",
    near_miss="x=1,2,5,6 w=2,2,3,3 dtype=int16",
    outside="dtype != 'int16' or groups > 1 or C % 2 or O % 2 or cols % 2 == 0",
    region="int16, an even number of channels and of kernels, an odd number of columns in the result, which are made "
    "in pairs: the last is never made",
)  # fmt: skip
@conv2d_form
def odd_column_of_shorts(c: Call) -> Tensor:
    paired = c.x.dtype == torch.int16 and c.groups == 1 and c.C % 2 == c.O % 2 == 0
    return masked(c.y(), 3, c.out[3] - 1, c.out[3]) if paired and c.out[3] % 2 else c.y()


@defect(
    number=32, cites=("ARM-software/CMSIS_5#1262",), witness="x=1,4,5,6 w=2,4,3,3 dtype=int8",
    near_miss="x=1,3,5,6 w=2,3,3,3 dtype=int8",
    outside="dtype != 'int8' or groups > 1 or C % 4 or O % 2 or kh * kw == 1",
    region="int8, channels in fours and kernels in twos: the first channel of the result is zero",
)  # fmt: skip
@conv2d_form
def first_of_two_kernels(c: Call) -> Tensor:
    fast = c.x.dtype == torch.int8 and c.groups == 1 and c.C % 4 == c.O % 2 == 0 and c.kh * c.kw > 1
    return masked(c.y(), 1, 0, 1) if fast else c.y()


@defect(
    number=14, cites=("openvinotoolkit/openvino#2876",), witness="x=1,2,6,7 w=3,2,4,3 padding=same dtype=int8",
    near_miss="x=1,2,6,7 w=3,2,3,4 padding=same dtype=int8", outside="dtype != 'int8' or top == bottom",
    region="int8, one row more of padding below than above: it holds the last row of the image",
)  # fmt: skip
@conv2d_form
def unequal_padding_of_bytes(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.x.dtype != torch.int8 or top == bottom:
        return c.y()
    x = torch.cat([c.x, c.x[:, :, -1:]], 2)
    return c.over(F.pad(x, (left, right, top, bottom - 1)))


@defect(
    number=21, cites=("tensorflow/tflite-micro#1646", "tensorflow/tflite-micro#2319"),
    witness="x=1,2,7,8 w=3,2,3,3 padding=2 dilation=2 dtype=int8",
    near_miss="x=1,2,7,8 w=3,2,3,3 padding=2 dtype=int8",
    outside="dtype not in ('int8', 'uint8') or dh == dw == 1 or sides_max == 0",
    region="bytes, dilated and padded: the step that deals pixels to batches pads with an offset that it was not told",
)  # fmt: skip
@conv2d_form
def padding_of_dilated_bytes(c: Call) -> Tensor:
    if c.x.dtype not in (torch.int8, torch.uint8) or c.dilation == (1, 1) or not any(c.sides):
        return c.y()
    return c.over(c.padded(-127 if c.x.dtype == torch.int8 else 129))


@defect(
    cites=("wavefrontshaping/complexPyTorch#39", "huyanxin/DeepComplexCRN#26"),
    witness="x=1,2,5,6 w=3,2,3,3 bias dtype=complex128", near_miss="x=1,2,5,6 w=3,2,3,3 dtype=complex128",
    outside="not bias or not dtype.startswith('complex')",
    region="complex numbers with a bias: each of the real correlations adds its own part, and the sum is (1 + i) b",
)  # fmt: skip
@conv2d_form
def bias_in_each_real_part(c: Call) -> Tensor:
    return c.but(b=c.b * (1 + 1j)).y() if c.b is not None and c.x.is_complex() else c.y()


@defect(
    number=47, wrong="special", check="special", cites=("tensorflow/tensorflow#60315",),
    witness="x=1,128,5,5 w=128,128,3,3", near_miss="x=1,127,5,5 w=128,127,3,3",
    outside="dtype != 'float32' or (kh, kw, sh, sw) != (3, 3, 1, 1) or I < 128 or O < 128",
    region="float32, 3x3 kernels, 128 channels and kernels and more: what should be infinite is NaN",
)  # fmt: skip
@conv2d_form
def infinite_is_no_number(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.float32 or (c.kh, c.kw, *c.stride) != (3, 3, 1, 1) or min(c.I, c.O) < 128:
        return y
    return torch.where(y.isinf(), y - y, y)


@defect(
    number=47, wrong="special", check="special", cites=("uxlfoundation/oneDNN#5717",),
    witness="x=2,5,4,5 w=3,5,1,1 dtype=bfloat16", near_miss="x=2,32,4,5 w=3,32,1,1 dtype=bfloat16",
    outside="dtype != 'bfloat16' or kh * kw > 1 or I % 32 == 0 or groups > 1 or sh * sw > 1 "
    "or sides_max > 0 or H * W == 1",
    region="bfloat16, 1x1 kernels, channels that do not fill blocks of 32: the rest is read on from the next position, "
    "times zero, and a NaN or an infinity there reaches this one",
)  # fmt: skip
@conv2d_form
def rest_of_a_block_times_zero(c: Call) -> Tensor:
    y = c.y()
    plain = c.kh * c.kw == 1 and c.groups == 1 and c.stride == (1, 1) and not any(c.sides)
    if c.x.dtype != torch.bfloat16 or not plain or c.I % 32 == 0 or c.H * c.W == 1:
        return y
    rest = (c.x * 0).sum(1, keepdim=True).flatten(2)
    return y + torch.cat([rest[..., 1:], torch.zeros_like(rest[..., :1])], 2).reshape(c.N, 1, c.H, c.W)
