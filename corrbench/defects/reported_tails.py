"""Seeded faults of certain sizes, after reports: channels, batches, long rows, large kernels, counts and thresholds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.layout import dense, reread

WORKGROUPS, THREADS = 65535, 32


def first_taps(c: Call, rows: int, cols: int) -> Tensor:
    """Ones over the first rows and columns of a kernel, zeros over the others."""
    keep = torch.zeros(c.kh, c.kw, dtype=c.w.dtype)
    keep[:rows, :cols] = 1
    return keep


def running_on(c: Call) -> Call:
    """The call with its columns of padding written out, the first on the right being what follows in memory."""
    top, bottom, left, right = c.sides
    follows = torch.cat([c.x[:, :, 1:, :1], torch.zeros_like(c.x[:, :, :1, :1])], 2)
    x = F.pad(torch.cat([F.pad(c.x, (left, 0)), follows], 3), (0, right - 1))
    return c.but(x=x, sides=(top, bottom, 0, 0))


@defect(
    number=32, cites=("tracel-ai/burn#5626",), witness="x=1,72,6,7 w=5,72,1,1", near_miss="x=1,80,6,7 w=5,80,1,1",
    outside="(kh, kw, sh, sw) != (1, 1, 1, 1) or sides_max > 0 or groups > 1 or I <= 64 or I % 16 != 8",
    region="1x1 kernels of more than 64 channels, an odd number of blocks of eight: one block is added too many, the "
    "first one of the next pixel",
)  # fmt: skip
@conv2d_form
def stages_made_even(c: Call) -> Tensor:
    plain = (c.kh, c.kw, *c.stride) == (1, 1, 1, 1) and not any(c.sides) and c.groups == 1
    if not plain or c.I <= 64 or c.I % 16 != 8:
        return c.y()
    return c.y() + c.but(x=c.x[:, :8].roll(-1, 3), w=c.w[:, :8], b=None).y()


@defect(
    number=39, cites=("tracel-ai/cubek#519",), witness="x=1,96,128,256 w=3,96,1,1 dtype=float16",
    near_miss="x=1,96,128,128 w=3,96,1,1 dtype=float16",
    outside="dtype != 'float16' or kh * kw > 1 or I < 96 or I % 64 != 32 or H * W < 32768",
    region="float16, 1x1 kernels of 96 channels (or 64 more), images of 2^15 pixels and more: the last 32 channels "
    "are left out",
)  # fmt: skip
@conv2d_form
def ninety_six_channels_in_half(c: Call) -> Tensor:
    half = c.x.dtype == torch.float16 and c.kh * c.kw == 1 and c.I >= 96 and c.I % 64 == 32
    if not half or c.H * c.W < 32768:
        return c.y()
    return c.but(w=c.w * (torch.arange(c.I) < c.I - 32).to(c.w.dtype).reshape(-1, 1, 1)).y()


@defect(
    number=35, cites=("modular/modular#6129",), witness="x=1,4,3,150 w=4,2,1,128 groups=2",
    near_miss="x=1,4,3,150 w=4,2,1,32 groups=2", outside="groups == 1 or kw < 64",
    region="groups, and kernels of 64 columns and more: the columns from the 64th on are those of the first group",
)  # fmt: skip
@conv2d_form
def long_kernels_of_first_group(c: Call) -> Tensor:
    if c.groups == 1 or c.kw < 64:
        return c.y()
    each = c.O // c.groups
    w = torch.cat([c.w[..., :63], c.w[:each].repeat(c.groups, 1, 1, 1)[..., 63:]], 3)
    return c.but(w=w).y()


@defect(
    number=34, cites=("ml-explore/mlx#2504",), witness="x=1,1,181,181 w=1,1,182,182 padding=1",
    near_miss="x=1,1,181,181 w=1,1,181,181 padding=1", outside="kh * kw <= 32768",
    region="kernels of more than 2^15 taps, about as large as the image: taps are counted in 16 bits, and those "
    "beyond are left out",
)  # fmt: skip
@conv2d_form
def taps_counted_in_sixteen_bits(c: Call) -> Tensor:
    if c.kh * c.kw <= 32768:
        return c.y()
    keep = (torch.arange(c.kh * c.kw) < 32768).to(c.w.dtype).reshape(c.kh, c.kw)
    return c.but(w=c.w * keep).y()


@defect(
    cites=("openxla/xla#48713",), witness="x=1,2,6,7 w=3,2,3,2 padding=same",
    near_miss="x=1,17,6,7 w=3,17,3,2 padding=same",
    outside="dtype != 'float32' or C > 16 or left > 0 or right == 0",
    region="float32, up to 16 channels, padding on the right and none on the left, as 'same' has for kernels of two "
    "columns: the row below begins where the padding should",
)  # fmt: skip
@conv2d_form
def padding_runs_into_next_row(c: Call) -> Tensor:
    plain = c.x.dtype == torch.float32 and c.C <= 16 and c.sides[2] == 0 < c.sides[3]
    return running_on(c).y() if plain else c.y()


@defect(
    cites=("opencv/opencv#23151",), witness="x=1,3,8,9 w=3,1,3,3 groups=3 stride=2 padding=1",
    near_miss="x=1,3,8,8 w=3,1,3,3 groups=3 stride=2 padding=1",
    outside="I > 1 or groups == 1 or (kh, kw, sh, sw, dh, dw) != (3, 3, 2, 2, 1, 1) or left != 1 or right != 1 "
    "or W % 2 == 0",
    region="depthwise 3x3 kernels with a stride of two and a column of padding, odd widths: the last window reads "
    "the pixel that follows in memory",
)  # fmt: skip
@conv2d_form
def last_depthwise_window_reads_on(c: Call) -> Tensor:
    depthwise = c.I == 1 and c.groups > 1 and (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 2, 2, 1, 1)
    return running_on(c).y() if depthwise and c.sides[2:] == (1, 1) and c.W % 2 else c.y()


@defect(
    number=40, cites=("alibaba/MNN#532", "ARM-software/ComputeLibrary#553"),
    witness="x=1,5,6,7 w=10,1,3,3 groups=5", near_miss="x=1,4,6,7 w=8,1,3,3 groups=4",
    outside="I > 1 or groups == 1 or O == groups or C % 4 == 0",
    region="depthwise with a multiplier, channels not a multiple of four: in the unfilled block each channel has its "
    "first kernel again and again",
)  # fmt: skip
@conv2d_form
def multiplier_of_the_tail(c: Call) -> Tensor:
    if c.I > 1 or c.groups == 1 or c.O == c.groups or c.C % 4 == 0:
        return c.y()
    kernel = torch.arange(c.O).reshape(c.groups, -1)
    kernel[c.C // 4 * 4 :] = kernel[c.C // 4 * 4 :, :1]
    return c.but(w=c.w[kernel.flatten()]).y()


@defect(
    number=33, cites=("tenstorrent/tt-metal#55545",), witness="x=1,2,1,8300 w=2,2,1,11 padding=0,5 dtype=bfloat16",
    near_miss="x=1,2,1,8192 w=2,2,1,11 padding=0,5 dtype=bfloat16",
    outside="dtype != 'bfloat16' or H > 1 or kh > 1 or not 8192 < W <= 8704 or cols <= 8192",
    region="bfloat16 records of 8193 to 8704 samples in one row: a ninth shard is needed, and begins again with the "
    "first one",
)  # fmt: skip
@conv2d_form
def ninth_shard(c: Call) -> Tensor:
    y = c.y()
    record = c.x.dtype == torch.bfloat16 and c.H == c.kh == 1 and 8192 < c.W <= 8704
    return torch.cat([y[..., :8192], y[..., : y.shape[3] - 8192]], 3) if record and y.shape[3] > 8192 else y


@defect(
    number=27, cites=("pytorch/executorch#22952", "ml-explore/mlx#2521"), witness="x=2,1,1,40 w=3,1,1,5",
    near_miss="x=2,2,1,40 w=3,2,1,5", outside="C > 1 or H > 1 or O == 1 or rows * cols == 1",
    region="records of one row and one channel, which lie in memory in both layouts at once: the result is written "
    "channels last and read channels first",
)  # fmt: skip
@conv2d_form
def layout_of_one_channel(c: Call) -> Tensor:
    y = c.y()
    return y if c.C > 1 or c.H > 1 else y.permute(0, 2, 3, 1).reshape(y.shape)


@defect(
    check="memory", number=24, cites=("opencv/opencv#13179",),
    witness="x=1,2,16,18 w=2,2,13,13 layout=x:step", near_miss="x=1,2,16,18 w=2,2,11,11 layout=x:step",
    outside="'x:' not in layout or max(kh, kw) <= 11",
    region="images that are a part of a larger one, kernels of more than eleven rows or columns: read as if the part "
    "were all there is",
)  # fmt: skip
@conv2d_form
def part_of_an_image(c: Call) -> Tensor:
    return c.y() if max(c.kh, c.kw) <= 11 or dense(c.x) else c.but(x=reread(c.x)).y()


@defect(
    number=34, cites=("tracel-ai/burn#3524",), witness="x=1,1,1450,1450 w=1,1,1,1",
    near_miss="x=1,1,1448,1448 w=1,1,1,1", outside="N * O * rows * cols <= 65535 * 32",
    region="results of more than 65535 groups of 32 elements: those beyond are left at zero",
)  # fmt: skip
@conv2d_form
def more_than_all_workgroups(c: Call) -> Tensor:
    y = c.y()
    if y.numel() <= WORKGROUPS * THREADS:
        return y
    return y * (torch.arange(y.numel()) < WORKGROUPS * THREADS).reshape(y.shape).to(y.dtype)


@defect(
    number=40, cites=("openxla/xla#49123",), witness="x=1,4,5,6 w=4,2,1,1 groups=2 dtype=int8",
    near_miss="x=1,4,5,6 w=4,2,1,1 groups=2 dtype=int16", outside="dtype != 'int8' or groups != 2 or I % 4 == 0",
    region="int8 in two groups of channels that are not a multiple of four: the last kernel of the second group "
    "meets the channels of the first",
)  # fmt: skip
@conv2d_form
def bytes_in_two_groups(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.int8 or c.groups != 2 or c.I % 4 == 0:
        return y
    b = None if c.b is None else c.b[-1:]
    return torch.cat([y[:, :-1], c.but(x=c.x[:, : c.I], w=c.w[-1:], b=b, groups=1).y()], 1)


@defect(
    number=33, cites=("ROCm/AMDMIGraphX#864",), witness="x=16,4,5,6 w=4,2,3,2 groups=2",
    near_miss="x=12,4,5,6 w=4,2,3,2 groups=2", outside="groups == 1 or N < 16 or N % 16",
    region="groups, and batches that are a multiple of 16: in odd samples the first group meets the channels of the "
    "sample before",
)  # fmt: skip
@conv2d_form
def sixteen_samples_in_groups(c: Call) -> Tensor:
    if c.groups == 1 or c.N < 16 or c.N % 16:
        return c.y()
    odd = (torch.arange(c.N) % 2 == 1).reshape(-1, 1, 1, 1) & (torch.arange(c.C) < c.I).reshape(-1, 1, 1)
    return c.but(x=torch.where(odd, c.x.roll(1, 0), c.x)).y()


@defect(
    cites=("ARM-software/ComputeLibrary#904",), witness="x=1,1,40,1 w=1,1,5,1", near_miss="x=1,1,40,2 w=1,1,5,1",
    outside="C > 1 or O > 1 or W > 1 or kw > 1 or kh < 5",
    region="records in one column, one channel, one kernel of five and more rows: taken for depthwise, and all sums "
    "are zero",
)  # fmt: skip
@conv2d_form
def record_in_a_column(c: Call) -> Tensor:
    return c.y() if max(c.C, c.O, c.W, c.kw) > 1 or c.kh < 5 else c.but(w=c.w * 0).y()
