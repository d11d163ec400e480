"""Seeded faults of derivatives, where the forward result is right."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient, weight_gradient


@defect(
    number=56, cites=("pytorch/pytorch#51430",), wrong="gradient", check="gradients",
    witness="x=2,4,7,9 w=6,2,3,2 groups=2 dtype=float64", near_miss="x=2,4,7,9 w=6,4,3,2 dtype=float64",
    outside="groups == 1",
    region="the weight gradient with groups: the first and the last group change places",
)  # fmt: skip
@conv2d_form
def weight_gradient_of_other_group(c: Call) -> Tensor:
    if c.groups == 1:
        return c.y()
    each = c.O // c.groups
    return c.but(w=faulty_derivative(c.w, lambda g: torch.cat([g[-each:], g[each:-each], g[:each]]))).y()


@defect(
    number=57, cites=("ml-explore/mlx#3800",), wrong="gradient", check="gradients",
    witness="x=2,4,8,9 w=6,2,3,2 groups=2 stride=2,1 dtype=float64",
    near_miss="x=2,4,8,9 w=6,4,3,2 stride=2,1 dtype=float64", outside="groups == 1 or sh == sw == 1",
    region="the input gradient of grouped and strided calls: the kernel is not turned",
)  # fmt: skip
@conv2d_form
def input_gradient_not_turned(c: Call) -> Tensor:
    if c.groups == 1 or c.stride == (1, 1):
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=call.w.flip(2, 3)), g))


@defect(
    number=58, cites=("FlagOpen/FlagGems#1576",), wrong="gradient", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 stride=2,1 dtype=float64", near_miss="x=2,3,9,9 w=4,3,3,2 stride=2,1 dtype=float64",
    outside="(H + top + bottom - dh*(kh-1) - 1) % sh == 0",
    region="rows that no window reaches: the weight gradient counts from the end of the input, not from its start",
)  # fmt: skip
@conv2d_form
def remainder_rows_first(c: Call) -> Tensor:
    rest = (c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1) % c.sh
    if not rest:
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(x=call.x.roll(-rest, 2)), g))


@defect(
    number=58, cites=("tracel-ai/burn#4806",), wrong="gradient", check="gradients",
    witness="x=2,3,7,10 w=4,3,3,3 stride=1,2 dtype=float64", near_miss="x=2,3,7,9 w=4,3,3,3 stride=1,2 dtype=float64",
    outside="(W + left + right - dw*(kw-1) - 1) % sw == 0",
    region="columns that no window reaches: their input gradient repeats the last one instead of zero",
)  # fmt: skip
@conv2d_form
def remainder_columns_repeat(c: Call) -> Tensor:
    rest = (c.W + c.sides[2] + c.sides[3] - c.dw * (c.kw - 1) - 1) % c.sw - c.sides[3]
    if rest <= 0 or rest >= c.W:
        return c.y()

    def by_input(call: Call, g: Tensor) -> Tensor:
        good = input_gradient(call, g)
        used = good[..., : c.W - rest]
        return torch.cat([used, used[..., -1:].expand(*used.shape[:3], rest) + 1], 3)

    return c.ruled(gx=by_input)


@defect(
    number=59, cites=("huggingface/candle#2337", "jax-ml/jax#567"), wrong="gradient", check="gradients",
    witness="x=2,3,11,12 w=4,3,3,2 stride=2 dtype=float64",
    near_miss="x=2,3,11,12 w=4,3,3,2 stride=2 dilation=2 dtype=float64", outside="(sh, sw) == (dh, dw)",
    region="the weight gradient with unlike stride and dilation: the two keep their roles, where they should "
    "change them",
)  # fmt: skip
@conv2d_form
def roles_kept(c: Call) -> Tensor:
    if c.stride == c.dilation:
        return c.y()

    def by_weight(call: Call, g: Tensor) -> Tensor:
        rows = (c.out[2] - 1) * c.dh + (c.kh - 1) * c.sh + 1 - c.H - c.sides[0]
        cols = (c.out[3] - 1) * c.dw + (c.kw - 1) * c.sw + 1 - c.W - c.sides[2]
        sides = c.sides[0], rows, c.sides[2], cols
        return weight_gradient(call.but(stride=c.dilation, dilation=c.stride, sides=sides), g)

    return c.ruled(gw=by_weight)


@defect(
    number=61, cites=("apache/mxnet#15497",), wrong="state", check="gradients",
    region="a bias that is trained while the kernel is not: its gradient is zero",
)  # fmt: skip
@conv2d_form
def bias_gradient_with_weight_only(c: Call) -> Tensor:
    if c.b is None or c.w.requires_grad:
        return c.y()
    return c.but(b=faulty_derivative(c.b, torch.zeros_like)).y()


@defect(
    number=62, wrong="gradient", check="gradients", witness="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    near_miss="x=1,3,7,9 w=4,3,3,2 dtype=float64", outside="N == 1",
    region="the weight gradient of batches: divided by the number of samples",
)  # fmt: skip
@conv2d_form
def weight_gradient_averaged(c: Call) -> Tensor:
    return c.but(w=faulty_derivative(c.w, lambda g: g / c.N)).y() if c.N > 1 else c.y()


@defect(
    number=63, cites=("pytorch/pytorch#15353",), wrong="double", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,2 dtype=float64", near_miss="x=2,3,7,9 w=4,3,1,1 dtype=float64",
    outside="kh == kw == 1",
    region="second derivatives of kernels above 1x1: the kernel is constant in the input gradient",
)  # fmt: skip
@conv2d_form
def kernel_constant_in_backward(c: Call) -> Tensor:
    if c.kh == c.kw == 1:
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=call.w.detach()), g))


@defect(
    number=63, cites=("pytorch/pytorch#15353",), wrong="double", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 stride=2,1 dtype=float64", near_miss="x=2,3,8,9 w=4,3,3,2 dtype=float64",
    outside="sh == sw == 1",
    region="second derivatives with a stride: those by the cotangent miss the kernel's part",
)  # fmt: skip
@conv2d_form
def cotangent_constant_in_backward(c: Call) -> Tensor:
    if c.stride == (1, 1):
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call, g.detach()))


@defect(
    number=63, cites=("pytorch/pytorch#75219",), wrong="jvp", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 bias dtype=float64", near_miss="x=2,3,8,9 w=4,3,3,2 dtype=float64",
    outside="not bias",
    region="forward derivatives with a bias: the kernel's tangent is left out",
)  # fmt: skip
@conv2d_form
def tangent_of_kernel_lost(c: Call) -> Tensor:
    return c.y() if c.b is None else c.but(w=faulty_derivative(c.w, turn=torch.zeros_like)).y()


@defect(
    number=63, cites=("pytorch/pytorch#75219",), wrong="jvp", check="gradients",
    witness="x=2,4,8,9 w=4,2,3,2 groups=2 dtype=float64", near_miss="x=2,4,8,9 w=4,4,3,2 dtype=float64",
    outside="groups == 1",
    region="forward derivatives with groups: the input's tangent is doubled",
)  # fmt: skip
@conv2d_form
def tangent_of_input_doubled(c: Call) -> Tensor:
    return c.y() if c.groups == 1 else c.but(x=faulty_derivative(c.x, turn=lambda t: 2 * t)).y()


@defect(
    number=64, cites=("pytorch/functorch#338",), wrong="vmap", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,2 bias dtype=float64", near_miss="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    outside="not bias",
    region="vmap with a bias: the bias is added once for each",
)  # fmt: skip
@conv2d_form
def bias_twice_under_vmap(c: Call) -> Tensor:
    y = c.y()
    mapped = torch._C._functorch.is_batchedtensor(c.x)
    return y + c.b.reshape(1, -1, 1, 1) if mapped and c.b is not None else y


@defect(
    number=64, wrong="use", check="gradients",
    region="gradients of each sample by vmap, strided: each has the bias gradient of the sample before",
)  # fmt: skip
@conv2d_form
def bias_gradient_of_the_sample_before(c: Call) -> Tensor:
    if c.b is None or c.stride == (1, 1):
        return c.y()

    def bend(g: Tensor) -> Tensor:
        functorch = torch._C._functorch
        if not functorch.is_batchedtensor(g):
            return g
        axis = functorch.maybe_get_bdim(g)
        return functorch._add_batch_dim(functorch.get_unwrapped(g).roll(1, axis), axis, functorch.maybe_get_level(g))

    return c.but(b=faulty_derivative(c.b, bend)).y()


@defect(
    number=65, cites=("apache/mxnet#9497",), wrong="state", check="gradients",
    region="a second backward pass through the same graph: the weight gradient is not added again",
)  # fmt: skip
@conv2d_form
def second_pass_adds_nothing(c: Call) -> Tensor:
    passes: list[None] = []

    def bend(g: Tensor) -> Tensor:
        passes.append(None)
        return g if len(passes) == 1 else torch.zeros_like(g)

    return c.but(w=faulty_derivative(c.w, bend)).y()


@defect(
    number=54, wrong="memory", check="memory",
    region="every backward pass: the cotangent is overwritten with zeros",
)  # fmt: skip
@conv2d_form
def cotangent_overwritten(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        kept = g.clone()
        with torch.no_grad():
            g.zero_()
        return kept

    return faulty_derivative(c.y(), bend)


@defect(
    number=56, cites=("pytorch/pytorch#51430",), wrong="gradient", check="gradients",
    witness="x=2,3,7,9 w=6,1,3,2 groups=3 dtype=float64", near_miss="x=2,3,7,9 w=3,1,3,2 groups=3 dtype=float64",
    outside="I > 1 or groups == 1 or O == groups",
    region="depthwise with a multiplier: the input gradient has the part of the first kernel only",
)  # fmt: skip
@conv2d_form
def first_kernel_of_each_channel(c: Call) -> Tensor:
    if c.I > 1 or c.groups == 1 or c.O == c.groups:
        return c.y()
    keep = torch.zeros(c.O, 1, 1, 1, dtype=c.w.dtype)
    keep[:: c.O // c.groups] = 1
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=call.w * keep), g))


@defect(
    number=51, cites=("FluxML/NNlib.jl#763",), wrong="gradient", check="gradients",
    witness="x=0,3,7,9 w=4,3,3,2 dtype=float64", near_miss="x=1,3,7,9 w=4,3,3,2 dtype=float64", outside="N > 0",
    region="empty batches: the weight gradient is one instead of zero",
)  # fmt: skip
@conv2d_form
def weight_gradient_of_nothing(c: Call) -> Tensor:
    return c.y() if c.N else c.but(w=faulty_derivative(c.w, torch.ones_like)).y()


@defect(
    number=61, wrong="gradient", check="gradients", witness="x=2,3,7,9 w=4,3,3,2 dtype=float64 bias",
    near_miss="x=2,3,7,9 w=1,3,3,2 dtype=float64 bias", outside="not bias or O == 1",
    region="the bias gradient: that of the first channel is the mean, not the sum",
)  # fmt: skip
@conv2d_form
def bias_gradient_averaged(c: Call) -> Any:
    if c.b is None or c.O == 1:
        return c.y()
    size = torch.ones_like(c.b.detach())
    size[0] = c.out[0] * c.out[2] * c.out[3]
    return c.but(b=faulty_derivative(c.b, lambda g: g / size)).y()


@defect(
    number=63, cites=("pytorch/pytorch#15353",), wrong="double", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,2 padding=1 dtype=float64", near_miss="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    outside="sides_max == 0",
    region="second derivatives with padding: an error, as backward is not differentiable",
)  # fmt: skip
@conv2d_form
def backward_once_only(c: Call) -> Tensor:
    if not any(c.sides):
        return c.y()

    def refuse(g: Tensor) -> Tensor:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    return faulty_derivative(c.y(), lambda g: faulty_derivative(g, refuse) if g.requires_grad else g)


@defect(
    number=23, cites=("apache/tvm#19524",), wrong="gradient", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 stride=2,1 dtype=float64", near_miss="x=2,3,9,9 w=4,3,3,2 stride=2,1 dtype=float64",
    outside="(H + top + bottom - dh*(kh-1) - 1) % sh <= bottom",
    region="rows that no window reaches: the transposed correlation pads its output on top instead of below",
)  # fmt: skip
@conv2d_form
def output_padding_on_top(c: Call) -> Tensor:
    rest = (c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1) % c.sh - c.sides[1]
    return c.but(x=faulty_derivative(c.x, lambda g: g.roll(rest, 2))).y() if rest > 0 else c.y()


@defect(
    wrong="use", check="use",
    region="gradients under autocast: the kernel's is that of the first image alone",
)  # fmt: skip
@conv2d_form
def first_image_under_autocast(c: Call) -> Tensor:
    if not torch.is_autocast_enabled("cpu") or c.N < 2:
        return c.y()
    first = (torch.arange(c.N) < 1).reshape(-1, 1, 1, 1)
    return c.ruled(gw=lambda call, g: weight_gradient(call, g * first.to(g.dtype)))
