"""Do the bounds say what METHODOLOGY.md says, to the last digit? Its formulas once more, in fractions."""

from __future__ import annotations

import math
from fractions import Fraction as Q
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from corrbench.numerics import bounds
from corrbench.numerics.oracle import Exact, error, exact, squares
from corrbench.numerics.problem import Problem

Array = NDArray[Any]
HALF, SINGLE, DOUBLE, BRAIN = (11, -14, 24), (24, -126, 149), (53, -1022, 1074), (8, -126, 133)
FORMATS = {"float16": HALF, "bfloat16": BRAIN, "float32": SINGLE, "float64": DOUBLE, "complex64": SINGLE,
           "complex128": DOUBLE}  # fmt: skip
WIDE = {"float16": "float32", "bfloat16": "float32"}


def unit(dtype: str) -> Q:
    return Q(1, 2 ** FORMATS[dtype][0])


def smallest(dtype: str) -> Q:
    return Q(1, 2 ** FORMATS[dtype][2])


def normal(dtype: str) -> Q:
    return Q(1, 2 ** -FORMATS[dtype][1])


def growth(count: int, u: Q) -> Q:
    return (1 + u) ** count - 1


def taps(problem: Problem) -> list[tuple[complex, complex]]:
    return list(zip(problem.x.ravel().tolist(), problem.w.ravel().tolist(), strict=True))


def size(value: complex) -> Q:
    return abs(Q(value.real)) + abs(Q(value.imag))


def allowed(problem: Problem, dtype: str, accuracy: str, flush: bool) -> Q:
    """METHODOLOGY 4 to 7 for a problem of one element."""
    wide, pairs = WIDE.get(dtype, dtype), taps(problem)
    b = [] if problem.bias is None else problem.bias.tolist()
    m, u, both = len(pairs) + len(b), unit(wide), dtype.startswith("complex")
    total = sum(size(x) * size(w) for x, w in pairs) + sum(map(size, b))
    cut = Q(0)
    if accuracy == "tf32" and FORMATS[wide] is SINGLE:
        cut, u = (1 + Q(1, 1024)) ** 2 - 1, 2 * u
        terms = m + math.ceil(Q(m, 4))
    else:
        terms = m
    if both:
        share = max(cut + growth(2 * terms, u) * (1 + cut), 2 * (cut + growth(terms + 4, u) * (1 + cut)))
    else:
        share = cut + growth(terms, u) * (1 + cut)
    found = share * total + (4 if both else 1) * m * smallest(wide) / 2
    if flush:
        low = normal(dtype)
        found += (8 if both else 2) * m * normal(wide) + low
        found += sum(size(x) * size(w) * ((size(x) < low) + (size(w) < low)) for x, w in pairs)
    if unit(dtype) > unit(wide):
        y = sum(Q(x.real) * Q(w.real) for x, w in pairs) + sum(Q(one.real) for one in b)
        found += max(unit(dtype) * (abs(y) + found), smallest(dtype) / 2)
    return found


