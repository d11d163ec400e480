"""Rounding is correct: against fractions, in every precision and direction."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from corrbench.fingerprint.arithmetic import Rounding, add, fused, narrowed, total


def exactly(value: Fraction, rounding: Rounding) -> float:
    """The value rounded by integer arithmetic, where no exponent limits it."""
    if value == 0:
        return 0.0
    size = abs(value)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent += size >= Fraction(2) ** exponent
    scale = Fraction(2) ** (rounding.bits - exponent)
    whole = size * scale
    down = whole.numerator // whole.denominator
    rest = whole - down
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and down % 2 == 1)
    made = down + (up and rounding.mode == "nearest")
    return float(Fraction(made) / scale * (1 if value > 0 else -1))


def numbers(kind: type, seed: int) -> np.ndarray:
    """Full significands over many sizes, and near-ties."""
    random = np.random.default_rng(seed)
    made = random.standard_normal(300) * 2.0 ** random.integers(-20, 20, 300)
    ties = 1 + np.array([1, 2, 3, 5, 7]) * 2.0**-24
    return np.concatenate([made, ties, -ties]).astype(kind).astype(np.float64)


ROUNDINGS = [Rounding(bits, mode) for bits in (53, 24, 11, 8, 17) for mode in ("nearest", "zero")]


@pytest.mark.parametrize("rounding", ROUNDINGS, ids=str)
def test_sums_and_fused_products_are_rounded_once(rounding: Rounding) -> None:
    kind = np.float64 if rounding.bits == 53 else np.float32
    x, w, c = (numbers(kind, seed) / 64 for seed in range(3))
    c = np.where(np.arange(len(c)) % 3 == 0, -x * w, c)  # cancellation
    c = c.astype(kind).astype(np.float64)
    short = rounding.bits < 53
    sums, products = add(x, c, rounding), fused(x, w, c, rounding, short=short)
    low, high = Fraction(2) ** -13, Fraction(2) ** 15  # float16 has fewer bits below, and no numbers above
    for i in range(len(x)):
        a, b, d = map(Fraction, (x[i], w[i], c[i]))
        if low < abs(a + d) < high:
            assert sums[i] == exactly(a + d, rounding)
        if low < abs(a * b + d) < high:
            assert products[i] == exactly(a * b + d, rounding)


def test_several_terms_are_rounded_once() -> None:
    parts = [np.array([1.0]), np.array([2.0**-24]), np.array([2.0**-40])]
    assert total(parts, Rounding(24)) == 1 + 2.0**-23
    assert add(add(*parts[:2], Rounding(24)), parts[2], Rounding(24)) == 1.0


def test_subnormal_numbers_have_fewer_bits() -> None:
    tiny = np.array([2.0**-149 * 1.5, 2.0**-24 * 1.5, 2.0**-126 * (1 + 2.0**-7)])
    assert narrowed(tiny[:1], Rounding(24)) == 2.0**-148
    assert narrowed(tiny[1:2], Rounding(11)) == 2.0**-23
    assert narrowed(tiny[:1], Rounding(24, "zero")) == 2.0**-149
    assert narrowed(tiny[2:], Rounding(8)) == tiny[2]
