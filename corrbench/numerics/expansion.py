"""Floating-point expansions: exact numbers held as sums of several float64 or of many digits, and rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from corrbench.numerics.formats import MAX, PRECISION, TOP_EXPONENT

Array = NDArray[Any]


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b as the rounded sum and its exact error (Knuth, The Art of Computer Programming 2, section 4.2.2)."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def to_odd(hi: Array, lo: Array) -> Array:
    """hi + lo, where hi is the nearest float64 of the sum, rounded to odd.

    A second rounding, to a format at least two bits narrower, then gives what one rounding would have given (Boldo &
    Melquiond, IEEE Trans. Comput. 57, 2008).
    """
    even = (np.ascontiguousarray(hi, np.float64).view(np.int64) & 1) == 0
    move = even & (lo != 0) & np.isfinite(hi)
    if not move.any():
        return hi
    return np.nextafter(hi, np.copysign(np.inf, lo), where=move, out=np.array(hi, np.float64))


def rounded(hi: Array, lo: Array, dtype: str) -> Array:
    """hi + lo, where hi is the nearest float64, rounded once to nearest even; bfloat16 values come in float32."""
    if dtype == "float64":
        return hi.copy()
    odd = to_odd(hi, lo)
    with np.errstate(over="ignore", under="ignore"):
        if dtype != "bfloat16":
            return np.asarray(odd.astype(dtype))
        _, exponent = np.frexp(odd)
        quantum = np.maximum(exponent, 2 - TOP_EXPONENT[dtype]) - PRECISION[dtype]  # subnormals have fewer bits
        nearest = np.ldexp(np.rint(np.ldexp(odd, -quantum)), quantum)
        nearest = np.where(np.abs(nearest) > MAX[dtype], np.copysign(np.inf, nearest), nearest)
        return np.asarray(nearest.astype(np.float32))


def carried(sums: Array, bits: int) -> Array:
    """Balanced digits, at most 2**(bits-1) in size, of sum_l sums[l] * 2**(-bits*l), most significant first.

    As many are added on top as the carry needs. `sums`, int64 of shape (levels, ...), is overwritten.
    """
    half, shift = np.int64(1 << (bits - 1)), np.int64(bits)
    carry = np.zeros(sums.shape[1:], np.int64)
    for level in range(len(sums) - 1, -1, -1):
        sums[level] += carry
        np.add(sums[level], half, out=carry)
        carry >>= shift
        sums[level] -= carry << shift
    above: list[Array] = []
    while carry.any():
        rest = (carry + half) >> shift
        above.insert(0, carry - (rest << shift))
        carry = rest
    return np.concatenate([np.stack(above), sums]) if above else sums


def collected(digits: Array, bits: int, unit: int) -> tuple[Array, Array]:
    """sum_l digits[l] * 2**(unit - bits*l) as (hi, lo): hi the nearest float64, lo the rest, rounded to odd.

    Digits are balanced, int64, of shape (levels, elements). Two of them fit exactly into a float64, and what follows
    the first non-zero one is at most about half its unit, so that a window of 110 bits from there decides every
    rounding, if whatever is below the window is replaced by something small of the same sign.
    """
    if len(digits) <= 4:
        first, tail = np.zeros(digits.shape[1], np.intp), None
        window = np.concatenate([digits, np.zeros((4 - len(digits), digits.shape[1]), np.int64)])
    else:
        first, window, tail = _window(digits, 2 * -(-(110 + bits) // (2 * bits)))
    pairs = ((window[0::2] << np.int64(bits)) + window[1::2]).astype(np.float64)
    pairs *= np.ldexp(1.0, -2 * bits * np.arange(len(pairs)))[:, None]
    rest = None if tail is None else tail * 2.0 ** (-2 * bits * (len(pairs) - 1))
    for pair in pairs[:1:-1]:
        rest = pair if rest is None else to_odd(*two_sum(pair, rest))
    hi, lo = two_sum(pairs[0], pairs[1])
    if rest is not None:
        hi, lo = two_sum(hi, to_odd(*two_sum(lo, rest)))
    return _placed(hi, lo, unit - bits * (first + 1))


def _window(digits: Array, size: int) -> tuple[Array, Array, Array | None]:
    """The place of the first non-zero digit, `size` digits from there, and half the sign of what is below them."""
    nonzero = digits != 0
    first = nonzero.argmax(0)
    tail = None
    if len(digits) > size:
        tail = np.zeros(digits.shape[1])
        for level in range(len(digits) - 1, size - 1, -1):
            below = nonzero[level] & (first + size <= level)
            tail[below] = 0.5 * np.sign(digits[level, below])
    padded = np.concatenate([digits, np.zeros((size, digits.shape[1]), np.int64)])
    return first, np.take_along_axis(padded, first + np.arange(size)[:, None], 0), tail


def _placed(hi: Array, lo: Array, exponent: Array) -> tuple[Array, Array]:
    """(hi, lo) * 2**exponent, rounded correctly where hi becomes subnormal."""
    if exponent.min(initial=0) >= -800 and exponent.max(initial=0) <= 900:
        factor = np.ldexp(1.0, exponent)
        return hi * factor, lo * factor
    with np.errstate(over="ignore", under="ignore"):
        # In units of the smallest subnormal, the sign of lo decides a midpoint of hi.
        small = (np.frexp(hi)[1] + exponent < -1021) & (hi != 0)
        shift = np.where(small, exponent + 1074, 0)
        scaled, below = np.ldexp(hi, shift), np.ldexp(lo, shift)
        nearest = np.rint(scaled)
        tie = (np.abs(scaled - np.trunc(scaled)) == 0.5) & (below != 0)
        nearest = np.where(tie, np.floor(scaled) + (below > 0), nearest)
        far = np.where(small, np.ldexp(nearest, -1074), np.ldexp(hi, exponent))
        rest = np.where(small, np.ldexp((scaled - nearest) + below, -1074), np.ldexp(lo, exponent))
    return far, np.where(np.isfinite(far), rest, 0.0)
