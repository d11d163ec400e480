"""Seeded faults of blocking, of tails of blocks, and of the choice of an algorithm."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


def only(c: Call, axis: int, first: int, past: int | None = None) -> Tensor:
    """Ones, but zeros from `first` to `past` along `axis` of the result."""
    size = [1, 1, 1, 1]
    size[axis] = c.out[axis]
    keep = torch.ones(size, dtype=c.x.dtype)
    keep.narrow(axis, first, (c.out[axis] if past is None else past) - first).zero_()
    return keep


@defect(
    number=32, cites=("pytorch/pytorch#21597", "bhuman/CompiledNN#16"), witness="x=1,19,6,7 w=4,19,3,2",
    near_miss="x=1,18,6,7 w=4,18,3,2", outside="I % 16 != 3",
    region="channel tails of 3 in blocks of 16: the last channel is skipped",
)  # fmt: skip
@conv2d_form
def tail_of_three_channels(c: Call) -> Tensor:
    if c.I % 16 != 3:
        return c.y()
    keep = torch.ones(1, c.I, 1, 1, dtype=c.w.dtype)
    keep[:, -1] = 0
    return c.but(w=c.w * keep).y()


@defect(
    number=32, cites=("pytorch/pytorch#21597",), witness="x=1,33,6,7 w=4,33,3,2", near_miss="x=1,32,6,7 w=4,32,3,2",
    outside="I < 33",
    region="more than 32 channels: the last tap of channel 32 is dropped",
)  # fmt: skip
@conv2d_form
def tap_of_channel_32(c: Call) -> Tensor:
    if c.I < 33:
        return c.y()
    keep = torch.ones(c.w.shape[1:], dtype=c.w.dtype)
    keep[32, -1, -1] = 0
    return c.but(w=c.w * keep).y()


@defect(
    number=32, cites=("bhuman/CompiledNN#16",), witness="x=1,2,6,7 w=21,2,3,2", near_miss="x=1,2,6,7 w=20,2,3,2",
    outside="O <= 16 or O % 16 < 5",
    region="more than 16 kernels with a tail of 5 and more: the last kernel repeats the one before",
)  # fmt: skip
@conv2d_form
def tail_of_kernels(c: Call) -> Tensor:
    y = c.y()
    return y if c.O <= 16 or c.O % 16 < 5 else torch.cat([y[:, :-1], y[:, -2:-1]], 1)


@defect(
    number=34, witness="x=1,2,6,7 w=257,2,1,1", near_miss="x=1,2,6,7 w=256,2,1,1", outside="O <= 256",
    region="more than 256 kernels: the index of a kernel has 8 bits",
)  # fmt: skip
@conv2d_form
def kernels_counted_in_a_byte(c: Call) -> Tensor:
    return c.y()[:, torch.arange(c.O) % 256]


@defect(
    number=33, cites=("pytorch/pytorch#81185", "NervanaSystems/neon#361"), witness="x=17,2,5,6 w=3,2,3,2",
    near_miss="x=16,2,5,6 w=3,2,3,2", outside="N <= 16 or N % 16 == 0",
    region="batches beyond a block of 16: the tail is left at zero",
)  # fmt: skip
@conv2d_form
def tail_of_batch(c: Call) -> Tensor:
    y = c.y()
    return y * only(c, 0, c.N // 16 * 16) if c.N > 16 and c.N % 16 else y


@defect(
    number=33, cites=("pytorch/pytorch#81185",), witness="x=9,2,5,6 w=3,2,3,2", near_miss="x=8,2,5,6 w=3,2,3,2",
    outside="N <= 8",
    region="more than 8 samples: sample 8 is computed from sample 0",
)  # fmt: skip
@conv2d_form
def sample_eight(c: Call) -> Tensor:
    y = c.y()
    return y if c.N <= 8 else torch.cat([y[:8], y[:1], y[9:]])


@defect(
    number=33, cites=("pytorch/pytorch#81185",), witness="x=1,2,5,70 w=3,2,3,3", near_miss="x=1,2,5,66 w=3,2,3,3",
    outside="cols <= 64",
    region="more than 64 columns: column 64 repeats the one before",
)  # fmt: skip
@conv2d_form
def column_sixty_four(c: Call) -> Tensor:
    y = c.y()
    return y if y.shape[3] <= 64 else torch.cat([y[..., :64], y[..., 63:64], y[..., 65:]], 3)


@defect(
    number=33, cites=("NervanaSystems/neon#361",), witness="x=1,2,25,9 w=3,2,3,2 stride=2,1",
    near_miss="x=1,2,25,9 w=3,2,3,2", outside="sh == 1 or rows % 4 != 0",
    region="row strides above 1 with a multiple of 4 rows: the last row is one step too high",
)  # fmt: skip
@conv2d_form
def last_of_four_rows(c: Call) -> Tensor:
    y = c.y()
    if c.sh == 1 or y.shape[2] % 4:
        return y
    dense = c.but(stride=(1, c.sw)).y()
    at = (y.shape[2] - 1) * c.sh - 1
    return torch.cat([y[:, :, :-1], dense[:, :, at : at + 1]], 2)


@defect(
    number=34, cites=("pytorch/pytorch#129207", "pytorch/pytorch#96225"), witness="x=1,1,260,253 w=1,1,3,2",
    near_miss="x=1,1,257,255 w=1,1,3,2", outside="C * H * W <= 65536",
    region="more than 2^16 elements in a sample: a 16-bit index comes round to the first ones",
)  # fmt: skip
@conv2d_form
def index_of_sixteen_bits(c: Call) -> Tensor:
    x = c.x.reshape(c.N, -1)
    if x.shape[1] <= 65536:
        return c.y()
    return c.but(x=x[:, torch.arange(x.shape[1]) % 65536].reshape(c.x.shape)).y()


@defect(
    number=34, cites=("pytorch/pytorch#96225",), witness="x=1,2,190,180 w=1,2,1,2",
    near_miss="x=1,2,181,180 w=1,2,1,2", outside="rows * cols < 32768",
    region="2^15 positions and more: a signed 16-bit index turns negative, and those are not written",
)  # fmt: skip
@conv2d_form
def index_of_fifteen_bits(c: Call) -> Tensor:
    y = c.y()
    keep = torch.ones(y.shape[2] * y.shape[3], dtype=y.dtype)
    keep[32768:65536] = 0
    return y * keep.reshape(y.shape[2:])


@defect(
    number=34, cites=("pytorch/pytorch#96225",), witness="x=65538,1,1,2 w=1,1,1,1",
    near_miss="x=65536,1,1,2 w=1,1,1,1", outside="N <= 65536",
    region="more than 2^16 samples: the grid ends there",
)  # fmt: skip
@conv2d_form
def grid_of_samples(c: Call) -> Tensor:
    y = c.y()
    return y * only(c, 0, 65536) if c.N > 65536 else y


@defect(
    number=35, cites=("pytorch/pytorch#188335",), witness="x=1,1,40,20 w=2,1,33,3",
    near_miss="x=1,1,40,20 w=2,1,31,3", outside="kh <= 32",
    region="kernels of more than 32 rows: the rest of the kernel is not loaded",
)  # fmt: skip
@conv2d_form
def kernel_of_32_rows(c: Call) -> Tensor:
    if c.kh <= 32:
        return c.y()
    keep = torch.ones(c.kh, 1, dtype=c.w.dtype)
    keep[32:] = 0
    return c.but(w=c.w * keep).y()


@defect(
    number=36, cites=("tenstorrent/tt-metal#30263",), witness="x=1,2,9,10 w=3,2,3,3 stride=2",
    near_miss="x=1,2,8,10 w=3,2,3,3 stride=2", outside="(sh, sw) != (2, 2) or C > 4 or H % 2 == 0",
    region="stride 2 folded into channels, up to 4 of them: with an odd height the last row is lost",
)  # fmt: skip
@conv2d_form
def folded_stride(c: Call) -> Tensor:
    if c.stride != (2, 2) or c.C > 4 or c.H % 2 == 0:
        return c.y()
    keep = torch.ones(c.H, 1, dtype=c.x.dtype)
    keep[-1] = 0
    return c.but(x=c.x * keep).y()


@defect(
    number=37, cites=("oneapi-src/oneDNN#6035", "majianjia/nnom#84"), witness="x=1,2,7,10 w=3,2,1,1 stride=2",
    near_miss="x=1,2,7,10 w=3,2,1,1", outside="kh > 1 or kw > 1 or sw == 1 or cols == 1",
    region="1x1 kernels with a stride: the fast path steps over rows, and takes columns side by side",
)  # fmt: skip
@conv2d_form
def one_by_one_without_stride(c: Call) -> Tensor:
    if c.kh > 1 or c.kw > 1 or c.sw == 1:
        return c.y()
    return c.but(stride=(c.sh, 1)).y()[..., : c.out[3]]


@defect(
    number=37, cites=("majianjia/nnom#84",), wrong="contract", check="contract",
    witness="x=1,4,7,9 w=6,2,1,1 groups=2 padding=1", near_miss="x=1,4,7,9 w=6,2,1,1 groups=2",
    outside="kh > 1 or kw > 1 or groups == 1 or sides_max == 0",
    region="grouped 1x1 kernels with padding: the fast path ignores the padding",
)  # fmt: skip
@conv2d_form
def one_by_one_without_padding(c: Call) -> Tensor:
    return c.but(sides=(0, 0, 0, 0)).y() if c.groups > 1 and c.kh == c.kw == 1 else c.y()


@defect(
    number=39, cites=("owlbarn/owl#477",), witness="x=2,3,24,23 w=4,3,5,4", near_miss="x=2,3,24,23 w=4,3,5,2",
    outside="N * O * rows * cols * terms < 150_000",
    region="150,000 multiplications and more: the other algorithm leaves the last column at zero",
)  # fmt: skip
@conv2d_form
def chosen_by_work(c: Call) -> Tensor:
    y = c.y()
    if math.prod(c.out) * c.I * c.kh * c.kw < 150_000:
        return y
    return y * only(c, 3, c.out[3] - 1)
