"""Whole numbers whose sums float64 holds: the oracle's short way gives what its long way gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corrbench.numerics import oracle
from corrbench.numerics.problem import Problem


def problem(scale: float, *, bias: bool, groups: int = 2) -> Problem:
    rng = np.random.default_rng(3)
    x, w = rng.integers(-9, 10, (2, 4, 7, 6)) * scale, rng.integers(-9, 10, (6, 4 // groups, 3, 2)) * 1.0
    b = rng.integers(-9, 10, 6) * scale if bias else None
    return Problem(x, w, b, stride=(2, 1), sides=(1, 0, 2, 1), dilation=(1, 2), groups=groups)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("scale", [1.0, 2.0**42])
def test_both_ways_agree_to_the_bit(scale: float, bias: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = problem(scale, bias=bias)
    assert oracle.whole_sums(asked) <= 2.0**53
    short = oracle.exact(asked)
    monkeypatch.setattr(oracle, "whole_sums", lambda _: math.inf)
    long = oracle.exact(asked)
    assert short.hi.tobytes() == long.hi.tobytes()
    assert short.lo.tobytes() == long.lo.tobytes()


def test_what_does_not_fit_is_cut() -> None:
    assert oracle.whole_sums(problem(2.0**50, bias=True)) > 2.0**53
    assert oracle.whole_sums(problem(0.5, bias=False)) == math.inf
    one = np.ones((1, 1, 1, 1))
    assert oracle.whole_sums(Problem(one * (3 - 4j), one)) == 7
    assert oracle.whole_sums(Problem(one * (3 - 4.5j), one)) == math.inf
