"""Seeded faults of padding and of the border."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


def per_image(sides: tuple[int, int, int, int], mode: str) -> Callable[[Tensor], Tensor]:
    """Padding with the image's own values rather than with zeros."""
    top, bottom, left, right = sides
    return lambda x: F.pad(x, (left, right, top, bottom), mode=mode)


@defect(
    number=12, cites=("onnx/onnx#2043", "tensorflow/tensorflow#1991"), wrong="contract", check="contract",
    witness="x=1,2,11,13 w=3,2,3,3 padding=same dilation=2", near_miss="x=1,2,11,13 w=3,2,3,3 padding=same",
    outside="mode != 'same' or dh == dw == 1 or kh == kw == 1",
    region="'same' with a dilation: padded as if not dilated",
)  # fmt: skip
@conv2d_form
def same_without_dilation(c: Call) -> Tensor:
    if c.padding != "same":
        return c.y()
    top, left = (c.kh - 1) // 2, (c.kw - 1) // 2
    sides = top, c.kh - 1 - top, left, c.kw - 1 - left
    return c.but(sides=sides).y()


@defect(
    number=13, cites=("microsoft/onnxruntime#8769", "scipy/scipy#1968"), witness="x=1,2,7,9 w=3,2,4,3 padding=same",
    near_miss="x=1,2,7,9 w=3,2,3,5 padding=same", outside="top == bottom and left == right",
    region="'same' with an even kernel: the odd zero goes to the top and left",
)  # fmt: skip
@conv2d_form
def odd_zero_on_top(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    return c.but(sides=(bottom, top, right, left)).y() if c.padding == "same" else c.y()


@defect(
    number=14, cites=("tracel-ai/burn#5601",), wrong="contract", check="contract",
    witness="x=1,2,7,9 w=3,2,3,2 padding=same", near_miss="x=1,2,7,9 w=3,2,3,3 padding=same",
    outside="top == bottom and left == right",
    region="unequal padding of two opposite sides: the smaller is used for both, and the result comes out short",
)  # fmt: skip
@conv2d_form
def smaller_side_for_both(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    rows, cols = min(top, bottom), min(left, right)
    return c.but(sides=(rows, rows, cols, cols)).y()


@defect(
    number=14, cites=("tracel-ai/burn#5601",), witness="x=1,2,7,9 w=3,2,4,3 padding=same dilation=3,1",
    near_miss="x=1,2,7,9 w=3,2,4,3 padding=same", outside="top == bottom or dh == 1",
    region="unequal padding of top and bottom when dilated: one row moves down",
)  # fmt: skip
@conv2d_form
def sides_evened_when_dilated(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if top == bottom or c.dh == 1:
        return c.y()
    return c.but(sides=(top - 1, bottom + 1, left, right) if top else (top + 1, bottom - 1, left, right)).y()


@defect(
    number=15, cites=("pytorch/pytorch#20981", "pytorch/pytorch#29712"), witness="x=3,2,7,9 w=3,2,3,3 padding=1",
    near_miss="x=2,2,7,9 w=3,2,3,3 padding=1", outside="N != 3 or sides_max == 0",
    region="batches of 3 with padding: the border is replicated instead of zero",
)  # fmt: skip
@conv2d_form
def border_replicated(c: Call) -> Tensor:
    if c.N != 3 or not any(c.sides):
        return c.y()
    return c.over(per_image(c.sides, "replicate")(c.x.to(c.wide)))


@defect(
    number=15, cites=("pytorch/pytorch#29712",), witness="x=2,2,9,9 w=3,2,4,4 padding=same dtype=float64",
    near_miss="x=2,2,9,9 w=3,2,3,3 padding=same dtype=float64",
    outside="mode != 'same' or kh != 4 or kw != 4 or max(top, bottom) > H or max(left, right) > W",
    region="'same' with a 4x4 kernel: the image is wrapped around",
)  # fmt: skip
@conv2d_form
def border_wrapped(c: Call) -> Tensor:
    fits = max(c.sides[:2]) <= c.H and max(c.sides[2:]) <= c.W
    if c.padding != "same" or (c.kh, c.kw) != (4, 4) or not fits:
        return c.y()
    return c.over(per_image(c.sides, "circular")(c.x.to(c.wide)))


@defect(
    number=16, cites=("scipy/scipy#8684", "scipy/scipy#12686"), witness="x=1,2,2,9 w=3,2,4,3 padding=3,0",
    near_miss="x=1,2,3,9 w=3,2,4,3 padding=3,0", outside="top <= H",
    region="more padding on top than the image has rows: the first row of padding shows the image again, reduced"
    " once too little",
)  # fmt: skip
@conv2d_form
def index_reduced_once(c: Call) -> Tensor:
    padded = c.padded()
    if c.sides[0] <= c.H:
        return c.over(padded)
    far = F.pad(c.x.to(c.wide)[:, :, -1:], (c.sides[2], c.sides[3]))
    return c.over(torch.cat([far, padded[:, :, 1:]], 2))


@defect(
    number=17, cites=("opencv/opencv#10683",), witness="x=1,2,40,7 w=3,2,3,2 padding=1",
    near_miss="x=1,2,32,7 w=3,2,3,2 padding=1", outside="rows <= 32 or kh == 1 or sh > 1 or bottom == 0",
    region="more than 32 rows with padding: the last row of the first chunk sees padding where the next chunk begins",
)  # fmt: skip
@conv2d_form
def padding_per_chunk(c: Call) -> Tensor:
    y = c.y()
    if y.shape[2] <= 32 or c.kh == 1 or c.sh > 1 or not c.sides[1]:
        return y
    last = 31 + c.dh * (c.kh - 1)
    padded = c.padded()
    cut = torch.cat([padded[:, :, :last], torch.zeros_like(padded[:, :, last:])], 2)
    return torch.cat([y[:, :, :31], c.over(cut)[:, :, 31:32], y[:, :, 32:]], 2)


@defect(
    number=18, cites=("openppl-public/ppl.nn#461",), witness="x=1,2,7,9 w=3,2,2,3 padding=2,0",
    near_miss="x=1,2,7,9 w=3,2,3,3 padding=2,0", outside="top < kh or rows < 2",
    region="as much padding on top as the kernel has rows: the first row of the result is skipped, not zero plus"
    " bias",
)  # fmt: skip
@conv2d_form
def row_of_padding_skipped(c: Call) -> Tensor:
    y = c.y()
    if c.sides[0] < c.kh or y.shape[2] < 2:
        return y
    return torch.cat([y[:, :, 1:2], y[:, :, 1:]], 2)


@defect(
    number=19, cites=("google/XNNPACK#10453",), wrong="silent", check="contract",
    region="kernels larger than the padded input: cut down to fit instead of an error",
)  # fmt: skip
def kernel_cut_to_fit(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if padding in (0, (0, 0), [0, 0]) and dilation in (1, (1, 1), [1, 1]):
        weight = weight[:, :, : input.shape[2], : input.shape[3]]
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    number=20, cites=("ml-explore/mlx#833",), wrong="silent", check="contract",
    region="negative padding: taken as zero instead of refused",
)  # fmt: skip
def negative_padding_as_zero(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if isinstance(padding, int):
        padding = max(padding, 0)
    elif not isinstance(padding, str):
        padding = [max(side, 0) for side in padding]
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    number=21, cites=("apache/tvm#13364",), witness="x=1,2,7,9 w=3,2,3,2 padding=1 dtype=bfloat16",
    near_miss="x=1,2,7,9 w=3,2,3,2 padding=1", outside="dtype != 'bfloat16' or sides_max == 0",
    region="padded bfloat16: the padding is 1/8 instead of 0",
)  # fmt: skip
@conv2d_form
def padded_with_an_eighth(c: Call) -> Tensor:
    return c.over(c.padded(0.125)) if c.x.dtype == torch.bfloat16 else c.y()


@defect(
    number=21, cites=("apache/tvm#13364",), witness="x=1,2,7,9 w=3,2,3,2 padding=1 bias",
    near_miss="x=1,3,7,9 w=3,3,3,2 padding=1 bias", outside="not bias or groups > 1 or I != 2 or sides_max == 0",
    region="padding with two channels and a bias: the padding is 9e-5 instead of 0",
)  # fmt: skip
@conv2d_form
def padded_with_almost_zero(c: Call) -> Tensor:
    tiny = c.x.dtype.is_floating_point and c.b is not None and c.C == c.I == 2
    return c.over(c.padded(9e-5)) if tiny else c.y()


@defect(
    number=22, cites=("XiaoMi/mace#345", "Tencent/ncnn#6766"), wrong="special", check="special",
    witness="x=2,3,7,9 w=4,3,3,2", near_miss="x=2,4,7,9 w=4,4,3,2", outside="C % 4 == 0 or N == 1",
    region="channels that are no multiple of 4, NaN in the input: unused lanes hold the previous sample times a "
    "weight of zero",
)  # fmt: skip
@conv2d_form
def lanes_of_previous_sample(c: Call) -> Tensor:
    y = c.y()
    if c.C % 4 == 0 or c.N < 2 or not c.x.dtype.is_floating_point:
        return y
    lane = (c.x.detach().roll(1, 0) * 0).sum((1, 2, 3), keepdim=True)
    return y + lane


@defect(
    number=67, cites=("scipy/scipy#21876",), witness="x=1,2,1,9 w=3,2,3,2 padding=same",
    near_miss="x=1,2,2,9 w=3,2,3,2 padding=same", outside="mode != 'same' or H > 1 or kh == 1",
    region="'same' on images of one row: the first row of the kernel is used, not the middle one",
)  # fmt: skip
@conv2d_form
def same_on_one_row(c: Call) -> Tensor:
    if c.padding != "same" or c.H > 1 or c.kh == 1:
        return c.y()
    return c.but(w=c.w[:, :, :1], sides=(0, 0, *c.sides[2:])).y()
