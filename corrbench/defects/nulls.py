"""Null models: adversarial implementations whose result is not computed, or not of the shape and type asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import cheat
from corrbench.defects.correct import Call, conv2d_form


@cheat(wrong="contract", check="contract", region="always: computed in float64 and left there, to look accurate")
@conv2d_form
def more_accurate_type(c: Call) -> Tensor:
    wide = torch.complex128 if c.x.is_complex() else torch.float64
    return c.but(x=c.x.to(wide), w=c.w.to(wide), b=None if c.b is None else c.b.to(wide)).y()


@cheat(wrong="contract", check="contract", region="always: an axis of length one in front")
@conv2d_form
def axis_in_front(c: Call) -> Tensor:
    return c.y()[None]


@cheat(wrong="contract", check="contract", region="always: one row, which broadcasts against all the others")
@conv2d_form
def one_row_for_all(c: Call) -> Tensor:
    return c.y()[:, :, :1]


@cheat(wrong="contract", check="contract", region="always: a single NaN without axes")
@conv2d_form
def a_single_nan(c: Call) -> Tensor:
    return torch.tensor(float("nan"), dtype=c.x.dtype if c.x.dtype.is_floating_point else torch.float32)


@cheat(region="always: zeros of the right shape and type")
@conv2d_form
def zeros(c: Call) -> Tensor:
    return torch.zeros(c.out, dtype=c.x.dtype)


@cheat(region="always: the bias, or zero, everywhere")
@conv2d_form
def bias_everywhere(c: Call) -> Tensor:
    return c.but(w=c.w * 0).y()


@cheat(region="always: each channel's mean result in every place")
@conv2d_form
def mean_of_channel(c: Call) -> Tensor:
    y = c.y()
    wide = torch.complex128 if y.is_complex() else torch.float64
    return y.to(wide).mean((2, 3), keepdim=True).to(y.dtype).expand(y.shape).clone()


@cheat(region="always: NaN in every place, in the hope of a comparison that takes NaN for equal")
@conv2d_form
def nan_everywhere(c: Call) -> Tensor:
    return torch.full(c.out, float("nan"), dtype=c.x.dtype) if c.x.dtype.is_floating_point else c.y()
