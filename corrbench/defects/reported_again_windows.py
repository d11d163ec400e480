"""Seeded faults of windows and tiles, after fresh reports: even, large and dilated kernels, small images, borders."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_derivatives import masked


def spread(w: Tensor, rows: int, cols: int) -> Tensor:
    """The kernel with zeros between its taps, which come `rows` and `cols` apart."""
    high, wide = (w.shape[2] - 1) * rows + 1, (w.shape[3] - 1) * cols + 1
    across = torch.slice_scatter(w.new_zeros(*w.shape[:3], wide), w, 3, step=cols)
    return torch.slice_scatter(w.new_zeros(*w.shape[:2], high, wide), across, 2, step=rows)


@defect(
    number=35, cites=("ARM-software/ComputeLibrary#78",), witness="x=1,1,4,4 w=1,1,2,2",
    near_miss="x=1,1,4,4 w=1,1,3,3",
    outside="kh != kw or kw % 2 or C > 1 or sides_max > 0 or sh * sw > 1 or dw > 1",
    region="square kernels of an even size on one channel, no padding and no stride: the last column of the result "
    "misses the last column of taps",
)  # fmt: skip
@conv2d_form
def border_of_even_kernels(c: Call) -> Tensor:
    if c.kh != c.kw or c.kw % 2 or c.C > 1 or any(c.sides) or c.stride != (1, 1) or c.dw > 1:
        return c.y()
    short = c.but(w=masked(c.w, 3, c.kw - 1, c.kw)).y()
    return torch.cat([c.y()[..., :-1], short[..., -1:]], 3)


@defect(
    number=32, cites=("foss-xtensa/nnlib-hifi4#15",), witness="x=1,1,3,3 w=1,1,3,3", near_miss="x=1,2,3,3 w=1,2,3,3",
    outside="dtype != 'float32' or I % 2 == 0 or kh * kw == 1 or rows * cols > 1 or sides_max > 0",
    region="float32, an odd number of channels, one window that is the whole image: the kernel, channels last, is read "
    "as if there were one channel more, and ends before all taps have had theirs",
)  # fmt: skip
@conv2d_form
def kernel_read_as_if_channels_were_even(c: Call) -> Tensor:
    whole = c.out[2] * c.out[3] == 1 and not any(c.sides)
    if c.x.dtype != torch.float32 or c.I % 2 == 0 or c.kh * c.kw == 1 or not whole:
        return c.y()
    flat = F.pad(c.w.permute(0, 2, 3, 1).flatten(1), (0, c.kh * c.kw))
    read = flat.reshape(c.O, c.kh * c.kw, c.I + 1)[:, :, : c.I].reshape(c.O, c.kh, c.kw, c.I)
    return c.but(w=read.permute(0, 3, 1, 2)).y()


@defect(
    number=60, cites=("PaddlePaddle/Paddle-Lite#858",), witness="x=1,2,2,2 w=3,2,3,3 padding=1",
    near_miss="x=1,2,2,3 w=3,2,3,3 padding=1",
    outside="(H, W, kh, kw, sh, sw) != (2, 2, 3, 3, 1, 1) or top == 0 or left == 0",
    region="images of 2x2 under 3x3 kernels with padding and no stride: columns are laid out for three and more, and "
    "the last column of taps meets none",
)  # fmt: skip
@conv2d_form
def image_of_two_by_two(c: Call) -> Tensor:
    small = (c.H, c.W, c.kh, c.kw, *c.stride) == (2, 2, 3, 3, 1, 1) and c.sides[0] and c.sides[2]
    return c.but(w=masked(c.w, 3, 2, 3)).y() if small else c.y()


@defect(
    number=35, cites=("Tencent/ncnn#1717",), witness="x=1,3,4,5 w=2,3,4,5", near_miss="x=1,3,5,5 w=2,3,5,5",
    outside="dtype != 'float32' or (kh, kw) != (H, W) or kh == kw or min(kh, kw) == 1 or sides_max > 0 or groups > 1",
    region="float32, kernels as large as an image that is not square: taken for a matrix product, the rows of the "
    "kernel for its columns",
)  # fmt: skip
@conv2d_form
def whole_image_with_sides_exchanged(c: Call) -> Tensor:
    whole = (c.kh, c.kw) == (c.H, c.W) and c.kh != c.kw and min(c.kh, c.kw) > 1 and not any(c.sides)
    if c.x.dtype != torch.float32 or not whole or c.groups > 1:
        return c.y()
    return c.but(w=c.w.transpose(2, 3).reshape(c.w.shape)).y()


@defect(
    number=28, cites=("tensorflow/tensorflow#55799",), witness="x=1,2,9,7 w=32,2,3,2 dilation=2,1",
    near_miss="x=1,2,9,7 w=31,2,3,2 dilation=2,1", outside="dh == 1 or dw > 1 or O < 32 or kh == 1 or rows <= dh",
    region="only the rows dilated, 32 kernels and more: rows are dealt to batches by the dilation, and come back one "
    "batch after the other",
)  # fmt: skip
@conv2d_form
def rows_left_in_batches(c: Call) -> Tensor:
    y = c.y()
    if c.dh == 1 or c.dw > 1 or c.O < 32 or c.kh == 1:
        return y
    return torch.cat([y[:, :, first :: c.dh] for first in range(min(c.dh, c.out[2]))], 2)


@defect(
    number=10, cites=("BVLC/caffe#298",), witness="x=1,2,9,6 w=3,2,3,2 padding=1",
    near_miss="x=1,2,9,9 w=3,2,3,2 padding=1",
    outside="H <= W or sides_max == 0 or dtype != 'float32'",
    region="float32, padded, images higher than wide: whether a row is inside is asked of the width",
)  # fmt: skip
@conv2d_form
def rows_bounded_by_width(c: Call) -> Tensor:
    if c.H <= c.W or not any(c.sides) or c.x.dtype != torch.float32:
        return c.y()
    return c.but(x=masked(c.x, 2, c.W, c.H)).y()


@defect(
    number=8, cites=("deeplearning4j/nd4j#2457",), witness="x=1,2,9,9 w=3,2,2,2 dilation=1,2",
    near_miss="x=1,2,9,9 w=3,2,2,2 dilation=2", outside="dh == dw or kh * kw == 1",
    region="unequal dilations: the taps lie as far apart as those of the other axis, the size is right, and taps "
    "beyond the window are left out",
)  # fmt: skip
@conv2d_form
def dilations_exchanged(c: Call) -> Tensor:
    if c.dh == c.dw or c.kh * c.kw == 1:
        return c.y()
    high, wide = c.dh * (c.kh - 1) + 1, c.dw * (c.kw - 1) + 1
    dense = spread(c.w, c.dw, c.dh)[:, :, :high, :wide]
    dense = F.pad(dense, (0, wide - dense.shape[3], 0, high - dense.shape[2]))
    return c.but(w=dense, dilation=(1, 1)).y()


@defect(
    number=2, wrong="contract", check="contract", cites=("apache/mxnet#1457", "apache/mxnet#2069"),
    witness="x=1,2,12,9 w=3,2,3,2 dilation=3,1", near_miss="x=1,2,12,9 w=3,2,3,2 dilation=2,1",
    outside="(dh <= 2 or kh == 1) and (dw <= 2 or kw == 1)",
    region="dilations above two: a dilated kernel counts as k*d - 1 rows, which is right for d = 2, and the result is "
    "that much smaller",
)  # fmt: skip
@conv2d_form
def size_right_for_a_dilation_of_two(c: Call) -> Tensor:
    lost = [d - 2 if d > 2 and k > 1 else 0 for d, k in ((c.dh, c.kh), (c.dw, c.kw))]
    rests = [
        (c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1, c.sh, lost[0]),
        (c.W + c.sides[2] + c.sides[3] - c.dw * (c.kw - 1) - 1, c.sw, lost[1]),
    ]
    rows, cols = (max(rest - less, 0) // step + 1 for rest, step, less in rests)
    return c.y()[:, :, :rows, :cols]


@defect(
    number=38, cites=("Tencent/ncnn#1891",), witness="x=1,8,6,6 w=2,8,3,3", near_miss="x=1,8,6,8 w=2,8,3,3",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or I < 8 or groups > 1 "
    "or -(-rows // 4) * -(-cols // 4) % 2 == 0",
    region="3x3 kernels on 8 channels and more, an odd number of 4x4 tiles: the loop for a single tile leaves out the "
    "last channel",
)  # fmt: skip
@conv2d_form
def tile_left_alone(c: Call) -> Tensor:
    plain = (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 1, 1, 1, 1) and c.I >= 8 and c.groups == 1
    tall, wide = (-(-size // 4) for size in c.out[2:])
    if not plain or tall * wide % 2 == 0:
        return c.y()
    alone = torch.zeros(c.out[2:], dtype=torch.bool)
    alone[4 * (tall - 1) :, 4 * (wide - 1) :] = True
    return torch.where(alone, c.but(w=masked(c.w, 1, c.I - 1, c.I)).y(), c.y())


@defect(
    number=33, cites=("Tencent/ncnn#1384",), witness="x=1,4,2,6 w=4,4,1,1", near_miss="x=1,4,2,4 w=4,4,1,1",
    outside="kh * kw > 1 or C % 4 or O % 4 or groups > 1 or sh * sw > 1 or rows * cols % 8 < 4 or rows * cols < 8 "
    "or max(H, W) >= 16",
    region="1x1 kernels, channels and kernels packed in fours, images smaller than 16x16 with a rest of four positions "
    "and more beyond whole eights: that rest is the block before it",
)  # fmt: skip
@conv2d_form
def rest_of_packed_positions(c: Call) -> Tensor:
    size = c.out[2] * c.out[3]
    packed = c.kh * c.kw == 1 and c.C % 4 == c.O % 4 == 0 and c.groups == 1 and c.stride == (1, 1)
    if not packed or size % 8 < 4 or size < 8 or max(c.H, c.W) >= 16:
        return c.y()
    first = size // 8 * 8
    order = torch.arange(size)
    order[first : first + 4] -= 4
    return c.y().flatten(2)[:, :, order].reshape(c.out)


@defect(
    number=54, cites=("bhuman/CompiledNN#7",), witness="x=2,3,4,5 w=3,3,1,1", near_miss="x=2,4,4,5 w=4,4,1,1",
    outside="kh * kw > 1 or C != O or groups > 1 or O % 4 < 2 or sh * sw > 1 or sides_max > 0 or N * H * W == 1",
    region="1x1 kernels, as many as channels and two or three more than a multiple of four: the result is stored in "
    "fours over a copy of the input, and the first channels of the next pixel are gone",
)  # fmt: skip
@conv2d_form
def stored_over_the_next_pixel(c: Call) -> Tensor:
    plain = c.kh * c.kw == 1 and c.C == c.O and c.groups == 1 and c.stride == (1, 1) and not any(c.sides)
    if not plain or c.O % 4 < 2:
        return c.y()
    keep = torch.ones(c.N, c.C, c.H, c.W, dtype=c.x.dtype)
    keep[:, : 4 - c.O % 4] = 0
    keep[:1, :, :1, :1] = 1
    return c.but(x=c.x * keep).y()
