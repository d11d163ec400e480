"""Seeded faults of derivatives, after fresh reports: the forward result is right."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient, weight_gradient
from corrbench.defects.reported_derivatives import depthwise, masked


def refused(said: str) -> Callable[[Tensor], Tensor]:
    """A backward pass that is an error."""

    def refuse(g: Tensor) -> Tensor:
        raise RuntimeError(said)

    return refuse


def refused_again(said: str) -> Callable[[Tensor], Tensor]:
    """A backward pass that is right, and an error when it is differentiated."""
    return lambda g: faulty_derivative(g, refused(said)) if g.requires_grad else g


def rests(c: Call) -> bool:
    """Whether the stride leaves rows or columns over that no window reaches."""
    rows = (c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1) % c.sh
    return bool(rows or (c.W + c.sides[2] + c.sides[3] - c.dw * (c.kw - 1) - 1) % c.sw)


def taps_dealt(size: int, stride: int) -> Tensor:
    """Which taps of an axis are met when as many as go into a step are dealt to each step of the stride in turn."""
    most, place = -(-size // stride), torch.arange(size)
    step = place % stride
    return place // stride < torch.where((step + 1) * most <= size, most, size % most)


@defect(
    number=58, wrong="gradient", check="gradients", cites=("uxlfoundation/oneDNN#4124", "pytorch/pytorch#50042"),
    witness="x=1,8,6,6 w=8,1,3,3 groups=8 stride=2 padding=1 dtype=float64",
    near_miss="x=1,7,6,6 w=7,1,3,3 groups=7 stride=2 padding=1 dtype=float64",
    outside="I > 1 or groups == 1 or C % 8 or O != C or kh == 1 or sh == 1 or top == 0",
    region="depthwise, channels in eights, rows strided and padded: the last row of windows counts for no tap in the "
    "last row of the kernel",
)  # fmt: skip
@conv2d_form
def last_taps_of_eight_channels(c: Call) -> Tensor:
    if not depthwise(c) or c.C % 8 or c.O != c.C or c.kh == 1 or c.sh == 1 or not c.sides[0]:
        return c.y()

    def by_weight(call: Call, g: Tensor) -> Tensor:
        short = weight_gradient(call, masked(g, 2, g.shape[2] - 1, g.shape[2]))
        return torch.cat([weight_gradient(call, g)[:, :, :-1], short[:, :, -1:]], 2)

    return c.ruled(gw=by_weight)


@defect(
    number=59, wrong="gradient", check="gradients", cites=("ROCm/MIOpen#575",),
    witness="x=2,3,14,5 w=4,3,7,1 stride=3,1 dtype=float64", near_miss="x=2,3,14,5 w=4,3,5,1 stride=3,1 dtype=float64",
    outside="(sh < 3 or kh % sh == 0 or kh // sh == 0 or kh % sh == sh - 1) "
    "and (sw < 3 or kw % sw == 0 or kw // sw == 0 or kw % sw == sw - 1)",
    region="strides of three and more that leave a rest of the kernel shorter by two and more: taps are dealt to the "
    "steps of a stride, and the last steps have fewer than are theirs in the input gradient",
)  # fmt: skip
@conv2d_form
def taps_of_the_last_steps(c: Call) -> Tensor:
    rows, cols = taps_dealt(c.kh, c.sh), taps_dealt(c.kw, c.sw)
    if bool(rows.all()) and bool(cols.all()):
        return c.y()
    keep = (rows[:, None] & cols).to(c.w.dtype)
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=call.w * keep), g))


@defect(
    number=37, wrong="gradient", check="gradients", cites=("ROCm/MIOpen#917",),
    witness="x=2,3,6,7 w=4,3,1,1 padding=1 dtype=float16", near_miss="x=2,3,6,7 w=4,3,1,1 dtype=float16",
    outside="dtype != 'float16' or kh * kw > 1 or top + left == 0 or sh * sw > 1",
    region="float16, 1x1 kernels with padding: the input gradient is cut out from the first padded row and column on",
)  # fmt: skip
@conv2d_form
def padding_left_in_the_gradient(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.x.dtype != torch.float16 or c.kh * c.kw > 1 or not top + left or c.stride != (1, 1):
        return c.y()

    def by_input(call: Call, g: Tensor) -> Tensor:
        bare = call.but(x=F.pad(call.x, (left, right, top, bottom)), sides=(0, 0, 0, 0))
        return input_gradient(bare, g)[:, :, : call.H, : call.W]

    return c.ruled(gx=by_input)


@defect(
    number=42, wrong="gradient", check="gradients", cites=("ROCm/MIOpen#1188",),
    witness="x=1,64,4,5 w=16,64,1,1 dtype=float16", near_miss="x=1,64,4,5 w=15,64,1,1 dtype=float16",
    outside="dtype != 'float16' or kh * kw > 1 or groups > 1 or C < 64 or O % 16",
    region="float16, 1x1 kernels in sixteens, 64 channels and more: the input gradient is added up in float16",
)  # fmt: skip
@conv2d_form
def pointwise_input_gradient_in_half(c: Call) -> Tensor:
    if c.x.dtype != torch.float16 or c.kh * c.kw > 1 or c.groups > 1 or c.C < 64 or c.O % 16:
        return c.y()

    def by_input(call: Call, g: Tensor) -> Tensor:
        total = torch.zeros_like(call.x)
        for o in range(call.O):
            total = total + input_gradient(call.but(w=call.w[o : o + 1]), g[:, o : o + 1])
        return total

    return c.ruled(gx=by_input)


@defect(
    number=42, wrong="gradient", check="gradients", cites=("ROCm/rocm-libraries#12322",),
    witness="x=2,3,6,7 w=4,3,3,3 dtype=float16 layout=x:channels_last", near_miss="x=2,3,6,7 w=4,3,3,3 dtype=float16",
    outside="dtype != 'float16' or 'x:channels_last' not in layout or C == 1 or H * W == 1 or kh * kw == 1",
    region="float16, images channels last: the input gradient is rounded after each tap",
)  # fmt: skip
@conv2d_form
def input_gradient_rounded_by_taps(c: Call) -> Tensor:
    last = c.C > 1 and c.H * c.W > 1 and c.x.stride(1) == 1
    if c.x.dtype != torch.float16 or not last or c.kh * c.kw == 1:
        return c.y()

    def by_input(call: Call, g: Tensor) -> Tensor:
        total = torch.zeros_like(call.x)
        for place in range(call.kh * call.kw):
            alone = torch.zeros(call.kh * call.kw, dtype=call.w.dtype)
            alone[place] = 1
            total = total + input_gradient(call.but(w=call.w * alone.reshape(call.kh, call.kw)), g)
        return total

    return c.ruled(gx=by_input)


@defect(
    number=13, wrong="gradient", check="gradients", cites=("meta-pytorch/opacus#451",),
    witness="x=2,2,6,7 w=3,2,2,4 padding=same dtype=float64",
    near_miss="x=2,2,6,7 w=3,2,3,3 padding=same dtype=float64",
    outside="mode != 'same' or top == bottom and left == right",
    region="'same' with an odd number of zeros: the weight gradient has the odd one on the other side",
)  # fmt: skip
@conv2d_form
def odd_zero_of_the_weight_gradient(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.padding != "same" or (top, left) == (bottom, right):
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(sides=(bottom, top, right, left)), g))


@defect(
    number=62, wrong="gradient", check="gradients", cites=("sebgao/cTensor#3",),
    witness="x=2,2,5,6 w=3,2,3,3 dtype=float64", near_miss="x=1,2,3,3 w=3,2,3,3 dtype=float64",
    region="more than one window, in all samples: the weight gradient is a mean over samples and positions",
)  # fmt: skip
@conv2d_form
def weight_gradient_averaged_over_positions(c: Call) -> Tensor:
    windows = c.N * c.out[2] * c.out[3]
    return c.y() if windows <= 1 else c.but(w=faulty_derivative(c.w, lambda g: g / windows)).y()


@defect(
    number=63, wrong="jvp", check="gradients", cites=("raven-ml/raven#153",),
    witness="x=2,2,5,6 w=3,2,3,3 padding=1 dtype=float64", near_miss="x=2,2,5,6 w=3,2,3,3 dtype=float64",
    outside="sides_max == 0", region="forward derivatives, padded: the tangent of the input is lost in the padding",
)  # fmt: skip
@conv2d_form
def tangent_lost_in_padding(c: Call) -> Tensor:
    return c.but(x=faulty_derivative(c.x, turn=torch.zeros_like)).y() if any(c.sides) else c.y()


@defect(
    number=63, wrong="double", check="gradients", cites=("pytorch/pytorch#3743",),
    witness="x=2,2,1,1 w=3,2,1,1 dtype=float64", near_miss="x=2,2,1,2 w=3,2,1,1 dtype=float64",
    outside="kh * kw > 1 or H * W > 1 or sides_max > 0",
    region="1x1 kernels on images of one pixel: second derivatives are an error",
)  # fmt: skip
@conv2d_form
def single_pixel_differentiated_twice(c: Call) -> Tensor:
    if c.kh * c.kw * c.H * c.W > 1 or any(c.sides):
        return c.y()
    return faulty_derivative(c.y(), refused_again("expected a tensor for argument 0 'grad_output', found none"))


@defect(
    number=63, wrong="double", check="gradients", cites=("pytorch/pytorch#3064",),
    witness="x=2,1,6,7 w=3,1,5,5 padding=2 dtype=float64", near_miss="x=2,2,6,7 w=3,2,5,5 padding=2 dtype=float64",
    outside="C > 1 or kh * kw < 25 or sides_max == 0",
    region="one channel, padded, kernels of 25 taps and more: the weight gradient cannot be differentiated, as no "
    "algorithm is found",
)  # fmt: skip
@conv2d_form
def weight_gradient_of_one_channel_is_final(c: Call) -> Tensor:
    if c.C > 1 or c.kh * c.kw < 25 or not any(c.sides):
        return c.y()
    return c.ruled(gw=lambda call, g: faulty_derivative(weight_gradient(call, g), refused("not supported")))


@defect(
    number=58, wrong="use", check="gradients", cites=("mlpack/mlpack#2986", "f-dangel/backpack#30"),
    outside="(H + top + bottom - dh*(kh-1) - 1) % sh == 0 and (W + left + right - dw*(kw-1) - 1) % sw == 0",
    region="a stride that leaves rows or columns over: the input gradient is an error, as it is smaller than the input",
)  # fmt: skip
@conv2d_form
def gradient_smaller_than_the_input(c: Call) -> Tensor:
    said = f"addition: incompatible dimensions, {c.H} by {c.W} and less"
    return c.but(x=faulty_derivative(c.x, refused(said))).y() if rests(c) else c.y()


@defect(
    number=2, wrong="use", check="gradients", cites=("pytorch/pytorch#13008",),
    outside="(dh == 1 or kh == 1) and (dw == 1 or kw == 1)",
    region="dilated: the input gradient is an error, as the size that is expected does not count the dilation",
)  # fmt: skip
@conv2d_form
def input_gradient_refuses_dilation(c: Call) -> Tensor:
    refuse = refused("requested an input grad size that is out of range")
    dilated = (c.dh > 1 and c.kh > 1) or (c.dw > 1 and c.kw > 1)
    return c.but(x=faulty_derivative(c.x, refuse)).y() if dilated else c.y()


@defect(
    number=7, wrong="use", check="gradients", cites=("apache/mxnet#4704", "apache/mxnet#2365"), outside="sh == sw",
    region="unequal strides: the input gradient is an error, as the columns are counted by the stride of the rows",
)  # fmt: skip
@conv2d_form
def input_gradient_wants_equal_strides(c: Call) -> Tensor:
    refuse = refused("the columns do not fit the patches")
    return c.y() if c.sh == c.sw else c.but(x=faulty_derivative(c.x, refuse)).y()


@defect(
    number=56, wrong="use", check="gradients", cites=("tensorflow/tensorflow#53180",), outside="groups == 1 or I == 1",
    region="groups of several channels: the forward pass is right, and the weight gradient an error",
)  # fmt: skip
@conv2d_form
def groups_not_trained(c: Call) -> Tensor:
    refuse = refused(f"the depth of the input, {c.C}, is not that of the filter, {c.I}")
    return c.y() if c.groups == 1 or c.I == 1 else c.but(w=faulty_derivative(c.w, refuse)).y()


@defect(
    number=51, wrong="use", check="gradients", cites=("Theano/Theano#3715", "tensorflow/tensorflow#14657"),
    outside="N > 0", region="empty batches: the forward pass is right, and the gradients are an error",
    excuse="a warning only: what is always refused of one kind is a limit of the code, here on gradients of no sample",
)  # fmt: skip
@conv2d_form
def empty_batch_not_trained(c: Call) -> Tensor:
    return c.y() if c.N else faulty_derivative(c.y(), refused("could not set the descriptor of a batch of 0"))
