"""Seeded faults of rounding, of integer arithmetic, and of NaN and infinities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient

HALVES = (torch.float16, torch.bfloat16)


def truncated(t: Tensor, bits: int) -> Tensor:
    """float32 without its last `bits` bits, derivative as without."""
    with torch.no_grad():
        short = (t.contiguous().view(torch.int32) >> bits << bits).view(torch.float32)
    return t + (short - t).detach()


@defect(
    number=42, cites=("oneapi-src/oneDNN#5041",), witness="x=1,80,6,7 w=3,80,3,3 dtype=float16",
    near_miss="x=1,7,6,7 w=3,7,3,3 dtype=float16", outside="dtype != 'float16' or terms <= 64",
    region="float16 with more than 64 terms: partial sums are kept in float16",
)  # fmt: skip
@conv2d_form
def sums_in_half(c: Call) -> Tensor:
    if c.x.dtype != torch.float16 or c.I * c.kh * c.kw <= 64:
        return c.y()
    kernels, columns = c.kernels(), c.windows()
    total = torch.zeros((), dtype=c.x.dtype)
    for first in range(0, kernels.shape[2], 8):
        total = total + (kernels[..., first : first + 8] @ columns[:, :, first : first + 8]).to(c.x.dtype)
    return c.finish(total.float())


@defect(
    number=42, cites=("oneapi-src/oneDNN#5041",), witness="x=1,3,6,7 w=4,3,3,2 bias dtype=bfloat16",
    near_miss="x=1,3,6,7 w=4,3,3,2 dtype=bfloat16", outside="dtype != 'bfloat16' or not bias",
    region="bfloat16 with a bias: rounded before the bias is added, and after",
)  # fmt: skip
@conv2d_form
def bias_after_rounding(c: Call) -> Tensor:
    if c.b is None or c.x.dtype != torch.bfloat16:
        return c.y()
    return c.but(b=None).y() + c.b.reshape(1, -1, 1, 1)


@defect(
    number=43, cites=("ROCm/rocm-libraries#5859",), wrong="gradient", check="gradients",
    witness="x=24,2,12,13 w=2,2,3,2 dtype=bfloat16", near_miss="x=3,2,12,13 w=2,2,3,2 dtype=bfloat16",
    outside="dtype not in ('float16', 'bfloat16') or N < 4",
    region="the weight gradient of 16-bit types in batches of 4 and more: added up over the batch in 16 bits",
)  # fmt: skip
@conv2d_form
def batch_added_in_half(c: Call) -> Tensor:
    def weight(call: Call, g: Tensor) -> Tensor:
        total = torch.zeros_like(call.w)
        for i in range(c.N):
            x, one = call.x[i : i + 1], g[i : i + 1]
            cotangent = one.float().reshape(1, c.groups, c.O // c.groups, -1)
            part = torch.einsum("ngml,ngkl->gmk", cotangent, call.but(x=x).windows())
            total = total + part.reshape(call.w.shape).to(total.dtype)
        return total

    return c.ruled(gw=weight) if c.x.dtype in HALVES and c.N >= 4 else c.y()


@defect(
    number=44, cites=("pytorch/pytorch#107514",), witness="x=1,29,6,7 w=3,29,3,3 data=wide",
    near_miss="x=1,28,6,7 w=3,28,3,3 data=wide", outside="dtype != 'float32' or terms <= 256",
    region="float32 with more than 256 terms: operands are cut to 10 bits of mantissa (TF32), not declared",
)  # fmt: skip
@conv2d_form
def tf32_from_256_terms(c: Call) -> Tensor:
    if c.x.dtype != torch.float32 or c.I * c.kh * c.kw <= 256:
        return c.y()
    return c.but(x=truncated(c.x, 13), w=truncated(c.w, 13)).y()


@defect(
    number=44, cites=("pytorch/pytorch#107514",), witness="x=1,3,6,7 w=8,3,3,3 data=narrow",
    near_miss="x=1,3,6,7 w=7,3,3,3 data=narrow", outside="dtype != 'float32' or O % 8 or groups > 1",
    region="float32 with a multiple of 8 kernels: the kernel alone is cut to 16 bits, as bfloat16",
)  # fmt: skip
@conv2d_form
def narrow_kernel(c: Call) -> Tensor:
    return c.but(w=truncated(c.w, 16)).y() if c.x.dtype == torch.float32 and c.O % 8 == 0 and c.groups == 1 else c.y()


@defect(
    number=44, witness="x=1,2,6,7 w=3,2,3,2 dtype=float64 bias", near_miss="x=1,2,6,7 w=3,2,3,2 dtype=float64",
    outside="dtype != 'float64' or not bias",
    region="float64 with a bias: computed in float32 and widened",
)  # fmt: skip
@conv2d_form
def float64_through_float32(c: Call) -> Tensor:
    if c.x.dtype != torch.float64 or c.b is None:
        return c.y()
    return c.but(x=c.x.float(), w=c.w.float(), b=c.b.float()).y().double()


@defect(
    number=46, cites=("cupy/cupy#6047",), witness="x=1,2,6,7 w=3,2,3,2 dtype=int32 data=wide",
    near_miss="x=1,2,6,7 w=3,2,3,2 dtype=int16 data=wide", outside="dtype != 'int32'",
    region="int32 sums beyond 2^24: computed in float32",
)  # fmt: skip
@conv2d_form
def int32_through_float32(c: Call) -> Tensor:
    if c.x.dtype != torch.int32:
        return c.y()
    return c.but(x=c.x.float(), w=c.w.float(), b=None if c.b is None else c.b.float()).y().to(torch.int32)


@defect(
    number=46, cites=("scipy/scipy#7217",), witness="x=1,2,6,7 w=3,2,3,2 dtype=int64 data=wide",
    near_miss="x=1,2,6,7 w=3,2,3,2 dtype=int32 data=wide", outside="dtype != 'int64'",
    region="int64 sums beyond 2^53: computed in float64",
)  # fmt: skip
@conv2d_form
def int64_through_float64(c: Call) -> Tensor:
    if c.x.dtype != torch.int64:
        return c.y()
    return c.but(x=c.x.double(), w=c.w.double(), b=None if c.b is None else c.b.double()).y().to(torch.int64)


@defect(
    number=46, cites=("cupy/cupy#6047",), witness="x=1,6,6,7 w=3,6,3,2 dtype=int16 data=full",
    near_miss="x=1,6,6,7 w=3,6,3,2 dtype=int32 data=full", outside="dtype != 'int16'",
    region="int16 without a bias: the input and the sums pass through float16",
)  # fmt: skip
@conv2d_form
def int16_through_float16(c: Call) -> Tensor:
    if c.x.dtype != torch.int16 or c.b is not None:
        return c.y()
    return c.but(x=c.x.half().int(), w=c.w.int()).y().half().to(torch.int16)


@defect(
    number=47, cites=("pytorch/pytorch#12484", "tensorflow/tensorflow#63392"), wrong="special", check="special",
    witness="x=2,3,7,9 w=4,3,3,2",
    region="NaN in the input: sums that are NaN become zero",
)  # fmt: skip
@conv2d_form
def nan_swallowed(c: Call) -> Tensor:
    y = c.y()
    return torch.where(y.isnan(), torch.zeros_like(y), y)


@defect(
    number=47, cites=("scipy/scipy#15927",), wrong="special", check="special", witness="x=2,3,7,9 w=4,3,3,2",
    near_miss="x=2,3,7,9 w=4,3,1,1", outside="kh == kw == 1",
    region="NaN or infinity in an image: all of its results are NaN, as a transform would have it",
)  # fmt: skip
@conv2d_form
def nan_spread(c: Call) -> Tensor:
    if c.kh == c.kw == 1 or not c.x.dtype.is_floating_point:
        return c.y()
    return c.y() + (c.x.detach() * 0).sum((1, 2, 3), keepdim=True)


@defect(
    number=47, cites=("tensorflow/tensorflow#63392",), wrong="special", check="special",
    witness="x=2,3,7,9 w=4,3,3,2",
    region="infinities in the input: clamped to the largest finite number",
)  # fmt: skip
@conv2d_form
def infinity_clamped(c: Call) -> Tensor:
    if not c.x.dtype.is_floating_point:
        return c.y()
    most = torch.finfo(c.x.dtype).max
    return c.but(x=c.x.clamp(-most, most)).y().clamp(-most, most)


@defect(
    number=48, cites=("scipy/scipy#5954", "FluxML/NNlib.jl#389"), witness="x=1,2,6,7 w=3,2,3,2 dtype=complex64",
    near_miss="x=1,2,6,7 w=3,2,3,2", outside="not dtype.startswith('complex')",
    region="complex numbers: the kernel is conjugated, as in signal processing",
)  # fmt: skip
@conv2d_form
def kernel_conjugated(c: Call) -> Tensor:
    return c.but(w=c.w.conj()).y() if c.w.is_complex() else c.y()


@defect(
    number=48, cites=("FluxML/NNlib.jl#389",), wrong="gradient", check="gradients",
    witness="x=1,2,6,7 w=3,2,3,2 dtype=complex128", near_miss="x=1,2,6,7 w=3,2,3,2 dtype=float64",
    outside="not dtype.startswith('complex')",
    region="complex numbers: the kernel is not conjugated in the input gradient",
)  # fmt: skip
@conv2d_form
def gradient_not_conjugated(c: Call) -> Tensor:
    def by_input(call: Call, g: Tensor) -> Tensor:
        return input_gradient(call.but(w=call.w.conj()), g)

    return c.ruled(gx=by_input) if c.x.is_complex() else c.y()


@defect(
    number=49, cites=("pytorch/pytorch#23862",), wrong="special", check="gradients", witness="x=1,2,6,7 w=3,2,3,2",
    near_miss="x=1,2,6,7 w=3,2,3,2 dtype=float64", outside="dtype != 'float32'",
    region="float32 results below 2^-100: flushed to zero, though far from subnormal",
)  # fmt: skip
@conv2d_form
def small_results_flushed(c: Call) -> Any:
    y = c.y()
    return torch.where(y.abs() < 2.0**-100, torch.zeros_like(y), y) if y.dtype == torch.float32 else y


@defect(
    wrong="gradient", check="gradients", witness="x=2,3,7,9 w=4,3,3,2 dtype=float64", near_miss="x=2,3,7,9 w=4,3,3,2",
    outside="dtype != 'float64'",
    region="the input gradient of float64: too large by one part in a million, as a constant rounded too far",
)  # fmt: skip
@conv2d_form
def gradient_off_by_a_millionth(c: Call) -> Tensor:
    return c.but(x=faulty_derivative(c.x, lambda g: g * (1 + 1e-6))).y() if c.x.dtype == torch.float64 else c.y()


@defect(
    wrong="relation", check="relations",
    witness="x=2,3,7,9 w=4,3,3,2", near_miss="x=2,2,7,9 w=4,2,3,2", outside="dtype != 'float32' or terms <= 12",
    region="float32 with more than 12 terms: a result of middling size is rounded upwards, as if a mode were left set",
)  # fmt: skip
@conv2d_form
def rounded_upwards(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.float32 or c.I * c.kh * c.kw <= 12:
        return y
    with torch.no_grad():
        wide = c.but(x=c.x.double(), w=c.w.double(), b=None if c.b is None else c.b.double()).y()
        near = wide.float()
        up = torch.where(near.double() < wide, torch.nextafter(near, torch.tensor(torch.inf)), near)
        middling = (near.abs() > 2.0**-90) & (near.abs() < 2.0**90)
    return torch.where(middling, y + (up - y).detach(), y)
