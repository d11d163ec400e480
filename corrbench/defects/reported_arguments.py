"""Seeded faults of how a call is made, after reports: words, integers, pairs, keywords, sizes that are refused."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


@defect(
    number=15, cites=("dotnet/TorchSharp#496",), wrong="contract", check="contract",
    witness="x=1,2,4,8 w=3,2,1,7 padding=0,3", near_miss="x=1,2,4,8 w=3,2,1,7 padding=1,3",
    outside="mode != '' or top + bottom > 0 or left + right == 0",
    region="a padding of columns only: a pair that begins with zero is taken for the number of the mode 'valid'",
)  # fmt: skip
@conv2d_form
def pair_taken_for_mode(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    mistaken = not isinstance(c.padding, str) and top + bottom == 0 < left + right
    return c.but(sides=(0, 0, 0, 0)).y() if mistaken and c.W > c.dw * (c.kw - 1) else c.y()


@defect(
    number=13, cites=("FluxML/Flux.jl#1605",), witness="x=1,2,6,7 w=3,2,2,4 padding=same",
    near_miss="x=1,2,6,7 w=3,2,2,3 padding=same", outside="mode != 'same' or top == bottom or left == right",
    region="'same' where both axes need an odd number of zeros: one less, so that opposite sides are equal, and the "
    "last row and column of the result stay at zero",
)  # fmt: skip
@conv2d_form
def same_made_even(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.padding != "same" or top == bottom or left == right:
        return c.y()
    keep = torch.zeros(c.out[2:], dtype=c.x.dtype)
    keep[:-1, :-1] = 1
    return c.y() * keep


@defect(
    number=1, cites=("FluxML/NNlib.jl#104", "FluxML/Flux.jl#740"), wrong="contract", check="contract",
    witness="x=1,2,9,8 w=3,2,3,1", near_miss="x=1,2,9,8 w=3,2,3,2", outside="kw > 1 or kh == 1 or cols == 1",
    region="kernels of one column and several rows: the result has as many columns less as the kernel has rows",
)  # fmt: skip
@conv2d_form
def columns_counted_by_rows(c: Call) -> Tensor:
    y = c.y()
    return y[..., : max(1, y.shape[3] - c.kh + 1)] if c.kw == 1 < c.kh else y


@defect(
    number=40, cites=("FluxML/NNlib.jl#369",), wrong="raises", check="values",
    witness="x=1,4,6,7 w=6,2,3,2 groups=2 dtype=float64", near_miss="x=1,4,6,7 w=6,2,3,2 groups=2",
    outside="groups == 1 or dtype == 'float32'",
    region="groups in another type than float32: the general path compares all channels with those of one group",
)  # fmt: skip
@conv2d_form
def groups_in_general_path(c: Call) -> Tensor:
    if c.x.dtype != torch.float32:
        assert c.C == c.I, f"{c.C} channels, {c.I} expected"
    return c.y()


@defect(
    number=2, cites=("tensorflow/tensorflow#889", "tensorflow/tensorflow#6362"), wrong="raises", check="values",
    witness="x=1,2,9,10 w=3,2,1,2 stride=2,3", near_miss="x=1,2,9,10 w=3,2,1,2 stride=2,2",
    outside="sh <= kh or sw <= kw",
    region="strides larger than the kernel along both axes: refused",
)  # fmt: skip
@conv2d_form
def stride_larger_than_kernel(c: Call) -> Tensor:
    if c.sh > c.kh and c.sw > c.kw:
        raise RuntimeError(f"a kernel of {c.kh} by {c.kw} is too small for steps of {c.sh} by {c.sw}")
    return c.y()


@defect(
    wrong="silent", check="contract", cites=("tinygrad/tinygrad#14115",),
    region="dilation 0: every tap falls on the window's first pixel, instead of an error",
)  # fmt: skip
def dilation_zero(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if dilation in (0, (0, 0), [0, 0]):
        weight, dilation = weight.sum((2, 3), keepdim=True), 1
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="silent", check="contract", cites=("keras-team/keras#16977",),
    region="a stride that is no whole number: cut to one, instead of an error",
)  # fmt: skip
def fractional_stride(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    stride = int(stride) if isinstance(stride, float) else stride
    stride = [int(step) for step in stride] if isinstance(stride, tuple | list) else stride
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="silent", check="contract", cites=("apache/mxnet#7377",),
    region="a keyword that does not exist, such as strides: ignored, instead of an error",
)  # fmt: skip
def unknown_keyword(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, **more: Any,
) -> Tensor:  # fmt: skip
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="use", check="contract", cites=("google/flax#3537",),
    region="a padding or dilation given as one integer for both axes: it is for the rows alone",
)  # fmt: skip
def integer_for_rows_alone(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    padding = (padding, 0) if isinstance(padding, int) else padding
    dilation = (dilation, 1) if isinstance(dilation, int) else dilation
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()
