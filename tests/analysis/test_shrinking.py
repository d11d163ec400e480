"""Failing cases become as small as they get, and what has more of a small one most likely fails for its reason."""

from __future__ import annotations

import random

import pytest

from corrbench.analysis.shrinking import shrunk, smaller, within
from corrbench.case import Case
from corrbench.suites._random_cases import draw


@pytest.mark.parametrize(
    ("fails", "least"),
    [
        (lambda c: c.stride[1] > 1 and c.out[3] == 1, "x=1,1,1,1 w=1,1,1,1 stride=1,2 dtype=float32 data=small"),
        (lambda c: c.bias and c.x[0] > 2, "x=3,1,1,1 w=1,1,1,1 bias dtype=float32 data=small"),
        (lambda c: c.groups > 1 and c.w[1] > 1, "x=1,4,1,1 w=2,2,1,1 groups=2 dtype=float32 data=small"),
        (
            lambda c: "w:channels_last" in c.layout,
            "x=1,1,1,1 w=1,1,1,1 dtype=float32 data=small layout=w:channels_last",
        ),
        (lambda c: c.dtype == "float16", "x=1,1,1,1 w=1,1,1,1 dtype=float16 data=small"),
        (lambda c: c.out[2] >= 5, "x=1,1,5,1 w=1,1,1,1 dtype=float32 data=small"),
    ],
)
def test_a_case_becomes_as_small_as_it_gets(fails, least) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(4)
    for _ in range(3):
        case = draw(rng).but(dtype=rng.choice(("float32", "float16")))
        while not fails(case):
            case = draw(rng).but(dtype=rng.choice(("float32", "float16")))
        found = shrunk(case, lambda cases: next((one for one in cases if fails(one)), None))
        assert str(found) == least
        assert within(case, found)


def test_every_smaller_case_is_another_one_and_the_steps_end() -> None:
    rng = random.Random(2)
    for case in [draw(rng) for _ in range(50)]:
        assert case not in list(smaller(case))
        assert shrunk(case, lambda cases: next(iter(cases), None), rounds=1000).macs == 1


def test_more_of_a_case_is_within_it_and_less_is_not() -> None:
    small = Case.parse("x=2,1,1,1 w=1,1,1,1 stride=1,2 data=small layout=x:channels_last")
    assert within(small.but(x=(3, 1, 4, 5), bias=True), small)
    assert not within(small.but(layout=""), small)
    assert not within(small.but(x=(1, 1, 1, 1)), small)
    assert not within(small.but(stride=(2, 1)), small)
    assert within(small.but(data="unit"), small)
    assert not within(small, small.but(data="unit"))
    assert within(small.but(dtype="float64"), small)
    assert not within(small, small.but(dtype="float64"))
