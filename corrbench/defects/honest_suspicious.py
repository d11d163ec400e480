"""Equivalent variants that look suspicious: right ones that ask for numbers, threads, graphs, or keep something."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import honest
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.honest_conv2d import all_taps, by_library, by_taps
from corrbench.defects.reported_plans import bare

EXACT = {torch.float32: 2.0**24, torch.float64: 2.0**53}
own = threading.local()
lock = threading.Lock()
shared: list[Tensor] = []
packed: dict[int, tuple[weakref.ref[Tensor], int, Tensor, Tensor]] = {}


def exactly_whole(c: Call) -> bool:
    """Whether operands without a graph are whole numbers so small that every sum of products is exact."""
    if not c.N or c.x.dtype not in EXACT or not bare(c.x, c.w, c.b):
        return False
    given = [one for one in (c.x, c.w, c.b) if one is not None]
    if not all(bool((one == one.floor()).all()) for one in given):
        return False
    x, w = float(c.x.abs().max()), float(c.w.abs().max())
    b = 0.0 if c.b is None else float(c.b.abs().max())
    return bool(max(x, w) * max(x, w, 1) * c.I * c.kh * c.kw + b < EXACT[c.x.dtype])


def finite(t: Tensor) -> bool:
    """Whether no element is NaN or infinite."""
    return bool(t.isfinite().all()) if t.dtype.is_floating_point or t.is_complex() else True


@honest(region="a box, all taps equal, over whole numbers where sums are exact: rows, then columns, then the tap")
@conv2d_form
def box_in_two_passes(c: Call) -> Tensor:
    if not exactly_whole(c) or c.I > 1 or not bool((c.w == c.w[:, :, :1, :1]).all()):
        return c.y()
    ones = torch.ones(c.C, 1, 1, 1, dtype=c.x.dtype)
    (top, bottom, left, right), rows = c.sides, ones.expand(-1, -1, c.kh, -1)
    down = Call(c.x, rows, None, (c.sh, 1), (top, bottom, 0, 0), (c.dh, 1), c.C, 0).y()
    sums = Call(down, ones.expand(-1, -1, -1, c.kw), None, (1, c.sw), (0, 0, left, right), (1, c.dw), c.C, 0).y()
    return c.finish(sums.repeat_interleave(c.O // c.groups, 1) * c.w[:, 0, :1, :1])


@honest(region="an image of whole bytes and kernels of whole numbers, where sums are exact: in 64-bit integers")
@conv2d_form
def bytes_in_integers(c: Call) -> Tensor:
    if not exactly_whole(c) or not bool(((c.x >= 0) & (c.x <= 255)).all()):
        return c.y()
    b = None if c.b is None else c.b.long()
    return c.but(x=c.x.long(), w=c.w.long(), b=b).y().to(c.x.dtype)


@honest(region="channels that are zero all over the batch are left out, where the kernel is finite")
@conv2d_form
def empty_channels_left_out(c: Call) -> Tensor:
    if c.groups > 1 or not c.N or not bare(c.x, c.w, c.b) or not finite(c.w):
        return c.y()
    used = (c.x != 0).any(0).flatten(1).any(1)
    used[0] = True
    return c.but(x=c.x[:, used], w=c.w[:, used]).y()


@honest(region="taps that are zero in all kernels, as pruning leaves them, are left out where the image is finite")
@conv2d_form
def pruned_taps_left_out(c: Call) -> Tensor:
    if not bare(c.x, c.w, c.b) or not finite(c.x):
        return c.y()
    return by_taps(c, [(a, e) for a, e in all_taps(c) if bool((c.w[:, :, a, e] != 0).any())])


@honest(region="one channel, one kernel with a single tap, which is one: a finite image is copied, not multiplied")
@conv2d_form
def single_tap_copied(c: Call) -> Tensor:
    if c.C * c.O > 1 or not bare(c.x, c.w, c.b) or not finite(c.x) or int((c.w != 0).sum()) != 1:
        return c.y()
    a, e = (int(at) for at in c.w[0, 0].nonzero()[0])
    if not bool(c.w[0, 0, a, e] == 1):
        return c.y()
    there = c.padded()[:, :, a * c.dh :, e * c.dw :][:, :, :: c.sh, :: c.sw]
    return c.finish(there[:, :, : c.out[2], : c.out[3]].clone())


@honest(region="the last tap first where no gradient is asked, im2col where one is")
@conv2d_form
def other_order_without_graph(c: Call) -> Tensor:
    return by_taps(c, all_taps(c)[::-1]) if not torch.is_grad_enabled() or bare(c.x, c.w, c.b) else c.y()


@honest(region="torch's own where the kernel is a Parameter, im2col where it is an ordinary tensor")
@conv2d_form
def parameters_by_library(c: Call) -> Tensor:
    usual = c.x.dtype in (torch.float32, torch.float64)
    return by_library(c) if usual and isinstance(c.w, torch.nn.Parameter) else c.y()


@honest(region="a packed kernel is kept, and used again for the same tensor with the same version and the same bits")
@conv2d_form
def packed_until_changed(c: Call) -> Tensor:
    if not bare(c.w) or c.w.is_inference():
        return c.y()
    before = packed.get(id(c.w))
    if before is None or before[0]() is not c.w or before[1] != c.w._version or not same_bits(before[2], c.w):
        while len(packed) >= 32:
            packed.pop(next(iter(tuple(packed))), None)  # other threads may do the same
        before = packed[id(c.w)] = (weakref.ref(c.w), c.w._version, c.w.clone(), c.kernels().clone())
    return c.finish(before[3] @ c.windows())


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors hold the same numbers, NaN for NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return torch.equal(*(t.resolve_conj().reshape(-1).view(torch.uint8) for t in (one, other)))


def space_like(columns: Tensor) -> Tensor:
    """A buffer that may be written over in any mode: one made under inference_mode could not be outside it."""
    with torch.inference_mode(False):
        return torch.empty_like(columns, memory_format=torch.contiguous_format)


@honest(region="one buffer for the columns, each thread its own; forward only writes there without a graph")
@conv2d_form
def buffer_of_own_thread(c: Call) -> Tensor:
    columns = c.windows()
    if not bare(c.x, c.w, c.b) or columns.numel() > 1 << 20:
        return c.finish(c.kernels() @ columns)
    buffer: Tensor | None = getattr(own, "buffer", None)
    if buffer is None or buffer.shape != columns.shape or buffer.dtype != columns.dtype:
        buffer = own.buffer = space_like(columns)
    return c.finish(c.kernels() @ buffer.copy_(columns))


@honest(region="one buffer for the columns, shared by all threads behind a lock")
@conv2d_form
def buffer_behind_a_lock(c: Call) -> Tensor:
    columns = c.windows()
    if not bare(c.x, c.w, c.b) or columns.numel() > 1 << 20:
        return c.finish(c.kernels() @ columns)
    with lock:
        if not shared or shared[0].shape != columns.shape or shared[0].dtype != columns.dtype:
            shared[:] = [space_like(columns)]
        return c.finish(c.kernels() @ shared[0].copy_(columns))


@honest(region="the terms in as many blocks as there are threads: other bits for another number of threads")
@conv2d_form
def blocks_by_threads(c: Call) -> Tensor:
    kernels, columns = c.kernels(), c.windows()
    size = -(-kernels.shape[2] // min(torch.get_num_threads(), kernels.shape[2]))
    total = kernels[:, :, :size] @ columns[:, :, :size]
    for first in range(size, kernels.shape[2], size):
        total = total + kernels[:, :, first : first + size] @ columns[:, :, first : first + size]
    return c.finish(total)


@honest(region="floating point in float64 and back, as a cast somewhere inside would do; rounded once")
@conv2d_form
def float64_and_back(c: Call) -> Tensor:
    if not c.x.dtype.is_floating_point:
        return c.y()
    return c.but(x=c.x.double(), w=c.w.double(), b=None if c.b is None else c.b.double()).y().to(c.x.dtype)


def widened(c: Call) -> Call:
    """The call in the type to accumulate in, so that the gradients of its parts are added there too."""
    x, w, b = (None if one is None else one.to(c.wide) for one in (c.x, c.w, c.b))
    return c.but(x=x, w=w, b=b)


@honest(region="batches of 16 and more in chunks of 16, of the same call each")
@conv2d_form
def chunks_of_sixteen(c: Call) -> Tensor:
    if c.N < 16:
        return c.y()
    wide = widened(c)
    return torch.cat([wide.but(x=part).y() for part in torch.split(wide.x, 16)]).to(c.x.dtype)


@honest(region="planes of 128 rows and more in strips of 50, each with the rows around that its windows reach")
@conv2d_form
def strips_of_large_planes(c: Call) -> Tensor:
    if c.out[2] < 128:
        return c.y()
    wide, padded, reach = widened(c), c.padded(), c.dh * (c.kh - 1) + 1
    strips = []
    for first in range(0, c.out[2], 50):
        last = min(first + 50, c.out[2]) - 1
        part = padded[:, :, first * c.sh : last * c.sh + reach]
        strips.append(wide.but(x=part, sides=(0, 0, 0, 0)).y())
    return torch.cat(strips, 2).to(c.x.dtype)


@honest(region="kernels of one row: rows and columns change places, and back")
@conv2d_form
def rows_for_columns(c: Call) -> Tensor:
    if c.kh > 1:
        return c.y()
    top, bottom, left, right = c.sides
    turned = c.but(
        x=c.x.transpose(2, 3), w=c.w.transpose(2, 3), sides=(left, right, top, bottom), stride=c.stride[::-1],
        dilation=c.dilation[::-1],
    )  # fmt: skip
    return turned.y().transpose(2, 3).contiguous()


@honest(region="more than 2^16 positions: the matrix product in blocks of 2^12 of them")
@conv2d_form
def blocks_of_positions(c: Call) -> Tensor:
    kernels, columns = c.kernels(), c.windows()
    if c.N * columns.shape[3] <= 1 << 16:
        return c.finish(kernels @ columns)
    return c.finish(torch.cat([kernels @ part for part in torch.split(columns, 1 << 12, 3)], 3))


@honest(region="operands are copied first, so that nothing that the caller has is touched")
@conv2d_form
def copied_first(c: Call) -> Tensor:
    x, w = (one.clone(memory_format=torch.contiguous_format) for one in (c.x, c.w))
    return c.but(x=x, w=w, b=None if c.b is None else c.b.clone()).y()


@honest(region="no signature to speak of: arguments by place or by word, in any order; others are refused")
def any_order(*args: Any, **kwargs: Any) -> Tensor:
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    given = dict(zip(names, args, strict=False))
    if len(args) > len(names) or given.keys() & kwargs.keys() or kwargs.keys() - set(names):
        raise TypeError(f"{len(args)} arguments and {sorted(kwargs)} given; known are {', '.join(names)}")
    given |= kwargs
    if not {"input", "weight"} <= given.keys():
        raise TypeError("input and weight are needed")
    defaults = {"bias": None, "stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    return Call.of(*({**defaults, **given}[name] for name in names)).y()