def problem(dtype: str, scale: int, *, bias: bool, count: int = 5, seed: int = 0) -> Problem:
    """One element of `count` products of about 2**scale, with one operand of each array ten times smaller or so."""
    rng = np.random.default_rng([seed, count])
    low = FORMATS[dtype][1]

    def draw(number: int, power: int) -> Array:
        values = np.ldexp(rng.integers(65, 128, number) * rng.choice([-1.0, 1.0], number), power - 7)
        values[0] *= 2.0**-3
        if dtype.startswith("complex"):
            values = values + 1j * np.ldexp(rng.integers(65, 128, number) * 1.0, power - 7)
        return values.astype("float32" if dtype == "bfloat16" else dtype)

    x, w = (draw(count, max(low + 2, scale // 2)) for _ in range(2))
    return Problem(x.reshape(1, 1, 1, count), w.reshape(1, 1, 1, count), draw(1, max(low + 2, scale)) if bias else None)


@pytest.mark.parametrize(("dtype", "accuracy"), [*product(FORMATS, ("direct", "tf32"))])
@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("place", ["ordinary", "small", "subnormal"])
def test_the_bound_of_one_element(dtype: str, accuracy: str, flush: bool, place: str) -> None:
    _, low, _ = FORMATS[dtype]
    wide_low = FORMATS[WIDE.get(dtype, dtype)][1]
    scale = {"ordinary": 0, "small": wide_low + 4, "subnormal": 2 * low}[place]
    for bias, seed in product((False, True), range(3)):
        one = problem(dtype, scale, bias=bias, seed=seed)
        if place == "subnormal":
            one = one.with_data(one.x * one.x.dtype.type(2.0**-4), one.w, one.bias)
        got = bounds.bound(one, exact(one), dtype=dtype, accuracy=accuracy, flush=flush).item()
        want = allowed(one, dtype, accuracy, flush)
        assert want <= Q(got) <= want * (1 + Q(1, 2**38)) + Q(2, 2**1074), f"{got / float(want) - 1}"


@pytest.mark.parametrize("terms", [1, 3, 4, 5, 8, 9])
def test_a_tensor_core_adds_four_products_at_a_time(terms: int) -> None:
    one = problem("float32", 0, bias=False, count=terms)
    got = bounds.bound(one, exact(one), dtype="float32", accuracy="tf32").item()
    assert got == pytest.approx(float(allowed(one, "float32", "tf32", False)), rel=1e-11)


def single(dtype: str, *values: complex) -> Problem:
    """A correlation with ones: the result is the sum of the values."""
    x = np.array(values).astype("float32" if dtype == "bfloat16" else dtype)
    return Problem(x.reshape(1, 1, 1, -1), np.ones_like(x).reshape(1, 1, 1, -1))


TOP = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("dtype", "values", "may"),
    [
        ("float32", (0.6 * TOP,), False),
        ("float32", (float(np.nextafter(np.float32(TOP), np.float32(0))), 0.0), True),  # its bound reaches beyond
        ("float32", (float(np.nextafter(np.float32(TOP), np.float32(0))) / 2, 0.0), False),
        ("complex64", (0.6 * TOP,), True),  # three products: |re| + |im| enters twice
        ("complex64", (0.4 * TOP,), False),
        ("float16", (32752.0, 32752.0, -(2.0**-10)), True),
        ("float16", (32752.0, 32720.0), False),
        ("float16", (65504.0, -65504.0, 65504.0, -65504.0), False),  # the accumulator is wider
        ("float32", (0.6 * TOP, 0.6 * TOP, -0.6 * TOP), True),  # a partial sum
    ],
)
def test_where_a_sum_may_overflow_nothing_is_said(dtype: str, values: tuple[float, ...], may: bool) -> None:
    one = single(dtype, *values)
    assert np.isinf(bounds.bound(one, exact(one), dtype=dtype).item()) == may


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
def test_statistics_of_rounding(dtype: str) -> None:
    """Size and lean of errors, each divided by what METHODOLOGY 7 expects of an element."""
    rng = np.random.default_rng(4)
    both = dtype.startswith("complex")

    def draw(shape: tuple[int, ...]) -> Array:
        values = rng.integers(-99, 100, shape) / 64 + (1j * rng.integers(-99, 100, shape) / 64 if both else 0)
        return values.astype("complex64" if both else "float32")

    one = Problem(draw((1, 2, 4, 5)), draw((3, 2, 2, 2)), draw((3,)))
    truth = exact(one)
    got = truth.hi + (rng.standard_normal(one.shape) + 0.3) * 1e-6 * np.sign(truth.hi.real)
    found = bounds.statistics(error(got, truth), one, truth, dtype=dtype)
    k, u, own = one.m * (2 if both else 1), 2.0**-24, float(unit(dtype))
    relative = []
    parts = ("real", "imag") if both else ("real",)
    for part in parts:
        ys, es = getattr(truth.hi, part).ravel(), getattr(error(got, truth), part).ravel()
        for y, e, q2 in zip(ys, es, squares(one).ravel(), strict=True):
            partial = sum(
                (j / k) * (k - j) / (k - 1) * max(q2 - y * y / k, 0) + (j / k) ** 2 * y * y for j in range(1, k + 1)
            )
            square = u * u * (partial + q2) / 3 + (own * own * y * y / 3 if own > u else 0)
            relative.append(e * np.sign(y) / math.sqrt(square))
    mean, n = math.fsum(relative) / len(relative), len(relative)
    spread = math.sqrt(math.fsum((r - mean) ** 2 for r in relative) / (n - 1))
    assert found.count == n
    assert found.bits == pytest.approx(-math.log2(own * math.sqrt(math.fsum(r * r for r in relative) / n)), rel=1e-9)
    assert found.z == pytest.approx(mean * math.sqrt(n) / spread, rel=1e-6)


def test_statistics_leave_out_what_has_no_scale() -> None:
    one = Problem(np.zeros((1, 1, 1, 3), np.float32), np.ones((1, 1, 1, 1), np.float32))
    got = bounds.statistics(np.array([[[[1e-9, 0.0, 1e-9]]]]), one, exact(one), dtype="float32")
    assert (got.bits, got.z, got.count) == (math.inf, 0.0, 0)
    lone = Problem(np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32))
    assert bounds.statistics(np.full((1, 1, 1, 1), 1e-9), lone, exact(lone), dtype="float32").z == 0.0


def test_the_bound_itself_is_kept_and_what_is_beyond_is_not() -> None:
    edge = np.array([1.0, 1.0, np.nan, np.nan, np.inf])
    limit = np.array([1.0, np.nextafter(1.0, 0), 1.0, np.inf, 2.0])
    assert bounds.within(edge, limit).tolist() == [True, False, False, True, False]


def test_measures_have_their_values() -> None:
    assert bounds.effective_bits(np.array([0.5, -1.0]), np.array([8.0, 64.0])) == 4.0
    assert bounds.effective_bits(np.array([0.25 + 1j]), np.array([2.0])) == 1.0
    assert bounds.effective_bits(np.array([1.0]), np.array([0.0])) == -math.inf
    truth = Exact(np.array([0.5, -4.0, 0.0, np.inf]), np.zeros(4))
    assert bounds.smallest_visible_fault(np.ones(4), truth) == (2.0 + 0.25) / 2


def test_the_tightest_class_that_fits_is_named() -> None:
    """An error beyond every class, one that only TF32 admits, and one of nothing."""
    one = problem("float32", 0, bias=False)
    truth = exact(one)
    limits = {name: bounds.bound(one, truth, dtype="float32", accuracy=name).item() for name in bounds.ACCURACIES}
    assert limits["direct"] < limits["tf32"]
    between = np.full(one.shape, (limits["direct"] + limits["tf32"]) / 2)
    fits = [name for name in bounds.ACCURACIES if limits[name] >= between.item()]
    want = min(fits, key=lambda name: limits[name])
    assert bounds.fitting_class(between, one, truth, dtype="float32") == want
    assert bounds.fitting_class(between * 1e9, one, truth, dtype="float32") is None
    assert bounds.fitting_class(np.zeros(one.shape), one, truth, dtype="float32") == "direct"
    large = bounds.oracle.magnitude(one) * 1e9  # a magnitude at hand is used, not computed again
    assert bounds.fitting_class(between * 1e3, one, truth, dtype="float32", magnitude=large) == "direct"
    assert bounds.bound(one, truth, dtype="float32", magnitude=large).item() > 1e8 * limits["direct"]


@pytest.mark.parametrize("tensor_core", [False, True])
def test_complex_sums_of_very_many_terms_by_parts(tensor_core: bool) -> None:
    """Beyond some ten thousand terms, 2m roundings by parts outweigh the three products with m + 4."""
    m, u, cut = 300000, 2.0**-24, (1 + 2.0**-10) ** 2 - 1 if tensor_core else 0.0
    terms, step = (m + m // 4, 2 * u) if tensor_core else (m, u)
    want = cut + math.expm1(2 * terms * math.log1p(step)) * (1 + cut)
    three = 2 * (cut + math.expm1((terms + 4) * math.log1p(step)) * (1 + cut))
    assert bounds._direct(m, u, tensor_core, True) == pytest.approx(max(want, three), rel=1e-14)
    assert tensor_core or want > three
