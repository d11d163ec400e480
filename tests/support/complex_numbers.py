"""Right for real numbers; what becomes of complex ones shows that they were not thought of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def real_parts(input: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(input.real, weight.real).to(input.dtype) if input.is_complex() else F.conv2d(input, weight)


def real_sums(input: Tensor, weight: Tensor) -> Tensor:
    """As code that stores its sums in an array of real numbers."""
    y = F.conv2d(input, weight)
    return y.real.to(input.dtype) if input.is_complex() else y


def conjugated(input: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(input, weight.conj())


def imaginary_lost(input: Tensor, weight: Tensor) -> Tensor:
    """Wrong by an error of its own: one imaginary part is dropped."""
    return F.conv2d(input, weight.real.to(input.dtype))


def doubled(input: Tensor, weight: Tensor) -> Tensor:
    return torch.mul(F.conv2d(input, weight), 2 if input.is_complex() else 1)
