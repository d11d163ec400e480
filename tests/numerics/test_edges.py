"""The edges of oracle, comparison and transforms: what a wrong constant or a wrong branch there would change."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction as Q
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from corrbench.case import Case
from corrbench.numerics import oracle, transform_bounds
from corrbench.numerics.comparison import Expected
from corrbench.numerics.expansion import to_odd
from corrbench.numerics.oracle import Exact, error
from corrbench.numerics.problem import Problem

Array = NDArray[Any]


def row(*values: complex, dtype: str = "float32") -> Problem:
    """A correlation with ones: the result is the sum of the values."""
    x = np.array(values).astype(dtype).reshape(1, 1, 1, -1)
    return Problem(x, np.ones_like(x))


# ---- the oracle


@pytest.mark.parametrize("bits", [9, 16, 26])
def test_digits_of_integers_are_balanced_and_add_up(bits: int) -> None:
    values = np.array([0, 1, -1, 2 ** (bits - 1), -(2 ** (bits - 1)), 3 * 2 ** (bits - 1), 2**62 + 12345, -(2**63)])
    digits = oracle._digits(values, bits)
    for part in digits.values():
        assert part.dtype == np.float64
        assert np.abs(part).max() <= 2 ** (bits - 1)
    totals = [sum(int(part[k]) << (bits * i) for i, part in digits.items()) for k in range(len(values))]
    assert all((total - int(value)) % 2**64 == 0 for total, value in zip(totals, values, strict=True))


@pytest.mark.parametrize("dtype", ["int64", "int8"])
def test_an_error_of_integers_is_their_difference(dtype: str) -> None:
    truth = Exact(np.array([3, 3, -100, 2**62 if dtype == "int64" else 5]), np.zeros(4))
    got = np.array([3, 5, 100, 2**62 + 1 if dtype == "int64" else 6], dtype)
    assert error(got, truth).tolist() == [0.0, 2.0, 200.0, 0.0 if dtype == "int64" else 1.0]  # 2**62 + 1 in float64
    assert error(got.astype(np.float64), truth).tolist()[:3] == [0.0, 2.0, 200.0]


def test_an_error_is_complex_where_either_side_is() -> None:
    real, both = Exact(np.array([1.0]), np.zeros(1)), Exact(np.array([1.0 + 2j]), np.zeros(1, complex))
    assert error(np.array([1.5 + 0.25j]), real).tolist() == [0.5 + 0.25j]
    assert error(np.array([1.5]), both).tolist() == [0.5 - 2j]
    assert error(np.array([1.5 + 0.25j]), both).tolist() == [0.5 - 1.75j]
    assert error(np.array([2], np.int8), real).tolist() == [1.0]


def test_errors_at_infinity() -> None:
    truth = Exact(np.array([np.inf, np.inf, -np.inf, 1.0, 1e308]), np.zeros(5))
    got = error(np.array([np.inf, 1.0, np.inf, np.inf, -1e308]), truth)
    assert got.tolist() == [0.0, -np.inf, np.inf, np.inf, -np.inf]


@pytest.mark.parametrize(
    ("hi", "want"),
    [
        (2.0**128, np.inf), (-(2.0**128), -np.inf), (1.5 * 2.0**128, np.inf), (2.0**129, np.inf),
        (float(np.finfo(np.float32).max), np.finfo(np.float32).max),
        (2.0**128 - 2.0**103, np.inf), (2.0**128 - 2.0**103 - 2.0**80, np.finfo(np.float32).max),
    ],
)  # fmt: skip
def test_rounding_at_the_largest_number(hi: float, want: float) -> None:
    got = Exact(np.array([hi]), np.zeros(1)).rounded("float32")
    assert got.dtype == np.float32
    assert got.tolist() == [want]


def test_rounding_takes_parts_of_complex_numbers_apart() -> None:
    got = Exact(np.array([1 + 2.0**-30 + 2j]), np.array([0j])).rounded("complex64")
    assert got.dtype == np.complex64
    assert got.tolist() == [1 + 2j]
    assert Exact(np.array([300]), np.zeros(1)).rounded("int8").tolist() == [44]


@pytest.mark.parametrize("terms", [1, 7, 4000])
def test_the_magnitude_is_never_below_and_hardly_above(terms: int) -> None:
    rng = np.random.default_rng(terms)
    one = row(*rng.standard_normal(terms), dtype="float64")
    one = one.with_data(one.x, rng.standard_normal(one.w.shape), np.array([-0.7]))
    exact = sum(abs(Q(x) * Q(w)) for x, w in zip(one.x.ravel(), one.w.ravel(), strict=True)) + Q(0.7)
    got = Q(oracle.magnitude(one).item())
    assert exact <= got <= exact * (1 + Q(2 * (terms + 4), 2**52))
    zero = oracle.magnitude(row(*[0.0] * terms, dtype="float64")).item()
    assert zero == terms * 2.0**-1074


def test_squares_hold_the_bias() -> None:
    one = row(1.0, -2.0, dtype="float64").with_data(
        np.array([[[[1.0, -2.0]]]]), np.array([[[[3.0, 0.5]]]]), np.array([4.0])
    )
    assert oracle.squares(one).item() == 9 + 1 + 16
    both = row(1 + 2j, dtype="complex128")
    assert oracle.squares(both).item() == 5 / 2


# ---- the comparison


def test_the_numbers_of_a_judgement() -> None:
    want = Expected(row(0.5, 0.25, 1.0 / 3, dtype="float32"), "float32")
    right = want.truth.rounded("float32")
    assert not want.exact_tier
    numbers = want.compare(right).numbers
    assert numbers["tier"] == "bound"
    assert 0 < numbers["ratio"] < 1
    assert numbers["ratio"] == pytest.approx(numbers["off"] / numbers["allowed"])
    assert numbers["bits"] == pytest.approx(-math.log2(numbers["off"] / want.magnitude.item()))
    assert numbers["visible"] == pytest.approx(numbers["allowed"] / want.truth.hi.item())
    edge = want.truth.hi + want.allowed * (1 - 2.0**-20)
    assert want.compare(edge.astype(np.float64)).right
    beyond = want.compare(want.truth.hi + want.allowed * 1.001)
    assert not beyond.right
    assert beyond.numbers["ratio"] == pytest.approx(1.001)
    assert "1 times the" in beyond.message
    assert beyond.message.startswith("1 of 1 elements differ")
    assert want.compare(right + 1, "gw").message.startswith("gw: 1 of 1")


def test_the_worst_of_several_wrong_ones_is_named() -> None:
    one = Problem(np.array([0.1, 0.2, 0.3, 0.4], np.float32).reshape(1, 1, 1, 4), np.ones((1, 1, 1, 1), np.float32) / 3)
    want = Expected(one, "float32")
    got = want.truth.rounded("float32")
    got[0, 0, 0, 1] += 1e-5
    got[0, 0, 0, 3] += 1e-3
    numbers = want.compare(got).numbers
    assert numbers["at"] == [0, 0, 0, 3]
    assert numbers["wrong"] == 2
    assert numbers["rounded"] == 0.5
    got[0, 0, 0, 2] = np.nan
    numbers = want.compare(got).numbers
    assert numbers["at"] == [0, 0, 0, 2]
    assert numbers["got"] == "nan"
    assert math.isinf(numbers["ratio"])


def test_infinities_that_agree_are_no_error() -> None:
    one = Problem(np.array([3e38, 1.0 / 3], np.float32).reshape(1, 1, 1, 2), np.full((1, 1, 1, 1), 1e3, np.float32))
    want = Expected(one, "float32")
    right = want.truth.rounded("float32")
    assert np.isinf(right[0, 0, 0, 0])
    judgement = want.compare(right)
    assert judgement.right
    assert judgement.numbers["at"] == [0, 0, 0, 1], "an element of which nothing can be said is not the worst"
    right[0, 0, 0, 0] = 1.0
    assert want.compare(right).right, "nor wrong"
    right[0, 0, 0, 0] = np.nan
    assert want.compare(right).right, "whatever it is"


def test_whole_numbers_are_exact_up_to_what_the_accumulator_holds() -> None:
    assert Expected(row(2.0**24 - 3, 2.0), "float32").exact_tier
    assert not Expected(row(2.0**24 - 3, 6.0), "float32").exact_tier
    assert not Expected(row(2.5, 2.0), "float32").exact_tier
    assert Expected(row(200.0, 100.0, dtype="float32"), "bfloat16").exact_tier


def test_integers_wrap_and_are_told_as_they_are() -> None:
    one = row(100, 100, dtype="int8")
    want = Expected(one, "int8")
    assert want.compare(np.array([-56], np.int8).reshape(1, 1, 1, 1)).right
    wrong = want.compare(np.array([-50], np.int8).reshape(1, 1, 1, 1)).numbers
    assert (wrong["got"], wrong["exact"], wrong["off"], wrong["ratio"]) == (-50, -56, 6.0, 1.0)


def test_parts_of_complex_numbers_are_compared_apart() -> None:
    want = Expected(row(3 + 4j, dtype="complex64"), "complex64")
    assert want.exact_tier
    numbers = want.compare(np.array([3 + 6j], np.complex64).reshape(1, 1, 1, 1)).numbers
    assert (numbers["off"], numbers["got"]) == (2.0, "(3+6j)")
    numbers = want.compare(np.array([8 + 6j], np.complex64).reshape(1, 1, 1, 1)).numbers
    assert numbers["off"] == 5.0


def test_flushing_is_allowed_only_where_it_is_said() -> None:
    one = Problem(np.full((1, 1, 1, 1), 1e-40, np.float32), np.full((1, 1, 1, 1), 0.3, np.float32))
    zero = np.zeros((1, 1, 1, 1), np.float32)
    assert not Expected(one, "float32").compare(zero).right
    assert Expected(one, "float32", flush=True).compare(zero).right


# ---- the transforms


def test_cook_toom_of_two_outputs_are_the_matrices_of_the_article() -> None:
    a, g, b, count = transform_bounds._cook_toom(2, 3, (Q(0), Q(1), Q(-1)))
    assert a.tolist() == [[1, 1, 1, 0], [0, 1, 1, 1]]
    assert g.tolist() == [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0, 0, 1]]
    assert b.tolist() == [[1, 0, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 1, 0, 1]]
    assert count == 3 + 3 + 2


def test_cook_toom_counts_the_roundings_of_constants() -> None:
    a, g, b, count = transform_bounds._cook_toom(4, 3, (Q(0), Q(1), Q(-1), Q(2), Q(-2)))
    assert a.shape == (4, 6)
    assert a[3].tolist() == [0, 1, 1, 8, 8, 1]
    assert g[1].tolist() == [1 / 6] * 3
    assert b[0].tolist() == [4, 0, 5, 0, 1, 0]
    assert b[5].tolist() == [0, 4, 0, 5, 0, 1]
    assert count == 5 + (3 + 1) + 4  # sixths are rounded


@pytest.mark.parametrize("bias", [False, True])
def test_winograd_looks_at_every_place_of_the_tiles(bias: bool) -> None:
    """The worst over the tilings, element by element, by the definition."""
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((1, 2, 5, 6)), rng.standard_normal((1, 2, 3, 3))
    one = Problem(x, w, np.array([0.25]) if bias else None, sides=(1, 0, 0, 2))
    unit = 2.0**-24
    got, values = transform_bounds.winograd(one, unit)
    padded = np.pad(np.abs(x), ((0, 0), (0, 0), (12, 12), (12, 12)))
    want, most = np.zeros(one.out), np.zeros(one.out)
    for m, points in transform_bounds.TILES:
        a, g, b, count = transform_bounds._cook_toom(m, 3, points)
        for r, c in itertools.product(range(one.out[2]), range(one.out[3])):
            for i, j in itertools.product(range(m), range(m)):
                top, left = 12 - 1 + r - i, 12 + c - j
                total = 0.25 * bias
                for channel in range(2):
                    tile = padded[0, channel, top : top + m + 2, left : left + m + 2]
                    inner = (g @ np.abs(w[0, channel]) @ g.T) * (b @ tile @ b.T)
                    total += (a[i] @ inner @ a[j]).item()
                most[0, 0, r, c] = max(most[0, 0, r, c], total)
                roundings = 2 * count + 2 + bias
                want[0, 0, r, c] = max(want[0, 0, r, c], math.expm1(roundings * math.log1p(unit)) * total)
    np.testing.assert_allclose(got, want, rtol=1e-10)
    np.testing.assert_allclose(values, most, rtol=1e-10)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_the_fourier_bound_by_its_formula(bias: bool, dtype: str) -> None:
    rng = np.random.default_rng(5)

    def draw(*shape: int) -> Array:
        values = rng.standard_normal(shape)
        return values + 1j * rng.standard_normal(shape) if dtype == "complex128" else values

    one = Problem(
        draw(2, 6, 7, 9), draw(4, 3, 2, 3), draw(4) if bias else None, groups=2, sides=(1, 0, 2, 0), dilation=(2, 1)
    )
    unit = 2.0**-24
    got, values = transform_bounds.fft(one, unit)
    points = 16 * 16  # 8 rows with 3 of the kernel, 11 columns with 3
    step = unit * (1 + 4 * math.sqrt(2)) * math.log2(points)
    epsilon = step / (1 - step)
    for n, o in itertools.product(range(2), range(4)):
        group = o // 2
        euclid = mixed = 0.0
        for channel in range(3):
            x, w = np.abs(one.x[n, 3 * group + channel]), np.abs(one.w[o, channel])
            euclid += math.sqrt((x**2).sum()) * math.sqrt((w**2).sum())
            mixed += math.sqrt((x**2).sum()) * w.sum()
        want = 1.02 * ((2 * epsilon + 7 * unit) * euclid + epsilon * mixed)
        most = points * euclid
        if bias:
            assert one.bias is not None
            most += abs(one.bias[o])
            want += unit * (mixed + abs(one.bias[o]) + want)
        np.testing.assert_allclose(got[n, o], want, rtol=1e-12)
        np.testing.assert_allclose(values[n, o], most, rtol=1e-12)


def test_the_fourier_bound_ends_where_its_proof_does() -> None:
    one = Problem(np.ones((1, 1, 9, 9)), np.ones((1, 1, 3, 3)))
    assert np.isfinite(transform_bounds.fft(one, 2.0**-14)[0]).all()
    assert np.isinf(transform_bounds.fft(one, 2.0**-12)[0]).all()
    assert np.isinf(transform_bounds.fft(one, 0.1)[0]).all()


def test_norms_neither_overflow_nor_vanish() -> None:
    assert transform_bounds._norm(np.array([[3.0, 4.0]])).item() == 5.0
    assert transform_bounds._norm(np.array([[3e300, 4e300]])).item() == pytest.approx(5e300)
    assert transform_bounds._norm(np.array([[3e-300, 4e-300]])).item() == pytest.approx(5e-300)
    assert transform_bounds._norm(np.array([[3j, 4.0]])).item() == 5.0
    assert transform_bounds._norm(np.zeros((1, 2))).item() == 0.0


def test_rounding_to_odd_moves_every_even_number_that_lacks_something() -> None:
    ulp = 2.0**-52
    hi = np.array([1 + k * ulp for k in range(8)] + [-(1 + k * ulp) for k in range(8)])
    for lo in (ulp / 8, -ulp / 8):
        got = to_odd(hi, np.full(16, lo))
        last = np.ascontiguousarray(got).view(np.int64) & 1
        assert last.all()
        odd = np.arange(16) % 2 == 1
        np.testing.assert_array_equal(got[odd], hi[odd])
        np.testing.assert_array_equal(np.sign(got[~odd] - hi[~odd]), np.sign(lo))
    np.testing.assert_array_equal(to_odd(hi, np.zeros(16)), hi)


def test_the_problem_of_a_case_has_all_of_it() -> None:
    case = Case(
        x=(1, 2, 5, 6), w=(2, 1, 2, 3), stride=(2, 1), padding=(1, 0, 0, 2), dilation=(1, 2), groups=2, bias=True
    )
    x, w, b = np.ones(case.x), np.ones(case.w), np.ones(2)
    one = Problem.of_case(case, x, w, b)
    assert one.bias is b
    assert (one.stride, one.sides, one.dilation, one.groups) == ((2, 1), (1, 0, 0, 2), (1, 2), 2)
    assert one.shape == case.out
