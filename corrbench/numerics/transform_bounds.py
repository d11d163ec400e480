"""Error bounds of correlations by Winograd's algorithm and by the Fourier transform."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrbench.numerics import oracle
from corrbench.numerics.formats import MIN_NORMAL
from corrbench.numerics.problem import Problem

Array = NDArray[Any]

# Winograd F(m x m, 3 x 3): m, and the finite points; infinity is always one more. Lavin & Gray, CVPR 2016.
TILES: tuple[tuple[int, tuple[Fraction, ...]], ...] = (
    (2, (Fraction(0), Fraction(1), Fraction(-1))),
    (4, (Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(-2))),
    (4, (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-1, 2))),
)


def gamma(count: float, unit: float) -> float:
    """(1 + u)**count - 1, or infinity where count*u >= 1 and the bound would say nothing."""
    return math.expm1(count * math.log1p(unit)) if count * unit < 1 else math.inf


def winograd(problem: Problem, unit: float) -> tuple[Array, Array]:
    """The bound of `TILES` over all positions of the tile grid, and a bound on all values computed on the way.

    Barabasz, Anderson, Soodhalter & Gregg, ACM Trans. Math. Softw. 46, 2020, kept elementwise.
    """
    if problem.w.shape[2:] != (3, 3) or problem.stride != (1, 1) or problem.dilation != (1, 1) or problem.is_complex:
        return np.zeros(problem.shape), np.zeros(problem.shape)
    size = problem.abs()
    top, bottom, left, right = problem.sides
    bias = 0.0 if size.bias is None else size.bias[:, None, None]
    worst, values = np.zeros(problem.out), np.zeros(problem.out)
    for m, points in TILES:
        inverse, kernel, data, transforms = _cook_toom(m, 3, points)
        roundings = 2 * transforms + problem.w.shape[1] + (problem.bias is not None)
        transformed = kernel @ size.w @ kernel.T
        for i in range(m):
            for j in range(m):
                w = (inverse[i][:, None] * data).T @ transformed @ (inverse[j][:, None] * data)
                sides = (top + i, bottom + m - 1 - i, left + j, right + m - 1 - j)
                tile = oracle.magnitude(Problem(size.x, w, sides=sides, groups=problem.groups)) + bias
                worst = np.maximum(worst, gamma(roundings, unit) * tile)
                values = np.maximum(values, tile)
    return problem.arrange(worst), problem.arrange(values)


def _cook_toom(m: int, r: int, points: Sequence[Fraction]) -> tuple[Array, Array, Array, int]:
    """|A^T|, |G| and |B^T| of F(m, r), and the roundings of one application of all three."""
    inverse = [[p**i for p in points] + [Fraction(i == m - 1)] for i in range(m)]
    kernel, data = [], []
    for p in points:
        others = [q for q in points if q != p]
        scale = math.prod((p - q for q in others), start=Fraction(1))
        kernel.append([p**k / scale for k in range(r)])
        data.append([*_polynomial(others), Fraction(0)])
    kernel.append([Fraction(k == r - 1) for k in range(r)])
    data.append(_polynomial(points))
    count = 0
    for matrix in (inverse, kernel, data):
        inexact = any(value.denominator & (value.denominator - 1) for row in matrix for value in row)
        count += max(sum(value != 0 for value in row) for row in matrix) + inexact
    a, g, b = (np.abs(np.array(matrix, dtype=np.float64)) for matrix in (inverse, kernel, data))
    return a, g, b, count


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of prod(t - root), from the constant one."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [-root * c for c in coefficients] + [Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def fft(problem: Problem, unit: float) -> tuple[Array, Array]:
    """A bound for each sample and output channel, after Higham, Accuracy and Stability, 2nd ed., theorem 24.2."""
    n, kernels, *_ = problem.out
    padded = problem.padded()
    points = math.prod(2 ** math.ceil(math.log2(a + b)) for a, b in zip(padded.shape[2:], problem.reach, strict=True))
    step = unit * (1 + 4 * math.sqrt(2)) * math.ceil(math.log2(points))
    epsilon = step / (1 - step) if step < 1 else math.inf
    channels = problem.w.shape[1]
    if 2 * epsilon + (4 + channels) * unit > 0.01:  # the margin of 1.02 for products of errors is not proved there
        return np.full(problem.shape, np.inf), np.full(problem.shape, np.inf)
    x = _norm(padded).reshape(n, problem.groups, 1, channels)
    w = problem.w.reshape(1, problem.groups, kernels // problem.groups, channels, -1)
    length, total = _norm(w[..., None]), np.abs(w).sum(-1, dtype=np.float64)
    euclid, mixed = (x * length).sum(-1).reshape(n, kernels), (x * total).sum(-1).reshape(n, kernels)
    allowed = 1.02 * ((2 * epsilon + (4 + channels) * unit) * euclid + epsilon * mixed)
    values = points * euclid
    if problem.bias is not None:
        values = values + np.abs(problem.bias)
        allowed = allowed + unit * (mixed + np.abs(problem.bias) + allowed)
    allowed, values = (np.broadcast_to(a[:, :, None, None], problem.out) for a in (allowed, values))
    return problem.arrange(allowed), problem.arrange(values)


def _norm(a: Array) -> Array:
    """Euclidean norm over the last two axes, scaled against underflow and overflow."""
    size = np.abs(a.astype(np.complex128 if a.dtype.kind == "c" else np.float64))
    scale = np.maximum(size.max((-2, -1), keepdims=True, initial=0.0), MIN_NORMAL["float64"])
    return np.asarray(np.sqrt(((size / scale) ** 2).sum((-2, -1))) * scale[..., 0, 0])
