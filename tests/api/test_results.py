"""`assert_right`, `exact` and `bound`: one result that somebody has, of any framework and shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
import torch

import corrbench
from corrbench.suites import registry

X, K = np.arange(20.0).reshape(4, 5), np.array([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]])


def conv(x: Any, w: Any, bias: Any = None, **words: Any) -> torch.Tensor:
    return torch.nn.functional.conv2d(*(None if a is None else torch.as_tensor(a) for a in (x, w, bias)), **words)


def test_planes_of_any_kind_of_array() -> None:
    y = scipy.signal.correlate2d(X, K, "valid")
    corrbench.assert_right(y, X, K)
    corrbench.assert_right(torch.from_numpy(y), torch.from_numpy(X).requires_grad_(), K.tolist())
    corrbench.assert_right(y.tolist(), X.tolist(), K.tolist())
    assert np.array_equal(corrbench.exact(X, K), y)
    assert corrbench.bound(X, K).shape == y.shape


def test_what_is_wrong_is_said_with_what_it_looks_like() -> None:
    with pytest.raises(AssertionError, match=r"elements differ; worst at .*looks as if the kernel was flipped"):
        corrbench.assert_right(scipy.signal.convolve2d(X, K, "valid"), X, K)
    y = scipy.signal.correlate2d(X, K, "valid")
    y[1, 2] = np.nextafter(y[1, 2], 100)
    with pytest.raises(AssertionError, match="1 of 9 elements differ"):
        corrbench.assert_right(y, X, K)
    with pytest.raises(AssertionError, match=r"y has shape \[4, 5\], not \[3, 3\]"):
        corrbench.assert_right(X, X, K)
    with pytest.raises(AssertionError, match="y has dtype float32, not that of the operands, float64"):
        corrbench.assert_right(scipy.signal.correlate2d(X, K, "valid").astype("f4"), X, K)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("float32", {"stride": (1, 2), "padding": (1, 0), "bias": True}),
        ("bfloat16", {"dilation": 2, "padding": "same"}),
        ("float16", {"groups": 2}),
        ("complex64", {"padding": 1}),
        ("int64", {"stride": 2}),
    ],
)
def test_arguments_and_element_types(dtype: str, words: dict[str, Any]) -> None:
    kind, chance = getattr(torch, dtype), torch.Generator().manual_seed(3)
    groups, given = words.get("groups", 1), {key: value for key, value in words.items() if key != "bias"}
    shapes = [(2, 4, 7, 9), (6, 4 // groups, 3, 2), (6,)]
    x, w, b = ((torch.rand(shape, generator=chance) * 9 - 4).to(kind) for shape in shapes)
    bias = b if words.get("bias") else None
    y = conv(x, w, bias, **given)
    corrbench.assert_right(y, x, w, bias, **given)
    assert corrbench.exact(x, w, bias, **given).shape == tuple(y.shape)
    allowed = corrbench.bound(x, w, bias, **given)
    assert (allowed == 0).all() if dtype == "int64" else (allowed > 0).all()
    y = y.clone()
    y[1, 5, 0, 0] += 9
    with pytest.raises(AssertionError, match="1 of "):
        corrbench.assert_right(y, x, w, bias, **given)


def test_four_sides_and_an_image_without_a_batch() -> None:
    x, w = torch.rand(3, 5, 6), torch.rand(2, 3, 2, 2)
    around = torch.nn.functional.pad(x, (0, 2, 1, 0))
    corrbench.assert_right(conv(around, w), x, w, padding=(1, 0, 0, 2))


def test_a_class_of_accuracy_is_declared() -> None:
    x, w = torch.rand(1, 1, 20, 20), torch.rand(1, 1, 5, 5)
    y = torch.from_numpy(scipy.signal.fftconvolve(x[0, 0], w[0, 0].flip(0, 1), "valid"))[None, None]
    loose = y + 1e-5 * (torch.arange(16) % 2)
    with pytest.raises(AssertionError):
        corrbench.assert_right(loose, x, w)
    assert (corrbench.bound(x, w, accuracy="fft") >= corrbench.bound(x, w)).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"dtype": "float8"}, "no element type 'float8'"),
        ({"stride": 0}, "must be >= 1"),
        ({"groups": 3}, "groups=3"),
        ({"padding": "full"}, "unknown padding mode"),
    ],
)
def test_no_such_problem(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        corrbench.exact(X, K, **words)
    with pytest.raises(ValueError, match="x of 2 axes with w of 4"):
        corrbench.exact(X, K[None, None])
    with pytest.raises(ValueError, match="finite"):
        corrbench.exact([[float("nan")]], [[1.0]])


def test_the_cases_of_a_suite() -> None:
    assert corrbench.cases("article") == registry()["article"](1, 0)
    with pytest.raises(ValueError, match="no suite named 'nothing'"):
        corrbench.cases("nothing")
