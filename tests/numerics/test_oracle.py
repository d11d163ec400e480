"""The oracle is exact, against `fractions.Fraction`, `math.fsum` and Python integers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corrbench.numerics import oracle
from corrbench.numerics.oracle import Exact, error, exact, magnitude, squares
from corrbench.numerics.problem import Problem

Array = NDArray[Any]

GEOMETRIES = [
    {},
    {"stride": (2, 1), "sides": (1, 0, 2, 3)},
    {"dilation": (2, 1), "sides": (0, 2, 0, 0), "groups": 2},
    {"stride": (1, 2), "dilation": (1, 2), "sides": (3, 1, 0, 2), "groups": 3},
]


def terms(problem: Problem) -> Iterator[list[tuple[Any, Any]]]:
    """The pairs that are multiplied, for every element of the result in order, written out as loops."""
    padded, (kernels, each, kh, kw) = problem.padded(), problem.w.shape
    for n, o, i, j in np.ndindex(*problem.out):
        first = o // (kernels // problem.groups) * each
        pairs = [
            (
                padded[n, first + c, i * problem.stride[0] + a * problem.dilation[0], j * problem.stride[1] + e * d],
                problem.w[o, c, a, e],
            )
            for c, a, e in np.ndindex(each, kh, kw)
            for d in [problem.dilation[1]]
        ]
        if problem.bias is not None:
            pairs.append((problem.bias[o], np.ones(1, problem.bias.dtype)[0]))
        yield pairs


def fractions(problem: Problem) -> list[Fraction]:
    return [sum((Fraction(float(a)) * Fraction(float(b)) for a, b in pairs), Fraction(0)) for pairs in terms(problem)]


def nearest(value: Fraction) -> float:
    """Correctly rounded to float64, as Python divides integers; overflow to infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def narrow(value: Fraction, precision: int, smallest: int, largest: float) -> float:
    """Rounded to nearest even to `precision` bits, in exact arithmetic."""
    if not value:
        return 0.0
    exponent = abs(value.numerator).bit_length() - value.denominator.bit_length()
    exponent += abs(value) >= Fraction(2) ** exponent
    quantum = Fraction(2) ** max(exponent - precision, smallest)
    result = round(value / quantum) * quantum  # Fraction rounds half to even
    return (math.inf if value > 0 else -math.inf) if abs(result) > largest else float(result)


FORMATS = {
    "float32": (24, -149, float(np.finfo(np.float32).max)),
    "float16": (11, -24, 65504.0),
    "bfloat16": (8, -133, (2 - 2.0**-7) * 2.0**127),
}


def data(kind: str, shape: tuple[int, ...], seed: int) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    if kind == "float32":
        return x.astype(np.float32)
    if kind == "float16":
        return x.astype(np.float16)
    if kind == "wide":
        return np.ldexp(x, rng.integers(-80, 80, shape))
    if kind == "huge":
        return np.ldexp(x, rng.integers(900, 960, shape))
    if kind == "tiny":
        return np.ldexp(x, rng.integers(-1073, -990, shape))
    if kind == "all":
        return np.ldexp(x, rng.integers(-1073, 1020, shape))
    if kind == "cancelling":
        x[:, 1] = -x[:, 0] * (1 + 2.0**-50)
        return x
    return x


def check(problem: Problem) -> None:
    truth, expected = exact(problem), fractions(problem)
    assert truth.hi.shape == problem.shape
    for hi, lo, value in zip(truth.hi.ravel(), truth.lo.ravel(), expected, strict=True):
        assert hi == nearest(value)
        if math.isfinite(hi):
            assert abs(value - Fraction(float(hi)) - Fraction(float(lo))) <= abs(value) / 2**90 + Fraction(1, 2**1074)
            assert abs(lo) <= math.ulp(hi) / 2 or abs(hi) < 2.0**-1000
    for dtype, limits in FORMATS.items():
        np.testing.assert_array_equal(truth.rounded(dtype).ravel(), [narrow(v, *limits) for v in expected], dtype)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "wide", "huge", "tiny", "cancelling"])
def test_against_fractions(kind: str, geometry: dict[str, Any]) -> None:
    groups = geometry.get("groups", 1)
    x = data(kind, (2, 2 * groups, 6, 5), 1)
    w = data(
        "cancelling" if kind == "cancelling" else "float32" if kind in ("huge", "tiny") else kind,
        (3 * groups, 2, 3, 2),
        2,
    )
    check(Problem(x, abs(w) if kind == "cancelling" else w, data("wide", w.shape[:1], 3), **geometry))
    check(Problem(x, w, **geometry))


