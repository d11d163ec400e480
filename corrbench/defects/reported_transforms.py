"""Seeded faults of second derivatives and of vmap, after reports."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient, weight_gradient


@defect(
    number=63, cites=("pytorch/pytorch#1972",), wrong="double", check="gradients",
    witness="x=2,4,7,9 w=6,2,3,2 groups=2 dtype=float64", near_miss="x=2,4,7,9 w=6,4,3,2 dtype=float64",
    outside="groups == 1",
    region="second derivatives with groups: an error, as the sizes of the groups are not heeded",
)  # fmt: skip
@conv2d_form
def second_derivatives_refuse_groups(c: Call) -> Tensor:
    if c.groups == 1:
        return c.y()

    def refuse(g: Tensor) -> Tensor:
        raise RuntimeError(f"size mismatch: {c.C} channels, kernels of {c.I}")

    return faulty_derivative(c.y(), lambda g: faulty_derivative(g, refuse) if g.requires_grad else g)


@defect(
    number=63, cites=("pytorch/xla#2333", "jax-ml/jax#563"), wrong="double", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 stride=2 padding=1 dtype=float64",
    near_miss="x=2,3,8,9 w=4,3,3,2 stride=2 dtype=float64", outside="min(sh, sw) == 1 or sides_max == 0",
    region="a penalty on the weight gradient, strided both ways and padded: the input is constant in it",
)  # fmt: skip
@conv2d_form
def input_constant_in_weight_gradient(c: Call) -> Tensor:
    if min(c.stride) == 1 or not any(c.sides):
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(x=call.x.detach()), g))


@defect(
    number=63, cites=("mjacar/pytorch-trpo#13", "pytorch/pytorch#1643"), wrong="double", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 dilation=2 dtype=float64", near_miss="x=2,3,8,9 w=4,3,3,2 dtype=float64",
    outside="max(dh, dw) == 1",
    region="a penalty on the input gradient, dilated: what it owes to the cotangent is left out",
)  # fmt: skip
@conv2d_form
def cotangent_constant_in_input_gradient(c: Call) -> Tensor:
    if max(c.dilation) == 1:
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call, g.detach()))


@defect(
    number=64, cites=("pytorch/pytorch#84938", "pytorch/functorch#345"), wrong="vmap", check="gradients",
    witness="x=2,4,7,9 w=6,2,3,2 groups=2 dtype=float64", near_miss="x=2,4,7,9 w=2,2,3,2 groups=2 dtype=float64",
    outside="groups == 1 or O == groups",
    region="vmap over the input with groups of several kernels: results are ordered by kernel, then by group",
)  # fmt: skip
@conv2d_form
def groups_last_under_vmap(c: Call) -> Tensor:
    y = c.y()
    if c.groups == 1 or not torch._C._functorch.is_batchedtensor(c.x):
        return y
    return y.reshape(c.N, c.groups, c.O // c.groups, *c.out[2:]).transpose(1, 2).reshape(c.out)


@defect(
    number=64, cites=("pytorch/functorch#10",), wrong="use", check="gradients",
    region="vmap over kernels, with one bias for all of them: the bias is left out",
)  # fmt: skip
@conv2d_form
def shared_bias_lost_under_vmap(c: Call) -> Tensor:
    mapped = torch._C._functorch.is_batchedtensor
    if c.b is not None and mapped(c.w) and not mapped(c.b):
        return c.but(b=None).y()
    return c.y()


@defect(
    number=61, cites=("gungui98/Pytorch-Depthwise-Conv3d#4",), wrong="use", check="gradients",
    region="depthwise as the first layer, whose input needs no gradient: the gradient of the kernel is zero",
)  # fmt: skip
@conv2d_form
def first_depthwise_layer_not_trained(c: Call) -> Tensor:
    if c.I > 1 or c.groups == 1 or c.x.requires_grad:
        return c.y()
    return c.but(w=faulty_derivative(c.w, torch.zeros_like)).y()
