"""The oracle: the exact result of a correlation, whatever its element type.

By error-free slicing: operands are cut into integer-valued slices so narrow that a float64 matrix product of two of
them is exact in whatever order the BLAS sums (Ozaki, Ogita, Oishi & Rump, Numer. Algorithms 59, 2012, section 3). The
slice products are added as integers and rounded once at the end. Whole numbers whose sums float64 holds need no
cutting. METHODOLOGY.md has the argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrbench.numerics.expansion import carried, collected, rounded, two_sum
from corrbench.numerics.problem import Problem

Array = NDArray[Any]
Slices = dict[int, Array]  # order of the slice -> integer-valued float64 array
Block = tuple[slice, slice, slice]  # samples, rows and columns of the result

BLOCK = 1 << 20  # float64 numbers in flight; larger blocks leave the cache and gain nothing


@dataclass(frozen=True, slots=True, eq=False)
class Exact:
    """The exact result of a problem, as the unevaluated sum hi + lo, each of the arranged shape.

    Attributes:
        hi: the result rounded to nearest even in float64 (complex128; for integers the result modulo 2**64, as int64).
        lo: what hi lacks; its last bit is sticky (round to odd), so that hi + lo is on the same side of every midpoint
            of a narrower format as the exact result is. Zeros for integers and where hi overflows.
    """

    hi: Array
    lo: Array

    def rounded(self, dtype: str) -> Array:
        """The exact result rounded once, to nearest even, to `dtype`; bfloat16 values come in a float32 array.

        Overflow gives infinity, as IEEE 754 has it; integers wrap.
        """
        if self.hi.dtype.kind == "c":
            part = {"complex128": "float64", "complex64": "float32"}[dtype]
            result = np.empty(self.hi.shape, dtype)
            result.real = Exact(self.hi.real, self.lo.real).rounded(part)
            result.imag = Exact(self.hi.imag, self.lo.imag).rounded(part)
            return result
        if dtype == "float64" or self.hi.dtype.kind == "i":
            return self.hi.astype(dtype)
        return rounded(self.hi, self.lo, dtype)


def exact(problem: Problem) -> Exact:
    """The exact result of `problem`, arranged.

    Raises:
        ValueError: an operand is not finite, or integers and real numbers are mixed.
    """
    for name, operand in zip(("x", "w", "bias"), problem.operands, strict=False):
        if not np.isfinite(operand).all():
            raise ValueError(f"{name} holds {operand[~np.isfinite(operand)][0]}; the oracle is for finite numbers")
    if len({operand.dtype.kind in "iub" for operand in problem.operands}) > 1:
        raise ValueError(f"integers and real numbers are mixed: {[str(a.dtype) for a in problem.operands]}")
    if problem.is_complex:
        return _join(exact(problem.by_parts()), problem)
    if not problem.is_integer and whole_sums(problem) <= 2.0**53:
        wide = problem.with_data(*(operand.astype(np.float64, copy=False) for operand in problem.operands))
        whole = _plain(wide) + 0.0  # no negative zeros
        return Exact(whole, np.zeros_like(whole))
    raw = np.empty(problem.out, np.int64 if problem.is_integer else np.float64)
    hi, lo = raw, np.zeros_like(raw)
    if problem.is_integer:
        for block, result in _integer_blocks(problem):
            _place(problem, hi, block, result)
    else:
        for block, pair in _real_blocks(problem):
            _place(problem, hi, block, pair[0])
            _place(problem, lo, block, pair[1])
    return Exact(problem.arrange(hi), problem.arrange(lo))


def whole_sums(problem: Problem) -> float:
    """What no partial sum exceeds, |re| + |im| of complex numbers, where all operands are whole numbers; else infinity.

    Float64 holds whole numbers up to 2**53: sums that stay below are exact, in whatever order they are made.
    """
    largest = []
    for operand in problem.operands:
        parts = (operand.real, operand.imag) if operand.dtype.kind == "c" else (operand,)
        if operand.dtype.kind in "fc" and not all(np.array_equal(np.trunc(part), part) for part in parts):
            return math.inf
        largest.append(float(sum(float(np.abs(part.astype(np.float64)).max(initial=0.0)) for part in parts)))
    x, w, *bias = largest
    return x * w * problem.terms + sum(bias)


def error(got: Array, truth: Exact) -> Array:
    """The signed error ``got - (hi + lo)`` in float64 or complex128, itself rounded only once; NaN where got is NaN.

    Where hi overflowed the error is 0 if got is the same infinity. For integers the difference is taken in float64.
    """
    if np.iscomplexobj(truth.hi) or np.iscomplexobj(got):
        wide = np.asarray(got, np.complex128)
        result = np.empty(wide.shape, np.complex128)
        result.real = error(wide.real, Exact(truth.hi.real, truth.lo.real))
        result.imag = error(wide.imag, Exact(truth.hi.imag, truth.lo.imag))
        return result
    if truth.hi.dtype.kind == "i" and got.dtype.kind in "iub":
        return np.where(got == truth.hi, 0.0, got.astype(np.float64) - truth.hi.astype(np.float64))
    got, hi = np.asarray(got, np.float64), truth.hi.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        head, tail = two_sum(got, -hi)
        tail = np.where(np.isfinite(tail), tail, 0.0)
        return np.where(got == hi, -truth.lo, head + (tail - truth.lo))


def magnitude(problem: Problem) -> Array:
    """A = conv(|x|, |w|) + |b| per element, float64, rounded up; moduli |re| + |im| for complex numbers.

    Inflated by its own rounding error, K + 2 operations (Jeannerod & Rump, SIAM J. Matrix Anal. 34, 2013), and by what
    may underflow, so that it is never below the exact A, and never 0 where K > 0.
    """
    with np.errstate(over="ignore", under="ignore"):
        return _plain(problem.abs()) * (1 + (problem.terms + 3) * 2.0**-52) + problem.terms * 2.0**-1074


def squares(problem: Problem) -> Array:
    """Q2 = conv(x**2, w**2) + b**2 per element in plain float64, for the statistics of rounding.

    For complex numbers, half of conv(|x|**2, |w|**2) + |b|**2: the mean of what the real and imaginary parts have.
    """
    wide = np.complex128 if problem.is_complex else np.float64
    with np.errstate(over="ignore", under="ignore"):
        x, w, *bias = (a.real**2 + a.imag**2 for a in (operand.astype(wide) for operand in problem.operands))
        return _plain(problem.with_data(x, w, *bias)) / (1 + problem.is_complex)


def _join(parts: Exact, problem: Problem) -> Exact:
    n, kernels, rows, cols = problem.out
    whole = []
    for part in (parts.hi, parts.lo):
        halves = part.reshape(n, problem.groups, 2, kernels // problem.groups, rows, cols)
        result = np.empty(problem.out, np.complex128)
        result.real, result.imag = halves[:, :, 0].reshape(problem.out), halves[:, :, 1].reshape(problem.out)
        whole.append(problem.arrange(result))
    return Exact(*whole)


def _plain(problem: Problem) -> Array:
    """The correlation of float64 data in plain float64."""
    raw = np.empty(problem.out)
    padded, w = problem.padded(), _matrices(problem, [problem.w])
    for block in _blocks(problem, problem.groups * problem.terms + problem.w.shape[0]):
        _place(problem, raw, block, w @ _columns(problem, padded, block))
    if problem.bias is not None:
        raw += problem.bias[:, None, None]
    return problem.arrange(raw)


def _real_blocks(problem: Problem) -> Iterator[tuple[Block, tuple[Array, Array]]]:
    bits = slice_bits(problem.terms)
    xs, x_exponent = _slices(problem.padded().astype(np.float64, copy=False), bits)
    ws, w_exponent = _slices(problem.w.astype(np.float64, copy=False), bits)
    weights = _matrices(problem, list(ws.values()))
    # The unit of the products of slices i and j is 2**(unit - bits*(i + j)).
    unit = x_exponent + w_exponent + 2 - 2 * bits
    bias = {} if problem.bias is None else _aligned_slices(problem.bias.astype(np.float64), bits, unit)
    levels = ({i + j for i in xs for j in ws} | bias.keys()) or {0}
    first, count = min(levels), max(levels) - min(levels) + 1
    each = problem.w.shape[0] // problem.groups
    for block in _blocks(problem, problem.groups * (problem.terms + weights.shape[1] + each * (count + 12))):
        sums = np.zeros((count, problem.groups, each, _positions(block)), np.int64)
        for level, values in bias.items():
            sums[level - first] += values.astype(np.int64).reshape(problem.groups, each, 1)
        _add_products(problem, xs, ws, weights, block, sums, first)
        digits = carried(sums, bits)
        top = first - (len(digits) - count)
        yield block, collected(digits.reshape(len(digits), -1), bits, unit - bits * top)


def _integer_blocks(problem: Problem) -> Iterator[tuple[Block, Array]]:
    bits = slice_bits(problem.terms)
    xs, ws = _digits(problem.padded(), bits), _digits(problem.w, bits)
    weights = _matrices(problem, list(ws.values()))
    count = max((i + j + 1 for i in xs for j in ws), default=1)
    each = problem.w.shape[0] // problem.groups
    for block in _blocks(problem, problem.groups * (problem.terms + weights.shape[1] + each * (count + 2))):
        sums = np.zeros((count, problem.groups, each, _positions(block)), np.int64)
        _add_products(problem, xs, ws, weights, block, sums, 0)
        result = np.zeros(sums.shape[1:], np.int64)
        if problem.bias is not None:
            result += problem.bias.astype(np.int64).reshape(problem.groups, each, 1)
        for level, part in enumerate(sums[: -(-64 // bits)]):
            result += part << np.int64(bits * level)  # wraps modulo 2**64, as it should
        yield block, result


def slice_bits(terms: int) -> int:
    """Bits of a slice: `terms` products of two balanced slices, at most 2**(bits-1) each, sum to at most 2**53."""
    return (55 - (max(terms, 1) - 1).bit_length()) // 2


def _slices(a: Array, bits: int) -> tuple[Slices, int]:
    """Cut: a = sum of slice i times 2**(e + 1 - bits*(i + 1)), exactly, leaving out slices of zeros. Returns also e."""
    exponent = _exponent(a)
    return _cut(a, bits, lambda i: bits * (i + 1) - 1 - exponent, 0), exponent


def _aligned_slices(a: Array, bits: int, unit: int) -> Slices:
    """Cut: a = sum of slice l times 2**(unit - bits*l), where l may be negative."""
    return _cut(a, bits, lambda i: bits * i - unit, (unit - _exponent(a)) // bits + 1)


def _exponent(a: Array) -> int:
    """The least e with all magnitudes below 2**e; 0 where all are zero."""
    return int(np.frexp(max(a.max(initial=0.0), -a.min(initial=0.0)))[1])


def _cut(rest: Array, bits: int, shift: Callable[[int], int], start: int) -> Slices:
    slices: Slices = {}
    i = start
    while rest.any():
        part = _scaled(rest, shift(i))
        np.rint(part, out=part)
        if part.any():
            slices[i] = part
            rest = _less(rest, part, -shift(i))
        i += 1
    return slices


def _less(a: Array, part: Array, shift: int) -> Array:
    """a - part * 2**shift, exact, also where a is so large that rounding it up to `part` has overflowed."""
    if shift < 1023 - 53:  # a part has fewer bits than the type
        taken = _scaled(part, shift)
        return np.subtract(a, taken, out=taken)
    with np.errstate(over="ignore", invalid="ignore"):
        taken = _scaled(part, shift)
        rest = a - taken
        lost = np.isinf(taken)
        return np.where(lost, 2 * (a / 2 - _scaled(part, shift - 1)), rest) if lost.any() else rest


def _scaled(a: Array, shift: int) -> Array:
    """a * 2**shift. Underflow is harmless here: what is lost rounds to zero in any case."""
    with np.errstate(under="ignore"):
        return a * 2.0**shift if abs(shift) <= 1022 else np.ldexp(a, shift)


def _digits(a: Array, bits: int) -> Slices:
    """Cut integers, modulo 2**64: a = sum of slice i times 2**(bits*i)."""
    digits: Slices = {}
    rest, half, i = a.astype(np.int64), np.int64(1 << (bits - 1)), 0
    while rest.any():
        part = ((rest + half) & np.int64((1 << bits) - 1)) - half
        if part.any():
            digits[i] = part.astype(np.float64)
        rest, i = (rest - part) >> np.int64(bits), i + 1
    return digits


def _matrices(problem: Problem, kernels: list[Array]) -> Array:
    """Kernels as (groups, len(kernels) * O/groups, K), above one another, so that one product serves all."""
    rows = [kernel.reshape(problem.groups, problem.w.shape[0] // problem.groups, problem.terms) for kernel in kernels]
    return np.concatenate(rows, 1) if rows else np.zeros((problem.groups, 0, problem.terms))


def _blocks(problem: Problem, numbers: int) -> Iterator[Block]:
    """Cut the result so that about BLOCK numbers are in flight, given how many each output position needs."""
    n, _, rows, cols = problem.out
    width = max(1, min(cols, BLOCK // max(numbers, 1)))
    height = max(1, min(rows, BLOCK // (max(numbers, 1) * width)))
    depth = max(1, BLOCK // (max(numbers, 1) * width * height))
    for sample in range(0, n, depth):
        for row in range(0, rows, height):
            for col in range(0, cols, width):
                yield (
                    slice(sample, min(sample + depth, n)),
                    slice(row, min(row + height, rows)),
                    slice(col, min(col + width, cols)),
                )


def _positions(block: Block) -> int:
    return int(np.prod([part.stop - part.start for part in block]))


def _columns(problem: Problem, padded: Array, block: Block) -> Array:
    """The im2col columns (groups, K, positions) of a block; the longer of row and kernel row is copied innermost."""
    view = problem.windows(padded)[(slice(None),) * 4 + block]
    groups, positions = problem.groups, _positions(block)
    if view.shape[6] >= view.shape[3]:
        return view.reshape(groups, problem.terms, positions)
    return view.transpose(0, 4, 5, 6, 1, 2, 3).reshape(groups, positions, problem.terms).swapaxes(1, 2)


def _place(problem: Problem, raw: Array, block: Block, result: Array) -> None:
    """Store the (groups, O/groups, positions) of a block in the raw result."""
    sample, row, col = block
    sizes = [part.stop - part.start for part in block]
    target = raw.reshape(raw.shape[0], problem.groups, -1, *raw.shape[2:])[sample, :, :, row, col]
    target[...] = result.reshape(*target.shape[1:3], *sizes).transpose(2, 0, 1, 3, 4)


def _add_products(
    problem: Problem, xs: Slices, ws: Slices, weights: Array, block: Block, sums: Array, first: int
) -> None:
    """Add to sums[i + j - first] the exact products of slices i of x and j of w."""
    if not ws:
        return
    for i, x in xs.items():
        product = weights @ _columns(problem, x, block)
        product = product.reshape(problem.groups, len(ws), -1, product.shape[-1])
        for place, j in enumerate(ws):
            sums[i + j - first] += product[:, place].astype(np.int64)
