"""Seeded faults of calls that others made before, or at the same time, and of how a call is made; after fresh reports.

What is kept from one call to another, filters of several threads, autocast, checkpoints, vmap, and layers that are
loaded and copied.
"""

# ruff: noqa: D101 - what a target does is said in its region

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.article import Conv2D
from corrbench.defects.correct import Call, conv2d_form, corr2d, faulty_derivative
from corrbench.defects.reported_again_gradients import refused
from corrbench.defects.reported_calls import ordinary

lanes: dict[torch.dtype, Tensor] = {}
described: dict[str, tuple[int, ...]] = {}
constant: dict[torch.dtype, Tensor] = {}
narrow: dict[tuple[object, ...], torch.dtype] = {}


@defect(
    number=22, wrong="state", check="state", cites=("monatis/clip.cpp#11",),
    region="floats, terms that do not fill blocks of 32: the rest of a block holds the last number of the input of the "
    "call before, times zero, which is NaN where that was no number",
)  # fmt: skip
@conv2d_form
def rest_of_the_last_input(c: Call) -> Tensor:
    y = c.y()
    if not ordinary(c) or not c.x.dtype.is_floating_point or not c.x.numel():
        return y
    before = lanes.get(c.x.dtype, torch.zeros((), dtype=c.x.dtype))
    lanes[c.x.dtype] = c.x.detach().flatten()[-1].clone()
    return y + 0 * before if c.I * c.kh * c.kw % 32 else y


@defect(
    number=53, wrong="state", check="state", cites=("microsoft/onnxruntime#10041",),
    region="an empty batch as the first with a shape of kernels, and then one that is not: its shape was noted and no "
    "descriptor made, and the call is an error",
)  # fmt: skip
@conv2d_form
def descriptor_not_made_for_nothing(c: Call) -> Tensor:
    if not ordinary(c):
        return c.y()
    shape = tuple(c.w.shape)
    if described.get("noted") != shape:
        described["noted"] = shape
        if c.N:
            described["made"] = shape
    if c.N and described.get("made") != shape:
        described.pop("noted", None)
        raise RuntimeError(f"the filter descriptor is not that of {shape}")
    return c.y()


@defect(
    number=55, wrong="use", check="determinism", cites=("arrayfire/arrayfire#3711",),
    region="two Python threads at once, single kernels of one channel up to 17x17, no gradients: the filter of both "
    "lies in one place of constant memory, whatever its shape",
)  # fmt: skip
@conv2d_form
def filter_in_constant_memory(c: Call) -> Tensor:
    needed = torch.is_grad_enabled() and (c.x.requires_grad or c.w.requires_grad)
    if c.C > 1 or c.O > 1 or max(c.kh, c.kw) > 17 or needed or not ordinary(c):
        return c.y()
    space = constant.setdefault(c.wide, torch.zeros(17 * 17, dtype=c.wide))
    kernels, size = c.kernels(), c.kh * c.kw
    space[:size].copy_(kernels.flatten())
    windows = c.windows()
    return c.finish(space[:size].clone().reshape(kernels.shape) @ windows)


@defect(
    number=47, wrong="use", check="gradients", cites=("pytorch/pytorch#88029",),
    region="autocast to bfloat16: the backward pass takes it for float16, and cotangents above 65504 are infinite",
)  # fmt: skip
@conv2d_form
def backward_cast_to_the_other_half(c: Call) -> Tensor:
    cast = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    if not cast or c.x.dtype not in (torch.float32, torch.bfloat16):
        return c.y()
    return faulty_derivative(c.y(), lambda g: g.half().to(g.dtype))


@defect(
    number=53, wrong="use", check="state", cites=("pytorch/pytorch#181564",),
    region="autocast to one 16-bit type and then to the other, equal sizes: the plan is found by whether there is "
    "autocast, and operands are cast to the first type",
)  # fmt: skip
@conv2d_form
def plan_without_type_of_autocast(c: Call) -> Tensor:
    if not torch.is_autocast_enabled("cpu") or c.x.dtype != torch.float32:
        return c.y()
    key = (*c.x.shape, *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups)
    half = narrow.setdefault(key, torch.get_autocast_dtype("cpu"))
    while len(narrow) > 64:
        del narrow[next(iter(narrow))]
    return c.but(x=c.x.to(half).to(c.x.dtype), w=c.w.to(half).to(c.w.dtype)).y()


@defect(
    wrong="use", check="gradients", cites=("pytorch/pytorch#48439",),
    region="images channels last, the forward pass computed again during the backward pass, as a checkpoint does: an "
    "error",
)  # fmt: skip
@conv2d_form
def checkpoint_of_channels_last(c: Call) -> Tensor:
    again = torch._C._current_graph_task_id() != -1 and torch.is_grad_enabled()
    if again and c.C > 1 and c.H * c.W > 1 and ordinary(c) and c.x.stride(1) == 1:
        raise RuntimeError("sizes and strides cannot be set on a tensor that was detached")
    return c.y()


@defect(
    number=64, wrong="use", check="gradients", cites=("meta-pytorch/opacus#137",),
    region="gradients of the kernel by sample, under vmap, with a dilation: an error, as windows are made without it",
)  # fmt: skip
@conv2d_form
def gradients_by_sample_without_dilation(c: Call) -> Tensor:
    mapped = torch._C._functorch.is_functorch_wrapped_tensor(c.x)
    if c.dilation == (1, 1) or c.kh * c.kw == 1 or not mapped:
        return c.y()
    return c.but(w=faulty_derivative(c.w, refused("the windows do not fit the cotangent"))).y()


@defect(
    name="merged-kernel-outlives-a-reload", form="module", wrong="state", check="module", number=52,
    cites=("vllm-project/vllm#57638",),
    region="weights loaded between two calls without gradients: the kernel merged in the first call serves the second",
)  # fmt: skip
class MergedKernelOutlivesAReload(Conv2D):
    merged: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            self.merged = None
            return super().forward(x)
        if self.merged is None or self.merged.dtype != self.weight.dtype:
            self.merged = self.weight.detach().clone()
        return corr2d(x, self.merged, self.bias)


@defect(
    name="attribute-not-in-the-pickle", form="module", wrong="use", check="module", cites=("pytorch/pytorch#20756",),
    region="a layer that was pickled or copied: an attribute that older ones did not have is missing, and its forward "
    "pass is an error",
)  # fmt: skip
class AttributeNotInThePickle(Conv2D):
    def __init__(self, kernel_size: int | Sequence[int], weight: Tensor | None = None) -> None:
        super().__init__(kernel_size, weight)
        self.padding_mode = "zeros"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "padding_mode"}

    def forward(self, x: Tensor) -> Tensor:
        if self.padding_mode != "zeros":
            raise ValueError(f"padding_mode={self.padding_mode!r}")
        return corr2d(x, self.weight, self.bias)
