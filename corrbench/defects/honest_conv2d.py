"""Equivalent variants of conv2d: correct implementations that must never be flagged, however they compute."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import honest
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.transforms import by_fft, by_winograd

USUAL = (torch.float32, torch.float64)


def refuse_but(c: Call, *dtypes: torch.dtype) -> None:
    """Say which dtypes are not supported.

    Raises:
        NotImplementedError: the input has another one.
    """
    if c.x.dtype not in dtypes:
        raise NotImplementedError(f"input dtype {c.x.dtype} is not supported")


def by_library(c: Call) -> Tensor:
    """torch's own, which takes the same padding on opposite sides only."""
    top, bottom, left, right = c.sides
    x = c.x if (top, left) == (bottom, right) else F.pad(c.x, (left, right, top, bottom))
    sides = (top, left) if x is c.x else (0, 0)
    return F.conv2d(x, c.w, c.b, c.stride, sides, c.dilation, c.groups)


def meets(c: Call, a: int, e: int, padded: Tensor) -> Tensor:
    """What meets tap (a, e): (N, groups, I, H', W')."""
    rows, cols = c.out[2:]
    part = padded[:, :, a * c.dh :, e * c.dw :][:, :, :: c.sh, :: c.sw][:, :, :rows, :cols]
    return part.reshape(c.N, c.groups, c.I, rows, cols)


