"""Error bounds, and statistics of rounding errors: how large may the error be?

`bound` never fails an honest result of the declared accuracy class, and `statistics` says whether an error within the
bound looks like honest rounding. METHODOLOGY.md proves or cites each formula. Notation: K products in an element, m = K
and 1 for a bias, A = conv(|x|, |w|) + |b|, u the unit roundoff, gamma(m) = (1 + u)**m - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrbench.case import INTEGERS
from corrbench.numerics import oracle
from corrbench.numerics.formats import MAX, MIN_NORMAL, MIN_SUBNORMAL, UNIT
from corrbench.numerics.oracle import Exact
from corrbench.numerics.problem import Problem
from corrbench.numerics.transform_bounds import fft, gamma, winograd

Array = NDArray[Any]

ACCURACIES = ("direct", "tf32", "winograd", "fft")  # each of them admits a direct computation
TRANSFORMS = ("winograd", "fft")

LAX = ("stepwise", "narrow")  # of code that is not made for a type, see METHODOLOGY.md
WANDER = 8.0  # units of all terms' sizes by which the rounded partial sums of terms of both signs are off at most

MARGIN = 1 + 2.0**-40  # for the roundings of this module
LEAST = MIN_SUBNORMAL["float64"]  # and for those among subnormal numbers
TRUNCATED = 2.0**-10  # relative error of an input cut, not rounded, to the 11 bits of TF32
FRAGMENT = 4  # products that a TF32 tensor core adds at a time, at the least


@dataclass(frozen=True, slots=True)
class Statistics:
    """How the error compares with that of honest rounding.

    Attributes:
        bits: effective precision: a sequential accumulator of p bits, round to nearest, reads about p + 0.5; other
            orders of summation read more. Infinity where nothing is in error.
        z: studentised mean of the errors along the sign of the result. Round to nearest stays within 3 or so;
            truncation is far below.
        count: elements judged.
    """

    bits: float
    z: float
    count: int


def accumulator(dtype: str) -> str:
    """The format that results of `dtype` are accumulated in by default: float32 or the wider `dtype`."""
    return {"float16": "float32", "bfloat16": "float32", "complex64": "float32", "complex128": "float64"}.get(
        dtype, dtype
    )


def bound(
    problem: Problem,
    truth: Exact,
    *,
    dtype: str,
    accuracy: str = "direct",
    magnitude: Array | None = None,
    flush: bool = False,
) -> Array:
    """The error allowed to each element of a result of `dtype`, float64, of shape `problem.shape`.

    For complex numbers it holds for the real and for the imaginary part. Infinity means that nothing can be said: a
    partial sum may overflow, or m*u >= 1. Integers have no error.

    Args:
        problem: the operands.
        truth: the exact result, `oracle.exact(problem)`.
        dtype: format of the result; the accumulator is `accumulator(dtype)`.
        accuracy: one of ACCURACIES; tf32 is direct unless dtype is float32 or complex64.
        magnitude: `oracle.magnitude(problem)`, if it is at hand.
        flush: whether subnormal numbers may be taken or returned as zero.

    Raises:
        ValueError: `accuracy` is unknown.
    """
    if accuracy not in ACCURACIES:
        raise ValueError(f"unknown accuracy {accuracy!r}; known: {', '.join(ACCURACIES)}")
    if dtype in INTEGERS:
        return np.zeros(problem.shape)
    size = oracle.magnitude(problem) if magnitude is None else magnitude
    wide = accumulator(dtype)
    unit = UNIT[wide]
    tensor_core = accuracy == "tf32" and wide == "float32"
    with np.errstate(over="ignore", invalid="ignore"):
        allowed = _direct(problem.m, unit, tensor_core, problem.is_complex) * size
        largest = (1 + problem.is_complex) * size + allowed  # of any partial sum
        if accuracy == "winograd":
            extra, values = winograd(problem, unit)
            allowed, largest = np.maximum(allowed, extra), np.maximum(largest, values)
        elif accuracy == "fft":
            extra, values = fft(problem, unit)
            allowed, largest = np.maximum(allowed, extra), np.maximum(largest, values)
        allowed = allowed + (1 + 3 * problem.is_complex) * problem.m * MIN_SUBNORMAL[wide] / 2
        if flush:
            allowed = allowed + _flushed(problem, dtype)
        reached = absolute(truth.hi) + allowed
        overflows = (largest >= MAX[wide]) | (reached >= MAX[dtype])
        if UNIT[dtype] > unit:
            allowed = allowed + np.maximum(UNIT[dtype] * reached, MIN_SUBNORMAL[dtype] / 2)
        return np.asarray(np.where(overflows | np.isnan(allowed), np.inf, allowed * MARGIN + LEAST))


def lax(
    problem: Problem,
    truth: Exact,
    *,
    dtype: str,
    kind: str,
    magnitude: Array | None = None,
    partial: int = 0,
    summed: bool = False,
    whole: bool = False,
) -> Array:
    """The error allowed by a class of `LAX`, float64, of shape `problem.shape`; infinity where it says nothing.

    ``stepwise``, for 16-bit types: each product is rounded to the type, the sum is wide and rounded, a bias is added
    to the rounded sum and rounded again: u*A + (1 + u)*gamma(m)*A of float32 before the two roundings of the result.
    With `partial` so many partial sums are rounded as well: `numpy.einsum` rounds the sum of each inner loop. Where it
    is `summed` term by term in the type, as an autograd engine adds up the many small uses of an operand, the roundings
    of m partial sums are taken to go both ways, `WANDER`*u*A, but for those of terms of one sign, m*u of the result.

    ``narrow``, for wider types: operands and computation are float32, or float64 for integers of 64 bits that float32
    cannot hold; numbers too large or too small for it are lost.

    Of `whole` numbers nothing is rounded where all products and sums are whole numbers that the type holds.

    Raises:
        ValueError: `kind` is unknown.
    """
    if kind not in LAX:
        raise ValueError(f"unknown class {kind!r}; known: {', '.join(LAX)}")
    size = oracle.magnitude(problem) if magnitude is None else magnitude
    if kind == "stepwise":
        allowed, held = _stepwise(problem, truth, dtype, size, partial, summed), 1 / UNIT.get(dtype, 1.0)
    else:
        allowed, held = _narrow(problem, dtype, size), 1 / UNIT["float32"]
    return np.asarray(np.where(size <= held, 0.0, allowed)) if whole else allowed


def _stepwise(problem: Problem, truth: Exact, dtype: str, size: Array, partial: int, summed: bool) -> Array:
    if UNIT.get(dtype, 0.0) < 2.0**-12:
        return np.zeros(problem.shape)
    unit = UNIT[dtype]
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = gamma(partial + 1, unit) if partial * unit < 1 else np.inf
        allowed = (rounded + (1 + unit) * gamma(problem.m, UNIT["float32"])) * size
        if summed:
            allowed = allowed + WANDER * unit * size + min(problem.m * unit, 1.0) * absolute(truth.hi)
        allowed = allowed + problem.m * MIN_SUBNORMAL[dtype]
        reached = absolute(truth.hi) + allowed
        twice = allowed + 2 * (unit * (1 + unit) * (reached + size * (problem.bias is not None)))
        overflows = (size + twice) >= MAX[dtype]
    return np.asarray(np.where(overflows | np.isnan(twice), np.inf, twice * MARGIN))


def _narrow(problem: Problem, dtype: str, size: Array) -> Array:
    if dtype not in ("float64", "complex128", "int32", "int64"):
        return np.zeros(problem.shape)
    unit = UNIT["float32"]
    with np.errstate(over="ignore", invalid="ignore"):
        factor = gamma(2 * problem.m + 4, unit) if problem.m * unit < 0.25 else np.inf
        allowed = factor * (1 + problem.is_complex) * size + problem.m * MIN_SUBNORMAL["float32"]
        if dtype not in INTEGERS:
            allowed = allowed + _flushed(problem, "float32")
    if dtype in INTEGERS:  # sums that wrap around tell nothing of their rounding
        return np.asarray(np.where(size + allowed < 2.0 ** (8 * np.dtype(dtype).itemsize - 1), allowed, 0.0))
    overflows = (size + allowed) >= MAX["float32"]
    return np.asarray(np.where(overflows | np.isnan(allowed), np.inf, allowed * MARGIN))


def absolute(a: Array) -> Array:
    """|a|, and for complex numbers the larger of |re| and |im|: what `bound` bounds. Float64."""
    if a.dtype.kind == "c":
        return np.asarray(np.maximum(np.abs(a.real), np.abs(a.imag)))
    return np.asarray(np.abs(a.astype(np.float64)))


def within(error: Array, allowed: Array) -> Array:
    """Which elements keep the bound. NaN does not, unless the element is unconstrained (bound infinite)."""
    return np.asarray((absolute(error) <= allowed) | np.isposinf(allowed))


def fitting_class(
    error: Array, problem: Problem, truth: Exact, *, dtype: str, magnitude: Array | None = None
) -> str | None:
    """The class of ACCURACIES whose bound every element of the error keeps; None if it fits none.

    Of several, the one whose bound has the smallest median: which is tighter depends on the data.
    """
    size = oracle.magnitude(problem) if magnitude is None else magnitude
    fits: dict[str, float] = {}
    for accuracy in ACCURACIES:
        allowed = bound(problem, truth, dtype=dtype, accuracy=accuracy, magnitude=size)
        if within(error, allowed).all():
            fits[accuracy] = float(np.median(allowed)) if allowed.size else 0.0
    return min(fits, key=lambda accuracy: fits[accuracy], default=None)


def late_bias(problem: Problem, truth: Exact, dtype: str) -> Array:
    """The error of a result to which the bias is added after the sum was rounded to `dtype`, at the most, float64, of
    shape `problem.shape`: that of the sum, and one more rounding. It is no class that can be asked for: the bias is one
    term of the sum.
    """
    bare = replace(problem, bias=None)
    first = bound(bare, oracle.exact(bare), dtype=dtype)
    return np.asarray(first + np.maximum(UNIT[dtype] * (absolute(truth.hi) + first), MIN_SUBNORMAL[dtype] / 2))


def exact_radius(dtype: str, terms: int) -> int:
    """The largest R such that any sum of `terms` products of integers in [-R, R] is exact in `dtype`, in every order.

    The result must fit as well, so the precision is that of `dtype`, not of the accumulator. Complex numbers leave room
    for products of sums, (xr + xi)*(wr + wi). Integers wrap, hence any value will do: the largest of the type.
    """
    if dtype in INTEGERS:
        return int(np.iinfo(dtype).max)
    room = int(1 / UNIT[dtype]) // (4 if dtype.startswith("complex") else 1)
    return math.isqrt(room // max(terms, 1))


def statistics(error: Array, problem: Problem, truth: Exact, *, dtype: str) -> Statistics:
    """Size and bias of an error against what round to nearest gives on random data (a model, not a bound).

    A partial sum of k of the K products, in random order, has the mean square k/K * (K-k)/(K-1) * (Q2 - y**2/K) +
    (k/K)**2 * y**2; a rounding of s has the root mean square u*|s|/sqrt(3) at the most. Q2 = conv(x**2, w**2).
    """
    error, y, q2 = (_parts(a, problem.is_complex) for a in (error, truth.hi, oracle.squares(problem)))
    k, unit = problem.m * (1 + problem.is_complex), UNIT[accumulator(dtype)]
    with np.errstate(all="ignore"):
        partial = (k + 1) * (2 * k + 1) / (6 * k) * y**2 + (k + 1) / 6 * np.maximum(q2 - y**2 / k, 0)
        square = unit**2 * (partial + q2) / 3
        if UNIT[dtype] > unit:
            square = square + UNIT[dtype] ** 2 * y**2 / 3
        relative = error * np.sign(y) / np.sqrt(square)
    relative = relative[np.isfinite(relative) & (square > 0)]
    if not relative.any():
        return Statistics(math.inf, 0.0, relative.size)
    bits = -math.log2(UNIT[dtype] * math.sqrt(float(np.mean(relative**2))))
    spread = float(relative.std(ddof=1)) if relative.size > 1 else 0.0
    z = float(relative.mean()) * math.sqrt(relative.size) / spread if spread else 0.0
    return Statistics(bits, z, relative.size)


def effective_bits(error: Array, magnitude: Array) -> float:
    """-log2 of the largest |e|/A: how many bits are right, relative to what was summed. NaN gives -infinity."""
    with np.errstate(invalid="ignore", divide="ignore"):
        worst = float(np.max(absolute(error) / magnitude, initial=0.0))
    return math.inf if worst == 0 else -math.log2(worst) if math.isfinite(worst) else -math.inf


def smallest_visible_fault(allowed: Array, truth: Exact) -> float:
    """The median of B/|y|: a larger relative fault is caught in half of the elements. NaN if there are none."""
    y = absolute(truth.hi)
    seen = (y > 0) & np.isfinite(y)
    return float(np.median(allowed[seen] / y[seen])) if seen.any() else math.nan


def _direct(m: int, unit: float, tensor_core: bool, is_complex: bool) -> float:
    """Error relative to A of any order of summation. Higham, Accuracy and Stability, 2nd ed., sections 3.1 and 4.2."""
    if tensor_core:  # Blanchard, Higham, Lopez, Mary & Pranesh, SIAM J. Sci. Comput. 42, 2020
        cut, m, unit = (1 + TRUNCATED) ** 2 - 1, m + -(-m // FRAGMENT), 2 * unit
    else:
        cut = 0.0
    if not is_complex:
        return cut + gamma(m, unit) * (1 + cut)
    # By parts, 2m terms; or with three products, where |re| + |im| enters twice and four roundings are added.
    return max(cut + gamma(2 * m, unit) * (1 + cut), 2 * (cut + gamma(m + 4, unit) * (1 + cut)))


def _flushed(problem: Problem, dtype: str) -> Array:
    """What is lost where every subnormal operand, product, sum and result may be taken as zero."""
    size, smallest = problem.abs(), MIN_NORMAL[dtype]
    x, w = (np.where(a < smallest, a, 0.0) for a in (size.x, size.w))
    lost = np.full(problem.shape, (2 + 6 * problem.is_complex) * problem.m * MIN_NORMAL[accumulator(dtype)] + smallest)
    if x.any():
        lost += oracle.magnitude(size.with_data(x, size.w))
    if w.any():
        lost += oracle.magnitude(size.with_data(size.x, w))
    return lost


def _parts(a: Array, is_complex: bool) -> Array:
    """Real and imaginary parts as one real array, or the array itself."""
    if not is_complex:
        return np.asarray(a, np.float64)
    return np.stack([a.real, a.imag] if a.dtype.kind == "c" else [a, a])
