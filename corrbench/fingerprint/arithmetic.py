"""Correctly rounded sums and fused multiply-adds on arrays: how is a sum rounded to so many bits, in this direction?

Numbers are float64 arrays that hold values of a narrower format, or of float64 itself. An unevaluated sum of two
float64 numbers is exact (TwoSum: Knuth, TAOCP 2, 4.2.2). Its rounding to odd keeps what any later rounding to fewer
bits needs (Boldo & Melquiond, IEEE Trans. Comput. 57, 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from corrbench.numerics.expansion import to_odd, two_sum
from corrbench.numerics.formats import PRECISION, TOP_EXPONENT
from corrbench.numerics.problem import Array

SPLITTER = 2.0**27 + 1  # Dekker's, for a significand of 53 bits
FORMATS = {bits: name for name, bits in PRECISION.items() if name in ("float64", "float32", "float16", "bfloat16")}


@dataclass(frozen=True, slots=True, order=True)
class Rounding:
    """How a sum is rounded.

    Attributes:
        bits: of the significand, the leading one included; 53, 24, 11 and 8 have the range of their format.
        mode: ``nearest``, ties to even, or ``zero``, which cuts off.
        through: bits that it is rounded to before, to nearest; 0 if it is rounded once.
    """

    bits: int
    mode: str = "nearest"
    through: int = 0

    def __str__(self) -> str:
        first = f" through {self.through}" if self.through else ""
        return f"{self.bits}{first}" + (" cut off" if self.mode == "zero" else "")


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """p and e with p = RN(a·b) and p + e = a·b exactly, where nothing over- or underflows (Dekker, 1971)."""
    p = a * b
    ta, tb = SPLITTER * a, SPLITTER * b
    ah, bh = ta - (ta - a), tb - (tb - b)
    al, bl = a - ah, b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def narrowed(s: Array, rounding: Rounding) -> Array:
    """s, exact or rounded to odd, to fewer than 52 bits. float32 and float16 with their subnormals and overflow."""
    if rounding.mode == "nearest" and rounding.bits in (24, 11):
        kind: Any = np.float32 if rounding.bits == 24 else np.float16
        with np.errstate(over="ignore"):
            return s.astype(kind).astype(np.float64)
    mantissa, exponent = np.frexp(s)
    least = exponent
    if rounding.bits in FORMATS:  # subnormal numbers have fewer bits
        bottom = 2 - TOP_EXPONENT[FORMATS[rounding.bits]]
        least = np.maximum(exponent, bottom)
    mantissa = np.ldexp(mantissa, exponent - least + rounding.bits)
    whole = np.trunc(mantissa) if rounding.mode == "zero" else np.rint(mantissa)
    found: Array = np.ldexp(whole, least - rounding.bits)
    return found


def rounded(s: Array, e: Array, rounding: Rounding) -> Array:
    """The exact s + e, s = RN(s + e) in float64, rounded once; or twice, where that is the rounding."""
    if rounding.through:
        return narrowed(rounded(s, e, Rounding(rounding.through)), Rounding(rounding.bits, rounding.mode))
    if rounding.bits < 52:
        return narrowed(to_odd(s, e), rounding)
    if rounding.mode == "zero":
        over = (e != 0) & ((e > 0) != (s > 0)) & (s != 0)
        return np.where(over, np.nextafter(s, 0.0), s)
    return s


def add(a: Array, b: Array, rounding: Rounding, *, short: bool = False) -> Array:
    """a + b, rounded once; `short` says that both have 24 bits at most, whose sum in float64 may be rounded again
    (53 ≥ 2·24 + 2: Figueroa, SIGNUM Newsletter 30(3), 1995).
    """
    if short and rounding == Rounding(24):
        return narrowed(a + b, rounding)
    return rounded(*two_sum(a, b), rounding)


def fused(x: Array, w: Array, c: Array, rounding: Rounding, *, short: bool = False) -> Array:
    """x·w + c, rounded once; `short` says that x·w is exact in float64 (Boldo & Melquiond, as above, theorem 4)."""
    if short:
        return rounded(*two_sum(x * w, c), rounding)
    high, low = two_product(x, w)
    t, rest = two_sum(c, low)
    s, e = two_sum(high, t)
    return rounded(*two_sum(s, to_odd(*two_sum(e, rest))), rounding)


def total(parts: list[Array], rounding: Rounding) -> Array:
    """The sum of several numbers, rounded once; of products of 16-bit types, which leave room for it."""
    s, e = parts[0], np.zeros_like(parts[0])
    for part in parts[1:]:
        s, low = two_sum(s, part)
        e = e + low
    return rounded(*two_sum(s, e), rounding)
