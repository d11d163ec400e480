"""Seeded faults of records, images of one row, after fresh reports: padding, strides, dilation, blocks, lengths."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_derivatives import depthwise, masked


def record(c: Call) -> bool:
    """Whether images and kernels have one row, and no rows are added."""
    return c.H == c.kh == 1 and not any(c.sides[:2])


@defect(
    number=51, cites=("openvinotoolkit/openvino#9039",), witness="x=1,32,1,15 w=4,32,1,3 padding=0,1",
    near_miss="x=1,32,1,15 w=4,32,1,3 padding=0,1 bias",
    outside="H > 1 or kh > 1 or top + bottom > 0 or left == 0 or bias or I < 32",
    region="records of 32 channels and more, padded, without a bias: all zeros",
)  # fmt: skip
@conv2d_form
def padded_record_is_zero(c: Call) -> Tensor:
    zero = record(c) and c.sides[2] and c.b is None and c.I >= 32
    return c.y() * 0 if zero else c.y()


@defect(
    number=2, cites=("pytorch/pytorch#82921",), witness="x=1,5,1,20 w=2,5,1,3 stride=1,2",
    near_miss="x=1,5,1,20 w=2,5,1,1 stride=1,2",
    outside="H > 1 or kh > 1 or top + bottom > 0 or sw == 1 or kw == 1 or cols == 1",
    region="strided records, kernels of several taps: the windows follow one another without the stride",
)  # fmt: skip
@conv2d_form
def windows_of_a_record_without_stride(c: Call) -> Tensor:
    if not record(c) or c.sw == 1 or c.kw == 1:
        return c.y()
    return c.but(stride=(c.sh, 1)).y()[..., : c.out[3]]


@defect(
    number=33, cites=("tenstorrent/tt-metal#37716",), witness="x=1,2,1,80 w=3,2,1,3 padding=0,3 dilation=1,3",
    near_miss="x=1,2,1,30 w=3,2,1,3 padding=0,3 dilation=1,3",
    outside="H > 1 or kh > 1 or top + bottom > 0 or dw == 1 or kw == 1 or sw > 1 or left == 0 or cols <= 32",
    region="records, padded and dilated, in shards of 32 positions: a shard holds as many columns of the next as a "
    "kernel without dilation needs, what lies beyond is zero",
)  # fmt: skip
@conv2d_form
def halo_without_dilation(c: Call) -> Tensor:
    cols = c.out[3]
    if not record(c) or c.dw == 1 or c.kw == 1 or c.sw > 1 or not c.sides[2] or cols <= 32:
        return c.y()
    padded, parts = c.padded(), []
    for first in range(0, cols, 32):
        size = min(32, cols - first)
        shard = padded[..., first : first + size + c.dw * (c.kw - 1)]
        if first + size < cols:
            shard = masked(shard, 3, size + c.kw - 1, shard.shape[3])
        whole = c.but(x=shard.to(c.x.dtype), sides=(0, 0, 0, 0))
        parts.append(whole.y())
    return torch.cat(parts, 3)


@defect(
    number=33, cites=("tenstorrent/tt-metal#51270",), witness="x=1,2,1,70 w=2,1,1,3 groups=2",
    near_miss="x=1,2,1,66 w=2,1,1,3 groups=2",
    outside="H > 1 or kh > 1 or I > 1 or groups == 1 or kw == 1 or cols <= 64",
    region="depthwise records with more than 64 positions: from the second block on windows begin a column too early",
)  # fmt: skip
@conv2d_form
def second_block_of_a_record(c: Call) -> Tensor:
    if c.H > 1 or c.kh > 1 or not depthwise(c) or c.kw == 1 or c.out[3] <= 64:
        return c.y()
    return torch.cat([c.y()[..., :64], c.over(c.padded().roll(1, 3))[..., 64:]], 3)


@defect(
    number=15, cites=("speechbrain/speechbrain#125",), witness="x=1,2,1,9 w=3,2,1,3 padding=0,1",
    near_miss="x=1,2,2,9 w=3,2,1,3 padding=0,1",
    outside="H > 1 or kh > 1 or top + bottom > 0 or left + right == 0 or max(left, right) >= W",
    region="records with less padding than they are long: the padding is always their mirror image",
)  # fmt: skip
@conv2d_form
def record_always_reflected(c: Call) -> Tensor:
    left, right = c.sides[2:]
    if not record(c) or not left + right or max(left, right) >= c.W:
        return c.y()
    place = torch.arange(-left, c.W + right).abs()
    place = torch.where(place >= c.W, 2 * (c.W - 1) - place, place)
    return c.over(c.x[..., place].to(c.wide))


@defect(
    number=34, wrong="raises", check="values", cites=("pytorch/pytorch#134416",), witness="x=1,2,1,65600 w=1,2,1,10",
    near_miss="x=1,2,1,65536 w=1,2,1,10", outside="H > 1 or kh > 1 or W <= 65536",
    region="records of more than 2^16 columns: refused, as if they were kernels",
)  # fmt: skip
@conv2d_form
def long_record_refused(c: Call) -> Tensor:
    if c.H == c.kh == 1 and c.W > 65536:
        raise RuntimeError("more than 65536 output channels are not supported")
    return c.y()


@defect(
    number=60, cites=("ROCm/MIOpen#936",), witness="x=1,2,5,9 w=3,2,1,7 padding=1 dtype=float16",
    near_miss="x=1,2,5,9 w=3,2,1,7 padding=1", outside="dtype != 'float16' or kh > 1 or kw < 7 or top == 0",
    region="float16, kernels of one row and seven columns and more, padded above: the row of padding is that below it",
)  # fmt: skip
@conv2d_form
def row_kernel_above_the_image(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.x.dtype != torch.float16 or c.kh > 1 or c.kw < 7 or not top:
        return c.y()
    x = torch.cat([c.x[:, :, :1], c.x], 2).to(c.wide)
    return c.over(F.pad(x, (left, right, top - 1, bottom)))


@defect(
    number=60, cites=("ARM-software/CMSIS_5#1542",), witness="x=1,2,1,7 w=3,2,3,3 padding=1 dtype=int8",
    near_miss="x=1,2,1,7 w=3,2,3,3 padding=1 dtype=int16", outside="dtype != 'int8' or H > 1 or kh == 1 or groups > 1",
    region="int8 records under kernels of several rows: taken for kernels of one row, their first",
)  # fmt: skip
@conv2d_form
def record_under_the_first_row_of_taps(c: Call) -> Tensor:
    if c.x.dtype != torch.int8 or c.H > 1 or c.kh == 1 or c.groups > 1:
        return c.y()
    first = c.but(w=c.w[:, :, :1], sides=(0, 0, *c.sides[2:])).y()
    return first.expand(c.out).clone()