def test_the_full_range_of_float64_in_one_operand() -> None:
    check(Problem(data("all", (1, 1, 7, 6), 1), data("all", (2, 1, 3, 2), 2), np.array([1e-300, -1e300])))


def test_the_largest_float64() -> None:
    largest = np.finfo(np.float64).max
    x = np.array([largest, -largest, largest, 5e-324, 0, 1]).reshape(1, 1, 2, 3)
    check(Problem(x, np.array([0.5, 0.5]).reshape(1, 1, 1, 2), np.array([largest / 2])))


def test_total_cancellation_is_exactly_zero() -> None:
    x = np.repeat(data("float64", (1, 1, 5, 5), 1), 2, 1)
    w = data("float64", (1, 1, 3, 3), 2)
    truth = exact(Problem(x, np.concatenate([w, -w], 1)))
    assert not truth.hi.any()
    assert not truth.lo.any()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=12, max_size=12),
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=4, max_size=4),
)
def test_any_finite_numbers(x: list[float], w: list[float]) -> None:
    check(Problem(np.array(x).reshape(1, 1, 3, 4), np.array(w).reshape(1, 1, 2, 2)))


@pytest.mark.parametrize("dtype", ["float64", *FORMATS])
def test_ties_are_decided_by_the_last_bit(dtype: str) -> None:
    """Sums that lie on a midpoint of the format, or a hair beside it, near or far below."""
    precision = {"float64": 53}.get(dtype, FORMATS.get(dtype, (53,))[0])
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(400):
        odd = float(rng.integers(2 ** (precision - 1), 2**precision))
        sign = rng.choice([-1.0, 1.0])
        rows.append([sign * odd, sign * 0.5, rng.choice([-1.0, 0.0, 1.0]) * 2.0 ** -rng.integers(2, 250), 0.0])
    x = np.array(rows)[:, :, None, None] * 2.0 ** (-precision if dtype == "float16" else 0)
    problem = Problem(x, np.ones((1, 4, 1, 1)))
    expected = fractions(problem)
    truth = exact(problem)
    if dtype == "float64":
        np.testing.assert_array_equal(truth.hi.ravel(), [nearest(v) for v in expected])
    else:
        np.testing.assert_array_equal(truth.rounded(dtype).ravel(), [narrow(v, *FORMATS[dtype]) for v in expected])


