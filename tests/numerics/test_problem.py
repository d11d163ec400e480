"""The gradients of a correlation are the correlations that `Problem` says they are."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corrbench.case import Case
from corrbench.checks.gradients import inner
from corrbench.numerics.oracle import exact
from corrbench.numerics.problem import Problem

Array = NDArray[Any]

GEOMETRIES = [
    {},
    {"stride": (2, 3)},
    {"stride": (3, 2), "sides": (1, 0, 2, 3)},
    {"dilation": (2, 1), "sides": (4, 4, 3, 3)},
    {"stride": (2, 1), "dilation": (1, 3), "sides": (0, 2, 1, 1), "groups": 2},
    {"stride": (5, 7), "groups": 3},
    {"stride": (4, 4), "sides": (9, 9, 9, 9)},
]


def integers(shape: tuple[int, ...], seed: int, dtype: str = "int64") -> Array:
    values = np.random.default_rng(seed).integers(-9, 10, shape)
    if dtype.startswith("complex"):
        return (values + 1j * np.random.default_rng(seed + 99).integers(-9, 10, shape)).astype(dtype)
    return values.astype(dtype)


def build(dtype: str, *, n: int = 2, groups: int = 1, **geometry: Any) -> Problem:
    x = integers((n, 2 * groups, 11, 9), 0, dtype)
    w = integers((3 * groups, 2, 3, 2), 1, dtype)
    return Problem(x, w, integers(w.shape[:1], 2, dtype), groups=groups, **geometry)


def torch_gradients(problem: Problem, g: Array) -> list[Array]:
    x, w, b = (torch.from_numpy(a.copy()).requires_grad_() for a in problem.operands)
    top, bottom, left, right = problem.sides
    padded = torch.nn.functional.pad(x, (left, right, top, bottom))
    y = torch.conv2d(padded, w, b, problem.stride, 0, problem.dilation, problem.groups)
    return [a.numpy() for a in torch.autograd.grad(y, (x, w, b), torch.from_numpy(g))]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
def test_gradients_agree_with_torch_autograd(geometry: dict[str, Any], dtype: str) -> None:
    problem = build(dtype, **geometry)
    g = integers(problem.out, 3, dtype)
    gradients = [problem.input_gradient(g), problem.weight_gradient(g), problem.bias_gradient(g)]
    for gradient, operand, expected in zip(gradients, problem.operands, torch_gradients(problem, g), strict=True):
        assert gradient.shape == operand.shape
        np.testing.assert_array_equal(exact(gradient).hi, expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_adjoint_identity_is_exact_on_integers(data: st.DataObject) -> None:
    def draw(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    groups, kh, kw = draw(1, 3), draw(1, 4), draw(1, 3)
    dilation, sides = (draw(1, 3), draw(1, 2)), (draw(0, 5), draw(0, 5), draw(0, 3), draw(0, 3))
    rows = max(1, dilation[0] * (kh - 1) + 1 - sides[0] - sides[1]) + draw(0, 6)
    cols = max(1, dilation[1] * (kw - 1) + 1 - sides[2] - sides[3]) + draw(0, 6)
    x = integers((draw(0, 3), groups * draw(1, 3), rows, cols), draw(0, 999))
    w = integers((groups * draw(1, 3), x.shape[1] // groups, kh, kw), draw(0, 999))
    problem = Problem(x, w, None, (draw(1, 12), draw(1, 3)), sides, dilation, groups)
    g = integers(problem.out, draw(0, 999))
    target = int((exact(problem).hi * g).sum())
    assert int((exact(problem.input_gradient(g)).hi * x).sum()) == target
    assert int((exact(problem.weight_gradient(g)).hi * w).sum()) == target
    np.testing.assert_array_equal(exact(problem.bias_gradient(g)).hi, g.sum((0, 2, 3)))


def test_empty_batch() -> None:
    problem = build("float32", n=0, stride=(2, 1), groups=2)
    g = np.zeros(problem.out, np.float32)
    assert exact(problem).hi.shape == problem.shape == (0, 6, 5, 8)
    assert exact(problem.input_gradient(g)).hi.shape == problem.x.shape
    for gradient, operand in ((problem.weight_gradient(g), problem.w), (problem.bias_gradient(g), problem.bias)):
        assert operand is not None
        np.testing.assert_array_equal(exact(gradient).hi, np.zeros(operand.shape))


def test_complex_gradient_is_the_conjugate_one() -> None:
    one = np.array([[[[1 + 2j]]]])
    problem = Problem(one, one * 1j)
    g = np.array([[[[3 - 1j]]]])
    assert exact(problem.input_gradient(g)).hi == g * np.conj(problem.w)
    assert exact(problem.weight_gradient(g)).hi == g * np.conj(problem.x)


def test_of_case_takes_the_geometry() -> None:
    case = Case.parse("x=1,2,7,9 w=4,1,3,3 stride=2,1 padding=same groups=2 dtype=float64".replace("stride=2,1 ", ""))
    problem = Problem.of_case(case, np.zeros(case.x), np.zeros(case.w))
    assert (problem.out, problem.terms, problem.m, problem.sides) == (case.out, case.terms, 9, case.sides)
    with pytest.raises(ValueError, match="is not for the case"):
        Problem.of_case(case, np.zeros((1, 2, 9, 7)), np.zeros(case.w))


def test_windows_are_the_columns_of_im2col() -> None:
    problem = build("float64", stride=(2, 3), sides=(1, 2, 0, 1), dilation=(1, 2), groups=2)
    n, kernels, rows, cols = problem.out
    columns = problem.windows(problem.padded()).reshape(2, problem.terms, -1)
    result = (problem.w.reshape(2, -1, problem.terms) @ columns).reshape(kernels, n, rows, cols).swapaxes(0, 1)
    assert problem.bias is not None
    np.testing.assert_array_equal(result + problem.bias[:, None, None], exact(problem).hi)


@pytest.mark.parametrize(
    ("x", "w", "more"),
    [
        ((1, 3, 5, 5), (2, 2, 3, 3), {}),
        ((1, 2, 5, 5), (3, 1, 3, 3), {"groups": 2}),
        ((1, 2, 2, 5), (2, 2, 3, 3), {}),
        ((1, 2, 5, 5), (2, 2, 3, 3), {"bias": np.zeros(3)}),
    ],
)
def test_refuses_what_has_no_result(x: tuple[int, ...], w: tuple[int, ...], more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"does not fit|no result|bias must"):
        Problem(np.zeros(x), np.zeros(w), **more)


def test_refuses_a_cotangent_of_another_shape() -> None:
    problem = build("float64")
    with pytest.raises(ValueError, match="cotangent"):
        problem.weight_gradient(np.zeros((1, 1, 1, 1)))


def test_inner_products_are_exact_for_what_is_not_whole() -> None:
    a = np.array([[18.9999981, -2.5]], np.float32)
    assert inner(a, np.array([[1, 3]])) == Fraction(float(a[0, 0])) - Fraction(15, 2)
    assert inner(np.array([2**60, 1.0]), np.array([3, 1])) == 3 * 2**60 + 1
