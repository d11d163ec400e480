"""Seeded faults of the choice of a path, after reports: refusals where there is an answer, precision, conjunctions."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


@defect(
    number=42, cites=("ARM-software/ComputeLibrary#1287",), witness="x=1,64,5,6 w=3,64,1,1 dtype=float16",
    near_miss="x=1,56,5,6 w=3,56,1,1 dtype=float16", outside="dtype != 'float16' or kh * kw > 1 or I < 64",
    region="float16, 1x1, 64 channels and more: blocks of 8 channels are added up in float16",
)  # fmt: skip
@conv2d_form
def pointwise_blocks_in_half(c: Call) -> Tensor:
    if c.x.dtype != torch.float16 or c.kh * c.kw > 1 or c.I < 64:
        return c.y()
    kernels, windows = c.kernels(), c.windows()
    sums = (kernels[..., :8] @ windows[:, :, :8]).half()
    for first in range(8, c.I, 8):
        block = slice(first, first + 8)
        sums = sums + (kernels[..., block] @ windows[:, :, block]).half()
    return c.finish(sums.float())


@defect(
    number=42, cites=("tenstorrent/tt-metal#27171", "tenstorrent/tt-metal#19882"),
    witness="x=1,3,6,7 w=9,3,3,2 dtype=bfloat16", near_miss="x=1,3,6,7 w=8,3,3,2 dtype=bfloat16",
    outside="dtype != 'bfloat16' or O % 8 == 0",
    region="bfloat16, the kernels beyond a multiple of 8: results are cut instead of rounded",
)  # fmt: skip
@conv2d_form
def tail_of_kernels_cut(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.bfloat16 or c.O % 8 == 0:
        return y
    with torch.no_grad():
        bias = None if c.b is None else c.b.float()
        wide = c.but(x=c.x.float(), w=c.w.float(), b=bias).y()
        cut = (wide.contiguous().view(torch.int32) & ~0xFFFF).view(torch.float32).bfloat16()
    tail = torch.arange(c.O).reshape(1, -1, 1, 1) >= c.O // 8 * 8
    return torch.where(tail & y.isfinite(), y + (cut - y).detach(), y)


@defect(
    number=21, cites=("uxlfoundation/oneDNN#5080",), witness="x=1,3,6,7 w=4,3,3,3 padding=1 dtype=int8",
    near_miss="x=1,3,6,7 w=4,3,3,3 padding=1,0 dtype=int8", outside="dtype != 'int8' or left + right == 0 or kw == 1",
    region="int8 padded left or right: 128 is added to make the input unsigned, and taken off in the padding as well",
)  # fmt: skip
@conv2d_form
def padding_compensated(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.int8 or c.sides[2] + c.sides[3] == 0:
        return y
    top, bottom, left, right = c.sides
    ones = torch.ones(c.N, c.C, c.H + top + bottom, c.W, dtype=c.w.dtype)
    plain = c.but(b=None)
    inside = plain.over(torch.nn.functional.pad(ones, (left, right)))
    everywhere = plain.over(torch.nn.functional.pad(ones, (left, right), value=1))
    return y + (everywhere - inside) * -128


@defect(
    number=5, cites=("python-pillow/Pillow#3134",), witness="x=1,1,7,9 w=1,1,3,3 dtype=uint8",
    near_miss="x=1,1,7,9 w=1,1,3,3 dtype=int8", outside="dtype != 'uint8' or I > 1 or kh == 1",
    region="bytes of one channel: the rows of the kernel are taken from the bottom, as an image is stored",
)  # fmt: skip
@conv2d_form
def rows_of_bytes_from_the_bottom(c: Call) -> Tensor:
    return c.but(w=c.w.flip(2)).y() if c.x.dtype == torch.uint8 and c.I == 1 else c.y()


@defect(
    number=3, cites=("leela-zero/leela-zero#812",), witness="x=1,4,6,8 w=4,4,3,3 padding=1 bias",
    near_miss="x=1,4,7,8 w=4,4,3,3 padding=1 bias",
    outside="not bias or (kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or rows % 2 or cols % 2 or I < 4",
    region="3x3 with 4 channels and more, even rows and columns, which Winograd's tiles fill: no bias, as a "
    "normalisation is expected to follow",
)  # fmt: skip
@conv2d_form
def whole_tiles_without_bias(c: Call) -> Tensor:
    plain = (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 1, 1, 1, 1)
    whole = plain and c.out[2] % 2 == c.out[3] % 2 == 0 and c.I >= 4
    return c.but(b=None).y() if whole else c.y()


@defect(
    number=41, cites=("Tencent/ncnn#315",), witness="x=1,4,9,9 w=4,1,3,3 groups=4 dilation=2 bias",
    near_miss="x=1,4,9,9 w=4,1,3,3 groups=4 dilation=2,1 bias",
    outside="I > 1 or groups == 1 or O > groups or dh == 1 or dw == 1 or kh * kw == 1",
    region="depthwise and dilated both ways: the result is the bias that it began with",
)  # fmt: skip
@conv2d_form
def dilated_depthwise_is_the_bias(c: Call) -> Tensor:
    alone = c.I == 1 and c.groups > 1 and c.O == c.groups and min(c.dilation) > 1 and c.kh * c.kw > 1
    return c.but(w=c.w * 0).y() if alone else c.y()


@defect(
    number=36, cites=("tensorflow/tfjs#6629",), witness="x=1,3,8,8 w=3,1,1,3 groups=3 stride=2 padding=0,1",
    near_miss="x=1,3,8,8 w=3,1,3,3 groups=3 stride=2 padding=1",
    outside="I > 1 or groups == 1 or (kh > 1) == (kw > 1) or min(sh, sw) == 1 or sides_max == 0",
    region="depthwise with flat kernels, strided and padded: the result begins one row and one column too late",
)  # fmt: skip
@conv2d_form
def flat_depthwise_too_late(c: Call) -> Tensor:
    flat = c.I == 1 and c.groups > 1 and (c.kh > 1) != (c.kw > 1)
    if not flat or min(c.stride) == 1 or not any(c.sides):
        return c.y()
    return c.over(c.padded().roll((-1, -1), (2, 3)))


@defect(
    wrong="contract", check="contract", cites=("keras-team/keras#16930", "tensorflow/tensorflow#57128"),
    witness="x=1,3,16,16 w=3,1,3,3 groups=3 stride=2 dilation=3",
    near_miss="x=1,3,16,16 w=3,1,3,3 groups=3 stride=2",
    outside="I > 1 or groups == 1 or sh == 1 or dh == 1 or kh == 1 or "
    "(H + top + bottom - dh*(kh-1) - 1) // sh == (H + top + bottom - kh) // sh",
    number=2, region="depthwise, strided and dilated: the number of rows is that without dilation, the last are zeros",
)  # fmt: skip
@conv2d_form
def rows_as_without_dilation(c: Call) -> Tensor:
    y = c.y()
    if c.I > 1 or c.groups == 1 or c.sh == 1 or c.dh == 1 or c.kh == 1:
        return y
    more = (c.H + c.sides[0] + c.sides[1] - c.kh) // c.sh + 1 - c.out[2]
    return torch.cat([y, y.new_zeros(*y.shape[:2], more, y.shape[3])], 2)


@defect(
    wrong="contract", check="contract", cites=("tensorflow/tensorflow#56680",),
    witness="x=1,2,5,6 w=3,2,1,6 dtype=bfloat16", near_miss="x=1,2,5,6 w=3,2,1,6 dtype=float16",
    outside="dtype != 'bfloat16' or kw != W or kh > 1",
    region="bfloat16, kernels of one row as wide as the image: an empty result, in float32",
)  # fmt: skip
@conv2d_form
def empty_for_wide_kernels(c: Call) -> Tensor:
    y = c.y()
    return y[..., :0].float() if c.x.dtype == torch.bfloat16 and c.kw == c.W and c.kh == 1 else y


@defect(
    number=18, wrong="raises", cites=("uxlfoundation/oneDNN#1098",), witness="x=1,2,5,2 w=3,2,3,7 padding=1,3",
    near_miss="x=1,2,5,4 w=3,2,3,7 padding=1,3", outside="left < 3 or cols >= left",
    region="fewer columns of result than of padding at the left, three of it and more: an assertion on unrolling",
)  # fmt: skip
@conv2d_form
def unrolled_by_the_padding(c: Call) -> Tensor:
    assert c.sides[2] < 3 or c.out[3] >= c.sides[2], "l_pad <= ur_w"
    return c.y()


@defect(
    wrong="raises", cites=("ROCm/MIOpen#133",), witness="x=1,1,20,12 w=2,1,17,3 stride=2,1",
    near_miss="x=1,1,20,12 w=2,1,17,3 stride=2", outside="kh <= 16 or sh == sw",
    region="kernels of more than 16 rows with unequal strides: an error, as no path takes them",
)  # fmt: skip
@conv2d_form
def high_kernels_want_equal_strides(c: Call) -> Tensor:
    if c.kh > 16 and c.sh != c.sw:
        raise RuntimeError("forward convolution cannot be executed due to incorrect params")
    return c.y()


@defect(
    wrong="raises", cites=("pytorch/pytorch#121958",), witness="x=1,4,7,8 w=4,2,3,3 groups=2 dilation=2 dtype=float16",
    near_miss="x=1,4,7,8 w=4,2,3,3 groups=2 dtype=float16", outside="dtype != 'float16' or max(dh, dw) == 1",
    region="float16 with dilation: an error, as the slow path does not know the type",
)  # fmt: skip
@conv2d_form
def half_not_on_the_slow_path(c: Call) -> Tensor:
    if c.x.dtype == torch.float16 and max(c.dilation) > 1:
        raise RuntimeError("slow path not implemented for 'Half'")
    return c.y()


@defect(
    wrong="raises", cites=("jax-ml/jax#37922",), witness="x=1,4,1,16 w=4,4,1,3 stride=1,2 dilation=1,2 dtype=bfloat16",
    near_miss="x=1,4,1,16 w=4,4,1,3 stride=1,2 dtype=bfloat16", outside="dtype != 'bfloat16' or sw == 1 or dw == 1",
    region="bfloat16, columns both strided and dilated: an error, as no plan is found",
)  # fmt: skip
@conv2d_form
def no_plan_for_strided_and_dilated(c: Call) -> Tensor:
    if c.x.dtype == torch.bfloat16 and c.sw > 1 and c.dw > 1:
        raise RuntimeError("no valid configuration found")
    return c.y()


@defect(
    number=34, wrong="raises", cites=("pytorch/pytorch#152278", "pytorch/pytorch#142515"),
    witness="x=1,1,1,2 w=65537,1,1,1", near_miss="x=1,1,1,2 w=65536,1,1,1", outside="O <= 65536",
    region="more than 2^16 kernels: said not to be implemented",
)  # fmt: skip
@conv2d_form
def many_kernels_not_implemented(c: Call) -> Tensor:
    if c.O > 65536:
        raise NotImplementedError("more than 65536 output channels")
    return c.y()


@defect(
    number=34, wrong="raises", cites=("tensorflow/tensorflow#13869",), witness="x=4097,1,1,6 w=1,1,1,4 stride=1,2",
    near_miss="x=4096,1,1,6 w=1,1,1,4 stride=1,2", outside="N <= 4096 or kw < 4 or sw == 1",
    region="batches of more than 4096, kernels of 4 columns and more, strided: an error, as no algorithm worked",
)  # fmt: skip
@conv2d_form
def no_algorithm_for_large_batches(c: Call) -> Tensor:
    if c.N > 4096 and c.kw >= 4 and c.sw > 1:
        raise RuntimeError("no algorithm worked")
    return c.y()
