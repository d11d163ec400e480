"""Seeded faults of single sizes, tails and thresholds, after reports: the forward result of particular shapes."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, corr2d
from corrbench.defects.layout import reread


def pointwise(c: Call) -> bool:
    """Whether the kernel has one tap only."""
    return bool(c.kh == c.kw == 1)


@defect(
    number=38, cites=("Tencent/TNN#394",), witness="x=1,8,22,6 w=4,8,3,3", near_miss="x=1,8,22,10 w=4,8,3,3",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or C < 8 or -(-rows // 4) * -(-cols // 4) % 8 <= 4",
    region="3x3, 8 channels and more, in tiles of 4x4, 5 to 7 of them beyond a multiple of 8: the last tile is lost",
)  # fmt: skip
@conv2d_form
def last_of_five_tiles(c: Call) -> Tensor:
    y = c.y()
    rows, cols = c.out[2:]
    plain = (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 1, 1, 1, 1)
    if not plain or c.C < 8 or -(-rows // 4) * -(-cols // 4) % 8 <= 4:
        return y
    keep = torch.ones(rows, cols, dtype=y.dtype)
    keep[(rows - 1) // 4 * 4 :, (cols - 1) // 4 * 4 :] = 0
    return y * keep


@defect(
    number=34, cites=("ml-explore/mlx-swift#424",), witness="x=1,1,1,32775 w=2,1,1,3",
    near_miss="x=1,1,1,32770 w=2,1,1,3", outside="rows > 1 or cols <= 32768",
    region="one row with more than 2^15 columns of result: all but the last 2^15 hold one and the same number",
)  # fmt: skip
@conv2d_form
def last_columns_of_a_long_row(c: Call) -> Tensor:
    y = c.y()
    if y.shape[2] > 1 or y.shape[3] <= 32768:
        return y
    over = y.shape[3] - 32768
    return torch.cat([y[..., over : over + 1].expand(*y.shape[:3], over), y[..., over:]], 3)


@defect(
    number=34, cites=("pytorch/pytorch#59515",), witness="x=1030,2,1,6 w=3,2,1,3 dtype=float16",
    near_miss="x=1024,2,1,6 w=3,2,1,3 dtype=float16", outside="dtype != 'float16' or H > 1 or N <= 1024",
    region="float16, images of one row, more than 1024 samples: the index of a sample comes round to the first ones",
)  # fmt: skip
@conv2d_form
def half_batch_beyond_1024(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.float16 or c.H > 1 or c.N <= 1024:
        return y
    return y[torch.arange(c.N) % 1024]


@defect(
    number=40, cites=("ROCm/rocm-libraries#4998",), witness="x=2,4,6,7 w=6,2,3,3 groups=2 dtype=float16",
    near_miss="x=2,4,6,7 w=6,2,3,3 groups=2 dtype=bfloat16",
    outside="dtype != 'float16' or groups == 1 or (kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1)",
    region="float16, grouped, 3x3 without stride or dilation: the grid has room for the first group only",
)  # fmt: skip
@conv2d_form
def grid_of_one_group(c: Call) -> Tensor:
    y = c.y()
    plain = (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 1, 1, 1, 1)
    if c.x.dtype != torch.float16 or c.groups == 1 or not plain:
        return y
    first = c.O // c.groups
    return torch.cat([y[:, :first], torch.zeros_like(y[:, first:])], 1)


@defect(
    number=33, cites=("ROCm/MIOpen#894",), witness="x=1,16,7,7 w=4,16,1,1 dtype=float16",
    near_miss="x=1,16,7,6 w=4,16,1,1 dtype=float16",
    outside="dtype != 'float16' or kh * kw > 1 or C % 8 != 0 or rows * cols % 2 == 0 or rows * cols == 1",
    region="float16, 1x1, channels in eights, read in pairs of positions: the last of an odd number is that before",
)  # fmt: skip
@conv2d_form
def odd_position_of_pairs(c: Call) -> Tensor:
    y = c.y()
    rows, cols = c.out[2:]
    if c.x.dtype != torch.float16 or not pointwise(c) or c.C % 8 or rows * cols % 2 == 0 or rows * cols == 1:
        return y
    flat = y.flatten(2)
    return torch.cat([flat[..., :-1], flat[..., -2:-1]], 2).reshape(y.shape)


@defect(
    number=60, cites=("pytorch/pytorch#163347",), witness="x=1,1,2,2 w=1,1,2,2 dtype=bfloat16",
    near_miss="x=1,1,2,3 w=1,1,2,2 dtype=bfloat16",
    outside="dtype != 'bfloat16' or C > 1 or kh * kw == 1 or (H, W) != (kh, kw) or rows * cols > 1",
    region="bfloat16, one channel, a kernel as large as the image: only its first tap is counted",
)  # fmt: skip
@conv2d_form
def kernel_as_large_as_the_image(c: Call) -> Tensor:
    full = c.x.dtype == torch.bfloat16 and c.C == 1 and (c.H, c.W) == (c.kh, c.kw) and c.out[2:] == (1, 1)
    if not full or pointwise(c):
        return c.y()
    keep = torch.zeros(c.kh, c.kw, dtype=c.w.dtype)
    keep[0, 0] = 1
    return c.but(w=c.w * keep).y()


@defect(
    number=26, cites=("pytorch/pytorch#105941",), witness="x=1,2,2,2 w=1,2,1,1 stride=2",
    near_miss="x=1,2,3,2 w=1,2,1,1 stride=2",
    outside="kh * kw > 1 or min(sh, sw) == 1 or rows * cols > 1 or C == 1 or H * W == 1 or sides_max > 0",
    region="1x1 kernels with a stride that leaves one position: channels are looked for side by side",
)  # fmt: skip
@conv2d_form
def channels_side_by_side(c: Call) -> Tensor:
    lone = pointwise(c) and min(c.stride) > 1 and c.out[2:] == (1, 1) and not any(c.sides)
    if not lone or c.C == 1 or c.H * c.W == 1:
        return c.y()
    return c.but(x=c.x.reshape(c.N, -1)[:, : c.C].reshape(c.N, c.C, 1, 1)).y()


@defect(
    number=10, cites=("torch/cunn#470",), witness="x=1,3,5,9 w=3,1,3,2 groups=3",
    near_miss="x=1,3,9,9 w=3,1,3,2 groups=3", outside="I > 1 or groups == 1 or W <= H",
    region="depthwise, images wider than high: columns are bounded by the height",
)  # fmt: skip
@conv2d_form
def depthwise_bounded_by_height(c: Call) -> Tensor:
    if c.I > 1 or c.groups == 1 or c.W <= c.H:
        return c.y()
    keep = torch.ones(c.W, dtype=c.x.dtype)
    keep[c.H :] = 0
    return c.but(x=c.x * keep).y()


@defect(
    form="corr2d", number=35, cites=("buddy-compiler/buddy-mlir#110",), witness="x=1,1,5,5 w=1,1,3,1",
    near_miss="x=1,1,5,5 w=1,1,3,2", outside="kw > 1 or kh == 1",
    region="kernels of one column: the loop over taps follows columns, and meets the first tap only",
)  # fmt: skip
def first_tap_of_a_column(X: Tensor, K: Tensor) -> Tensor:
    if K.dim() != 2 or K.shape[1] > 1 or K.shape[0] == 1:
        return corr2d(X, K)
    return corr2d(X, torch.cat([K[:1], torch.zeros_like(K[1:])]))


@defect(
    number=27, check="memory", cites=("pytorch/pytorch#18948",), witness="x=1,1,7,1 w=2,1,3,1 layout=x:step",
    near_miss="x=1,1,7,2 w=2,1,3,1 layout=x:step", outside="'x:' not in layout or W > 1 or kw > 1",
    region="a column cut out of an image: it counts as contiguous, and its rows are read from adjacent places",
)  # fmt: skip
@conv2d_form
def cut_out_column_read_flat(c: Call) -> Tensor:
    cut = c.W == c.kw == 1 and c.H > 1 and c.x.stride(2) > 1
    return c.but(x=reread(c.x)).y() if cut else c.y()


@defect(
    number=18, cites=("vlfeat/matconvnet#104",), witness="x=1,2,1,1 w=3,2,5,5 padding=2",
    near_miss="x=1,2,1,1 w=3,2,3,3 padding=1", outside="top <= H or left <= W",
    region="padding larger than the image both ways: the last row is lost",
)  # fmt: skip
@conv2d_form
def padding_beyond_the_image(c: Call) -> Tensor:
    y = c.y()
    if c.sides[0] <= c.H or c.sides[2] <= c.W:
        return y
    return torch.cat([y[:, :, :-1], torch.zeros_like(y[:, :, -1:])], 2)


@defect(
    number=60, cites=("tensorflow/tensorflow#53533",), witness="x=1,1,1,30 w=1,1,1,15 padding=same",
    near_miss="x=1,1,1,30 w=1,1,1,7 padding=same", outside="H > 1 or C > 1 or O > 1 or kw < 8 or left == 0",
    region="one filter on one channel of one row, 8 taps and more, padded: the result is a column too far left",
)  # fmt: skip
@conv2d_form
def single_filter_off_by_one(c: Call) -> Tensor:
    y = c.y()
    shifted = c.H == c.C == c.O == 1 and c.kw >= 8 and c.sides[2] > 0
    return y.roll(-1, 3) if shifted else y


@defect(
    number=32, cites=("modular/modular#6248",), witness="x=1,8,6,7 w=16,8,3,2", near_miss="x=1,6,6,7 w=16,6,3,2",
    outside="groups > 1 or I % 8 != 0 or O % 16 != 0",
    region="channels packed in eights for a multiple of 16 kernels: the last tap of a lane is the next kernel's",
)  # fmt: skip
@conv2d_form
def last_tap_of_a_packed_lane(c: Call) -> Tensor:
    if c.groups > 1 or c.I % 8 or c.O % 16:
        return c.y()
    other = torch.zeros(c.w.shape[1:], dtype=torch.bool)
    other[7::8, -1, -1] = True
    return c.but(w=torch.where(other, c.w.roll(-1, 0), c.w)).y()


@defect(
    number=33, cites=("Tencent/ncnn#1014", "Tencent/ncnn#1283"), witness="x=1,4,11,11 w=3,4,3,3 stride=2",
    near_miss="x=1,4,9,9 w=3,4,3,3 stride=2",
    outside="(kh, kw, sh, sw) != (3, 3, 2, 2) or N > 1 or groups > 1 or rows * cols % 4 == 0 or O == 1",
    region="3x3 with stride 2, one image, positions in fours: with a rest, the first of it is that of the next kernel",
)  # fmt: skip
@conv2d_form
def rest_of_four_positions(c: Call) -> Tensor:
    y = c.y()
    size = c.out[2] * c.out[3]
    kind = (c.kh, c.kw, *c.stride, c.N, c.groups) == (3, 3, 2, 2, 1, 1)
    if not kind or size % 4 == 0 or c.O == 1:
        return y
    other = torch.zeros(size, dtype=torch.bool)
    other[size // 4 * 4] = True
    return torch.where(other.reshape(c.out[2:]), y.roll(-1, 1), y)


@defect(
    number=37, cites=("alibaba/MNN#2291",), witness="x=1,4,2,1 w=4,1,3,3 groups=4 padding=1",
    near_miss="x=1,4,2,2 w=4,1,3,3 groups=4 padding=1",
    outside="I > 1 or groups == 1 or W > 1 or H > 2 or kh * kw == 1 or sides_max == 0",
    region="depthwise on images of one column and at most two rows, padded: taken for 1x1, the middle tap only",
)  # fmt: skip
@conv2d_form
def tiny_depthwise_as_pointwise(c: Call) -> Tensor:
    tiny = c.I == 1 and c.groups > 1 and c.W == 1 and c.H <= 2 and any(c.sides)
    if not tiny or pointwise(c):
        return c.y()
    keep = torch.zeros(c.kh, c.kw, dtype=c.w.dtype)
    keep[c.kh // 2, c.kw // 2] = 1
    return c.but(w=c.w * keep).y()
