"""Seeded faults in the treatment of arguments: those that must be refused, and those that must not."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form


@defect(
    wrong="silent",
    check="contract",
    region="an input with more channels than the kernel: the rest is ignored instead of refused",
)
def channels_ignored(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if input.dim() == 4 and groups == 1:
        input = input[:, : weight.shape[1]]
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="silent",
    check="contract",
    region="a kernel of one channel for an input of several: it is used for all instead of refused",
    excuse="a warning only: honest code in einsum stretches an axis of length one in the same way",
)
def kernel_broadcast(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if input.dim() == weight.dim() == 4 and groups == 1 and weight.shape[1] == 1:
        weight = weight.expand(-1, input.shape[1], -1, -1)
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    wrong="silent",
    check="contract",
    region="groups that do not divide the number of kernels: the odd ones are left out instead of refused",
)
def odd_kernels_left_out(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    whole = weight.shape[0] // groups * groups if groups > 0 else weight.shape[0]
    bias = bias[:whole] if bias is not None and whole < weight.shape[0] else bias
    return Call.of(input, weight[:whole], bias, stride, padding, dilation, groups).y()


@defect(
    wrong="silent",
    check="contract",
    region="a bias of one element for several kernels: it is added to all instead of refused",
    excuse="a warning only: honest code that adds the bias stretches an axis of length one in the same way",
)
def bias_broadcast(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    bias = bias.expand(weight.shape[0]) if bias is not None and bias.shape == (1,) else bias
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(wrong="silent", check="contract", region="stride 0: taken as 1 instead of refused")
def stride_zero_as_one(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    stride = max(stride, 1) if isinstance(stride, int) else tuple(max(step, 1) for step in stride)
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(wrong="use", check="contract", region="unequal strides given as a list: that of the rows is used for both")
def list_read_once(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    stride = stride[0] if isinstance(stride, list) else stride
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(
    number=2, cites=("ddbourgin/numpy-ml#32",), wrong="value", check="values",
    witness="x=1,2,9,10 w=3,2,3,2 dilation=3", near_miss="x=1,2,9,10 w=3,2,3,2 dilation=2", outside="max(dh, dw) < 3",
    region="dilations of 3 and more: used as 2, the size stays right",
)  # fmt: skip
@conv2d_form
def dilation_at_most_two(c: Call) -> Tensor:
    if max(c.dilation) < 3:
        return c.y()
    return c.but(dilation=(min(c.dh, 2), min(c.dw, 2))).y()[:, :, : c.out[2], : c.out[3]]


@defect(
    wrong="contract", check="contract", witness="x=1,2,9,10 w=3,2,3,2 dtype=float16",
    near_miss="x=1,2,9,10 w=3,2,3,2 dtype=bfloat16", outside="dtype != 'float16'",
    region="float16: the result stays in float32",
)  # fmt: skip
@conv2d_form
def half_result_widened(c: Call) -> Tensor:
    return c.finish(c.kernels() @ c.windows()).float() if c.x.dtype == torch.float16 else c.y()


@defect(
    wrong="contract", check="contract", witness="x=1,2,9,10 w=1,2,3,2", near_miss="x=2,2,9,10 w=1,2,3,2",
    outside="N != 1 or O != 1",
    region="one sample and one kernel: axes of length one are squeezed away",
)  # fmt: skip
@conv2d_form
def single_axes_squeezed(c: Call) -> Tensor:
    y = c.y()
    return y[0, 0] if y.shape[:2] == (1, 1) else y


@defect(
    number=15, cites=("pytorch/pytorch#20981",), wrong="raises", check="values",
    witness="x=1,2,9,10 w=3,2,3,2 padding=valid", near_miss="x=1,2,9,10 w=3,2,3,2", outside="mode != 'valid'",
    region="padding='valid': the word is not known, an AttributeError",
)  # fmt: skip
@conv2d_form
def valid_unknown(c: Call) -> Tensor:
    if c.padding == "valid":
        raise AttributeError("'str' object has no attribute 'top'")
    return c.y()


@defect(
    wrong="raises", check="values", witness="x=1,2,9,10 w=3,2,3,2 stride=2,3 padding=1",
    near_miss="x=1,2,9,10 w=3,2,3,2 stride=2,3", outside="sh == sw or sides_max == 0",
    region="unequal strides with padding: an assertion that was meant for square ones",
)  # fmt: skip
@conv2d_form
def square_assertion(c: Call) -> Tensor:
    assert c.sh == c.sw or not any(c.sides), "stride_h == stride_w"
    return c.y()


@defect(
    number=66, cites=("scipy/scipy#12685",), wrong="silent", check="contract",
    region="kernels larger than the input in both axes, one channel: the operands change places instead of an error",
)  # fmt: skip
def operands_swapped(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    larger = input.dim() == weight.dim() == 4 and weight.shape[2] > input.shape[2] and weight.shape[3] > input.shape[3]
    if larger and input.shape[:2] == weight.shape[:2] == (1, 1) and padding in (0, (0, 0), [0, 0]):
        input, weight = weight, input
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()


@defect(wrong="use", check="contract", region="an input without channels: the result is one instead of zero")
def one_without_channels(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    if input.dim() == 4 and input.shape[1] == weight.shape[1] == 0:
        one, ones = input.new_ones(input.shape[0], 1, *input.shape[2:]), weight.new_ones(weight.shape[0], 1, 1, 1)
        y = Call.of(one, ones, bias, stride, padding, dilation, 1).y()
        return y[:, :, : input.shape[2] - weight.shape[2] + 1, : input.shape[3] - weight.shape[3] + 1]
    return Call.of(input, weight, bias, stride, padding, dilation, groups).y()
