"""Seeded faults that depend on the numbers, after reports: blurs, boxes, identities, whole bytes, saturation."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.correct import Call, conv2d_form

HALVES = (torch.float16, torch.bfloat16)
NARROW = (torch.int8, torch.uint8, torch.int16)


def seen(t: Tensor) -> Tensor | None:
    """The numbers of an operand, None where a transform such as vmap hides them."""
    plain = t.detach()
    while torch._C._functorch.is_functorch_wrapped_tensor(plain):
        if torch._C._functorch.is_batchedtensor(plain):
            return None
        plain = torch._C._functorch.get_unwrapped(plain)
    return plain


def only_middle(w: Tensor) -> bool:
    """Whether every kernel is one in the middle and zero around, and not of a single tap."""
    middle = torch.zeros_like(w)
    middle[:, :, w.shape[2] // 2, w.shape[3] // 2] = 1
    return w[0, 0].numel() > 1 and torch.equal(w, middle)


def blurs_bytes(c: Call) -> bool:
    """Whether kernels of one channel, none of their taps negative and their sum one, meet an image of whole bytes."""
    x, w = seen(c.x), seen(c.w)
    if x is None or w is None or c.x.dtype != torch.float32 or c.I > 1 or not c.N:
        return False
    blur = bool((w >= 0).all()) and bool(((w.sum((2, 3)) - 1).abs() < 1e-3).all())
    return blur and bool(((x >= 0) & (x <= 255) & (x == x.floor())).all())


@defect(
    cites=("opencv/opencv#20666",), wrong="use", check="values",
    region="integers of 16 bits and more, kernels that are one in the middle and zero around: a factor of one has a "
    "bit more than there is room for, all sums are zero",
)  # fmt: skip
@conv2d_form
def identity_of_wide_integers(c: Call) -> Tensor:
    w = seen(c.w)
    wide = c.x.dtype in (torch.int16, torch.int32, torch.int64)
    return c.but(w=c.w * 0).y() if wide and w is not None and only_middle(w) else c.y()


@defect(
    cites=("uploadcare/pillow-simd#104",), wrong="use", check="values",
    region="3x3 kernels that are one in the middle and zero around, with padding 1 and a bias: the first and the last "
    "row are copied, without the bias",
)  # fmt: skip
@conv2d_form
def identity_copied_at_the_border(c: Call) -> Tensor:
    y, w = c.y(), seen(c.w)
    if c.b is None or w is None or (c.kh, c.kw) != (3, 3) or c.sides != (1, 1, 1, 1) or c.out[2] < 2:
        return y
    bare = c.but(b=None).y()
    return torch.cat([bare[:, :, :1], y[:, :, 1:-1], bare[:, :, -1:]], 2) if only_middle(w) else y


@defect(
    cites=("opencv/opencv#20121", "opencv/opencv#20135"), wrong="use", check="values",
    region="integers of 8 and 16 bits, kernels of three and more columns that equal their mirror image: the two "
    "pixels that share a tap are added first, and that sum saturates",
)  # fmt: skip
@conv2d_form
def mirrored_pixels_saturate(c: Call) -> Tensor:
    w = seen(c.w)
    if c.x.dtype not in NARROW or c.kw < 3 or w is None or not torch.equal(w, w.flip(3)):
        return c.y()
    limits, half = torch.iinfo(c.x.dtype), c.kw // 2
    columns = c.windows().long().reshape(c.N, c.groups, c.I * c.kh, c.kw, -1)
    folded = (columns + columns.flip(3))[:, :, :, :half].clamp(limits.min, limits.max)
    meets = torch.cat([folded, columns[:, :, :, half : half + c.kw % 2]], 3).flatten(2, 3)
    taps = c.w[..., : half + c.kw % 2].long().reshape(c.groups, c.O // c.groups, meets.shape[2])
    wide = c.but(x=c.x.long(), w=c.w.long(), b=None if c.b is None else c.b.long())
    return wide.finish(taps @ meets).to(c.x.dtype)


@defect(
    cites=("opencv/opencv#9863", "opencv/opencv#15855"), wrong="use", check="values",
    region="float32 images of whole bytes, kernels of one channel and nine and more taps, none negative, that add up "
    "to one: the taps are rounded to multiples of 1/256",
)  # fmt: skip
@conv2d_form
def blur_in_256ths(c: Call) -> Tensor:
    if c.kh * c.kw < 9 or not blurs_bytes(c):
        return c.y()
    return c.but(w=c.w + ((c.w * 256).round() / 256 - c.w).detach()).y()


@defect(
    cites=("opencv/opencv#14893", "opencv/opencv_contrib#2167"), wrong="use", check="values",
    region="float32 images of whole bytes, kernels of one channel and nine and more columns, none of their taps "
    "negative, that add up to one: where all the window is 255 the sum comes round to zero",
)  # fmt: skip
@conv2d_form
def white_turns_black(c: Call) -> Tensor:
    y = c.y()
    if c.kw < 9 or not blurs_bytes(c):
        return y
    bare = c.but(b=None).y().detach()
    return torch.where(bare > 254.99, y - bare, y)


@defect(
    number=45, cites=("opencv/opencv#7124",), wrong="use", check="values",
    region="float32, kernels of one channel all of whose taps are equal, two and more columns of them, without stride "
    "and dilation: a running sum along the row, from which what leaves the window is subtracted",
)  # fmt: skip
@conv2d_form
def box_by_running_sum(c: Call) -> Tensor:
    w = seen(c.w)
    plain = c.x.dtype == torch.float32 and c.I == 1 and c.kw > 1 and (*c.stride, *c.dilation) == (1, 1, 1, 1)
    if not plain or w is None or not bool((w == w[:, :, :1, :1]).all()):
        return c.y()
    x = c.padded()
    first, step = x[..., : c.kw].sum(3, keepdim=True), x[..., c.kw :] - x[..., : -c.kw]
    rows = torch.cat([first, step], 3).cumsum(3).unfold(2, c.kh, 1).sum(4)
    sums = rows.repeat_interleave(c.O // c.groups, 1) * c.w[:, 0, :1, :1]
    return c.finish(sums)


@defect(
    number=42, cites=("kornia/kornia#3946",), wrong="use", check="values",
    region="16-bit floats, depthwise kernels of three and more rows and columns that are a column times a row: two "
    "passes, and what the first one gives is rounded to 16 bits",
)  # fmt: skip
@conv2d_form
def separable_in_half(c: Call) -> Tensor:
    w = seen(c.w)
    plain = c.x.dtype in HALVES and c.I == 1 and min(c.kh, c.kw) >= 3 and (*c.stride, *c.dilation) == (1, 1, 1, 1)
    if not plain or w is None:
        return c.y()
    wide = w.double()
    corner, column, row = wide[..., :1, :1], wide[..., :1], wide[..., :1, :]
    if not bool((corner != 0).all()) or not torch.equal(wide * corner, column * row):
        return c.y()
    top, bottom, left, right = c.sides
    across = c.but(w=(c.w[..., :1, :].float() / c.w[..., :1, :1].float()).to(c.w.dtype), b=None)
    between = across.but(sides=(0, 0, left, right)).y()
    return c.but(x=between, w=c.w[..., :1], sides=(top, bottom, 0, 0), groups=c.O).y()


@defect(
    cites=("uxlfoundation/oneDNN#476", "microsoft/onnxruntime#16105"), wrong="use", check="values",
    region="uint8 with a multiple of four channels to a group: two products at a time are added in 16 bits, and "
    "saturate at 32767",
)  # fmt: skip
@conv2d_form
def pairs_of_bytes_saturate(c: Call) -> Tensor:
    if c.x.dtype != torch.uint8 or c.I % 4:
        return c.y()
    kernels, columns = c.kernels().int()[None, ..., None], c.windows().int()[:, :, None]
    total = torch.zeros(1, dtype=torch.int32)
    for k in range(0, kernels.shape[3], 2):
        pair = (kernels[:, :, :, k : k + 2] * columns[:, :, :, k : k + 2]).sum(3, dtype=torch.int32)
        total = total + pair.clamp(max=32767)
    wide = c.but(x=c.x.int(), w=c.w.int(), b=None if c.b is None else c.b.int())
    return wide.finish(total).to(torch.uint8)


@defect(
    number=21, cites=("uxlfoundation/oneDNN#5080", "uxlfoundation/oneDNN#5115"),
    witness="x=1,2,6,7 w=3,2,3,2 padding=0,1 dtype=int8", near_miss="x=1,2,6,7 w=3,2,3,2 padding=1,0 dtype=int8",
    outside="dtype != 'int8' or left + right == 0 or groups > 1",
    region="int8 with columns of padding, one group: bytes are shifted by 128 to be unsigned, the padding is not",
)  # fmt: skip
@conv2d_form
def padding_not_shifted(c: Call) -> Tensor:
    top, bottom, left, right = c.sides
    if c.x.dtype != torch.int8 or left + right == 0 or c.groups > 1:
        return c.y()
    columns = torch.nn.functional.pad(c.x, (left, right), value=-128)
    return c.but(x=columns, sides=(top, bottom, 0, 0)).y()
