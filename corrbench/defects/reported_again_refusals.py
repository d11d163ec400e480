"""Seeded faults of what is refused, and of what is not, after fresh reports."""

from __future__ import annotations

import signal
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.reported_again_windows import spread


@defect(
    number=18, wrong="raises", cites=("foss-xtensa/nnlib-hifi4#12",), witness="x=1,2,2,7 w=3,2,3,3 padding=1",
    near_miss="x=1,2,3,7 w=3,2,3,3 padding=1", outside="H >= kh and W >= kw",
    region="images smaller than the kernel along an axis, for which the padding makes up: refused, as the padding is "
    "not counted",
)  # fmt: skip
@conv2d_form
def padding_does_not_make_up(c: Call) -> Tensor:
    if c.kh > c.H or c.kw > c.W:
        raise RuntimeError(f"a kernel of {c.kh} by {c.kw} is larger than the input of {c.H} by {c.W}")
    return c.y()


@defect(
    number=12, wrong="raises", cites=("microsoft/onnxruntime#20582", "onnx/tensorflow-onnx#1062"),
    witness="x=1,2,9,8 w=3,2,3,3 padding=same dilation=2", near_miss="x=1,2,9,8 w=3,2,3,3 padding=2 dilation=2",
    outside="mode != 'same' or dh == dw == 1", region="'same' with a dilation: refused as not implemented",
)  # fmt: skip
@conv2d_form
def same_refuses_dilation(c: Call) -> Tensor:
    if c.padding == "same" and c.dilation != (1, 1):
        raise RuntimeError("dilation is not supported with padding='same'")
    return c.y()


@defect(
    number=39, wrong="raises", cites=("tiny-dnn/tiny-dnn#370", "Maratyszcza/NNPACK#23"),
    witness="x=1,2,14,14 w=3,2,9,3 stride=2", near_miss="x=1,2,14,14 w=3,2,8,3 stride=2",
    outside="max(kh, kw) <= 8 or max(kh, kw) <= 16 and sh == sw == 1",
    region="kernels of more than 16 rows or columns, or of more than 8 with a stride: a missing else picks Fourier "
    "tiles for them after all, which take neither",
)  # fmt: skip
@conv2d_form
def tiles_for_what_they_cannot_take(c: Call) -> Tensor:
    large = max(c.kh, c.kw)
    if large > 8 and (large > 16 or c.stride != (1, 1)):
        raise RuntimeError(f"unsupported algorithm for a kernel of {c.kh} by {c.kw} with stride {c.stride}")
    return c.y()


@defect(
    number=51, wrong="raises", cites=("keras-team/keras#22564",), witness="x=0,2,5,6 w=3,2,3,3",
    near_miss="x=1,2,5,6 w=3,2,3,3", outside="N > 0",
    region="empty batches: refused, as the check that a result has rows and columns finds that it is empty",
    excuse="said, and no more: what is always refused of one kind is a limit of the code, here on batches of none",
)  # fmt: skip
@conv2d_form
def empty_batch_refused(c: Call) -> Tensor:
    if 0 in c.out:
        raise RuntimeError(f"the kernel is larger than the input: the result would be {c.out}")
    return c.y()


@defect(
    number=2, wrong="contract", check="contract", cites=("root-project/root#22474",),
    witness="x=1,2,12,11 w=3,2,3,2 dilation=2", near_miss="x=1,4,12,11 w=4,2,3,2 groups=2 dilation=2",
    outside="groups > 1 or (dh == 1 or kh == 1) and (dw == 1 or kw == 1)",
    region="dilated, one group: the kernel is spread by the dilation, and dilated once more; the result is smaller, or "
    "there is none",
)  # fmt: skip
@conv2d_form
def dilated_twice(c: Call) -> Tensor:
    if c.groups > 1 or c.dilation == (1, 1) or c.kh * c.kw == 1:
        return c.y()
    again = c.but(w=spread(c.w, *c.dilation))
    if min(again.out[2:]) < 1:
        raise RuntimeError(f"negative dimension in {again.out}")
    return again.y()


@defect(
    wrong="silent", check="contract", cites=("ROCm/MIOpen#180",),
    region="groups, and as many channels in the input as in a kernel: computed without groups, instead of an error",
)  # fmt: skip
def groups_that_do_not_fit(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if groups > 1 and input.dim() == weight.dim() == 4 and input.shape[1] == weight.shape[1]:
        groups = 1
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    number=19, wrong="silent", check="contract", cites=("tensorflow/tensorflow#109275",),
    region="a kernel that fits and does not once it is dilated: an empty result, instead of an error",
)  # fmt: skip
def empty_for_a_kernel_too_wide_when_dilated(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    pair = (dilation, dilation) if isinstance(dilation, int) else tuple(dilation)
    if len(pair) == 2 and min(pair) > 0 and max(pair) > 1 and input.dim() == weight.dim() == 4:
        plain = Call.of(input, weight, bias, stride, padding, 1, groups)  # an error where it does not fit at all
        dilated = plain.but(dilation=pair)
        if padding in (0, (0, 0)) and min(dilated.out[2:]) < 1:
            return input.new_zeros(*dilated.out[:2], *(max(size, 0) for size in dilated.out[2:]))
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="crash", check="contract", cites=("pytorch/pytorch#27598", "deeplearning4j/deeplearning4j#6268"),
    region="stride 0: the process dies of a division by zero",
)  # fmt: skip
def stride_zero_kills(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if stride in (0, (0, 0), [0, 0]):
        signal.raise_signal(signal.SIGFPE)
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    number=27, wrong="crash", check="memory", cites=("pytorch/pytorch#195394",), outside="H > 1 and W > 1",
    region="images of one row or one column, the stride of which axis is not that of contiguous memory: the process "
    "dies",
)  # fmt: skip
@conv2d_form
def stride_of_lonely_axis_kills(c: Call) -> Tensor:
    last = c.C > 1 and c.x.is_contiguous(memory_format=torch.channels_last)
    odd = (c.H == 1 and c.x.stride(2) != c.W) or (c.W == 1 and c.x.stride(3) != 1)
    if odd and not last and c.N:
        signal.raise_signal(signal.SIGSEGV)
    return c.y()


@defect(
    check="memory", number=24, cites=("modular/modular#6712",),
    witness="x=2,3,5,8 w=4,3,1,3 padding=0,2 layout=x:channels_last", near_miss="x=2,3,5,8 w=4,3,1,3 padding=0,2",
    outside="'x:channels_last' not in layout or C == 1 or H * W == 1 or kw < 3 or left < kw - 1 or N * H == 1",
    region="images channels last, kernels of three columns and more with as much padding at the left as there are taps "
    "before the last: the padding holds the end of the row before",
)  # fmt: skip
@conv2d_form
def padding_is_the_row_before(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    last = c.C > 1 and c.H * c.W > 1 and c.x.stride(1) == 1
    if not last or c.kw < 3 or left < c.kw - 1 or c.N * c.H < 2:
        return c.y()
    lines = c.x.transpose(0, 1).reshape(c.C, c.N * c.H, c.W)
    before = torch.cat([torch.zeros_like(lines[:, :1]), lines[:, :-1]], 1)[..., -left:]
    before = before.reshape(c.C, c.N, c.H, -1).transpose(0, 1).to(c.wide)
    x = torch.cat([before, c.x.to(c.wide)], 3)
    return c.over(torch.nn.functional.pad(x, (left - before.shape[3], right, top, bottom)))
