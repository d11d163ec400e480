"""Seeded faults with operands that do not lie in memory as expected."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative


def reread(t: Tensor) -> Tensor:
    """The elements in the order in which they lie in memory from the tensor's start, taken for contiguous ones."""
    whole = t.detach().as_strided((t.untyped_storage().nbytes() // t.element_size(),), (1,), 0)
    start = t.storage_offset()
    flat = torch.cat([whole[start:], whole[:start]])
    while flat.numel() < t.numel():
        flat = torch.cat([flat, flat])
    return flat[: t.numel()].reshape(t.shape)


def dense(t: Tensor) -> bool:
    """Whether the elements fill one block of memory in some order of the axes."""
    block = 1
    for size, stride in sorted(zip(t.shape, t.stride(), strict=True), key=lambda axis: axis[1]):
        if size > 1 and stride != block:
            return False
        block *= size
    return True


@defect(
    check="memory", number=24, cites=("pytorch/pytorch#169342", "pytorch/pytorch#180984"),
    witness="x=3,2,7,9 w=3,2,3,2 layout=x:channels", near_miss="x=3,2,7,9 w=3,2,3,2",
    outside="'x:channels' not in layout.split(',') or N == 1",
    region="channel slices with a batch: the batch stride is computed anew from the shape",
)  # fmt: skip
@conv2d_form
def batch_stride_from_shape(c: Call) -> Tensor:
    n, ch, h, w = c.x.shape
    sn, sc, sh, sw = c.x.stride()
    if n < 2 or (sw, sh) != (1, w) or sc <= h * w:
        return c.y()
    x = torch.as_strided(c.x, c.x.shape, (min(sn, ch * h * w), sc, sh, sw), c.x.storage_offset())
    return c.but(x=x).y()


@defect(
    check="memory", number=25, cites=("pytorch/pytorch#192212", "pytorch/pytorch#55781"),
    witness="x=2,3,7,9 w=4,3,3,2 layout=w:channels_last", near_miss="x=2,3,7,9 w=4,3,3,2 layout=x:channels_last",
    outside="'w:channels_last' not in layout or I == 1 or kh * kw == 1",
    region="kernels laid out channels last: read as if contiguous",
)  # fmt: skip
@conv2d_form
def channels_last_kernel(c: Call) -> Tensor:
    odd = not c.w.is_contiguous() and c.w.is_contiguous(memory_format=torch.channels_last)
    return c.but(w=reread(c.w)).y() if odd else c.y()


@defect(
    check="memory", number=25, cites=("pytorch/pytorch#55781",), witness="x=2,3,7,9 w=4,3,3,2 layout=w:transposed",
    near_miss="x=2,3,7,9 w=4,3,3,2 layout=x:transposed", outside="'w:' not in layout or kh == 1 or kw == 1",
    region="kernels whose last axis is not the fastest: taps are read transposed",
)  # fmt: skip
@conv2d_form
def transposed_kernel(c: Call) -> Tensor:
    odd = c.kh > 1 and c.kw > 1 and c.w.stride(2) < c.w.stride(3)
    return c.but(w=reread(c.w)).y() if odd else c.y()


@defect(
    number=26, cites=("huggingface/candle#3405",), witness="x=2,5,5,5 w=3,5,3,2", near_miss="x=2,5,5,6 w=3,5,3,2",
    outside="not C == H == W or C == 1",
    region="as many channels as rows and columns: the layout is guessed to be channels last",
)  # fmt: skip
@conv2d_form
def layout_guessed(c: Call) -> Tensor:
    return c.but(x=c.x.permute(0, 3, 1, 2)).y() if c.C == c.H == c.W else c.y()


@defect(
    check="memory", number=27, cites=("pytorch/pytorch#82060",), witness="x=1,1,7,9 w=3,1,3,2 layout=x:lonely",
    near_miss="x=1,1,7,9 w=3,1,3,2", outside="'x:lonely' not in layout",
    region="an axis of length 1 with an odd stride: it decides the layout, and rows are read as columns",
)  # fmt: skip
@conv2d_form
def stride_of_lonely_axis(c: Call) -> Tensor:
    odd = any(size == 1 and step not in (1, c.x.numel()) for size, step in zip(c.x.shape, c.x.stride(), strict=True))
    odd = odd and c.x.is_contiguous() and c.x.stride() != torch.empty(c.x.shape, device="meta").stride()
    return c.but(x=c.x.transpose(2, 3).reshape(c.x.shape)).y() if odd else c.y()


@defect(
    number=28, cites=("tensorflow/tfjs#6369",), witness="x=2,3,7,9 w=4,3,1,1", near_miss="x=2,3,7,9 w=4,3,2,1",
    outside="kh > 1 or kw > 1 or N == 1 or O == 1",
    region="1x1 kernels on batches: the product is reshaped where it should be transposed",
)  # fmt: skip
@conv2d_form
def reshaped_not_transposed(c: Call) -> Tensor:
    y = c.y()
    if c.kh > 1 or c.kw > 1:
        return y
    return y.transpose(0, 1).reshape(y.shape)


@defect(
    number=29, cites=("NVIDIA/cutlass#1323",), wrong="value", witness="x=1,2,7,10 w=3,2,3,3 stride=1,2",
    near_miss="x=1,2,7,11 w=3,2,3,3 stride=1,2", outside="sw == 1 or (W + left + right - dw*(kw-1) - 1) % sw == 0",
    region="columns strided with a remainder: rows of the result are written as far apart as if there were one "
    "more column",
)  # fmt: skip
@conv2d_form
def rows_written_too_far_apart(c: Call) -> Tensor:
    y = c.y()
    room = c.W + c.sides[2] + c.sides[3] - c.dw * (c.kw - 1) - 1
    if c.sw == 1 or room % c.sw == 0:
        return y
    n, o, rows, cols = y.shape
    wider = torch.cat([y, torch.zeros_like(y[..., :1])], 3).reshape(n, o, -1)
    return wider[..., : rows * cols].reshape(y.shape)


@defect(
    check="memory", number=30, cites=("pytorch/pytorch#4500",), witness="x=3,2,7,9 w=4,2,3,2 layout=x:expanded",
    near_miss="x=3,2,7,9 w=4,2,3,2", outside="'x:expanded' not in layout or N == 1",
    region="an expanded input: samples after the first are taken to be zero",
)  # fmt: skip
@conv2d_form
def first_of_expanded(c: Call) -> Tensor:
    if c.N < 2 or c.x.stride(0):
        return c.y()
    keep = torch.zeros(c.N, 1, 1, 1, dtype=c.x.dtype)
    keep[0] = 1
    return c.but(x=c.x * keep).y()


@defect(
    number=31, cites=("pytorch/pytorch#708",), wrong="gradient", check="memory",
    witness="x=2,3,7,9 w=4,3,3,2 dtype=float64 layout=g:transposed", near_miss="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    outside="'g:' not in layout",
    region="cotangents that are not contiguous: read as if they were",
)  # fmt: skip
@conv2d_form
def cotangent_read_flat(c: Call) -> Tensor:
    return faulty_derivative(c.y(), lambda g: g if g.is_contiguous() else reread(g))


@defect(
    number=31, cites=("pytorch/pytorch#708",), wrong="gradient", check="memory",
    witness="x=2,3,7,9 w=4,3,3,2 dtype=float64 layout=g:expanded_all", near_miss="x=2,3,7,9 w=4,3,3,2 dtype=float64",
    outside="'g:expanded_all' not in layout",
    region="cotangents that sum() makes, one number expanded: only their first element counts",
)  # fmt: skip
@conv2d_form
def first_of_expanded_cotangent(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        if g.numel() < 2 or any(g.stride()):
            return g
        keep = torch.zeros_like(g, memory_format=torch.contiguous_format)
        keep.view(-1)[0] = 1
        return g * keep

    return faulty_derivative(c.y(), bend)


@defect(
    check="fuzz", witness="x=2,3,7,9 w=4,3,3,2 layout=x:offset", near_miss="x=2,3,7,9 w=4,3,3,2",
    outside="'x:offset' not in layout", region="inputs that start inside their storage: the offset is ignored",
)  # fmt: skip
@conv2d_form
def storage_offset_ignored(c: Call) -> Tensor:
    if not c.x.storage_offset() or not c.x.is_contiguous() or c.x.requires_grad:
        return c.y()
    return c.but(x=c.x.as_strided(c.x.shape, c.x.stride(), 0)).y()


@defect(
    check="memory", number=24, cites=("pytorch/pytorch#169342",), witness="x=2,3,7,9 w=4,3,3,2 layout=w:step",
    near_miss="x=2,3,7,9 w=4,3,3,2 layout=x:step", outside="'w:step' not in layout or kw == 1",
    region="every second element of a kernel: the step is ignored",
)  # fmt: skip
@conv2d_form
def step_of_kernel_ignored(c: Call) -> Tensor:
    return c.but(w=reread(c.w)).y() if c.kw > 1 and c.w.stride(3) > 1 and not dense(c.w) else c.y()
