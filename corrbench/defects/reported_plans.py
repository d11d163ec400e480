"""Seeded faults of state, after reports: plans kept by too little, buffers shared, batches and threads that vary."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form

Key = tuple[object, ...]
reaches: dict[Key, tuple[int, int]] = {}
offsets: dict[Key, tuple[int, int]] = {}
results: dict[Key, Tensor] = {}
packed_for: dict[Key, bool] = {}
scratch: dict[Key, Tensor] = {}


def bare(*operands: Tensor | None) -> bool:
    """Whether none of them is part of a graph or of a transform, so that numbers may be kept and written over."""
    given = [one for one in operands if one is not None]
    if any(one.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(one) for one in given):
        return False
    return all(unpack_dual(one).tangent is None for one in given)  # type: ignore[no-untyped-call]


def forget(kept: dict[Key, Any], most: int) -> None:
    """Leave the newest entries only."""
    for key in list(kept)[:-most]:  # other threads may do the same
        kept.pop(key, None)


@defect(
    number=53, cites=("microsoft/onnxruntime#21311",), wrong="state", check="state",
    region="the same input shape with a larger kernel than the first time: the plan is found by the input alone, and "
    "taps beyond the first kernel are left out",
)  # fmt: skip
@conv2d_form
def plan_by_input_shape(c: Call) -> Tensor:
    rows, cols = reaches.setdefault((*c.x.shape, c.x.dtype), (c.kh, c.kw))
    forget(reaches, 64)
    if rows >= c.kh and cols >= c.kw:
        return c.y()
    keep = torch.zeros(c.kh, c.kw, dtype=c.w.dtype)
    keep[:rows, :cols] = 1
    return c.but(w=c.w * keep).y()


@defect(
    number=53, cites=("google/XNNPACK#10791",), wrong="state", check="state",
    region="the same shapes with another padding than the first time: only another input shape makes new offsets, and "
    "windows begin where they did",
)  # fmt: skip
@conv2d_form
def offsets_of_first_padding(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    first = offsets.setdefault((*c.x.shape, *c.w.shape, *c.stride, *c.dilation, c.groups, c.x.dtype), (top, left))
    forget(offsets, 64)
    if first == (top, left):
        return c.y()
    sides = (first[0], max(top + bottom - first[0], 0), first[1], max(left + right - first[1], 0))
    return c.but(sides=sides).y()[:, :, : c.out[2], : c.out[3]]


@defect(
    number=51, cites=("openvinotoolkit/openvino#37103",), wrong="state", check="state",
    region="a batch smaller than the one before, all else being equal: its last sample is not computed, and the result "
    "has that of the batch before",
)  # fmt: skip
@conv2d_form
def smaller_batch(c: Call) -> Tensor:
    y = c.y()
    if not bare(c.x, c.w, c.b) or c.N < 1:
        return y
    key = (*c.x.shape[1:], *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups, c.x.dtype, c.b is None)
    before, results[key] = results.get(key), y.clone()
    forget(results, 32)
    if before is None or before.shape[0] <= c.N:
        return y
    return torch.cat([y[:-1], before[c.N - 1 : c.N]])


@defect(
    number=52, cites=("openvinotoolkit/openvino#32530",), wrong="state", check="state",
    region="a kernel used with 16 samples and more, and then with fewer: it stays packed in blocks, and is read as if "
    "it were not",
)  # fmt: skip
@conv2d_form
def packed_for_many_samples(c: Call) -> Tensor:
    if not bare(c.w):
        return c.y()
    key = (c.w.data_ptr(), c.w._version, *c.w.shape, c.w.dtype)
    many = packed_for.setdefault(key, c.N >= 16)
    forget(packed_for, 64)
    return c.but(w=c.w.transpose(0, 1).reshape(c.w.shape)).y() if many and c.N < 16 else c.y()


@defect(
    number=55, cites=("microsoft/onnxruntime#3828",), wrong="state", check="state",
    region="calls with equal shapes from several threads at a time: all of them write their columns into one buffer",
)  # fmt: skip
@conv2d_form
def columns_shared_by_threads(c: Call) -> Tensor:
    if not bare(c.x, c.w, c.b):
        return c.y()
    columns = c.windows()
    buffer = scratch.setdefault((*columns.shape, columns.dtype), torch.empty_like(columns))
    forget(scratch, 16)
    buffer.copy_(columns)
    return c.finish(c.kernels() @ buffer)


@defect(
    number=55, cites=("apache/mxnet#15576",), wrong="state", check="determinism",
    region="more than one thread, and more rows of the result than threads: those left over when rows are dealt to "
    "threads in equal parts are zero",
)  # fmt: skip
@conv2d_form
def rows_dealt_to_threads(c: Call) -> Tensor:
    y, rows = c.y(), c.out[2]
    dealt = rows // torch.get_num_threads() * torch.get_num_threads()
    if dealt in (0, rows):
        return y
    return y * (torch.arange(rows) < dealt).to(y.dtype).reshape(-1, 1)


@defect(
    number=51, cites=("FluxML/NNlib.jl#45",), wrong="memory", check="memory",
    region="dilated kernels of one column, one channel: the last row is never written, and holds what the memory held "
    "before",
)  # fmt: skip
@conv2d_form
def last_dilated_row_unwritten(c: Call) -> Tensor:
    y = c.y()
    if c.dh == 1 or c.kw > 1 or c.kh == 1 or c.C > 1:
        return y
    out = torch.empty(c.out, dtype=c.x.dtype)
    return torch.cat([y[:, :, :-1], out[:, :, -1:]], 2)
