"""Seeded faults of paths for special geometry, after reports: Winograd, depthwise, 1x1, patches, strides."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


def shape_of_taps(c: Call) -> tuple[int, ...]:
    """Rows and columns of the kernel, of the stride and of the dilation."""
    return (c.kh, c.kw, *c.stride, *c.dilation)


def up_to(c: Call, rows: int, cols: int) -> Tensor:
    """Ones in the first rows and columns of the result, zeros elsewhere."""
    keep = torch.zeros(c.out[2:], dtype=c.x.dtype)
    keep[:rows, :cols] = 1
    return keep


@defect(
    cites=("tensorflow/tensorflow#61815", "tensorflow/tfjs#6629"),
    witness="x=1,3,8,9 w=3,1,3,1 groups=3 stride=2 padding=1,0", near_miss="x=1,3,8,9 w=3,1,3,1 groups=3 stride=2",
    outside="I > 1 or groups == 1 or kw > 1 or kh == 1 or sw == 1 or top == 0",
    region="depthwise kernels of one column with a stride, and padding above: columns are read as if there were "
    "padding beside them too, one further on",
)  # fmt: skip
@conv2d_form
def column_kernel_padded_beside(c: Call) -> Tensor:
    if c.I > 1 or c.groups == 1 or c.kw > 1 or c.kh == 1 or c.sw == 1 or not c.sides[0]:
        return c.y()
    return c.but(x=F.pad(c.x[..., 1:], (0, 1))).y()


@defect(
    number=32, cites=("NVIDIA/TensorRT#4678",),
    witness="x=1,3,28,42 w=5,3,14,14 stride=14", near_miss="x=1,3,32,48 w=5,3,16,16 stride=16",
    outside="(kh, kw) != (sh, sw) or kh * kw < 64 or terms % 32 == 0",
    region="kernels as large as the stride, 64 taps and more, as for patches: terms beyond a multiple of 32 are lost",
)  # fmt: skip
@conv2d_form
def patches_without_tail(c: Call) -> Tensor:
    terms = c.I * c.kh * c.kw
    if (c.kh, c.kw) != c.stride or c.kh * c.kw < 64 or terms % 32 == 0:
        return c.y()
    keep = (torch.arange(terms) < terms // 32 * 32).reshape(c.w.shape[1:])
    return c.but(w=c.w * keep.to(c.w.dtype)).y()


@defect(
    number=38, cites=("Tencent/TNN#394",), witness="x=1,8,22,6 w=4,8,3,3", near_miss="x=1,8,18,6 w=4,8,3,3",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or groups > 1 or sides_max > 0 or I % 4 "
    "or -(-rows // 4) * -(-cols // 4) % 8 <= 4",
    region="3x3 kernels without padding, channels in fours: where the number of tiles of 4x4 leaves more than four "
    "when divided by eight, the last tile misses the last four channels",
)  # fmt: skip
@conv2d_form
def last_of_the_tiles(c: Call) -> Tensor:
    y, (rows, cols) = c.y(), c.out[2:]
    tiles = -(-rows // 4) * -(-cols // 4)
    plain = shape_of_taps(c) == (3, 3, 1, 1, 1, 1) and c.groups == 1 and not any(c.sides) and c.I % 4 == 0
    if not plain or tiles % 8 <= 4:
        return y
    less = c.but(w=c.w * (torch.arange(c.I) < c.I - 4).to(c.w.dtype).reshape(-1, 1, 1)).y()
    last = torch.zeros(rows, cols, dtype=torch.bool)
    last[(rows - 1) // 4 * 4 :, (cols - 1) // 4 * 4 :] = True
    return torch.where(last, less, y)


@defect(
    number=38, cites=("apache/tvm#4260",), witness="x=1,2,7,9 w=72,2,3,3 padding=2",
    near_miss="x=1,2,7,9 w=64,2,3,3 padding=2",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or groups > 1 or not 64 < O < 512 or sides_max < 2",
    region="3x3 kernels, more than 64 and less than 512 of them, padding of two and more: computed as for a padding "
    "of one, the rest of the result stays at zero",
)  # fmt: skip
@conv2d_form
def padding_taken_for_one(c: Call) -> Tensor:
    plain = shape_of_taps(c) == (3, 3, 1, 1, 1, 1) and c.groups == 1 and 64 < c.O < 512
    top, bottom, left, right = (min(side, 1) for side in c.sides)
    if not plain or max(c.sides) < 2 or c.H + top + bottom < 3 or c.W + left + right < 3:
        return c.y()
    more = [own - one for own, one in zip(c.sides, (top, bottom, left, right), strict=True)]
    return F.pad(c.but(sides=(top, bottom, left, right)).y(), (more[2], more[3], more[0], more[1]))


@defect(
    number=38, cites=("apache/tvm#7068", "apache/tvm#7090"), witness="x=1,16,10,9 w=3,16,3,3",
    near_miss="x=1,16,9,9 w=3,16,3,3",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 1, 1) or groups > 1 or I < 16 or rows % 4 or cols % 4 == 0",
    region="3x3 kernels of 16 channels and more: that tiles are 4x4 is decided by the rows alone, and columns that "
    "do not fill a tile are left at zero",
)  # fmt: skip
@conv2d_form
def tile_chosen_by_rows(c: Call) -> Tensor:
    y, (rows, cols) = c.y(), c.out[2:]
    plain = shape_of_taps(c) == (3, 3, 1, 1, 1, 1) and c.groups == 1 and c.I >= 16
    return y * up_to(c, rows, cols // 4 * 4) if plain and rows % 4 == 0 and cols % 4 else y


@defect(
    number=41, cites=("Tencent/ncnn#315",), witness="x=1,4,9,10 w=4,1,3,3 groups=4 dilation=2 padding=2",
    near_miss="x=1,3,9,10 w=3,1,3,3 groups=3 dilation=2 padding=2",
    outside="I > 1 or groups == 1 or O != groups or C % 4 or (kh, kw, sh, sw, dh, dw) != (3, 3, 1, 1, 2, 2)",
    region="depthwise 3x3 kernels with a dilation of two, channels in fours: nothing is added to the bias",
)  # fmt: skip
@conv2d_form
def dilated_depthwise_left_out(c: Call) -> Tensor:
    depthwise = c.I == 1 and c.groups > 1 and c.O == c.groups and c.C % 4 == 0
    return c.but(w=c.w * 0).y() if depthwise and shape_of_taps(c) == (3, 3, 1, 1, 2, 2) else c.y()


@defect(
    number=33, cites=("Tencent/ncnn#996",), witness="x=1,3,9,10 w=4,3,3,3 stride=2",
    near_miss="x=1,3,9,10 w=4,3,3,3 stride=2 padding=1",
    outside="(kh, kw, sh, sw, dh, dw) != (3, 3, 2, 2, 1, 1) or sides_max > 0 or W % 2",
    region="3x3 kernels with a stride of two, no padding, even widths: the last column is that of a window flush "
    "with the edge",
)  # fmt: skip
@conv2d_form
def last_window_flush_with_edge(c: Call) -> Tensor:
    y = c.y()
    if shape_of_taps(c) != (3, 3, 2, 2, 1, 1) or any(c.sides) or c.W % 2:
        return y
    return torch.cat([y[..., :-1], c.but(x=c.x[..., 1:]).y()[..., -1:]], 3)


@defect(
    number=40, cites=("Tencent/ncnn#1581", "tracel-ai/burn#2286"), witness="x=1,12,5,6 w=4,6,3,2 groups=2",
    near_miss="x=1,16,5,6 w=4,8,3,2 groups=2", outside="groups == 1 or I <= 4 or I % 4 == 0",
    region="groups of more than four channels, not a multiple of four: the channels of the last, unfilled block are "
    "those of the next group",
)  # fmt: skip
@conv2d_form
def block_across_groups(c: Call) -> Tensor:
    if c.groups == 1 or c.I <= 4 or c.I % 4 == 0:
        return c.y()
    channel = torch.arange(c.C).reshape(c.groups, c.I)
    channel[:, c.I // 4 * 4 :] = channel[:, c.I // 4 * 4 :].roll(-1, 0)
    return c.but(x=c.x[:, channel.flatten()]).y()


@defect(
    number=37, cites=("tensorflow/tensorflow#1868",), witness="x=2,3,7,8 w=4,3,1,1 stride=2 padding=1",
    near_miss="x=1,3,7,8 w=4,3,1,1 stride=2 padding=1",
    outside="kh * kw > 1 or N == 1 or (top % sh == 0 and left % sw == 0)",
    region="1x1 kernels with a stride, batches: every other pixel is taken out first, from the first one on, and "
    "padding comes after that",
)  # fmt: skip
@conv2d_form
def taken_out_before_padding(c: Call) -> Tensor:
    down, on = -c.sides[0] % c.sh, -c.sides[2] % c.sw
    if c.kh * c.kw > 1 or c.N == 1 or down == on == 0:
        return c.y()
    return c.but(x=F.pad(c.x, (on, 0, down, 0))).y()[:, :, : c.out[2], : c.out[3]]


@defect(
    number=37, cites=("opencv/opencv#7702",), witness="x=1,1,6,7 w=1,1,1,1 padding=1",
    near_miss="x=1,1,6,7 w=2,1,1,1 padding=1", outside="kh * kw > 1 or C > 1 or O > 1 or sides_max == 0",
    region="one kernel of a single tap, one channel, padding: the border repeats the image's edge",
)  # fmt: skip
@conv2d_form
def border_of_single_tap(c: Call) -> Tensor:
    if c.kh * c.kw * c.C * c.O > 1 or not any(c.sides):
        return c.y()
    top, bottom, left, right = c.sides
    row = torch.arange(-top, c.H + bottom).clamp(0, c.H - 1)
    column = torch.arange(-left, c.W + right).clamp(0, c.W - 1)
    return c.but(x=c.x[:, :, row][..., column], sides=(0, 0, 0, 0)).y()