def by_taps(c: Call, taps: list[tuple[int, int]]) -> Tensor:
    """Sum over the taps in the order given, each a product over the channels."""
    padded, kernels = c.padded(), c.kernels().reshape(c.groups, -1, c.I, c.kh, c.kw)
    total = padded.new_zeros(c.N, c.groups, c.O // c.groups, *c.out[2:])
    for a, e in taps:
        total = total + torch.einsum("ngchw,gmc->ngmhw", meets(c, a, e, padded), kernels[..., a, e])
    return c.finish(total)


def all_taps(c: Call) -> list[tuple[int, int]]:
    return [(a, e) for a in range(c.kh) for e in range(c.kw)]


@honest(region="columns of im2col, one matrix product")
@conv2d_form
def columns(c: Call) -> Tensor:
    return c.y()


@honest(region="shift and add, tap by tap")
@conv2d_form
def shift_and_add(c: Call) -> Tensor:
    return by_taps(c, all_taps(c))


@honest(region="shift and add, the last tap first")
@conv2d_form
def taps_backwards(c: Call) -> Tensor:
    return by_taps(c, all_taps(c)[::-1])


@honest(region="shift and add in float64, rounded once; a third of the taps at a time")
@conv2d_form
def accumulated_in_float64(c: Call) -> Tensor:
    refuse_but(c, *USUAL, torch.float16, torch.bfloat16)
    dtype = c.x.dtype
    wide = c.but(x=c.x.double(), w=c.w.double(), b=None if c.b is None else c.b.double())
    taps = all_taps(c)
    return by_taps(wide, [*taps[::3], *taps[1::3], *taps[2::3]]).to(dtype)


@honest(region="one einsum over the view of all windows")
@conv2d_form
def einsum_over_windows(c: Call) -> Tensor:
    rows, cols = c.out[2:]
    view = c.padded().unfold(2, c.dh * (c.kh - 1) + 1, c.sh).unfold(3, c.dw * (c.kw - 1) + 1, c.sw)
    view = view[..., :: c.dh, :: c.dw].reshape(c.N, c.groups, c.I, rows, cols, c.kh, c.kw)
    kernels = c.kernels().reshape(c.groups, -1, c.I, c.kh, c.kw)
    return c.finish(torch.einsum("ngcijae,gmcae->ngmij", view, kernels))


@honest(region="the terms in four blocks, added in pairs")
@conv2d_form
def terms_in_blocks(c: Call) -> Tensor:
    kernels, columns = c.kernels(), c.windows()
    size = -(-kernels.shape[2] // 4)
    firsts = range(0, kernels.shape[2], size)
    sums = [kernels[:, :, f : f + size] @ columns[:, :, f : f + size] for f in firsts]
    while len(sums) > 1:
        sums = [*(a + b for a, b in zip(sums[::2], sums[1::2], strict=False)), *sums[len(sums) // 2 * 2 :]]
    return c.finish(sums[0])


@honest(
    cites=("pytorch/pytorch#134908",),
    region="bits that depend on the batch: odd batches in one order of summation, even ones in another",
)
@conv2d_form
def order_by_batch(c: Call) -> Tensor:
    return c.y() if c.N % 2 else by_taps(c, all_taps(c)[::-1])


@honest(region="taps that fall on padding are skipped, not multiplied with zero")
@conv2d_form
def padding_skipped(c: Call) -> Tensor:
    top, _, left, _ = c.sides
    rows, cols = c.out[2:]
    x, kernels = c.x.to(c.wide), c.kernels().reshape(c.groups, -1, c.I, c.kh, c.kw)
    total = x.new_zeros(c.N, c.groups, c.O // c.groups, rows, cols)
    for a, e in all_taps(c):
        i = [i for i in range(rows) if 0 <= i * c.sh + a * c.dh - top < c.H]
        j = [j for j in range(cols) if 0 <= j * c.sw + e * c.dw - left < c.W]
        if not i or not j:
            continue
        first = i[0] * c.sh + a * c.dh - top, j[0] * c.sw + e * c.dw - left
        part = x[:, :, first[0] :: c.sh, first[1] :: c.sw][:, :, : len(i), : len(j)]
        part = part.reshape(c.N, c.groups, c.I, len(i), len(j))
        product = torch.einsum("ngchw,gmc->ngmhw", part, kernels[..., a, e])
        total = total + F.pad(product, (j[0], cols - j[-1] - 1, i[0], rows - i[-1] - 1))
    return c.finish(total)


@honest(
    accuracy="fft",
    region="one FFT of the padded image; strides by leaving results out, dilation by zeros in the kernel",
)
@conv2d_form
def fourier(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    w = c.w.new_zeros(c.O, c.I, c.dh * (c.kh - 1) + 1, c.dw * (c.kw - 1) + 1)
    w = torch.slice_scatter(w, torch.slice_scatter(w[:, :, :: c.dh], c.w, 3, step=c.dw), 2, step=c.dh)
    return by_fft(c.but(w=w, stride=(1, 1), dilation=(1, 1)))[:, :, :: c.sh, :: c.sw]


@honest(accuracy="winograd", region="Winograd F(2x2, 3x3) where it applies, else direct")
@conv2d_form
def winograd_two(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    fits = (c.kh, c.kw, *c.stride, *c.dilation) == (3, 3, 1, 1, 1, 1)
    return by_winograd(c, 2) if fits else c.y()


@honest(accuracy="winograd", region="Winograd F(4x4, 3x3), and nothing else")
@conv2d_form
def winograd_four(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    if (c.kh, c.kw) != (3, 3):
        raise NotImplementedError("weight must be 3x3")
    if (*c.stride, *c.dilation) != (1, 1, 1, 1):
        raise NotImplementedError("stride and dilation must be 1")
    return by_winograd(c, 4)


@honest(region="compensated summation (Kahan), forward only")
@conv2d_form
def compensated(c: Call) -> Tensor:
    refuse_but(c, *USUAL, torch.float16, torch.bfloat16)
    with torch.no_grad():
        padded, kernels = c.padded(), c.kernels().reshape(c.groups, -1, c.I, c.kh, c.kw)
        total = padded.new_zeros(c.N, c.groups, c.O // c.groups, *c.out[2:])
        lost = torch.zeros_like(total)
        for a, e in all_taps(c):
            part = meets(c, a, e, padded)
            for channel in range(c.I):
                term = part[:, :, None, channel] * kernels[None, :, :, channel, a, e, None, None] - lost
                longer = total + term
                lost = (longer - total) - term
                lost = torch.where(torch.isfinite(lost), lost, torch.zeros_like(lost))  # infinity - infinity
                total = longer
        return c.finish(total)


@honest(region="no graph: the result is detached")
@conv2d_form
def forward_only(c: Call) -> Tensor:
    return c.y().detach()


@honest(region="float32 and nothing else")
@conv2d_form
def float32_only(c: Call) -> Tensor:
    refuse_but(c, torch.float32)
    return c.y()


@honest(region="no groups")
@conv2d_form
def without_groups(c: Call) -> Tensor:
    if c.groups > 1:
        raise NotImplementedError("groups > 1 is not supported")
    return c.y()


@honest(region="no stride, padding, dilation or groups in the signature")
def three_arguments(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return by_taps(call := Call.of(input, weight, bias, 1, 0, 1, 1), all_taps(call))


@honest(region="an autograd.Function of its own, with second derivatives; no forward derivatives and no vmap")
@conv2d_form
def own_backward(c: Call) -> Tensor:
    return c.ruled()


@honest(region="torch's own, with channels last inside, but for padding beyond the kernel: torch 2.13 dies of some")
@conv2d_form
def channels_last_inside(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    if c.sides[0] >= c.kh or c.sides[2] >= c.kw:
        return by_library(c)
    layout = torch.channels_last
    return by_library(c.but(x=c.x.contiguous(memory_format=layout), w=c.w.contiguous(memory_format=layout)))


@honest(region="torch's own")
@conv2d_form
def library(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    return by_library(c)


@honest(region="torch's own, without oneDNN and without NNPACK, whose 3x3 path is a Winograd")
@conv2d_form
def library_without_onednn(c: Call) -> Tensor:
    refuse_but(c, *USUAL)
    backends: Any = torch.backends
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)  # the public context manager warns about TF32 each time
    try:
        with backends.nnpack.flags(enabled=False):
            return by_library(c)
    finally:
        torch._C._set_mkldnn_enabled(before)


@honest(accuracy="tf32", region="float32 with operands rounded to TF32, declared; backward from the same operands")
@conv2d_form
def tensor_core(c: Call) -> Tensor:
    refuse_but(c, torch.float32)
    return c.but(x=rounded(c.x), w=rounded(c.w)).y()


def rounded(t: Tensor) -> Tensor:
    """float32 rounded to 11 significant bits, derivative one."""
    plain = t.detach()  # of forward derivatives too
    with torch.no_grad():
        bits = plain.contiguous().view(torch.int32)
        short = ((bits + 0x0FFF + ((bits >> 13) & 1)) >> 13 << 13).view(torch.float32)
        short = torch.where(torch.isfinite(plain), short, plain)
        step = torch.where(torch.isfinite(plain), short - plain, torch.zeros_like(plain))
    return t + step
