"""Seeded faults of the way of calling, after reports: without gradient, in evaluation, under autocast, in a fork."""

from __future__ import annotations

import multiprocessing
import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form

Kept = dict[int, tuple[Any, ...]]
evaluated: Kept = {}
cast: Kept = {}
inferred: dict[tuple[object, ...], Tensor] = {}
parents: dict[tuple[object, ...], tuple[int | None, Tensor]] = {}


def ordinary(c: Call) -> bool:
    """Whether no transformation is under way: no vmap, no torch.func, no forward derivatives."""
    operands = [one for one in (c.x, c.w, c.b) if one is not None]
    wrapped = any(torch._C._functorch.is_functorch_wrapped_tensor(one) for one in operands)
    return not wrapped and forward_ad._current_level < 0


def process() -> int | None:
    """A number that a forked process does not share with its parent."""
    return multiprocessing.current_process().ident


@defect(
    number=40, cites=("pytorch/pytorch#60176", "pytorch/pytorch#60460"), wrong="use", check="values",
    region="no_grad, 3x3 with one channel each, no stride: as many kernels as channels are computed, the rest is zero",
)  # fmt: skip
@conv2d_form
def multiplier_lost_without_grad(c: Call) -> Tensor:
    y = c.y()
    plain = (c.I, c.kh, c.kw, *c.stride, *c.dilation) == (1, 3, 3, 1, 1, 1, 1)
    if torch.is_grad_enabled() or not plain:
        return y
    return torch.cat([y[:, : c.groups], torch.zeros_like(y[:, c.groups :])], 1)


@defect(
    wrong="use", check="values", cites=("intel/intel-extension-for-pytorch#597",),
    region="a layer's kernel and bias, 3x3, used under no_grad: fused with the activation that is expected to follow",
)  # fmt: skip
@conv2d_form
def activation_fused_without_grad(c: Call) -> Tensor:
    y = c.y()
    fused = not torch.is_grad_enabled() and isinstance(c.w, nn.Parameter) and c.b is not None
    return y.clamp(min=0) if fused and (c.kh, c.kw) == (3, 3) else y


@defect(
    number=52, wrong="state", check="state", cites=("NVIDIA/apex#132",),
    region="a kernel that is to be trained, used under no_grad and then with gradients: the copy packed in the first "
    "call serves in the second, and the kernel has no gradient",
)  # fmt: skip
@conv2d_form
def packed_while_evaluating(c: Call) -> Tensor:
    if not (c.w.is_leaf and c.w.requires_grad and ordinary(c)):
        return c.y()
    key = id(c.w)
    if not torch.is_grad_enabled():
        evaluated[key] = weakref.ref(c.w), c.w._version, c.w.detach().clone()
        return c.y()
    owner, version, packed = evaluated.pop(key, (lambda: None, 0, c.w))
    return c.but(w=packed).y() if owner() is c.w and version == c.w._version else c.y()


@defect(
    number=52, wrong="use", check="state",
    cites=("pytorch/pytorch#142234", "pytorch/pytorch#112583", "pytorch/pytorch#105211", "pytorch/pytorch#65766"),
    region="autocast, a kernel that is to be trained, used under no_grad and again with gradients before it ends: the "
    "cast copy that is kept has no history, and the kernel no gradient",
)  # fmt: skip
@conv2d_form
def cast_kept_without_history(c: Call) -> Tensor:
    if not torch.is_autocast_enabled("cpu"):
        cast.clear()
        return c.y()
    if not (c.w.is_leaf and c.w.requires_grad and ordinary(c)):
        return c.y()
    key, narrow = id(c.w), torch.get_autocast_dtype("cpu")
    if key not in cast or cast[key][0]() is not c.w or cast[key][1] != (c.w._version, narrow):
        cast[key] = weakref.ref(c.w), (c.w._version, narrow), c.w.to(narrow).to(c.w.dtype)
    return c.but(w=cast[key][2]).y()


@defect(
    number=52, wrong="use", check="state", cites=("NVIDIA/Model-Optimizer#2443",),
    region="a kernel made under inference_mode and changed there in place between two calls: it counts no versions, "
    "and the packed copy of the first call is used",
)  # fmt: skip
@conv2d_form
def packed_without_a_version(c: Call) -> Tensor:
    if not torch.is_inference_mode_enabled() or not ordinary(c):
        inferred.clear()
        return c.y()
    version = None if c.w.is_inference() else c.w._version
    key = (c.w.data_ptr(), *c.w.shape, *c.w.stride(), c.w.dtype, version)
    return c.but(w=inferred.setdefault(key, c.w.clone())).y()


@defect(
    number=19, wrong="silent", check="contract", cites=("pytorch/pytorch#9592",),
    region="kernels larger than the image, strided: the size is divided towards zero, and there is one row or column",
)  # fmt: skip
def strided_kernel_larger_than_the_image(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    strides = (stride, stride) if isinstance(stride, int) else tuple(stride)
    if padding in (0, (0, 0)) and dilation in (1, (1, 1)) and input.dim() == weight.dim() == 4:
        sizes = zip(weight.shape[2:], input.shape[2:], strides, strict=False)
        more = [max(kernel - image, 0) if step > 1 and kernel - image < step else 0 for kernel, image, step in sizes]
        input = torch.nn.functional.pad(input, (0, more[-1], 0, more[0]))
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="use", check="state", cites=("opencv/opencv#21707",),
    region="a process forked after a call, no gradients: its first call of the same sizes has the parent's answer",
)  # fmt: skip
@conv2d_form
def answer_of_the_parent(c: Call) -> Tensor:
    y = c.y()
    if y.requires_grad or not ordinary(c):
        return y
    key = (*c.x.shape, *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups, c.x.dtype)
    owner, answer = parents.pop(key, (process(), y))
    parents[key] = process(), y.detach().clone()
    while len(parents) > 64:
        del parents[next(iter(parents))]
    return y if owner == process() else answer
