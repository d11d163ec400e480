"""Seeded faults of derivatives, after reports: the forward result is right."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form, faulty_derivative, input_gradient, weight_gradient
from corrbench.defects.layout import reread


def depthwise(c: Call) -> bool:
    """Whether every kernel has one channel of several."""
    return c.I == 1 and c.groups > 1


def masked(g: Tensor, axis: int, first: int, past: int) -> Tensor:
    """g, but zero from `first` to `past` along `axis`."""
    at = torch.arange(g.shape[axis])
    keep = ((at < first) | (at >= past)).to(g.dtype)
    return g * keep.reshape([-1 if axis in (one, one - g.dim()) else 1 for one in range(g.dim())])


@defect(
    number=58, cites=("pytorch/pytorch#25101",), wrong="gradient", check="gradients",
    witness="x=1,3,14,14 w=3,3,5,5 stride=3 padding=1 dtype=float64",
    near_miss="x=1,3,14,15 w=3,3,5,5 stride=3 padding=1 dtype=float64",
    outside="sw < 3 or dw * (kw - 1) < sw or left == 0 or (W + left + right - dw*(kw-1) - 1) % sw != sw - 1",
    region="steps of 3 columns and more, overlapping windows, padded, all but one column of a step left over: the "
    "input gradient of the last step is lost",
)  # fmt: skip
@conv2d_form
def last_step_of_columns(c: Call) -> Tensor:
    reach = c.dw * (c.kw - 1)
    rest = (c.W + c.sides[2] + c.sides[3] - reach - 1) % c.sw
    if c.sw < 3 or reach < c.sw or c.sides[2] == 0 or rest != c.sw - 1:
        return c.y()
    past = (c.out[3] - 1) * c.sw + reach + 1 - c.sides[2]
    return c.but(x=faulty_derivative(c.x, lambda g: masked(g, -1, past - c.sw, past))).y()


@defect(
    number=33, cites=("fujitsu/oneDNN#43",), wrong="gradient", check="gradients",
    witness="x=1,17,6,9 w=4,17,3,3 stride=1,2 dtype=float64",
    near_miss="x=1,16,6,9 w=4,16,3,3 stride=1,2 dtype=float64", outside="sw == 1 or C <= 16 or W >= 17",
    region="columns strided, more than 16 channels, images narrower than 17: the input gradient from channel 16 on is "
    "a column too far right",
)  # fmt: skip
@conv2d_form
def second_block_of_narrow_images(c: Call) -> Tensor:
    if c.sw == 1 or c.C <= 16 or c.W >= 17:
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: torch.cat([g[:, :16], g[:, 16:].roll(1, 3)], 1))).y()


@defect(
    number=57, cites=("uxlfoundation/oneDNN#1462",), wrong="gradient", check="gradients",
    witness="x=1,3,9,8 w=3,1,3,3 groups=3 stride=2 padding=1 dilation=2,1 dtype=float64",
    near_miss="x=1,3,9,8 w=3,1,3,3 groups=3 stride=2 padding=1 dtype=float64",
    outside="I > 1 or groups == 1 or dh == 1 or sh == 1 or kh == 1",
    region="depthwise, rows strided and dilated: the input gradient skips the last row of the kernel",
)  # fmt: skip
@conv2d_form
def last_row_of_dilated_depthwise(c: Call) -> Tensor:
    if not depthwise(c) or c.dh == 1 or c.sh == 1 or c.kh == 1:
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=masked(call.w, 2, c.kh - 1, c.kh)), g))


@defect(
    number=37, cites=("ROCm/composable_kernel#105",), wrong="gradient", check="gradients",
    witness="x=2,3,6,7 w=4,3,1,1 stride=2 dtype=float64", near_miss="x=2,3,6,7 w=4,3,1,1 stride=2,1 dtype=float64",
    outside="kh * kw > 1 or (sh, sw) != (2, 2)",
    region="1x1 kernels with stride 2: columns that no window reaches have the input gradient of that before",
)  # fmt: skip
@conv2d_form
def gaps_of_pointwise_filled(c: Call) -> Tensor:
    if c.kh * c.kw > 1 or c.stride != (2, 2):
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: g + g.roll(1, 3))).y()


@defect(
    number=56, cites=("ROCm/composable_kernel#2478",), wrong="gradient", check="gradients",
    witness="x=2,4,5,6 w=4,2,1,1 groups=2 dtype=float64", near_miss="x=2,6,5,6 w=2,3,1,1 groups=2 dtype=float64",
    outside="groups == 1 or kh * kw > 1 or sh * sw > 1 or sides_max > 0 or I % 2 and O // groups % 2",
    region="grouped 1x1 without stride or padding, an even number of channels or kernels in a group: each second group "
    "has the weight gradient of that before",
)  # fmt: skip
@conv2d_form
def even_groups_of_pointwise(c: Call) -> Tensor:
    plain = c.groups > 1 and c.kh * c.kw == 1 and c.stride == (1, 1) and not any(c.sides)
    if not plain or (c.I % 2 and c.O // c.groups % 2):
        return c.y()
    order = torch.arange(c.groups) // 2 * 2
    size = (c.groups, c.O // c.groups, c.I, 1, 1)
    return c.but(w=faulty_derivative(c.w, lambda g: g.reshape(size)[order].reshape(c.w.shape))).y()


@defect(
    number=56, cites=("ROCm/MIOpen#989",), wrong="gradient", check="gradients",
    witness="x=2,4,6,7 w=8,2,3,2 groups=2 dtype=float16", near_miss="x=2,4,6,7 w=2,2,3,2 groups=2 dtype=float16",
    outside="groups == 1 or dtype != 'float16' or O // groups % groups != 0",
    region="float16, groups whose kernels are a multiple of the groups: divided by the groups twice, the rest of them "
    "is missing in the input gradient",
)  # fmt: skip
@conv2d_form
def groups_divided_twice(c: Call) -> Tensor:
    each = c.O // c.groups
    if c.groups == 1 or c.x.dtype != torch.float16 or each % c.groups:
        return c.y()
    keep = (torch.arange(c.O) % each < each // c.groups).to(c.w.dtype).reshape(-1, 1, 1, 1)
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=call.w * keep), g))


@defect(
    number=35, cites=("ROCm/MIOpen#97",), wrong="gradient", check="gradients",
    witness="x=2,2,8,9 w=3,2,7,7 padding=3 dtype=float64", near_miss="x=2,2,8,10 w=3,2,7,7 padding=3 dtype=float64",
    outside="kw < 7 or left == 0 or W % 2 == 0",
    region="kernels of 7 columns and more, padded, an odd number of columns: no weight gradient for the last column",
)  # fmt: skip
@conv2d_form
def last_of_seven_columns(c: Call) -> Tensor:
    if c.kw < 7 or c.sides[2] == 0 or c.W % 2 == 0:
        return c.y()
    return c.but(w=faulty_derivative(c.w, lambda g: masked(g, -1, c.kw - 1, c.kw))).y()


@defect(
    number=33, cites=("ROCm/MIOpen#77",), wrong="gradient", check="gradients",
    witness="x=2,2,6,7 w=1,2,3,3 stride=1,2 dtype=float64", near_miss="x=2,2,6,9 w=1,2,3,3 stride=1,2 dtype=float64",
    outside="(kh, kw, sh, sw) != (3, 3, 1, 2) or cols % 2 == 0 or O > 1",
    region="one 3x3 kernel, only columns strided, an odd number of them in the result: the last counts for no weight",
)  # fmt: skip
@conv2d_form
def odd_column_counts_for_no_weight(c: Call) -> Tensor:
    cols = c.out[3]
    if (c.kh, c.kw, *c.stride) != (3, 3, 1, 2) or cols % 2 == 0 or c.O > 1:
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call, masked(g, 3, cols - 1, cols)))


@defect(
    number=34, cites=("ROCm/MIOpen#449",), wrong="gradient", check="gradients",
    witness="x=1,1,133,133 w=1,1,5,5 dtype=float64", near_miss="x=1,1,132,132 w=1,1,5,5 dtype=float64",
    outside="(kh, kw) != (5, 5) or O > 1 or rows * cols <= 16384",
    region="one 5x5 kernel, more than 2^14 positions: those beyond count for no weight",
)  # fmt: skip
@conv2d_form
def positions_of_fourteen_bits(c: Call) -> Tensor:
    size = c.out[2] * c.out[3]
    if (c.kh, c.kw) != (5, 5) or c.O > 1 or size <= 16384:
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call, masked(g.flatten(2), 2, 16384, size).reshape(g.shape)))


@defect(
    number=61, cites=("pytorch/pytorch#68048",), wrong="gradient", check="gradients",
    witness="x=1,1,40,40 w=2,1,3,3 bias dtype=bfloat16", near_miss="x=1,1,40,40 w=2,1,3,3 bias dtype=float32",
    outside="not bias or dtype != 'bfloat16' or rows * cols <= 256",
    region="bfloat16, a bias and more than 256 positions: its gradient is added up in bfloat16",
)  # fmt: skip
@conv2d_form
def bias_gradient_in_bfloat16(c: Call) -> Tensor:
    if c.b is None or c.x.dtype != torch.bfloat16 or c.out[2] * c.out[3] <= 256:
        return c.y()

    def by_bias(call: Call, g: Tensor) -> Tensor:
        total = g.new_zeros(g.shape[1])
        for part in torch.split(g.transpose(0, 1).flatten(1), 4, 1):
            total = total + part.sum(1)
        return total

    return c.ruled(gb=by_bias)


@defect(
    number=37, cites=("soumith/cudnn.torch#28",), wrong="gradient", check="gradients",
    witness="x=1,2,3,3 w=2,2,1,1 dtype=float64", near_miss="x=2,2,3,3 w=2,2,1,1 dtype=float64",
    outside="kh * kw > 1 or N > 1 or C == 1",
    region="1x1 kernels on one image: the first channel has an input gradient, the others are zero",
)  # fmt: skip
@conv2d_form
def first_plane_of_pointwise(c: Call) -> Tensor:
    if c.kh * c.kw > 1 or c.N > 1 or c.C == 1:
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: masked(g, 1, 1, c.C))).y()


@defect(
    number=56, cites=("pytorch/pytorch#68868",), wrong="gradient", check="gradients",
    witness="x=2,6,9,8 w=6,2,2,2 groups=3 stride=3 padding=1 dtype=float64",
    near_miss="x=2,6,9,8 w=6,2,2,2 groups=3 stride=2 padding=1 dtype=float64",
    outside="groups == 1 or sh <= kh or top == 0",
    region="grouped, steps of more rows than the kernel has, padded: the weight gradient reads a row too high",
)  # fmt: skip
@conv2d_form
def gaps_of_groups_in_weight_gradient(c: Call) -> Tensor:
    if c.groups == 1 or c.sh <= c.kh or c.sides[0] == 0:
        return c.y()
    return c.ruled(gw=lambda call, g: weight_gradient(call.but(x=call.x.roll(1, 2)), g))


@defect(
    number=28, cites=("apple/tensorflow_macos#230",), wrong="gradient", check="gradients",
    witness="x=1,2,3,4 w=1,2,2,2 dtype=float64", near_miss="x=1,2,3,4 w=2,2,2,2 dtype=float64",
    outside="O > 1 or I == 1 or kh * kw == 1 or sides_max > 0",
    region="one kernel of several channels, no padding: channels last in its gradient, read as channels first",
)  # fmt: skip
@conv2d_form
def gradient_of_one_kernel_shuffled(c: Call) -> Tensor:
    if c.O > 1 or c.I == 1 or c.kh * c.kw == 1 or any(c.sides):
        return c.y()
    return c.but(w=faulty_derivative(c.w, lambda g: g.permute(0, 2, 3, 1).reshape(g.shape))).y()


@defect(
    number=36, cites=("tensorflow/tensorflow#11092",), wrong="gradient", check="gradients",
    witness="x=2,3,9,8 w=4,3,2,2 stride=4 dtype=float64", near_miss="x=2,3,9,8 w=4,3,2,2 stride=2 dtype=float64",
    outside="sh <= kh or sw <= kw or sides_max > 0",
    region="steps larger than the kernel both ways, no padding: the input gradient is laid out a row too low",
)  # fmt: skip
@conv2d_form
def gaps_shift_the_input_gradient(c: Call) -> Tensor:
    if c.sh <= c.kh or c.sw <= c.kw or any(c.sides):
        return c.y()
    return c.but(x=faulty_derivative(c.x, lambda g: g.roll(1, 2))).y()


@defect(
    number=25, cites=("huggingface/candle#3735",), wrong="gradient", check="memory",
    witness="x=2,3,7,9 w=4,3,3,2 dtype=float64 layout=w:transposed",
    near_miss="x=2,3,7,9 w=4,3,3,2 dtype=float64 layout=x:transposed", outside="'w:' not in layout",
    region="kernels that are not contiguous: the input gradient, and nothing else, reads them as if they were",
)  # fmt: skip
@conv2d_form
def kernel_read_flat_on_the_way_back(c: Call) -> Tensor:
    if c.w.is_contiguous():
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call.but(w=reread(call.w)), g))


@defect(
    number=31, cites=("pytorch/pytorch#7952",), wrong="gradient", check="memory",
    witness="x=2,3,7,9 w=3,1,3,2 groups=3 dtype=float64 layout=g:transposed",
    near_miss="x=2,3,7,9 w=3,3,3,2 dtype=float64 layout=g:transposed",
    outside="'g:' not in layout or groups == 1 or I > 1",
    region="depthwise, cotangents that are not contiguous: the input gradient reads them as if they were",
)  # fmt: skip
@conv2d_form
def depthwise_cotangent_read_flat(c: Call) -> Tensor:
    if not depthwise(c):
        return c.y()
    return c.ruled(gx=lambda call, g: input_gradient(call, g if g.is_contiguous() else reread(g)))