def test_long_reductions_agree_with_fsum() -> None:
    """Products of float32 numbers are exact in float64, so math.fsum is an oracle of its own."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 400, 16, 17)).astype(np.float32)
    w = (rng.standard_normal((2, 400, 15, 16)) * 1e-3).astype(np.float32)
    problem = Problem(x, w)
    assert problem.terms == 96_000
    expected = [math.fsum(float(a) * float(b) for a, b in pairs) for pairs in terms(problem)]
    np.testing.assert_array_equal(exact(problem).hi.ravel(), expected)


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem(data("float64", (3, 4, 9, 8), 1), data("float64", (6, 2, 3, 2), 2), sides=(1, 1, 0, 0), groups=2)
    whole, size = exact(problem), magnitude(problem)
    for block in (1, 2000, 20_000):
        monkeypatch.setattr(oracle, "BLOCK", block)
        np.testing.assert_array_equal(exact(problem).hi, whole.hi)
        np.testing.assert_array_equal(exact(problem).lo, whole.lo)
        np.testing.assert_allclose(magnitude(problem), size, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "int8", "uint8"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_integers_are_exact_modulo_their_width(dtype: str, geometry: dict[str, Any]) -> None:
    groups, info, rng = geometry.get("groups", 1), np.iinfo(dtype), np.random.default_rng(3)
    shapes = [(2, 2 * groups, 6, 5), (2 * groups, 2, 3, 2), (2 * groups,)]
    x, w, b = (rng.integers(info.min, info.max, shape, dtype, endpoint=True) for shape in shapes)
    x[0, 0, 0], w[0, 0, 0] = info.max, info.min
    problem = Problem(x, w, b, **geometry)
    expected = [sum(int(a) * int(c) for a, c in pairs) for pairs in terms(problem)]
    wrapped = [(v - info.min) % 2**info.bits + info.min for v in expected]
    truth = exact(problem)
    assert truth.rounded(dtype).dtype == dtype
    assert not truth.lo.any()
    assert truth.rounded(dtype).ravel().tolist() == wrapped
    assert truth.hi.ravel().tolist() == [(v + 2**63) % 2**64 - 2**63 for v in expected]
    assert not error(truth.rounded("int64"), truth).any()


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_complex_numbers_by_parts(geometry: dict[str, Any]) -> None:
    groups = geometry.get("groups", 1)
    shapes = [(2, 2 * groups, 6, 5), (3 * groups, 2, 3, 2), (3 * groups,)]
    x, w, b = (data("float64", s, i) + 1j * data("float64", s, i + 9) for i, s in enumerate(shapes))
    problem = Problem(x, w, b, **geometry)
    truth = exact(problem)
    for got, pairs in zip(truth.hi.ravel(), terms(problem), strict=True):
        parts = [(Fraction(a.real), Fraction(a.imag), Fraction(c.real), Fraction(c.imag)) for a, c in pairs]
        assert got.real == float(sum(ar * cr - ai * ci for ar, ai, cr, ci in parts))
        assert got.imag == float(sum(ar * ci + ai * cr for ar, ai, cr, ci in parts))
    assert truth.rounded("complex64").dtype == np.complex64
    np.testing.assert_array_equal(error(truth.hi, truth), -truth.lo)


def test_bfloat16_rounding_is_that_of_torch() -> None:
    values = np.random.default_rng(0).integers(0, 2**32, 4000, np.uint32).view(np.float32)
    values = values[np.isfinite(values)].astype(np.float64)
    got = Exact(values, np.zeros_like(values)).rounded("bfloat16")
    np.testing.assert_array_equal(got, torch.from_numpy(values).float().bfloat16().float().numpy())


def test_error_is_the_difference_rounded_once() -> None:
    problem = Problem(data("float64", (1, 3, 6, 6), 1), data("float64", (2, 3, 3, 3), 2))
    truth = exact(problem)
    got = truth.hi * (1 + 2.0**-50)
    expected = [float(Fraction(a) - b) for a, b in zip(got.ravel().tolist(), fractions(problem), strict=True)]
    np.testing.assert_allclose(error(got, truth).ravel(), expected, rtol=2.0**-51)
    assert np.isnan(error(np.full_like(got, np.nan), truth)).all()
    assert (error(np.full_like(got, -np.inf), truth) == -np.inf).all()


def test_overflow_gives_infinity() -> None:
    problem = Problem(np.full((1, 2, 2, 2), 1e200), np.full((1, 2, 1, 1), -1e200))
    truth = exact(problem)
    assert (truth.hi == -np.inf).all()
    assert not truth.lo.any()
    assert not error(truth.hi, truth).any()
    assert (exact(Problem(np.full((1, 1, 1, 1), 1e5), np.ones((1, 1, 1, 1)))).rounded("float16") == np.inf).all()


@pytest.mark.parametrize("name", ["x", "w", "bias"])
def test_refuses_what_is_not_finite(name: str) -> None:
    operands = {"x": np.ones((1, 1, 3, 3)), "w": np.ones((1, 1, 2, 2)), "bias": np.ones(1)}
    operands[name].flat[0] = np.nan
    with pytest.raises(ValueError, match=f"{name} holds nan"):
        exact(Problem(**operands))


def test_refuses_mixed_numbers() -> None:
    with pytest.raises(ValueError, match="mixed"):
        exact(Problem(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2), np.int64)))


def test_magnitude_is_never_below_and_hardly_above() -> None:
    for kind in ("float64", "wide", "tiny"):
        problem = Problem(data(kind, (1, 3, 6, 6), 1), data("float64", (2, 3, 3, 3), 2), np.array([0.5, -2]))
        for size, value in zip(magnitude(problem).ravel(), fractions(problem.abs()), strict=True):
            assert value <= Fraction(size) <= value * (1 + Fraction(1, 2**45)) + Fraction(200, 2**1074)


def test_squares() -> None:
    problem = Problem(data("float64", (1, 3, 6, 6), 1), data("float64", (2, 3, 3, 3), 2))
    square = problem.with_data(problem.x**2, problem.w**2)
    np.testing.assert_allclose(squares(problem), exact(square).hi, rtol=1e-13)
    turned = problem.with_data(problem.x * 1j, problem.w)
    np.testing.assert_allclose(squares(turned), exact(square).hi / 2, rtol=1e-13)


def test_zeros_and_one_term() -> None:
    zero = Problem(np.zeros((1, 2, 4, 4)), np.zeros((1, 2, 2, 2)), np.array([2.5]))
    assert (exact(zero).hi == 2.5).all()
    check(Problem(data("float64", (1, 1, 4, 4), 1), data("float64", (2, 1, 1, 1), 2)))
