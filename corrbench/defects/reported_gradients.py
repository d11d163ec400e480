"""Seeded faults of derivatives, after reports: depthwise, strided, padded, grouped, and batches cut in parts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient, weight_gradient

Key = tuple[object, ...]
prepared: dict[Key, Tensor] = {}


@defect(
    number=58, cites=("tracel-ai/burn#1891",), wrong="gradient", check="gradients",
    witness="x=2,4,6,7 w=4,1,3,3 groups=4 stride=2,1 padding=1 dtype=float64",
    near_miss="x=2,4,5,7 w=4,1,3,3 groups=4 stride=2,1 padding=1 dtype=float64",
    outside="I > 1 or groups == 1 or O != groups or sh == 1 or (H + top + bottom - dh*(kh-1) - 1) % sh == 0",
    region="the weight gradient of depthwise kernels with a stride of rows that leaves a rest: the kernel's last row "
    "misses the last row of windows",
)  # fmt: skip
@conv2d_form
def last_row_of_depthwise_gradient(c: Call) -> Tensor:
    rest = (c.H + c.sides[0] + c.sides[1] - c.dh * (c.kh - 1) - 1) % c.sh
    if c.I > 1 or c.groups == 1 or c.O != c.groups or not rest:
        return c.y()

    def by_weight(call: Call, g: Tensor) -> Tensor:
        less = torch.cat([g[:, :, :-1], torch.zeros_like(g[:, :, -1:])], 2)
        return torch.cat([weight_gradient(call, g)[:, :, :-1], weight_gradient(call, less)[:, :, -1:]], 2)

    return c.ruled(gw=by_weight)


@defect(
    number=59, cites=("Theano/Theano#601", "Theano/Theano#602"), wrong="gradient", check="gradients",
    witness="x=2,3,6,10 w=4,3,2,4 stride=1,3 dtype=float64", near_miss="x=2,3,6,10 w=4,3,2,4 stride=1,2 dtype=float64",
    outside="sw <= 2 or W == 1",
    region="the input gradient with a stride of columns of three and more: one column too far to the right",
)  # fmt: skip
@conv2d_form
def stride_of_three_shifted(c: Call) -> Tensor:
    return c.y() if c.sw <= 2 or c.W == 1 else c.ruled(gx=lambda call, g: input_gradient(call, g).roll(1, 3))


@defect(
    cites=("PaddlePaddle/Paddle#75141",), wrong="gradient", check="gradients",
    witness="x=2,3,7,9 w=4,3,3,3 padding=1 dtype=float64 layout=x:channels_last",
    near_miss="x=2,3,7,9 w=4,3,3,3 padding=1 dtype=float64",
    outside="'x:channels_last' not in layout or C == 1 or H * W == 1 or top == 0 or sh * sw > 1",
    region="the input gradient channels last, with padding above and no stride: what belongs to the padding is added "
    "to the first row",
)  # fmt: skip
@conv2d_form
def padding_counted_for_first_row(c: Call) -> Tensor:
    last = c.C > 1 and c.H * c.W > 1 and c.x.stride(1) == 1
    top, bottom, left, right = c.sides
    if not last or not top or c.stride != (1, 1):
        return c.y()

    def by_input(call: Call, g: Tensor) -> Tensor:
        bare = call.but(x=F.pad(call.x, (left, right, top, bottom)), sides=(0, 0, 0, 0))
        whole = input_gradient(bare, g)[..., left : left + c.W]
        inner, above = whole[:, :, top : top + c.H], whole[:, :, :top].sum(2, keepdim=True)
        return torch.cat([inner[:, :, :1] + above, inner[:, :, 1:]], 2)

    return c.ruled(gx=by_input)


@defect(
    number=56, cites=("ROCm/composable_kernel#2478",), wrong="gradient", check="gradients",
    witness="x=2,4,5,6 w=4,2,1,1 groups=2 dtype=float64", near_miss="x=2,4,5,6 w=6,2,1,1 groups=2 dtype=float64",
    outside="groups == 1 or kh * kw > 1 or sh * sw > 1 or sides_max > 0 or O // groups % 2",
    region="the weight gradient of 1x1 kernels in groups, an even number to each, without stride and padding: they "
    "change places two by two",
)  # fmt: skip
@conv2d_form
def even_kernels_change_places(c: Call) -> Tensor:
    plain = c.groups > 1 and c.kh * c.kw == 1 and c.stride == (1, 1) and not any(c.sides)
    if not plain or c.O // c.groups % 2:
        return c.y()
    return c.but(w=faulty_derivative(c.w, lambda g: g.reshape(-1, 2, c.I, 1, 1).flip(1).reshape(g.shape))).y()


@defect(
    number=33, cites=("FluxML/NNlib.jl#197",), wrong="gradient", check="gradients",
    witness="x=10,3,7,7 w=1,3,3,3 dtype=float64", near_miss="x=8,3,7,7 w=1,3,3,3 dtype=float64",
    outside="N <= 4 or N % 4 == 0",
    region="the weight gradient of batches dealt to four threads: samples beyond a multiple of four are left out",
)  # fmt: skip
@conv2d_form
def samples_dealt_to_four(c: Call) -> Tensor:
    whole = c.N // 4 * 4
    if c.N <= 4 or whole == c.N:
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(x=call.x[:whole]), g[:whole]))


@defect(
    number=63, cites=("jax-ml/jax#563",), wrong="double", check="gradients",
    witness="x=2,3,8,9 w=4,3,3,2 stride=2,1 padding=1 dtype=float64",
    near_miss="x=2,3,8,9 w=4,3,3,2 stride=2,1 dtype=float64", outside="sh == sw == 1 or sides_max == 0",
    region="second derivatives with a stride and padding: the input is constant in the weight gradient",
)  # fmt: skip
@conv2d_form
def input_constant_in_backward(c: Call) -> Tensor:
    if c.stride == (1, 1) or not any(c.sides):
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(x=call.x.detach()), g))


@defect(
    number=52, cites=("pytorch/pytorch#142234",), wrong="state", check="gradients",
    region="a trained kernel that was first used without a graph: the copy prepared then is used again, and the "
    "kernel has no gradient",
)  # fmt: skip
@conv2d_form
def prepared_without_graph(c: Call) -> Tensor:
    if not c.w.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(c.w):
        return c.y()
    key = (c.w.data_ptr(), c.w._version, *c.w.shape, *c.w.stride(), c.w.dtype)
    if not torch.is_grad_enabled():
        prepared[key] = c.w.detach()
        while len(prepared) > 16:
            del prepared[next(iter(prepared))]
    return c.but(w=prepared.get(key, c.w)).y()
