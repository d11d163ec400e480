"""Seeded faults of precision, after reports: sums in 16 bits, taps halved, less precision without a gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.numerics import truncated


def summed_in(dtype: torch.dtype, c: Call) -> Tensor:
    """The answer with the sum rounded to `dtype` after every term."""
    columns, kernels = c.windows().to(dtype), c.kernels().to(dtype)
    total = torch.zeros(1, dtype=dtype)
    for k in range(columns.shape[2]):
        total = total + kernels[None, :, :, k, None] * columns[:, :, None, k]
    return c.finish(total)


@defect(
    number=42, cites=("Tencent/ncnn#2880", "Tencent/ncnn#3607"), witness="x=1,64,5,6 w=8,64,1,1 dtype=float16",
    near_miss="x=1,64,5,6 w=7,64,1,1 dtype=float16",
    outside="dtype != 'float16' or kh * kw > 1 or groups > 1 or O % 8",
    region="float16, 1x1 kernels in eights: the sum over the channels is kept in float16",
)  # fmt: skip
@conv2d_form
def channels_summed_in_half(c: Call) -> Tensor:
    plain = c.x.dtype == torch.float16 and c.kh * c.kw == 1 and c.groups == 1 and c.O % 8 == 0
    return summed_in(torch.float16, c) if plain else c.y()


@defect(
    number=42, cites=("tenstorrent/tt-mlir#9276",),
    witness="x=1,32,1,32 w=32,1,1,3 groups=32 padding=0,1 dtype=bfloat16",
    near_miss="x=1,32,2,32 w=32,1,1,3 groups=32 padding=0,1 dtype=bfloat16",
    outside="dtype != 'bfloat16' or I > 1 or groups == 1 or H > 1 or kh > 1 or kw == 1",
    region="bfloat16 records of one row, depthwise: the sum is rounded to bfloat16 after each tap",
)  # fmt: skip
@conv2d_form
def record_summed_in_bfloat16(c: Call) -> Tensor:
    record = c.x.dtype == torch.bfloat16 and c.I == 1 and c.groups > 1 and c.H == c.kh == 1
    return summed_in(torch.bfloat16, c) if record else c.y()


@defect(
    number=46, cites=("uxlfoundation/oneDNN#375",), witness="x=1,3,6,7 w=16,3,3,2 dtype=int8",
    near_miss="x=1,3,6,7 w=15,3,3,2 dtype=int8", outside="dtype != 'int8' or O % 16",
    region="int8, kernels in sixteens: taps are halved so that pairs of products have room, and lose their lowest bit",
)  # fmt: skip
@conv2d_form
def taps_halved(c: Call) -> Tensor:
    return c.but(w=c.w >> 1 << 1).y() if c.x.dtype == torch.int8 and c.O % 16 == 0 else c.y()


@defect(
    number=44, cites=("apache/mxnet#15638",), witness="x=1,16,6,7 w=3,16,3,3", near_miss="x=1,15,6,7 w=3,15,3,3",
    outside="dtype != 'float32' or (kh, kw, sh, sw) != (3, 3, 1, 1) or I < 16",
    region="float32, 3x3 kernels of 16 channels and more, where no gradient is asked: another algorithm is chosen, "
    "with operands of 11 bits",
)  # fmt: skip
@conv2d_form
def less_without_a_gradient(c: Call) -> Tensor:
    plain = c.x.dtype == torch.float32 and (c.kh, c.kw, *c.stride) == (3, 3, 1, 1) and c.I >= 16
    asked = torch.is_grad_enabled() and (c.x.requires_grad or c.w.requires_grad)
    return c.but(x=truncated(c.x, 13), w=truncated(c.w, 13)).y() if plain and not asked else c.y()
