"""The judge accepts what is right, in both tiers, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corrbench.case import DTYPES, INTEGERS, Case
from corrbench.numerics import bounds, comparison, inputs, oracle
from corrbench.numerics.comparison import Expected
from corrbench.numerics.problem import Problem

BASE = Case(x=(2, 4, 6, 7), w=(6, 2, 3, 2), groups=2, bias=True, stride=(1, 2), padding=(1, 1, 0, 2), data="small")


def expected(case: Case = BASE, seed: int = 1, **rest: Any) -> Expected:
    return Expected(inputs.problem(case, seed), case.dtype, **rest)


def right(want: Expected) -> np.ndarray:
    return np.array(want.truth.rounded(want.dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data", ["small", "full", "unit"])
def test_the_rounded_answer_is_right(dtype: str, data: str) -> None:
    want = expected(BASE.but(dtype=dtype, data=data))
    assert want.exact_tier is (data != "unit" or dtype in INTEGERS)
    judgement = want.compare(right(want))
    assert judgement.right
    assert not judgement.wrong.any()
    assert judgement.numbers["rounded"] == 1
    assert judgement.numbers["elements"] == right(want).size


@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_numbers_leave_no_room(dtype: str) -> None:
    want = expected(BASE.but(dtype=dtype))
    assert want.exact_tier
    assert not want.allowed.any()
    got = right(want)
    got[1, 2, 3, 1] += 1
    judgement = want.compare(got)
    assert not judgement.right
    assert np.argwhere(judgement.wrong).tolist() == [[1, 2, 3, 1]]
    assert judgement.numbers["at"] == [1, 2, 3, 1]
    assert judgement.numbers["wrong"] == 1
    assert judgement.numbers["tier"] == "exact"
    assert judgement.message.startswith(f"1 of {got.size} elements differ; worst at [1, 2, 3, 1]: got ")
    assert f"({dtype}, 12 products)" in judgement.message


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_are_apart_by_what_they_are(dtype: str) -> None:
    want = expected(BASE.but(dtype=dtype, data="full"))
    got = right(want)
    got[0, 0, 0, 0] ^= 1
    assert want.compare(got).numbers["off"] == 1
    highest, lowest = np.iinfo(got.dtype).max, np.iinfo(got.dtype).min
    assert comparison._distance(np.array([highest], got.dtype), np.array([lowest], got.dtype)) == highest - lowest


def test_one_ulp_is_too_much_in_the_exact_tier() -> None:
    want = expected(BASE.but(data="full"))
    got = right(want)
    got[0, 0, 0, 0] = np.nextafter(got[0, 0, 0, 0], np.float32(np.inf))
    assert want.compare(got).wrong.sum() == 1


@settings(deadline=None)
@given(st.integers(0, 99), st.sampled_from(["float32", "float64", "float16"]), st.data())
def test_the_bound_is_the_border(seed: int, dtype: str, data: st.DataObject) -> None:
    want = expected(BASE.but(data="unit", dtype=dtype), seed)
    assert not want.exact_tier
    got = right(want)
    where = tuple(data.draw(st.integers(0, n - 1)) for n in got.shape)
    allowed = want.allowed[where]
    assert 0 < allowed < 1e-2
    for factor, verdict in ((0.4, True), (3, False), (-0.4, True), (-3, False)):
        moved = got.copy()
        moved[where] = want.truth.hi[where] + factor * allowed
        if abs(factor) > 1 or dtype != "float16":  # a result as coarse as its bound cannot be moved by part of it
            assert want.compare(moved).right is verdict
    judgement = want.compare(moved)
    assert judgement.numbers["at"] == list(where)
    assert judgement.numbers["ratio"] > 1
    assert "times the" in judgement.message
    assert f"(direct, {dtype}, 12 products)" in judgement.message


@pytest.mark.parametrize("data", ["small", "unit"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_what_is_not_finite_is_wrong(data: str, bad: float, dtype: str) -> None:
    want = expected(BASE.but(data=data, dtype=dtype))
    got = right(want)
    got[0, 1, 2, 0] = bad
    judgement = want.compare(got)
    assert np.argwhere(judgement.wrong).tolist() == [[0, 1, 2, 0]]
    assert judgement.numbers["at"] == [0, 1, 2, 0]
    assert str(bad) in judgement.message
    assert not want.compare(np.full_like(got, bad)).right


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.0])
def test_what_has_an_infinite_bound_is_unconstrained_for_both_who_ask(bad: float) -> None:
    """The comparison and the class that fits a result have one definition of keeping the bound; NaN is no exception."""
    case = Case(x=(1, 1, 3, 3), w=(1, 1, 2, 2), data="overflow")
    want = expected(case)
    assert np.isinf(want.allowed).all()
    assert "vacuous" in want.blind, "and so it does not count as passed"
    got = np.full(case.out, bad, np.float32)
    judgement = want.compare(got)
    assert judgement.right
    assert judgement.numbers["ratio"] == 0
    error = oracle.error(got, want.truth)
    assert bounds.within(error, want.allowed).all()
    assert bounds.fitting_class(error, want.problem, want.truth, dtype="float32") == "direct"


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30, 0.0])
def test_both_who_ask_whether_a_bound_is_kept_agree(bad: float) -> None:
    want = expected(BASE.but(data="unit"))
    want.allowed[0, 1] = np.inf
    got = right(want)
    got[0, :2] = bad
    wrong = want.compare(got).wrong
    assert wrong[0, 0].any()
    assert not wrong[0, 1:].any()
    np.testing.assert_array_equal(wrong, ~bounds.within(oracle.error(got, want.truth), want.allowed))


def test_nothing_is_broadcast() -> None:
    want = expected()
    got = right(want)
    for shape in ((1,), got.shape[1:], (1, *got.shape[1:]), got.shape[::-1], (got.size,), (*got.shape, 1)):
        with pytest.raises(ValueError, match="shape"):
            want.compare(np.resize(got, shape))


def test_an_empty_result_is_judged_empty() -> None:
    want = expected(BASE.but(x=(0, 4, 6, 7)))
    judgement = want.compare(right(want))
    assert judgement.right
    assert judgement.numbers == {"elements": 0}
    assert want.blind == ""


def test_data_that_cannot_tell_are_called_blind() -> None:
    zeros = Problem(np.zeros((1, 1, 4, 4), np.float32), np.ones((1, 1, 2, 2), np.float32))
    assert Expected(zeros, "float32").blind == "zeros would pass on these data"
    ones = Problem(np.ones((1, 1, 4, 4), np.float32), np.ones((1, 1, 2, 2), np.float32))
    assert Expected(ones, "float32").blind == "a constant would pass on these data"
    for data in ("small", "unit", "full"):
        assert expected(BASE.but(data=data)).blind == ""


def test_slack_takes_whole_numbers_to_the_bound_tier() -> None:
    want = expected(slack=0.25)
    assert not want.exact_tier
    assert (want.allowed >= 0.25).all()
    assert want.compare(right(want) + np.float32(0.125)).right
    assert not want.compare(right(want) + np.float32(0.5)).right


@pytest.mark.parametrize("accuracy", ["winograd", "fft", "tf32"])
def test_other_classes_are_allowed_more(accuracy: str) -> None:
    case = BASE.but(data="unit", groups=1, w=(6, 4, 3, 3), stride=(1, 1), padding=(1, 1, 1, 1))
    direct, other = expected(case), expected(case, accuracy=accuracy)
    assert (other.allowed >= direct.allowed).all()
    assert other.allowed.max() > direct.allowed.max()


@pytest.mark.parametrize("dtype", ["float32", "int32", "complex64", "float64"])
def test_the_numbers_are_those_of_json(dtype: str) -> None:
    want = expected(BASE.but(dtype=dtype))
    got = right(want)
    got[0, 0, 0, 0] += 1
    for numbers in (want.compare(got).numbers, want.compare(right(want)).numbers):
        assert all(type(value) in (int, float, str, list) for value in numbers.values())
