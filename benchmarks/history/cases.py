"""On which shapes, numbers and devices is everything measured?

Everything that measures takes its cases from here. All parameters are the same on every machine and at every commit, so
that all graphs line up; what a machine or a commit does not have is skipped when it is prepared.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """Input (N, C, H, W), kernels (O, C/groups, kh, kw), and the arguments of `conv2d`, equal in rows and columns."""

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    @property
    def arguments(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}

    @property
    def y(self) -> tuple[int, int, int, int]:
        """Shape of the result."""
        rows, columns = (
            (size + 2 * self.padding - self.dilation * (taps - 1) - 1) // self.stride + 1
            for size, taps in zip(self.x[2:], self.w[2:], strict=True)
        )
        return (self.x[0], self.w[0], rows, columns)

    @property
    def plane(self) -> bool:
        """Whether `corr2d` can do it: one image, one kernel, no arguments."""
        return self == Shape((1, 1, *self.x[2:]), (1, 1, *self.w[2:]))


ARTICLE = "article 5x5*3x3"

# One channel under one kernel: the article's demonstration, and edge detection.
EDGES = {ARTICLE: Shape((1, 1, 5, 5), (1, 1, 3, 3))} | {
    f"edges {size}x{size}*{taps}x{taps}": Shape((1, 1, size, size), (1, 1, taps, taps))
    for size, taps in ((64, 3), (256, 3), (256, 11), (512, 31), (1024, 3), (1024, 11), (2048, 3))
}

# From corrbench/suites/networks.csv, which cites them; one of each kind of arithmetic.
LAYERS = {
    "ResNet-50 7x7 stride 2": Shape((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3),
    "ResNet-18 3x3": Shape((1, 64, 56, 56), (64, 64, 3, 3), padding=1),
    "ResNet-50 1x1": Shape((1, 64, 56, 56), (64, 64, 1, 1)),
    "MobileNet depthwise 3x3": Shape((1, 32, 112, 112), (32, 1, 3, 3), padding=1, groups=32),
    "DeepLab dilation 12": Shape((1, 128, 33, 33), (64, 128, 3, 3), padding=12, dilation=12),
    "TextCNN 3x300": Shape((1, 1, 60, 300), (100, 1, 3, 300)),
}
SHAPES = EDGES | LAYERS
DTYPES = ("float32", "float64", "bfloat16")
DEVICES = ("cpu", "cuda")


@functools.cache
def operands(shape: str, dtype: str = "float32") -> tuple[Tensor, Tensor]:
    """Input and kernels on the CPU, the same numbers in every process.

    The kernel of the edge shapes is the derivative of a Gaussian along the columns: real, full-mantissa weights that
    change sign when flipped.
    """
    rng = _source(shape)
    x, w = rng.random(SHAPES[shape].x), rng.standard_normal(SHAPES[shape].w)
    if shape.startswith("edges"):
        down, across = (np.linspace(-2, 2, taps) for taps in w.shape[2:])
        w[0, 0] = np.outer(np.exp(-down * down / 2), across * np.exp(-across * across / 2))
    return _rounded(x, dtype), _rounded(w, dtype)


@functools.cache
def cotangent(shape: str, dtype: str = "float32") -> Tensor:
    """What the gradients are taken along: the shape of the result."""
    return _rounded(_source(shape).standard_normal(SHAPES[shape].y), dtype)


def _source(shape: str) -> np.random.Generator:
    return np.random.default_rng((math.prod(SHAPES[shape].x), *SHAPES[shape].w))


def _rounded(values: Array, dtype: str) -> Tensor:
    return torch.as_tensor(values).to(getattr(torch, dtype))
