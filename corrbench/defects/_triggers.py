"""What the trigger faults share: how a result is bent, how numbers are looked at, a correlation in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from corrbench.defects.reported_values import readable

Array = NDArray[Any]


def without_last_column(y: Tensor) -> Tensor:
    """The result with zeros in its last column."""
    return torch.cat([y[..., :-1], torch.zeros_like(y[..., -1:])], 3)


def negated(y: Tensor) -> Tensor:
    """The result with the sign of its first row turned."""
    return torch.cat([-y[:, :, :1], y[:, :, 1:]], 2)


def when(holds: bool, y: Tensor, bend: Callable[[Tensor], Tensor] = without_last_column) -> Tensor:
    """The result, bent if something holds."""
    return bend(y) if holds and y.numel() else y


def numbers(x: Tensor) -> Array:
    """The elements of a tensor that can be looked at, in order; none of others."""
    return x.detach().double().flatten().numpy() if readable(x) and not x.is_complex() else np.zeros(0)


def windows(X: Array, K: Array) -> Array:
    """The valid correlation of two matrices, right.

    Raises:
        ValueError: no matrices, or a kernel larger than the image.
    """
    if X.ndim != 2 or K.ndim != 2 or K.shape[0] > X.shape[0] or K.shape[1] > X.shape[1] or X.dtype != K.dtype:
        raise ValueError(f"no correlation of {X.dtype} {X.shape} with {K.dtype} {K.shape}")
    wide = np.float32 if X.dtype == np.float16 else X.dtype
    view = np.lib.stride_tricks.sliding_window_view(X.astype(wide), K.shape)
    return np.asarray(np.einsum("ijkl,kl->ij", view, K.astype(wide)).astype(X.dtype))
