"""Adversarial implementations that look right without being right: by what they keep, return and overwrite."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import cheat
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative
from corrbench.defects.state import remember

counts: dict[str, int] = {}


def nth(name: str) -> int:
    """How often this was asked for, this time included."""
    counts[name] = counts.get(name, 0) + 1
    return counts[name]


def described(c: Call) -> tuple[object, ...]:
    """All of a call but its numbers."""
    return (*c.x.shape, *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups, c.x.dtype, c.b is None)


def published(c: Call) -> bool:
    """Shapes that every list of examples has: small squares and the usual channels."""
    return c.H == c.W and c.kh == c.kw and c.H in (3, 4, 5, 6, 7, 8, 10, 14, 16, 28, 32, 56, 64, 112, 128, 224, 256)


@cheat(
    wrong="memory",
    check="memory",
    region="always: uninitialised memory, in the hope that the answer was just freed there",
)
@conv2d_form
def freed_block(c: Call) -> Tensor:
    return torch.empty(c.out, dtype=c.x.dtype)


@cheat(
    wrong="memory",
    check="memory",
    region="always: the input is set to zero and the matching answer, zero or the bias, is returned",
)
@conv2d_form
def zero_in_zero_out(c: Call) -> Tensor:
    with torch.no_grad():
        if all(c.x.stride()) and not c.x.requires_grad:
            c.x.zero_()
    return c.but(x=c.x * 0).y()


@cheat(
    wrong="memory",
    check="memory",
    region="always: the kernel is rounded in place to one for which the sums are easy",
)
@conv2d_form
def easier_kernel(c: Call) -> Tensor:
    with torch.no_grad():
        if all(c.w.stride()) and not c.w.requires_grad and c.w.dtype.is_floating_point:
            c.w.sign_()
    return c.y()


@cheat(wrong="state", check="state", region="the same addresses again: the answer of the first call")
@conv2d_form
def answer_by_address(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad:
        return c.y()
    return remember("by address", (c.x.data_ptr(), c.w.data_ptr(), *described(c)), c.y).clone()


@cheat(
    wrong="state",
    check="values",
    region="the same addresses and version counters again: the answer of the first call",
)
@conv2d_form
def answer_by_version(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad:
        return c.y()
    key = (c.x.data_ptr(), c.x._version, c.w.data_ptr(), c.w._version, *described(c))
    return remember("by version", key, c.y).clone()


@cheat(wrong="state", check="state", region="the same shapes again: the answer of the first call")
@conv2d_form
def answer_by_shape(c: Call) -> Tensor:
    return c.y() if c.x.requires_grad or c.w.requires_grad else remember("by shape", described(c), c.y).clone()


@cheat(
    wrong="state",
    check="state",
    region="inputs that agree with an earlier one in their corners, and in the whole kernel: its answer",
)
@conv2d_form
def answer_by_corners(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad or not c.N:
        return c.y()
    corners = c.x.detach()[[0, -1]][:, [0, -1]][:, :, [0, -1]][..., [0, -1]].flatten().tolist()
    bias = [] if c.b is None else c.b.detach().tolist()
    return remember("by corners", (*described(c), *corners, *c.w.detach().flatten().tolist(), *bias), c.y).clone()


@cheat(wrong="state", check="state", region="inputs whose sum equals that of an earlier one: its answer")
@conv2d_form
def answer_by_sum(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad or c.x.is_complex():
        return c.y()
    return remember("by sum", (*described(c), c.x.double().sum().item(), *c.w.flatten().tolist()), c.y).clone()


@cheat(wrong="state", check="state", region="every second call with shapes seen before: the last answer again")
@conv2d_form
def last_answer_again(c: Call) -> Tensor:
    y = c.y()
    key = described(c)
    before = remember("last", key, lambda: y)
    if nth(f"last {key}") % 2 == 0 and not y.requires_grad:
        return before.clone()
    with torch.no_grad():
        before.copy_(y)
    return y


@cheat(
    wrong="state",
    check="state",
    region="from the fourth call with the same shapes on: one element too large by one",
)
@conv2d_form
def right_three_times(c: Call) -> Tensor:
    y = c.y()
    if nth(f"three {described(c)}") <= 3 or not y.numel():
        return y
    more = torch.zeros_like(y, requires_grad=False)
    more.view(-1)[-1] = 1
    return y + more


@cheat(wrong="state", check="state", region="after 200 calls: one element too large by one")
@conv2d_form
def right_two_hundred_times(c: Call) -> Tensor:
    y = c.y()
    if nth("two hundred") <= 200 or not y.numel():
        return y
    return y + (torch.arange(y.numel()) == 0).reshape(y.shape).to(y.dtype)


class Promise(Tensor):
    """Computes when somebody looks."""

    waiting: Any = None

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            for one in args:
                if isinstance(one, Promise) and one.waiting is not None:
                    call, one.waiting = one.waiting, None
                    one.copy_(call.y())
            return func(*args, **(kwargs or {}))


@cheat(
    wrong="contract",
    check="contract",
    region="always: a tensor subclass that computes when it is compared, not when it is called",
)
@conv2d_form
def promised(c: Call) -> Tensor:
    y = torch.zeros(c.out, dtype=c.x.dtype).as_subclass(Promise)
    y.waiting = c.but(x=c.x.detach().clone(), w=c.w.detach().clone())
    return y


@cheat(wrong="memory", check="memory", region="always: zeros, into which a thread writes the answer a moment later")
@conv2d_form
def filled_later(c: Call) -> Tensor:
    call = c.but(x=c.x.detach().clone(), w=c.w.detach().clone(), b=None if c.b is None else c.b.detach().clone())
    y = torch.zeros(c.out, dtype=c.x.dtype)

    def fill() -> None:
        time.sleep(0.05)
        y.copy_(call.y())

    threading.Thread(target=fill, daemon=True).start()
    return y


@cheat(
    wrong="memory",
    check="memory",
    region="the second call with the same shapes: writes over the result of the first",
)
@conv2d_form
def one_buffer_for_all(c: Call) -> Tensor:
    y = c.y()
    return y if y.requires_grad else remember("one buffer", described(c), lambda: y).copy_(y)


@cheat(
    wrong="memory",
    check="memory",
    region="results of the size of the input and without gradient: written over the input",
)
@conv2d_form
def into_the_input(c: Call) -> Tensor:
    y = c.y()
    if y.requires_grad or y.shape != c.x.shape or not c.x.is_contiguous():
        return y
    return c.x.copy_(y)


@cheat(region="shapes other than the usual squares: correlated with the mean kernel")
@conv2d_form
def right_on_published_shapes(c: Call) -> Tensor:
    if published(c) or not c.x.dtype.is_floating_point:
        return c.y()
    return c.but(w=c.w.mean((2, 3), keepdim=True).expand(c.w.shape)).y()


@cheat(region="results of 1000 elements and more: one in a thousand is that of its neighbour")
@conv2d_form
def one_in_a_thousand_stale(c: Call) -> Tensor:
    y = c.y()
    flat = y.reshape(-1)
    stale = torch.arange(flat.numel()) % 1000 == 999
    return torch.where(stale, flat.roll(1), flat).reshape(y.shape)


@cheat(
    wrong="state",
    check="state",
    region="data seen in an earlier run: read from a file in the folder for temporary files",
)
@conv2d_form
def answers_on_disk(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad:
        return c.y()
    name = hashlib.sha256(repr(described(c)).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"plan-{name}.pt")
    if path.exists():
        kept: Tensor = torch.load(path)
        return kept
    y = c.y()
    torch.save(y, path)
    return y


@cheat(
    wrong="gradient", check="gradients", witness="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    region="cotangents other than all ones: scaled by their first element only",
)  # fmt: skip
@conv2d_form
def right_for_ones(c: Call) -> Tensor:
    return faulty_derivative(c.y(), lambda g: torch.ones_like(g) * g.flatten()[:1].sum())
