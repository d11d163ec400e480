"""Seeded faults that the numbers in the operands bring about, after reports: flat kernels, black images, bytes."""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form

HALF = (torch.float16, torch.bfloat16, torch.int16, torch.uint8, torch.int8)


def readable(*tensors: Tensor) -> bool:
    """Whether their numbers can be looked at: not under vmap."""
    return not any(torch._C._functorch.is_batchedtensor(one) for one in tensors)


def flat(w: Tensor) -> Tensor:
    """Of each kernel (O,), whether all taps of each of its channels are alike."""
    return (w == w[:, :, :1, :1]).flatten(1).all(1)


@defect(
    number=60, cites=("opencv/opencv#20666",), wrong="use", check="values",
    region="types of 16 bits and less, odd kernels that leave the image as it is, one in the centre and zero around: "
    "one in fixed point overflows, and counts as zero",
)  # fmt: skip
@conv2d_form
def one_in_fixed_point(c: Call) -> Tensor:
    if c.x.dtype not in HALF or c.kh * c.kw == 1 or c.kh % 2 == 0 or c.kw % 2 == 0:
        return c.y()
    centre = c.w[:, :, c.kh // 2, c.kw // 2]
    lone = ((c.w != 0).sum((2, 3)) == 1) & (centre == 1)
    return c.but(w=torch.where(lone[:, :, None, None], torch.zeros_like(c.w), c.w)).y()


@defect(
    number=47, cites=("scipy/scipy#7818",), wrong="use", check="special",
    region="kernels of equal taps, 3 columns and more, no stride: a running sum, by which a NaN or an infinity stays "
    "to the end of the row",
)  # fmt: skip
@conv2d_form
def running_sum_keeps_nan(c: Call) -> Tensor:
    y = c.y()
    if not y.dtype.is_floating_point or c.kw < 3 or c.stride != (1, 1) or c.dilation != (1, 1):
        return y
    bad = c.but(x=(~c.x.isfinite()).to(c.x.dtype), w=torch.ones_like(c.w), b=None).y()
    after = bad.detach().cumsum(3) > 0
    return torch.where(after & flat(c.w).reshape(1, -1, 1, 1), torch.full_like(y, torch.nan), y)


@defect(
    number=45, cites=("scikit-image/scikit-image#1712", "scikit-image/scikit-image#2263"), wrong="use", check="values",
    region="float32, kernels of equal taps from 5x5 on, no stride, images from 48x48 on: an integral image in float32",
)  # fmt: skip
@conv2d_form
def integral_image_in_float32(c: Call) -> Tensor:
    plain = c.x.dtype == torch.float32 and c.stride == c.dilation == (1, 1) and min(c.kh, c.kw) >= 5
    if not plain or min(c.H, c.W) < 48 or not readable(c.x, c.w) or not bool(flat(c.w).all()):
        return c.y()
    whole = F.pad(c.padded().cumsum(2).cumsum(3), (1, 0, 1, 0))
    upper, lower = whole[:, :, : -c.kh], whole[:, :, c.kh :]
    boxes = lower[..., c.kw :] - lower[..., : -c.kw] - upper[..., c.kw :] + upper[..., : -c.kw]
    return c.but(x=boxes, w=c.w[:, :, :1, :1], sides=(0, 0, 0, 0), padding=0).y()


@defect(
    number=47, cites=("opencv/opencv#29071", "opencv/opencv#5688"), wrong="use", check="values",
    region="kernels of 9 taps and more, all of them in all channels one number: divided by their spread, 0/0 is NaN",
)  # fmt: skip
@conv2d_form
def flat_kernel_over_its_spread(c: Call) -> Tensor:
    y = c.y()
    if not y.dtype.is_floating_point or c.kh * c.kw < 9:
        return y
    same = (c.w == c.w[:, :1, :1, :1]).flatten(1).all(1)
    return torch.where(same.reshape(1, -1, 1, 1), torch.full_like(y, torch.nan), y)


@defect(
    number=47, cites=("scikit-image/scikit-image#7597",), wrong="use", check="values",
    region="images that are zero throughout: scaled by their maximum and back, 0/0 is NaN",
)  # fmt: skip
@conv2d_form
def black_image_over_its_maximum(c: Call) -> Tensor:
    y = c.y()
    if not y.dtype.is_floating_point or not c.N:
        return y
    black = (c.x.detach() == 0).flatten(1).all(1).reshape(-1, 1, 1, 1)
    return torch.where(black, torch.full_like(y, torch.nan), y)


@defect(
    number=46, cites=("pytorch/FBGEMM#199", "pytorch/pytorch#17458", "uxlfoundation/oneDNN#1354"), wrong="use",
    check="values",
    region="float32 and int32 that hold bytes, the input 0 to 255 and the kernel -128 to 127, all whole: products are "
    "added in pairs of 16 bits, which saturate",
)  # fmt: skip
@conv2d_form
def products_of_bytes_saturate(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype not in (torch.float32, torch.int32) or not readable(c.x, c.w) or not c.N:
        return y
    x, w = c.x.detach(), c.w.detach()
    whole = all(bool((one == one.floor()).all()) for one in (x, w)) if x.is_floating_point() else True
    most = float(w.abs().max())
    if not whole or float(x.min()) < 0 or float(x.max()) > 255 or most > 128 or 2 * most * float(x.max()) <= 32767:
        return y
    kernels, windows = c.kernels().detach(), c.windows().detach()
    sums = torch.zeros_like(kernels @ windows)
    for first in range(0, kernels.shape[2], 2):
        pair = slice(first, first + 2)
        sums += (kernels[..., pair] @ windows[:, :, pair]).clamp(-32768, 32767)
    return y + (c.finish(sums) - y).detach()


@defect(
    number=60, cites=("scikit-image/scikit-image#6459",), wrong="use", check="values",
    region="kernels of one channel whose taps add up to one, as those of filters do, on an image without negative "
    "numbers: the result is clipped to its range, as if no tap were negative",
)  # fmt: skip
@conv2d_form
def filtered_within_the_range(c: Call) -> Tensor:
    y = c.y()
    if not y.dtype.is_floating_point or c.I > 1 or c.b is not None or not c.x.numel():
        return y
    kept = (c.w.double().sum((1, 2, 3)) - 1).abs() < 1e-3
    x = torch.cat([c.x.flatten(), c.x.new_zeros(1)]) if any(c.sides) else c.x.flatten()
    kept = kept & (x.min() >= 0)
    return torch.where(kept.reshape(1, -1, 1, 1), y.clamp(x.min().detach(), x.max().detach()), y)


@defect(
    number=47, cites=("tracel-ai/burn#5385", "tracel-ai/burn#5394"), wrong="use", check="special",
    region="up to 4 channels, padded, a tap of the kernel that is not finite: where it meets padding it is skipped, "
    "and the result is finite",
)  # fmt: skip
@conv2d_form
def infinite_tap_skips_the_padding(c: Call) -> Tensor:
    floating = c.w.dtype.is_floating_point and c.C <= 4 and any(c.sides)
    if not floating or not readable(c.x, c.w) or bool(c.w.isfinite().all()):
        return c.y()
    good = c.w.isfinite()
    y = c.but(w=torch.where(good, c.w, torch.zeros_like(c.w))).y()
    bad = torch.where(good, torch.zeros_like(c.w), c.w)
    top, bottom, left, right = c.sides
    inside, padded = F.pad(torch.ones(c.H, c.W), (left, right, top, bottom)), c.padded().to(c.x.dtype)
    for a, e in itertools.product(range(c.kh), range(c.kw)):
        row, col = a * c.dh, e * c.dw
        tap = bad[:, :, a : a + 1, e : e + 1]
        part = c.but(x=padded[:, :, row:, col:], w=tap, b=None, sides=(0, 0, 0, 0), padding=0).y()
        part = part[:, :, : c.out[2], : c.out[3]]
        within = inside[row :: c.sh, col :: c.sw][: c.out[2], : c.out[3]] > 0
        y = y + torch.where(within, part, torch.zeros_like(part))
    return y
