"""Seeded faults of state and of order, after reports: stale packs, buffers that two passes share, plans kept."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, weight_gradient
from corrbench.defects.reported_calls import ordinary

Key = tuple[object, ...]
packs: dict[Key, Tensor] = {}
spaces: dict[Key, Tensor] = {}
answers: dict[Key, tuple[int, Tensor]] = {}
paddings: dict[Key, tuple[int, int, int, int]] = {}
rests: dict[Key, tuple[int, int]] = {}
owned: dict[int, tuple[Any, int, Tensor]] = {}


def kept(among: dict[Key, Tensor], key: Key, make: Callable[[], Tensor]) -> Tensor:
    """What was first made for `key`; of the last 64 keys only."""
    if key not in among:
        among[key] = make()
        while len(among) > 64:
            del among[next(iter(among))]
    return among[key]


def bent(operand: Tensor, bend: Callable[[Tensor], Tensor]) -> Tensor:
    """The operand, whose gradient goes through `bend`, unless it is a batch of gradients or is differentiated again."""
    batched = torch._C._functorch.is_batchedtensor
    return faulty_derivative(operand, lambda g: g if g.requires_grad or batched(g) else bend(g))


def instead(operand: Tensor, old: Tensor) -> Tensor:
    """The numbers of `old`, whose gradients go to `operand`."""
    return torch.where(operand == old, operand, operand + (old - operand).detach())


def packed(c: Call, key: Key) -> Tensor:
    """The answer with the kernel that was first packed for `key`; gradients go to the one that was given."""
    if not ordinary(c) or not c.w.dtype.is_floating_point:
        return c.y()
    first = kept(packs, key, lambda: c.w.detach().clone())
    return c.but(w=instead(c.w, first)).y()


@defect(
    number=52, wrong="state", check="state", cites=("pytorch/pytorch#87197",),
    region="a kernel changed in place, or another at its address, with the first and the last tap of the old one: the "
    "packed copy is found by those",
)  # fmt: skip
@conv2d_form
def packed_by_address_and_ends(c: Call) -> Tensor:
    if not ordinary(c):
        return c.y()
    ends = c.w.detach().reshape(-1)[[0, -1]].tolist()
    return packed(c, ("ends", c.w.data_ptr(), *c.w.shape, *c.w.stride(), c.w.dtype, *ends))


@defect(
    number=52, wrong="state", check="state", cites=("sgl-project/sglang#30247",),
    region="a kernel changed through .data or through NumPy, which does not count as a version: the copy packed for "
    "that tensor and version is used",
)  # fmt: skip
@conv2d_form
def packed_by_version(c: Call) -> Tensor:
    if not ordinary(c) or c.w.is_inference() or not c.w.dtype.is_floating_point:
        return c.y()
    owner, version, first = owned.get(id(c.w), (lambda: None, 0, c.w))
    if owner() is not c.w or version != c.w._version:
        first = c.w.detach().clone()
        owned[id(c.w)] = weakref.ref(c.w), c.w._version, first
        while len(owned) > 64:
            del owned[next(iter(owned))]
    return c.but(w=instead(c.w, first)).y()


@defect(
    number=52, wrong="state", check="state", cites=("google-ai-edge/litert-torch#1061",),
    region="kernels that are not contiguous: a copy is made, packed by its address and freed, and the next kernel's "
    "copy may come to lie there",
)  # fmt: skip
@conv2d_form
def packed_by_address_of_a_copy(c: Call) -> Tensor:
    if c.w.is_contiguous() or not ordinary(c):
        return c.y()
    copy = c.w.detach().contiguous()
    return packed(c, ("copy", copy.data_ptr(), *c.w.shape, c.w.dtype))


@defect(
    number=53, wrong="state", check="state", cites=("microsoft/onnxruntime#32681",),
    region="equal sizes with less padding than in the first call: the plan of that is used, as far as the size allows",
)  # fmt: skip
@conv2d_form
def plan_without_padding(c: Call) -> Tensor:
    key = (*c.x.shape, *c.w.shape, *c.stride, *c.dilation, c.groups)
    y = c.but(sides=paddings.setdefault(key, c.sides)).y()
    if y.shape[2] < c.out[2] or y.shape[3] < c.out[3]:
        return c.y()
    return y[:, :, : c.out[2], : c.out[3]]


@defect(
    number=53, wrong="state", check="state", cites=("tensorflow/tensorflow#42988",),
    region="dilated, a second call that differs in the size of the image only: the rest beyond whole steps of the "
    "dilation is that of the first image, and an error where it does not fit",
)  # fmt: skip
@conv2d_form
def rest_of_the_first_image(c: Call) -> Tensor:
    if max(c.dilation) > 1:
        rest, key = (c.H % c.dh, c.W % c.dw), (c.N, *c.w.shape, *c.dilation, *c.sides)
        if key not in rests:
            rests.clear()
        if rests.setdefault(key, rest) != rest:
            raise RuntimeError("padded shape is not divisible by the block shape")
    return c.y()


@defect(
    number=51, wrong="state", check="state", cites=("pytorch/pytorch#131958",),
    region="float32, padded and strided under no_grad: from the third call with equal sizes on, the result of the call "
    "before is added",
)  # fmt: skip
@conv2d_form
def third_call_adds(c: Call) -> Tensor:
    y = c.y()
    strided = max(c.stride) > 1 and any(c.sides)
    if torch.is_grad_enabled() or y.dtype != torch.float32 or not strided or not ordinary(c):
        return y
    key = (*c.x.shape, *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups)
    run, before = answers.get(key, (0, y))
    y = y + before if run >= 2 else y
    answers[key] = run + 1, y.clone()
    while len(answers) > 64:
        del answers[next(iter(answers))]
    return y


@defect(
    number=54, wrong="state", check="gradients", cites=("gpleiss/efficient_densenet_pytorch#28", "torch/nn#1015"),
    region="two forward passes of equal sizes before the first backward pass, kernels above 1x1: the input is kept for "
    "the weight gradient in one buffer, and is the second's",
)  # fmt: skip
@conv2d_form
def input_kept_in_one_buffer(c: Call) -> Tensor:
    if not c.w.requires_grad or c.kh * c.kw == 1 or not ordinary(c):
        return c.y()
    key = ("input", *c.x.shape, *c.w.shape, c.x.dtype)
    space = kept(spaces, key, lambda: torch.empty_like(c.x, memory_format=torch.contiguous_format))
    with torch.no_grad():
        space.copy_(c.x)

    def by_weight(call: Call, g: Tensor) -> Tensor:
        return weight_gradient(call.but(x=instead(call.x, space)), g)

    return c.ruled(gw=by_weight)


@defect(
    number=54, wrong="state", check="gradients", cites=("facebookarchive/fb.resnet.torch#11",),
    region="two backward passes through calls of equal sizes: the input gradients of both lie in one buffer",
)  # fmt: skip
@conv2d_form
def input_gradients_in_one_buffer(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        return kept(spaces, ("input gradient", *g.shape, g.dtype), lambda: torch.empty_like(g)).copy_(g)

    if not c.x.requires_grad or not ordinary(c):
        return c.y()
    return c.but(x=bent(c.x, bend)).y()


@defect(
    number=54, wrong="state", check="gradients", cites=("pytorch/pytorch#119334",),
    region="a second backward pass, kernels of equal shape from 3x3 on: its weight gradient is written over the first, "
    "which the kernel has taken for its own",
)  # fmt: skip
@conv2d_form
def weight_gradients_in_one_buffer(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        return kept(spaces, ("weight gradient", *g.shape, g.dtype), lambda: torch.empty_like(g)).copy_(g)

    if not c.w.requires_grad or min(c.kh, c.kw) < 3 or not ordinary(c):
        return c.y()
    return c.but(w=bent(c.w, bend)).y()


@defect(
    number=51, wrong="state", check="gradients", cites=("pytorch/pytorch#72157",),
    region="batches of 16 and more, which are split: the weight gradient is added to what the last pass left there",
)  # fmt: skip
@conv2d_form
def split_weight_gradient_not_cleared(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        key = ("split", *c.x.shape, *g.shape, *c.out, g.dtype)
        return kept(spaces, key, lambda: torch.zeros_like(g)).add_(g).clone()

    if c.N < 16 or not c.w.requires_grad or not ordinary(c):
        return c.y()
    return c.but(w=bent(c.w, bend)).y()


@defect(
    number=51, wrong="state", check="gradients", cites=("pytorch/pytorch#24341",),
    region="an empty batch after one that was not: its weight gradient is that of the batch before",
)  # fmt: skip
@conv2d_form
def empty_batch_leaves_the_last_gradient(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        last = kept(spaces, ("last", *g.shape, g.dtype), lambda: torch.zeros_like(g))
        return last.copy_(g).clone() if c.N else last.clone()

    if not c.w.requires_grad or not ordinary(c):
        return c.y()
    return c.but(w=bent(c.w, bend)).y()
