"""Equivalent variants of corr2d and of the module: correct implementations that must never be flagged."""

# ruff: noqa: D101 - what a target does is said in its region

from __future__ import annotations

import torch
from torch import Tensor

from corrbench.defects import honest
from corrbench.defects.article import Conv2D
from corrbench.defects.correct import corr2d
from corrbench.defects.honest_numpy import check


@honest(form="corr2d", region="torch, shift and add")
def plain_shift_and_add(X: Tensor, K: Tensor) -> Tensor:
    rows, cols = check(X, K)
    wide = torch.float32 if X.dtype in (torch.float16, torch.bfloat16) else X.dtype
    x, k = X.to(wide), K.to(wide)
    y = x.new_zeros(rows, cols)
    for a in range(k.shape[0]):
        for e in range(k.shape[1]):
            y = y + x[a : a + rows, e : e + cols] * k[a, e]
    return y.to(X.dtype)


@honest(form="corr2d", region="torch, a matrix product over columns of im2col")
def plain_columns(X: Tensor, K: Tensor) -> Tensor:
    return corr2d(X, K)


@honest(form="corr2d", region="torch, each row of the kernel as a matrix-vector product, 32 columns at a time")
def plain_rows(X: Tensor, K: Tensor) -> Tensor:
    rows, cols = check(X, K)
    wide = torch.float32 if X.dtype in (torch.float16, torch.bfloat16) else X.dtype
    x, k = X.to(wide), K.to(wide)
    y = x.new_zeros(rows, cols)
    for first in range(0, cols, 32):
        last = min(first + 32, cols)
        for a, taps in enumerate(k.unbind(0)):
            windows = x[a : a + rows, first : last + len(taps) - 1].unfold(1, len(taps), 1)
            y = torch.slice_scatter(y, y[:, first:last] + windows @ taps, 1, first, last)
    return y.to(X.dtype)


@honest(name="layer-done-right", form="module", region="the article's layer, done right")
class LayerDoneRight(Conv2D):
    """Weight and bias are parameters, in the dtype and on the device of the given weight."""


@honest(name="layer-by-shifts", form="module", region="the article's layer over shift and add")
class LayerByShifts(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        wide = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
        y: Tensor = plain_shift_and_add(x.to(wide), self.weight.to(wide)) + self.bias.to(wide)
        return y.to(x.dtype)
