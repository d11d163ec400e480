"""A case and its one-line text form say the same, and what is no case is refused in words."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrbench.case import DTYPES, Case

SIZES = st.integers(1, 9)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups, each, kernels = draw(SIZES), draw(SIZES), draw(SIZES)
    padding: Any = draw(st.sampled_from(["valid", "same"]) | st.tuples(*[st.integers(0, 4)] * 4))
    kh, kw, dh, dw = draw(SIZES), draw(SIZES), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Case(
        x=(draw(st.integers(0, 5)), groups * each, dh * (kh - 1) + draw(SIZES), dw * (kw - 1) + draw(SIZES)),
        w=(groups * kernels, each, kh, kw),
        stride=(1, 1) if padding == "same" else draw(st.tuples(SIZES, SIZES)),
        padding=padding,
        dilation=(dh, dw),
        groups=groups,
        bias=draw(st.booleans()),
        dtype=draw(st.sampled_from(DTYPES)),
        data=draw(st.sampled_from(["unit", "small", "nan_w"])),
        layout=draw(st.sampled_from(["", "x:transposed", "x:step,w:channels_last,g:rows"])),
    )


@given(cases())
def test_the_text_form_reads_back(case: Case) -> None:
    text = str(case)
    assert Case.parse(text) == case
    assert "\n" not in text
    assert str(Case.parse(text)) == text
    assert Case.parse("  " + "   ".join(reversed(text.split()))) == case  # order and blanks do not matter


@given(cases())
def test_equal_cases_hash_alike_and_travel(case: Case) -> None:
    assert hash(case) == hash(Case.parse(str(case)))
    assert pickle.loads(pickle.dumps(case)) == case
    assert case.but() == case


@given(cases())
def test_the_shape_of_the_result_counts_the_windows(case: Case) -> None:
    top, bottom, left, right = case.sides
    for axis, (before, after) in enumerate(((top, bottom), (left, right))):
        length = case.x[2 + axis] + before + after
        reach = case.dilation[axis] * (case.w[2 + axis] - 1) + 1
        starts = [i for i in range(0, length, case.stride[axis]) if i + reach <= length]
        assert case.out[2 + axis] == len(starts)
    assert case.out[:2] == (case.x[0], case.w[0])
    if case.padding == "same":
        assert case.out[2:] == case.x[2:]
    assert case.terms == case.w[1] * case.w[2] * case.w[3]


def test_the_text_form_is_short_where_it_can_be() -> None:
    plain = Case(x=(1, 1, 5, 5), w=(1, 1, 3, 3))
    assert str(plain) == "x=1,1,5,5 w=1,1,3,3 dtype=float32 data=unit"
    words = str(plain.but(stride=(2, 2), padding=(1, 1, 1, 1), dilation=(1, 2), bias=True, x=(1, 1, 9, 9))).split()
    assert words[2:6] == ["stride=2", "padding=1", "dilation=1,2", "bias"]
    assert "padding=1,2" in str(plain.but(padding=(1, 1, 2, 2)))
    assert "padding=1,0,0,2" in str(plain.but(padding=(1, 0, 0, 2)))


def test_what_is_left_out_has_its_default() -> None:
    assert Case.parse("x=2,3,7,9 w=4,3,3,2") == Case(x=(2, 3, 7, 9), w=(4, 3, 3, 2))
    assert Case.parse("x=1,1,5,5 w=1,1,3,3 padding=2,1").padding == (2, 2, 1, 1)
    assert Case.parse("x=1,1,5,5 w=1,1,3,3 bias=0").bias is False
    assert Case.parse("x=1,1,5,5 w=1,1,3,3 bias=true").bias is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "needs x="),
        ("x=1,1,5,5", "needs x="),
        ("x=1,1,5,5 w=1,1,3,3 colour=red", "'colour=red' is not one of"),
        ("x=1,1,5,5 x=1,1,5,5 w=1,1,3,3", "each once"),
        ("x=1,1,5 w=1,1,3,3", "needs 4 numbers"),
        ("x=1,1,5,five w=1,1,3,3", "not a list of integers"),
        ("x=1,1,5,5 w=1,1,3,3 stride=", "not a list of integers"),
        ("x=1,1,5,5 w=1,1,3,3 stride=1,1,1", "needs 1 or 2 numbers"),
        ("x=1,1,5,5 w=1,1,3,3 padding=1,1,1", "needs 1 or 2 or 4 numbers"),
        ("x=1,1,5,5 w=1,1,3,3 groups=1,1", "needs 1 numbers"),
        ("x=1,1,5,5 w=1,1,3,3 padding=full", "unknown padding mode 'full'"),
        ("x=1,1,5,5 w=1,1,3,3 padding=-1", "negative padding"),
        ("x=1,1,5,5 w=1,1,3,3 padding=same stride=2", "needs stride 1"),
        ("x=1,1,5,5 w=1,1,3,3 stride=0", "must be >= 1"),
        ("x=1,1,5,5 w=1,1,3,3 dilation=0", "must be >= 1"),
        ("x=1,1,5,5 w=1,1,3,3 groups=0", "must be >= 1"),
        ("x=1,3,5,5 w=1,2,3,3", "does not divide"),
        ("x=1,4,5,5 w=3,2,3,3 groups=2", "does not divide"),
        ("x=1,1,5,5 w=1,1,3,3 dtype=float8", "unknown dtype 'float8'; known: float64"),
        ("x=1,0,5,5 w=1,0,3,3", "sizes must be positive"),
        ("x=-1,1,5,5 w=1,1,3,3", "sizes must be positive"),
        ("x=1,1,5,5 w=1,1,6,3", "kernel larger than the padded input"),
        ("x=1,1,5,5 w=1,1,3,3 dilation=3,1", "kernel larger than the padded input"),
    ],
)
def test_what_is_no_case_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^.+$") as caught:
        Case.parse(text)
    assert said in str(caught.value)


def test_an_empty_batch_is_a_case() -> None:
    assert Case(x=(0, 3, 6, 7), w=(4, 3, 2, 3)).out == (0, 4, 5, 5)
    assert Case(x=(0, 3, 6, 7), w=(4, 3, 2, 3)).macs == 0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("x=1,1,5,5 w=1,1,3,3", True),
        ("x=1,1,5,5 w=1,1,3,3 padding=valid bias", True),
        ("x=2,1,5,5 w=1,1,3,3", False),
        ("x=1,1,5,5 w=2,1,3,3", False),
        ("x=1,1,5,5 w=1,1,3,3 stride=2", False),
        ("x=1,1,5,5 w=1,1,1,1 padding=same", False),
        ("x=1,1,5,5 w=1,1,3,3 padding=0,1", False),
    ],
)
def test_single_channel(text: str, plain: bool) -> None:
    assert Case.parse(text).single_channel is plain
