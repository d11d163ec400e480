"""What the trigger faults share: how a result is bent, and how numbers are looked at."""

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
