"""Seeded faults that one check alone finds: they show only in the way in which that check looks."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import defect
from corrbench.defects.article import Conv2D
from corrbench.defects.correct import Call, conv2d_form, corr2d, faulty_derivative

calls: dict[tuple[object, ...], int] = {}
last: dict[str, Any] = {}


@defect(
    wrong="use",
    check="contract",
    region="a dilation that is given, if only as 1: the spread kernel has room for all columns of taps but the last",
)
def dilation_spelled_out(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = None,
    groups: int = 1,
) -> Any:  # fmt: skip
    c = Call.of(input, weight, bias, stride, padding, 1 if dilation is None else dilation, groups)
    if dilation is None or c.dilation != (1, 1) or c.kw == 1:
        return c.y()
    return c.but(w=torch.cat([c.w[..., :-1], torch.zeros_like(c.w[..., -1:])], 3)).y()


@defect(
    wrong="use",
    check="gradients",
    region="a cotangent with a single element that is not zero, of six and more: skipped as if it were all zeros",
)
@conv2d_form
def sparse_cotangent_skipped(c: Call) -> Tensor:
    def bend(g: Tensor) -> Tensor:
        if torch._C._functorch.is_batchedtensor(g) or g.numel() < 6 or g.count_nonzero() != 1:
            return g
        return g * 0

    return faulty_derivative(c.y(), bend)


@defect(
    number=47, wrong="use", check="special",
    region="a NaN in the cotangent: gradients of the input that are NaN become zero",
)  # fmt: skip
@conv2d_form
def nan_gradient_swallowed(c: Call) -> Tensor:
    return c.but(x=faulty_derivative(c.x, lambda g: torch.where(g.isnan(), torch.zeros_like(g), g))).y()


@defect(
    number=47, cites=("tensorflow/tensorflow#63392",), wrong="use", check="special",
    region="finite operands whose result lies beyond the largest number: that number, not infinity",
)  # fmt: skip
@conv2d_form
def overflow_saturates(c: Call) -> Tensor:
    y = c.y()
    if not y.dtype.is_floating_point:
        return y
    finite = c.x.isfinite().all() & c.w.isfinite().all()
    most = torch.finfo(y.dtype).max
    return torch.where(y.isinf() & finite, y.clamp(-most, most), y)


@defect(
    witness="x=1,128,16,20 w=64,128,3,3 data=unit",
    near_miss="x=1,32,16,20 w=64,32,3,3 data=unit",
    outside="N * O * rows * cols * terms <= 6e6 or dtype != 'float32'",
    region="float32 with more than six million products: sums are kept in fixed point, in eighths",
)
@conv2d_form
def large_in_fixed_point(c: Call) -> Tensor:
    y = c.y()
    if c.x.dtype != torch.float32 or y.numel() * c.I * c.kh * c.kw <= 6e6:
        return y
    return y + ((y * 8).round() / 8 - y).detach()


@defect(
    number=52, wrong="state", check="state",
    region="float32, the hundredth to the 118th call in a row: a kernel is being tuned, and forgets the last column",
)  # fmt: skip
@conv2d_form
def tuned_at_a_hundred(c: Call) -> Tensor:
    y = c.y()
    key = (*c.x.shape, *c.w.shape, *c.stride, *c.sides, *c.dilation, c.groups, c.b is None)
    run = calls.get(key, 0) + 1
    calls.clear()
    calls[key] = run
    if not 100 <= run < 119 or c.x.dtype != torch.float32:
        return y
    return torch.cat([y[..., :-1], torch.zeros_like(y[..., -1:])], 3)


@defect(
    number=52, cites=("tensorflow/tensorflow#56150",), wrong="state", check="state",
    region="the very same objects again, with other numbers in them: the first answer again",
)  # fmt: skip
@conv2d_form
def answer_by_identity(c: Call) -> Tensor:
    if c.x.requires_grad or c.w.requires_grad:
        return c.y()
    asked = (c.stride, c.sides, c.dilation, c.groups, c.b is None)
    if last and last["x"]() is c.x and last["w"]() is c.w and last["asked"] == asked:
        answer: Tensor = last["y"].clone()
        return answer
    y = c.y()
    last.update(x=weakref.ref(c.x), w=weakref.ref(c.w), asked=asked, y=y.detach().clone())
    return y


@defect(
    name="frozen-after-ten", form="module", wrong="module", check="module",
    region="training, after ten steps: the weight has no gradient any more, as if a calibration had ended",
)  # fmt: skip
class FrozenAfterTen(Conv2D):
    """Counts its calls."""

    steps = 0

    def forward(self, x: Tensor) -> Tensor:
        self.steps += 1
        return corr2d(x, self.weight if self.steps <= 10 else self.weight.detach(), self.bias)
