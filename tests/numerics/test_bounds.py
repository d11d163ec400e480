"""No honest implementation leaves its bound, and the bound is tight enough to catch faults."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corrbench.numerics import bounds, transform_bounds
from corrbench.numerics.bounds import absolute, bound, exact_radius, fitting_class, statistics, within
from corrbench.numerics.formats import UNIT
from corrbench.numerics.oracle import Exact, error, exact, magnitude
from corrbench.numerics.problem import Problem

Array = NDArray[Any]


def build(
    dtype: str = "float32",
    *,
    x: tuple[int, ...] = (2, 8, 12, 13),
    w: tuple[int, ...] = (6, 8, 3, 3),
    seed: int = 0,
    bias: bool = True,
    positive: bool = False,
    **geometry: Any,
) -> Problem:
    rng = np.random.default_rng(seed)

    def fill(shape: tuple[int, ...]) -> Array:
        values = rng.random(shape) if positive else rng.standard_normal(shape)
        if dtype.startswith("complex"):
            return (values + 1j * rng.standard_normal(shape)).astype(dtype)
        if dtype == "bfloat16":
            return torch.from_numpy(values).bfloat16().float().numpy()
        return values.astype(dtype)

    return Problem(fill(x), fill(w), fill(w[:1]) if bias else None, **geometry)


def library(problem: Problem, dtype: str) -> Array:
    """torch, by zero padding and conv2d."""
    x, w, b = (
        None if a is None else torch.from_numpy(a).to(getattr(torch, dtype))
        for a in (problem.x, problem.w, problem.bias)
    )
    top, bottom, left, right = problem.sides
    x = torch.nn.functional.pad(x, (left, right, top, bottom))
    y = torch.conv2d(x, w, b, problem.stride, 0, problem.dilation, problem.groups)
    return y.float().numpy() if dtype == "bfloat16" else y.numpy()


def products(problem: Problem) -> Array:
    """All products, rounded to the type of x, bias last: (N, O, H', W', m)."""
    n, kernels, rows, cols = problem.out
    columns = problem.windows(problem.padded()).reshape(problem.groups, problem.terms, n, rows, cols)
    w = problem.w.reshape(problem.groups, -1, problem.terms)
    terms = (
        (w[..., None, None, None] * columns[:, None])
        .reshape(kernels, problem.terms, n, rows, cols)
        .transpose(2, 0, 3, 4, 1)
    )
    if problem.bias is None:
        return terms
    return np.concatenate([terms, np.broadcast_to(problem.bias[:, None, None, None], (*problem.out, 1))], -1)


def winograd(problem: Problem, m: int, points: Any) -> Array:
    """F(m x m, 3 x 3) in the type of x, tiles from the upper left corner: an honest implementation."""
    size = m + 2
    dtype = problem.x.dtype
    signed = _signed(m, points)
    a, g, b = (matrix.astype(dtype) for matrix in signed)
    n, kernels, rows, cols = problem.out
    tiles = (-(-rows // m), -(-cols // m))
    x = problem.padded()
    x = np.pad(x, ((0, 0), (0, 0), (0, tiles[0] * m + 2 - x.shape[2]), (0, tiles[1] * m + 2 - x.shape[3])))
    u = g @ problem.w @ g.T
    y = np.zeros((n, kernels, tiles[0] * m, tiles[1] * m), dtype)
    for i in range(0, tiles[0] * m, m):
        for j in range(0, tiles[1] * m, m):
            v = b @ x[:, :, i : i + size, j : j + size] @ b.T
            y[:, :, i : i + m, j : j + m] = a @ np.einsum("ocab,ncab->noab", u, v) @ a.T
    y = y[:, :, :rows, :cols]
    return y if problem.bias is None else y + problem.bias[:, None, None]


def _signed(m: int, points: Any) -> tuple[Array, Array, Array]:
    inverse = [[p**i for p in points] + [Fraction(i == m - 1)] for i in range(m)]
    kernel, data = [], []
    for p in points:
        others = [q for q in points if q != p]
        kernel.append([p**k / math.prod((p - q for q in others), start=Fraction(1)) for k in range(3)])
        data.append([*transform_bounds._polynomial(others), Fraction(0)])
    kernel.append([Fraction(0), Fraction(0), Fraction(1)])
    data.append(transform_bounds._polynomial(points))
    return tuple(np.array(matrix, dtype=np.float64) for matrix in (inverse, kernel, data))  # type: ignore[return-value]


def fourier(problem: Problem) -> Array:
    """By float32 or float64 FFTs; stride 1, dilation 1, one group."""
    x = problem.padded()
    size = [scipy.fft.next_fast_len(a + b - 1) for a, b in zip(x.shape[2:], problem.w.shape[2:], strict=True)]
    spectrum = scipy.fft.rfft2(x, size)[:, None] * scipy.fft.rfft2(problem.w[..., ::-1, ::-1], size)[None]
    y = scipy.fft.irfft2(spectrum.sum(2), size)
    (kh, kw), (rows, cols) = problem.w.shape[2:], problem.out[2:]
    y = y[..., kh - 1 : kh - 1 + rows, kw - 1 : kw - 1 + cols]
    return y if problem.bias is None else y + problem.bias[:, None, None]


def judge(got: Array, problem: Problem, dtype: str, accuracy: str = "direct") -> float:
    """The largest |e|/B."""
    truth = exact(problem)
    return float((absolute(error(got, truth)) / bound(problem, truth, dtype=dtype, accuracy=accuracy)).max())


DTYPES = ["float64", "float32", "float16", "bfloat16", "complex64", "complex128"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"stride": (2, 1), "sides": (1, 2, 0, 3)},
        {"dilation": (2, 3), "bias": False},
        {"w": (6, 2, 3, 2), "groups": 4, "x": (2, 8, 9, 7)},
    ],
    ids=str,
)
def test_a_library_keeps_the_direct_bound(dtype: str, geometry: dict[str, Any]) -> None:
    if "groups" in geometry:
        geometry = {**geometry, "w": (8, 2, 3, 2)}
    problem = build(dtype, **geometry)
    assert judge(library(problem, dtype), problem, dtype) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["shuffled", "tree", "blocks", "fma"]),
)
def test_no_order_of_summation_leaves_the_bound(seed: int, dtype: str, order: str) -> None:
    rng = np.random.default_rng(seed)
    shape = (1, int(rng.integers(1, 5)), *rng.integers(3, 6, 2).tolist())
    problem = build(
        dtype,
        x=shape,
        w=(2, shape[1], *rng.integers(1, 4, 2).tolist()),
        seed=seed,
        bias=bool(rng.integers(2)),
        positive=bool(rng.integers(2)),
    )
    problem = problem.with_data(np.ldexp(problem.x, rng.integers(-20, 20, shape)), problem.w, problem.bias)
    terms = rng.permutation(products(problem), axis=-1)
    total = np.zeros(problem.out, dtype)
    if order == "tree":
        while terms.shape[-1] > 1:
            odd = terms[..., terms.shape[-1] // 2 * 2 :]
            terms = np.concatenate([terms[..., : terms.shape[-1] // 2 * 2 : 2] + terms[..., 1::2], odd], -1)
        total = terms[..., 0]
    elif order == "blocks":
        for part in np.array_split(terms, min(3, terms.shape[-1]), axis=-1):
            inner = np.zeros(problem.out, dtype)
            for k in range(part.shape[-1]):
                inner = inner + part[..., k]
            total = total + inner
    elif order == "fma" and dtype == "float32":
        wide = problem.with_data(*(a.astype(np.float64) for a in problem.operands))
        for k in range(problem.m):
            total = (total.astype(np.float64) + products(wide)[..., k]).astype(np.float32)
    else:
        for k in range(terms.shape[-1]):
            total = total + terms[..., k]
    assert judge(total, problem, dtype) <= 1


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "complex64"])
def test_the_exact_result_rounded_keeps_every_bound(dtype: str) -> None:
    problem = build(dtype, stride=(2, 2))
    for accuracy in bounds.ACCURACIES:
        assert judge(exact(problem).rounded(dtype), problem, dtype, accuracy) <= 1


def test_gradients_keep_the_direct_bound() -> None:
    problem = build(sides=(1, 1, 2, 0), stride=(2, 1))
    g = build(x=problem.out, w=(1, problem.out[1], 1, 1)).x
    x, w, b = (torch.from_numpy(a).requires_grad_() for a in problem.operands)
    top, bottom, left, right = problem.sides
    y = torch.conv2d(torch.nn.functional.pad(x, (left, right, top, bottom)), w, b, problem.stride)
    gradients = torch.autograd.grad(y, (x, w, b), torch.from_numpy(g))
    parts = (problem.input_gradient(g), problem.weight_gradient(g), problem.bias_gradient(g))
    for part, got in zip(parts, gradients, strict=True):
        assert judge(got.numpy(), part, "float32") <= 1


def test_gauss_multiplication_keeps_the_complex_bound_where_parts_would_not() -> None:
    """Three real correlations: the error of a part is relative to the whole of the data."""
    problem = build("complex64", bias=False)
    x, w = problem.x.copy(), problem.w.copy()
    x.imag *= 1e-4
    w.imag *= 1e-4
    problem = problem.with_data(x, w)
    a, b, c = (
        library(Problem(p.astype(np.float32), q.astype(np.float32)), "float32")
        for p, q in ((x.real, w.real), (x.imag, w.imag), (x.real + x.imag, w.real + w.imag))
    )
    assert judge((a - b) + 1j * (c - a - b), problem, "complex64") <= 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "points"), transform_bounds.TILES, ids=lambda v: str(v) if isinstance(v, int) else "")
@pytest.mark.parametrize("positive", [False, True])
def test_winograd_keeps_its_bound_and_not_the_direct_one(m: int, points: Any, positive: bool, dtype: str) -> None:
    problem = build(dtype, x=(1, 16, 11, 9), w=(2, 16, 3, 3), sides=(1, 1, 0, 1), positive=positive)
    got = winograd(problem, m, points)
    np.testing.assert_allclose(got, exact(problem).hi, rtol=1e-3, atol=1e-3)
    worst = judge(got, problem, dtype, "winograd")
    assert 1e-4 < worst <= 1


def test_winograd_of_one_large_element_needs_its_own_class() -> None:
    """A large element leaks into its whole tile, which no direct computation lets happen."""
    problem = build(x=(1, 4, 20, 20), w=(3, 4, 3, 3), bias=False)
    x = problem.x.copy()
    x[:, :, 9, 9] = 1e4
    problem = problem.with_data(x, problem.w)
    truth, got = exact(problem), winograd(problem, *transform_bounds.TILES[1])
    assert fitting_class(error(got, truth), problem, truth, dtype="float32") == "winograd"


@pytest.mark.parametrize(
    ("w", "more"), [((6, 8, 5, 5), {}), ((6, 8, 3, 3), {"stride": (2, 2)}), ((6, 8, 3, 3), {"dilation": (2, 2)})]
)
def test_winograd_is_direct_where_it_does_not_apply(w: tuple[int, ...], more: dict[str, Any]) -> None:
    problem = build(w=w, **more)
    truth = exact(problem)
    np.testing.assert_array_equal(
        bound(problem, truth, dtype="float32", accuracy="winograd"), bound(problem, truth, dtype="float32")
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
@pytest.mark.parametrize("kernel", [3, 9])
def test_fft_keeps_its_bound(dtype: str, kernel: int) -> None:
    problem = build(
        dtype, x=(2, 5, 33, 30), w=(3, 5, kernel, kernel - 1), sides=(2, 2, 0, 1), positive=not dtype.startswith("c")
    )
    if dtype.startswith("complex"):
        parts = [
            Problem(a, b)
            for a in (problem.padded().real, problem.padded().imag)
            for b in (problem.w.real, problem.w.imag)
        ]
        rr, ri, ir, ii = (fourier(part) for part in parts)
        assert problem.bias is not None
        got = (rr - ii) + 1j * (ri + ir) + problem.bias[:, None, None]
    else:
        got = fourier(problem)
    assert 1e-4 < judge(got, problem, dtype, "fft") <= 1


def test_fft_of_one_large_element_needs_its_own_class() -> None:
    problem = build(x=(1, 2, 40, 40), w=(2, 2, 5, 5), bias=False)
    x = problem.x.copy()
    x[0, 0, 0, 0] = 1e7
    problem = problem.with_data(x, problem.w)
    truth, got = exact(problem), fourier(problem)
    assert fitting_class(error(got, truth), problem, truth, dtype="float32") == "fft"


def cut(a: Array, bits: int) -> Array:
    """float32 cut to `bits` bits of significand, as TF32 hardware may."""
    return (a.view(np.uint32) & np.uint32(0xFFFFFFFF << (24 - bits) & 0xFFFFFFFF)).view(np.float32)


@pytest.mark.parametrize("shape", [(4, 1, 3, 3), (4, 8, 3, 3)])
def test_tf32_inputs_are_found_and_named(shape: tuple[int, ...]) -> None:
    problem = build(x=(2, shape[1], 12, 13), w=shape, bias=False)
    got = library(problem.with_data(cut(problem.x, 11), cut(problem.w, 11)), "float32")
    truth = exact(problem)
    assert judge(got, problem, "float32") > 20
    assert fitting_class(error(got, truth), problem, truth, dtype="float32") == "tf32"
    assert judge(got, problem, "float32", "tf32") <= 1


def test_a_dropped_tap_is_found_on_data_of_any_size() -> None:
    for scale in (1e-30, 1e-4, 1.0, 1e20):
        problem = build(x=(1, 64, 9, 9), w=(3, 64, 3, 3))
        problem = problem.with_data(problem.x * np.float32(scale), problem.w)
        w = problem.w.copy()
        w[:, 17, 1, 2] = 0
        assert judge(library(problem.with_data(problem.x, w), "float32"), problem, "float32") > 100


def test_half_accumulation_is_found() -> None:
    problem = build("float16", positive=True)
    total = np.zeros(problem.out, np.float16)
    terms = products(problem)
    for k in range(problem.m):
        total = total + terms[..., k]
    assert judge(total, problem, "float16") > 1


def test_fits_no_class() -> None:
    problem = build()
    truth = exact(problem)
    assert fitting_class(error(truth.hi + 1, truth), problem, truth, dtype="float32") is None


def test_integers_have_no_error() -> None:
    problem = Problem(np.ones((1, 1, 3, 3), np.int8), np.ones((1, 1, 2, 2), np.int8))
    assert not bound(problem, exact(problem), dtype="int8").any()


def test_what_may_overflow_is_unconstrained() -> None:
    big, kernel = np.full((1, 2, 1, 2), 3e38, np.float32), np.array([1, -1], np.float32).reshape(1, 2, 1, 1)
    big[..., 1] = 1
    problem = Problem(big, kernel)
    allowed = bound(problem, exact(problem), dtype="float32")
    assert np.isinf(allowed[..., 0]).all()
    assert np.isfinite(allowed[..., 1]).all()
    assert within(np.full(problem.shape, np.nan), allowed).ravel().tolist() == [True, False]
    half = Problem(np.full((1, 2, 1, 1), 6e4, np.float16), kernel.astype(np.float16))
    assert np.isfinite(bound(half, exact(half), dtype="float16")).all()  # float32 holds the partial sums


def test_a_vacuous_bound_is_infinite() -> None:
    assert transform_bounds.gamma(2**24, UNIT["float32"]) == math.inf
    assert transform_bounds.gamma(100, UNIT["float32"]) == pytest.approx(100 * 2.0**-24, rel=1e-4)


def test_flushed_subnormals_need_permission() -> None:
    problem = Problem(np.full((1, 2, 1, 1), 2.0**-130, np.float32), np.ones((1, 2, 1, 1), np.float32))
    truth = exact(problem)
    off = error(np.zeros(problem.shape, np.float32), truth)
    assert not within(off, bound(problem, truth, dtype="float32")).any()
    assert within(off, bound(problem, truth, dtype="float32", flush=True)).all()


def test_gradual_underflow_is_allowed() -> None:
    rng = np.random.default_rng(0)
    x = np.ldexp(rng.standard_normal((1, 4, 6, 6)), -70).astype(np.float32)
    w = np.ldexp(rng.standard_normal((2, 4, 3, 3)), -75).astype(np.float32)
    problem = Problem(x, w)
    with np.errstate(under="ignore"):
        total = np.zeros(problem.out, np.float32)
        for k in range(problem.terms):
            total = total + products(problem)[..., k]
    assert judge(total, problem, "float32") <= 1


@pytest.mark.parametrize(
    ("dtype", "terms", "radius"),
    [
        ("float32", 9, 1365),
        ("float32", 144, 341),
        ("float32", 1152, 120),
        ("float16", 9, 15),
        ("bfloat16", 9, 5),
        ("bfloat16", 144, 1),
        ("bfloat16", 1152, 0),
        ("complex64", 9, 682),
        ("int8", 9, 127),
        ("float64", 1, 94906265),
    ],
)
def test_exact_radius(dtype: str, terms: int, radius: int) -> None:
    assert exact_radius(dtype, terms) == radius
    if dtype.startswith("float"):
        assert terms * radius**2 <= 1 / UNIT[dtype] < terms * (radius + 1) ** 2


def sequential(problem: Problem, truncate: bool = False) -> Array:
    """float32 accumulation of float32 products, one after another; with `truncate` every rounding is toward zero."""
    wide = products(problem.with_data(*(a.astype(np.float64) for a in problem.operands)))
    total = np.zeros(problem.out)
    for k in range(problem.m):
        for step in (wide[..., k], total + wide[..., k]):
            near = step.astype(np.float32)
            if truncate:
                near = np.where(np.abs(near) > np.abs(step), np.nextafter(near, np.float32(0)), near)
        total = near.astype(np.float64)
    return total.astype(np.float32)


def test_statistics_know_rounding_from_truncation_and_precision() -> None:
    problem = build(x=(2, 16, 20, 20), w=(8, 16, 3, 3))
    truth = exact(problem)
    honest = statistics(error(sequential(problem), truth), problem, truth, dtype="float32")
    assert honest.count == math.prod(problem.shape)
    assert 24 <= honest.bits <= 26
    assert abs(honest.z) < 4
    cutting = statistics(error(sequential(problem, truncate=True), truth), problem, truth, dtype="float32")
    assert cutting.z < -20
    assert cutting.bits < honest.bits - 0.5
    tf32 = library(problem.with_data(cut(problem.x, 11), cut(problem.w, 11)), "float32")
    assert statistics(error(tf32, truth), problem, truth, dtype="float32").bits < 17


@pytest.mark.parametrize(("dtype", "precision"), [("float16", 11), ("bfloat16", 8), ("complex64", 24), ("float64", 53)])
def test_statistics_of_every_type(dtype: str, precision: int) -> None:
    problem = build(dtype, x=(2, 8, 20, 20), w=(6, 8, 3, 3))
    truth = exact(problem)
    got = statistics(error(library(problem, dtype), truth), problem, truth, dtype=dtype)
    assert precision - 0.2 <= got.bits <= precision + 4
    assert abs(got.z) < 5


def test_statistics_of_no_error() -> None:
    problem = build("float64")
    truth = exact(problem)
    assert statistics(np.zeros(problem.shape), problem, truth, dtype="float64").bits == math.inf


def test_measures_for_the_report() -> None:
    problem = build(bias=False)
    truth, size = exact(problem), magnitude(problem)
    off = error(library(problem, "float32"), truth)
    assert 20 < bounds.effective_bits(off, size) < 30
    assert bounds.effective_bits(np.zeros(3), np.ones(3)) == math.inf
    assert bounds.effective_bits(np.array([np.nan]), np.ones(1)) == -math.inf
    visible = bounds.smallest_visible_fault(bound(problem, truth, dtype="float32"), truth)
    assert 1e-6 < visible < 1e-4
    assert math.isnan(bounds.smallest_visible_fault(np.ones(2), Exact(np.zeros(2), np.zeros(2))))


def test_empty_results() -> None:
    problem = build(x=(0, 8, 5, 5))
    truth = exact(problem)
    for accuracy in bounds.ACCURACIES:
        allowed = bound(problem, truth, dtype="float32", accuracy=accuracy)
        assert allowed.shape == problem.shape
        assert fitting_class(truth.hi, problem, truth, dtype="float32") == "direct"
    assert statistics(truth.hi, problem, truth, dtype="float32").count == 0
    gradient = problem.weight_gradient(np.zeros(problem.out, np.float32))
    assert np.isfinite(bound(gradient, exact(gradient), dtype="float32")).all()


def test_refuses_an_unknown_class() -> None:
    problem = build()
    with pytest.raises(ValueError, match="unknown accuracy"):
        bound(problem, exact(problem), dtype="float32", accuracy="sloppy")


def sixteen(values: Array, dtype: str) -> Array:
    """Values rounded to a 16-bit type, in float32."""
    return torch.from_numpy(np.asarray(values, np.float32)).to(getattr(torch, dtype)).float().numpy()


@given(st.sampled_from(("float16", "bfloat16")), st.integers(1, 12), st.booleans(), st.integers(0, 2**32 - 1))
def test_rounded_products_with_a_wide_sum_keep_the_stepwise_bound(dtype: str, c: int, bias: bool, seed: int) -> None:
    made = build(x=(1, c, 5, 5), w=(2, c, 3, 3), seed=seed, bias=bias)
    b = None if made.bias is None else sixteen(made.bias, dtype)
    problem = Problem(sixteen(made.x, dtype), sixteen(made.w, dtype), b)
    windows = np.lib.stride_tricks.sliding_window_view(problem.x, (3, 3), (2, 3))
    products = sixteen(np.einsum("ncijab,ocab->noijcab", windows, problem.w), dtype)
    y = sixteen(products.astype(np.float64).sum((4, 5, 6)), dtype)
    y = y if b is None else sixteen(y + b[:, None, None], dtype)
    truth = exact(problem)
    assert within(error(y, truth), bounds.lax(problem, truth, dtype=dtype, kind="stepwise")).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_long_sum_in_sixteen_bits_exceeds_the_stepwise_bound(dtype: str) -> None:
    made = build(x=(1, 4096, 1, 1), w=(1, 4096, 1, 1), bias=False, positive=True)
    problem = Problem(sixteen(made.x, dtype), sixteen(made.w, dtype))
    total = np.float32(0)
    for product in sixteen(problem.x.ravel() * problem.w.ravel(), dtype):
        total = sixteen(total + product, dtype)
    truth = exact(problem)
    allowed = bounds.lax(problem, truth, dtype=dtype, kind="stepwise")
    assert not within(error(np.reshape(total, (1, 1, 1, 1)), truth), allowed).any()


@given(st.integers(1, 12), st.booleans(), st.integers(0, 2**32 - 1))
def test_float64_computed_in_float32_keeps_the_narrow_bound_and_float16_does_not(c: int, bias: bool, seed: int) -> None:
    problem = build("float64", x=(1, c, 5, 5), w=(2, c, 3, 3), seed=seed, bias=bias)
    truth = exact(problem)
    allowed = bounds.lax(problem, truth, dtype="float64", kind="narrow")
    narrow = library(problem, "float32").astype(np.float64)
    assert within(error(narrow, truth), allowed).all()
    assert not within(error(narrow.astype(np.float16).astype(np.float64), truth), allowed).all()


def test_an_unknown_class_is_refused_with_those_that_there_are() -> None:
    problem = build()
    with pytest.raises(ValueError, match="unknown class 'loose'; known: stepwise, narrow"):
        bounds.lax(problem, exact(problem), dtype="float32", kind="loose")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("both_signs", [True, False])
def test_a_sum_term_by_term_keeps_the_bound_of_gradients_and_another_number_does_not(
    dtype: str, both_signs: bool
) -> None:
    torch.manual_seed(3)
    kind = getattr(torch, dtype)
    x, w = torch.randn(64, 400), torch.randn(400)
    terms = ((x if both_signs else x.abs()) * (w if both_signs else w.abs())).to(kind)
    total = torch.zeros(64, dtype=kind)
    for one in terms.T:
        total = total + one
    arrays = terms.float().numpy().reshape(64, 1, 20, 20), np.ones((1, 1, 20, 20), np.float32)
    problem = Problem(*arrays)
    truth = exact(problem)
    allowed = bounds.lax(problem, truth, dtype=dtype, kind="stepwise", summed=True)
    got = total.double().numpy().reshape(problem.shape)
    assert within(error(got, truth), allowed).all()
    assert not both_signs or not within(error(3 * got, truth), allowed).all()


def test_whole_numbers_that_the_type_holds_leave_nothing_to_round() -> None:
    problem = Problem(np.full((1, 1, 2, 2), 3, np.float32), np.full((1, 1, 2, 2), 5, np.float32))  # A = 60
    truth = exact(problem)
    for kind, dtype in (("stepwise", "bfloat16"), ("narrow", "float64")):
        assert bounds.lax(problem, truth, dtype=dtype, kind=kind).item() > 0
        assert bounds.lax(problem, truth, dtype=dtype, kind=kind, whole=True).item() == 0
    large = problem.with_data(problem.x * 16, problem.w)  # A = 960, more than bfloat16 has whole numbers
    assert bounds.lax(large, exact(large), dtype="bfloat16", kind="stepwise", whole=True).item() > 0


def test_a_bias_added_after_rounding_is_told_from_other_errors() -> None:
    problem = build("float16", seed=3)
    assert problem.bias is not None
    truth, sums = exact(problem), exact(replace(problem, bias=None)).hi.astype(np.float16)
    late = (sums + problem.bias[:, None, None]).astype(np.float16)
    off, allowed = error(late, truth), bounds.late_bias(problem, truth, "float16")
    assert within(off, allowed).all()
    assert not within(off, bound(problem, truth, dtype="float16")).all()
    assert not within(off + 3 * allowed, allowed).any()
