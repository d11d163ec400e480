"""Data come out the same for the same seed, lie in the ranges promised, and whole ones leave no room for rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from corrbench.case import DTYPES, FLOATS, INTEGERS, Case
from corrbench.numerics import inputs, oracle
from corrbench.numerics.bounds import accumulator
from corrbench.numerics.formats import UNIT

BASE = Case(x=(2, 4, 7, 9), w=(6, 2, 3, 2), groups=2, bias=True, padding=(1, 0, 0, 2), stride=(2, 1))


@st.composite
def whole(draw: st.DrawFn) -> Case:
    each = draw(st.integers(1, 12) | st.sampled_from([40, 130, 600]))
    kh, kw = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return Case(
        x=(draw(st.integers(1, 2)), each, kh + draw(st.integers(0, 3)), kw + draw(st.integers(0, 3))),
        w=(draw(st.integers(1, 3)), each, kh, kw),
        bias=draw(st.booleans()),
        dtype=draw(st.sampled_from(DTYPES)),
        data=draw(st.sampled_from(inputs.WHOLE)),
    )


@settings(deadline=None)
@given(whole(), st.integers(0, 2**48))
def test_whole_fills_are_exact_in_every_order(case: Case, seed: int) -> None:
    problem = inputs.problem(case, seed)
    largest = oracle.magnitude(problem).max()
    for operand in problem.operands:
        assert not np.any(operand.real % 1)
        assert not np.any(operand.imag % 1)
    if case.dtype in INTEGERS:
        # integers wrap, so that any data are right; wide ones need not, and stay within the type
        assert case.data not in ("wide", "narrow") or largest <= np.iinfo(case.dtype).max
        return
    assert largest <= 1 / UNIT[accumulator(case.dtype)]  # so every partial sum is exact in the accumulator
    if case.terms < 64 and case.data not in ("wide", "narrow"):
        assert largest <= 1 / UNIT[case.dtype]  # and in the result


@settings(deadline=None)
@given(whole(), st.integers(0, 9))
def test_values_are_those_of_the_dtype(case: Case, seed: int) -> None:
    for name, shape in (
        ("x", case.x),
        ("w", case.w),
        ("b", case.w[:1]),
        ("g", case.out),
        ("vx", case.x),
        ("tw", case.w),
    ):
        values = inputs.draw(case, seed, name)
        assert values.shape == shape
        assert values.flags.c_contiguous
        assert values.dtype == ("float32" if case.dtype == "bfloat16" else case.dtype)
        assert np.array_equal(inputs.cast(values, case.dtype), values)
        assert np.array_equal(values, inputs.draw(case, seed, name))


@pytest.mark.parametrize("data", sorted(inputs.FILLS))
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_fill_is_deterministic_and_depends_on_the_seed(data: str, dtype: str) -> None:
    case = BASE.but(data=data, dtype=dtype)
    for name in ("x", "w", "b", "g"):
        first = inputs.draw(case, 5, name)
        assert np.array_equal(first, inputs.draw(case, 5, name), equal_nan=True)
    if data != "sums":
        assert not np.array_equal(inputs.draw(case, 5, "x"), inputs.draw(case, 6, "x"), equal_nan=True)


def test_operands_differ_from_each_other_and_between_cases() -> None:
    case = Case(x=(2, 4, 3, 2), w=(2, 4, 3, 2))
    assert not np.array_equal(inputs.draw(case, 1, "x"), inputs.draw(case, 1, "w"))
    assert not np.array_equal(inputs.draw(case, 1, "x"), inputs.draw(case, 1, "vx"))
    assert not np.array_equal(inputs.draw(case, 1, "x"), inputs.draw(case.but(bias=True), 1, "x"))


@pytest.mark.parametrize("dtype", FLOATS)
def test_ranges(dtype: str) -> None:
    case = Case(x=(3, 5, 9, 11), w=(4, 5, 3, 2), dtype=dtype)
    unit = inputs.draw(case, 1, "x")
    assert unit.min() < -0.5
    assert 0.5 < unit.max() <= 1
    positive = inputs.draw(case.but(data="positive"), 1, "x")
    assert positive.min() >= 0.5
    assert positive.max() <= 1
    assert np.abs(inputs.draw(case.but(data="tiny"), 1, "x")).max() < 0.1
    assert np.abs(inputs.draw(case.but(data="huge"), 1, "x")).max() > 8
    assert np.isfinite(inputs.draw(case.but(data="huge"), 1, "x")).all()
    assert np.abs(inputs.draw(case.but(data="small"), 1, "x")).max() <= 3
    spread = np.abs(inputs.draw(case.but(data="range"), 1, "x"))
    assert spread.max() / spread[spread > 0].min() > 64
    offset = inputs.draw(case.but(data="offset"), 1, "w")
    assert (
        np.abs(offset.astype(float).sum(axis=(1, 2, 3))).max()
        < 0.1 * np.abs(offset.astype(float)).sum(axis=(1, 2, 3)).min()
    )
    with np.errstate(over="ignore"):
        products = (
            inputs.draw(case.but(data="overflow"), 1, "x").astype(float).min()
            * inputs.draw(case.but(data="overflow"), 1, "w").min()
        )
    assert products * case.terms > 65504


def test_integers_of_unsigned_types_are_not_negative() -> None:
    for data in (*inputs.WHOLE, "unit"):
        for name in "xwbg":
            raw = inputs.FILLS[data](np.random.default_rng(0), (4, 5), name, BASE.but(dtype="uint8", data=data))
            assert raw.min() >= 0, (data, name)


def test_wide_values_are_odd() -> None:
    for terms in range(1, 40):
        case = Case(x=(1, terms, 9, 9), w=(1, terms, 1, 1), data="wide", dtype="int8")
        values = inputs.draw(case, 3, "x")
        assert np.all(values % 2 == 1)
        assert np.abs(values.astype(int)).max() * terms <= 127


@pytest.mark.parametrize("data", inputs.SPECIAL)
def test_there_is_one_special_value(data: str) -> None:
    case = BASE.but(data=data)
    role = data[-1] if "_" in data else "x"
    for name in "xwb":
        assert np.count_nonzero(~np.isfinite(inputs.draw(case, 2, name))) == (name == role)


def test_an_impulse_copies_its_input() -> None:
    case = BASE.but(data="impulse")
    kernels = inputs.draw(case, 1, "w").reshape(6, -1)
    assert np.array_equal(np.sort(kernels, axis=1)[:, -1], np.ones(6))
    assert kernels.sum() == 6
    assert not inputs.draw(case, 1, "b").any()


def test_expanded_layouts_repeat_what_they_must() -> None:
    plain = inputs.draw(BASE, 1, "x")
    across = inputs.draw(BASE.but(layout="x:expanded"), 1, "x")
    assert np.array_equal(across[0], across[1])
    assert np.unique(across[0]).size > 1
    same = inputs.draw(BASE.but(layout="x:expanded_all,w:step"), 1, "x")
    assert same.shape == BASE.x
    assert np.unique(same).size == 1
    # any other layout changes nothing but the place of the numbers
    assert np.array_equal(inputs.draw(BASE.but(layout="x:transposed,w:expanded"), 1, "x"), plain)
    assert inputs.layouts(BASE.but(layout="x:step,w:rows")) == {"x": "step", "w": "rows"}
    assert inputs.layouts(BASE) == {}


def test_an_unknown_fill_is_an_error() -> None:
    with pytest.raises(KeyError):
        inputs.draw(BASE.but(data="nothing"), 0, "x")


@given(st.floats(width=32, allow_nan=False))
def test_bfloat16_rounds_to_nearest_even(value: float) -> None:
    got = float(inputs.cast(np.array([value]), "bfloat16")[0])
    bits = np.array([value], np.float32).view(np.uint32)[0]
    low = np.array([bits & 0xFFFF0000], np.uint32).view(np.float32)[0]
    assume(abs(value) < 3e38)
    high = np.array([(int(bits) & 0xFFFF0000) + 0x10000], np.uint32).view(np.float32)[0]
    assert got in (low, high)
    distances = abs(float(low) - value), abs(float(high) - value)
    assert abs(got - value) == min(distances)
    if distances[0] == distances[1]:
        assert not np.array([got], np.float32).view(np.uint32)[0] & 0x10000


def test_bfloat16_keeps_nan() -> None:
    assert np.isnan(inputs.cast(np.array([np.nan, 1.0]), "bfloat16")[0])
