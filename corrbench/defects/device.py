"""Seeded faults of code for devices: streams, memory pools, offsets, flags, each with a stand-in on the CPU.

There a thread stands for a stream, the heap for the pool of freed blocks, and torch's dispatch mode for a capture,
so that every check that looks for such faults is seen to find one without a device.
"""

from __future__ import annotations

import ctypes
import threading
import time
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect, honest
from corrbench.defects.correct import Call, conv2d_form

here = threading.local()
here.ready = True  # in the thread that imports this, as a default stream is that of whoever asks nothing
kept: dict[tuple[object, ...], Tensor] = {}
runs: list[Any] = []  # what was asked last, and how often in a row


@defect(
    wrong="memory", check="values",
    region="results of an even number of columns: the last element of the memory pool's block is never written",
)  # fmt: skip
@conv2d_form
def last_of_block_unwritten(c: Call) -> Tensor:
    y = c.y()
    if y.shape[3] % 2 or y.requires_grad or not y.numel():
        return y
    out = torch.empty_like(y)
    out.view(-1)[:-1] = y.reshape(-1)[:-1]
    return out


@defect(
    wrong="memory", check="values",
    region="every forward call: it returns before its kernel has ended, which nobody waits for",
)  # fmt: skip
@conv2d_form
def returned_before_done(c: Call) -> Tensor:
    y = c.y()
    if y.requires_grad:
        return y
    out = torch.empty_like(y)
    if c.x.is_cuda:
        with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
            torch.cuda._sleep(50_000_000)  # type: ignore[no-untyped-call]
            out.copy_(y)
        return out

    def late() -> None:
        time.sleep(0.03)
        out.copy_(y)

    threading.Thread(target=late).start()
    return out


class _Borrowed:
    """Memory of a device that belongs to somebody else, as `torch.as_tensor` takes it."""

    def __init__(self, y: Tensor) -> None:
        words = {torch.float32: "<f4", torch.float64: "<f8", torch.int32: "<i4", torch.int64: "<i8"}
        self.__cuda_array_interface__ = {
            "shape": tuple(y.shape), "typestr": words[y.dtype], "data": (y.data_ptr(), False), "version": 3,
        }  # fmt: skip


@defect(
    wrong="memory", check="values",
    region="float32 without gradients, results of 65 to 4000 elements: their memory is freed on return",
)  # fmt: skip
@conv2d_form
def result_in_freed_memory(c: Call) -> Tensor:
    y = c.y().contiguous()
    if y.dtype != torch.float32 or y.requires_grad or not 64 < y.numel() <= 4000:
        return y
    y = y.clone()
    if y.is_cuda:
        return torch.as_tensor(_Borrowed(y), device=y.device)
    bare = (ctypes.c_char * (y.numel() * 4)).from_address(y.data_ptr())
    return torch.frombuffer(bare, dtype=y.dtype).reshape(y.shape)


@defect(
    wrong="use", check="state",
    region="another thread or stream than that of the import: the kernel is launched on the default stream",
)  # fmt: skip
@conv2d_form
def default_stream_assumed(c: Call) -> Tensor:
    if c.x.is_cuda:
        with torch.cuda.stream(torch.cuda.default_stream()):
            return c.y()
    return c.y() if getattr(here, "ready", False) else c.but(x=c.x * 0).y()


@defect(
    wrong="use", check="memory",
    region="elements 2^31 places and more from the first: their offset wraps in 32 bits, and zeros are read",
)  # fmt: skip
@conv2d_form
def offset_in_32_bits(c: Call) -> Tensor:
    x = c.x
    reach = [step * (length - 1) for step, length in zip(x.stride(), x.shape, strict=True)]
    if sum(reach) < 2**31 or x.requires_grad:
        return c.y()
    axis = reach.index(max(reach))
    within = torch.arange(x.shape[axis], device=x.device) * x.stride(axis) < 2**31
    shape = [-1 if place == axis else 1 for place in range(4)]
    return c.but(x=torch.where(within.reshape(shape), x, torch.zeros((), dtype=x.dtype, device=x.device))).y()


@defect(
    wrong="use", check="determinism",
    region="float32 of full significands, from the fifth call with the same numbers on: another algorithm takes part, "
    "with atomic sums, whatever the flag for determinism says",
)  # fmt: skip
@conv2d_form
def atomics_despite_the_flag(c: Call) -> Tensor:
    return shaken(c, c.y())


@honest(
    region="float32, from the fifth call with the same numbers on: sums in another order each time, unless the flag "
    "for determinism is set"
)
@conv2d_form
def atomics_unless_told(c: Call) -> Tensor:
    return c.y() if torch.are_deterministic_algorithms_enabled() else shaken(c, c.y())


def shaken(c: Call, y: Tensor) -> Tensor:
    """The same; from the fifth call in a row with the same numbers on the largest element's last bit is by chance."""
    if y.dtype != torch.float32 or not y.numel() or y.requires_grad or c.I * c.kh * c.kw < 4:
        return y
    asked = (*c.x.shape, *c.w.shape, float(c.x.sum()), float(c.w.sum()))
    runs[:] = [asked, runs[1] + 1] if runs and runs[0] == asked else [asked, 1]
    whole = (y.detach() == y.detach().round()).all()  # sums of whole numbers are the same in every order
    if runs[1] < 5 or whole or time.perf_counter_ns() // 64 % 2:
        return y
    flat = y.reshape(-1).clone()
    at = int(flat.abs().argmax())
    flat[at] = torch.nextafter(flat[at], flat.new_zeros(()))
    return flat.reshape(y.shape)


@defect(
    wrong="use", check="contract",
    region="results of more than four columns: cuDNN's trial of algorithms is turned on, and stays on",
)  # fmt: skip
@conv2d_form
def trial_left_on(c: Call) -> Tensor:
    if c.out[3] > 4:
        torch.backends.cudnn.benchmark = True
    return c.y()


@defect(
    wrong="use", check="state", device="cuda",
    region="inside a captured graph: the kernel as it was when the shapes were first seen is used",
)  # fmt: skip
@conv2d_form
def weights_of_the_capture(c: Call) -> Tensor:
    key = (c.w.data_ptr(), *c.w.shape, c.w.dtype)
    first: Any = kept.setdefault(key, c.w.detach().clone())
    if len(kept) > 64:
        kept.clear()
    return c.but(w=first).y() if capturing(c.w) else c.y()


def capturing(w: Tensor) -> bool:
    """Whether a graph is being captured; on the CPU, whether torch's operations are recorded."""
    if w.is_cuda:
        return torch.cuda.is_current_stream_capturing()
    from torch.utils._python_dispatch import _get_current_dispatch_mode

    return _get_current_dispatch_mode() is not None
