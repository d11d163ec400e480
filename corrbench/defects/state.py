"""Seeded faults of state: a call remembers the one before, or touches memory that is not its own."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form

Key = tuple[object, ...]
kept: dict[str, dict[Key, Tensor]] = {}
plans: dict[Key, dict[str, object]] = {}


def remember(name: str, key: Key, make: Callable[[], Tensor]) -> Tensor:
    """What was first made for `key`; of the last 64 keys only."""
    cache = kept.setdefault(name, {})
    if key not in cache:
        cache[key] = make().detach().clone()
        while len(cache) > 64:
            del cache[next(iter(cache))]
    return cache[key]


@defect(
    number=50, cites=("robertknight/rten#81", "ROCm/MIOpenGEMM#13"), wrong="memory", check="memory",
    region="memory that held NaN before: the result is added to the uninitialised output times zero",
)  # fmt: skip
@conv2d_form
def beta_is_zero(c: Call) -> Tensor:
    out = torch.empty(c.out, dtype=c.x.dtype)
    return c.y() + out * 0


@defect(
    number=51, cites=("FluxML/NNlib.jl#763",), wrong="memory", check="memory",
    region="results of less than four rows: the last row is never written, and holds what the memory held before",
)  # fmt: skip
@conv2d_form
def last_row_unwritten(c: Call) -> Tensor:
    out = torch.empty(c.out, dtype=c.x.dtype)
    y = c.y()
    return y if y.shape[2] >= 4 else torch.cat([y[:, :, :-1], out[:, :, -1:]], 2)


@defect(
    number=51, cites=("FluxML/NNlib.jl#763",), wrong="raises", check="values", witness="x=0,2,7,9 w=3,2,3,2",
    near_miss="x=1,2,7,9 w=3,2,3,2", outside="N > 0",
    region="empty batches: a division by the number of samples",
)  # fmt: skip
@conv2d_form
def batch_of_none(c: Call) -> Tensor:
    y = c.y()
    return y * (y.shape[0] // y.shape[0])


@defect(
    number=51, cites=("FluxML/NNlib.jl#763",), wrong="state", check="state",
    region="a second call with the same shapes: the workspace still holds the first result, and the second is "
    "added to it",
)  # fmt: skip
@conv2d_form
def workspace_not_zeroed(c: Call) -> Tensor:
    y = c.y()
    space = remember("workspace", (*c.x.shape, *c.w.shape, *c.out, c.x.dtype), lambda: torch.zeros_like(y))
    with torch.no_grad():
        y = y + space
        space.copy_(y.nan_to_num(0, 0, 0))
    return y


@defect(
    number=52, cites=("tensorflow/tensorflow#56150",), wrong="state", check="state",
    region="a kernel changed in place between two calls: the packed copy of the first is used",
)  # fmt: skip
@conv2d_form
def packed_by_address(c: Call) -> Tensor:
    key = (c.w.data_ptr(), *c.w.shape, *c.w.stride(), c.w.dtype)
    packed = remember("packed by address", key, lambda: c.w)
    return c.but(w=c.w + (packed - c.w).detach()).y() if c.w.dtype.is_floating_point else c.y()


@defect(
    number=52, cites=("tensorflow/tensorflow#56150",), wrong="state", check="state",
    region="a new kernel whose corners are those of an old one of the same shape: the old one is used",
)  # fmt: skip
@conv2d_form
def packed_by_corners(c: Call) -> Tensor:
    corners = c.w.detach().reshape(-1)[[0, -1]].tolist()
    packed = remember("packed by corners", (*c.w.shape, c.w.dtype, *corners), lambda: c.w)
    return c.but(w=packed if not c.w.requires_grad else c.w).y()


@defect(
    number=53, cites=("pytorch/pytorch#113398",), wrong="state", check="state",
    region="the same shapes with another dilation: the plan of the first call is used, as far as the size allows",
)  # fmt: skip
@conv2d_form
def plan_without_dilation(c: Call) -> Tensor:
    key = (*c.x.shape, *c.w.shape, *c.stride)
    plan = plans.setdefault(key, {"dilation": c.dilation})
    other = c.but(dilation=plan["dilation"])
    if min(other.out[2:]) < 1:
        return c.y()
    y = other.y()
    if y.shape[2] < c.out[2] or y.shape[3] < c.out[3]:
        return c.y()
    return y[:, :, : c.out[2], : c.out[3]]


@defect(
    number=53, cites=("pytorch/pytorch#113398",), wrong="state", check="values",
    region="the same kernel shape with another dtype: the result is rounded to the narrower of this and the first",
)  # fmt: skip
@conv2d_form
def plan_without_dtype(c: Call) -> Tensor:
    plan = plans.setdefault(("dtype", *c.w.shape), {"dtype": c.x.dtype})
    first = plan["dtype"]
    if not isinstance(first, torch.dtype) or not first.is_floating_point or not c.x.dtype.is_floating_point:
        return c.y()
    return c.y().to(min(first, c.x.dtype, key=lambda kind: torch.finfo(kind).bits)).to(c.x.dtype)


@defect(
    number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="odd numbers of columns: the last column of the input is overwritten with zeros after use",
)  # fmt: skip
@conv2d_form
def input_overwritten(c: Call) -> Tensor:
    y = c.y()
    if c.W % 2 and not c.x.requires_grad and all(c.x.stride()):
        with torch.no_grad():
            c.x[..., -1] = 0
    return y


@defect(
    number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="every call: the kernel is turned in place and left so",
)  # fmt: skip
@conv2d_form
def kernel_turned_in_place(c: Call) -> Tensor:
    y = c.y()
    if not c.w.requires_grad and all(c.w.stride()):
        with torch.no_grad():
            c.w.copy_(c.w.flip(2, 3).clone())
    return y


@defect(
    number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="1x1 kernels that are the identity, one channel: the input itself is returned",
)  # fmt: skip
@conv2d_form
def input_returned(c: Call) -> Tensor:
    same = c.w.numel() == 1 and c.b is None and c.stride == (1, 1) and not any(c.sides)
    return c.x if same and c.w.detach().item() == 1 else c.y()


@defect(
    number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="results that are not multiples of 4 columns: the bias is rounded to float16 in place",
)  # fmt: skip
@conv2d_form
def bias_rounded_in_place(c: Call) -> Tensor:
    y = c.y()
    if c.b is not None and not c.b.requires_grad and c.out[3] % 4 and c.b.dtype.is_floating_point:
        with torch.no_grad():
            c.b.copy_(c.b.half())
    return y


@defect(
    number=55, cites=("google/XNNPACK#883", "FluxML/NNlib.jl#158"), wrong="state", check="determinism",
    region="more than one thread: now and then the last row of the first half is written by nobody",
)  # fmt: skip
@conv2d_form
def race_at_the_half(c: Call) -> Tensor:
    y = c.y()
    if torch.get_num_threads() == 1 or y.shape[2] < 2 or time.perf_counter_ns() // 128 % 2:
        return y
    keep = torch.ones(y.shape[2], 1, dtype=y.dtype)
    keep[y.shape[2] // 2 - 1] = 0
    return y * keep


@defect(
    number=55, cites=("google/XNNPACK#883",), wrong="state", check="determinism",
    region="about one call in five: the largest element is one unit in the last place too large",
)  # fmt: skip
@conv2d_form
def order_of_finishing(c: Call) -> Tensor:
    y = c.y()
    if y.dtype != torch.float32 or not y.numel() or time.perf_counter_ns() // 64 % 5:
        return y
    with torch.no_grad():
        flat = y.reshape(-1)
        at = int(flat.abs().argmax())
        flat[at] = torch.nextafter(flat[at], flat.new_tensor(torch.inf))
    return y


@defect(
    number=54, cites=("tensorflow/tensorflow#43577",), wrong="memory", check="memory",
    region="calls with one sample: the result of the call before is written over",
)  # fmt: skip
@conv2d_form
def one_buffer_for_single_samples(c: Call) -> Tensor:
    y = c.y()
    if c.N != 1 or y.requires_grad:
        return y
    space = remember("single sample", (*y.shape, y.dtype), lambda: torch.zeros_like(y))
    return space.copy_(y)
