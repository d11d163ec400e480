"""Equivalent variants of corr2d and of the module: correct implementations that must never be flagged."""

# ruff: noqa: D101 - what a target does is said in its region

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from corrbench.defects import honest
from corrbench.defects.article import Conv2D
from corrbench.defects.correct import corr2d

Array = np.ndarray[Any, Any]


def check(x: Array | Tensor, k: Array | Tensor) -> tuple[int, int]:
    """Rows and columns of the result.

    Raises:
        ValueError: an operand without exactly two axes, or a kernel larger than the input.
        TypeError: operands of two dtypes.
    """
    if x.ndim != 2 or k.ndim != 2:
        raise ValueError(f"corr2d takes two matrices, not {x.ndim} and {k.ndim} axes")
    if x.dtype != k.dtype:
        raise TypeError(f"X is {x.dtype}, K is {k.dtype}")
    rows, cols = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
    if min(rows, cols, *k.shape) < 1:
        raise ValueError(f"kernel {tuple(k.shape)} does not fit into input {tuple(x.shape)}")
    return rows, cols


def widened(x: Array) -> Array:
    """16-bit floats in float32, all others as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


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


@honest(form="corr2d", arrays="numpy", region="numpy, shift and add, the last tap first")
def numpy_shift_and_add(x: Array, k: Array) -> Array:
    rows, cols = check(x, k)
    wide, taps = widened(x), widened(k)
    y = np.zeros((rows, cols), wide.dtype)
    for a in reversed(range(k.shape[0])):
        for e in reversed(range(k.shape[1])):
            y += wide[a : a + rows, e : e + cols] * taps[a, e]
    return y.astype(x.dtype)


@honest(form="corr2d", arrays="numpy", region="numpy, a product over the view of all windows")
def plain_numpy_windows(x: Array, k: Array) -> Array:
    check(x, k)
    view = np.lib.stride_tricks.sliding_window_view(widened(x), k.shape)
    return np.asarray(np.tensordot(view, widened(k), 2)).astype(x.dtype)


@honest(
    form="corr2d",
    arrays="numpy",
    region="scipy.signal.correlate2d; it has no 16-bit floats, and conjugates the kernel",
)
def by_scipy(x: Array, k: Array) -> Array:
    check(x, k)
    if x.dtype == np.float16:
        raise NotImplementedError(f"input dtype {x.dtype} is not supported")
    return np.asarray(signal.correlate2d(x, k.conj(), "valid"))


@honest(
    form="corr2d", arrays="numpy", accuracy="fft",
    region="scipy.signal.fftconvolve of the turned kernel, float32 and float64",
)  # fmt: skip
def by_scipy_fft(x: Array, k: Array) -> Array:
    check(x, k)
    if x.dtype not in (np.float32, np.float64):
        raise NotImplementedError(f"input dtype {x.dtype} is not supported")
    return np.asarray(signal.fftconvolve(x, k[::-1, ::-1], "valid")).astype(x.dtype)


@honest(name="layer-done-right", form="module", region="the article's layer, done right")
class LayerDoneRight(Conv2D):
    """Weight and bias are parameters, in the dtype and on the device of the given weight."""


@honest(name="layer-by-shifts", form="module", region="the article's layer over shift and add")
class LayerByShifts(Conv2D):
    def forward(self, x: Tensor) -> Tensor:
        wide = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
        y: Tensor = plain_shift_and_add(x.to(wide), self.weight.to(wide)) + self.bias.to(wide)
        return y.to(x.dtype)
