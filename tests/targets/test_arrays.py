"""Adapters of array libraries and runtimes hand on what they are given, and what is known of them is written down."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from corrbench import reference
from corrbench.case import Case
from corrbench.numerics.inputs import draw
from corrbench.numerics.problem import Array
from corrbench.support import config
from corrbench.target import find, registered
from corrbench.targets._arguments import pair, sides, valid

ROOT = Path(__file__).parents[2]
# all but what test_frameworks.py has: functions like conv2d of torch's tensors, gradients included
NAMES = [
    name
    for name, (_, one) in registered().items()
    if one.device == "cpu" and (one.arrays == "numpy" or one.form == "corr2d")
]
PLANES = ("x=1,1,5,7 w=1,1,3,2", "x=1,1,4,4 w=1,1,4,1", "x=1,1,9,6 w=1,1,1,1", "x=1,1,20,23 w=1,1,12,13")
LAYERS = (
    "x=2,3,7,9 w=4,3,3,2 bias",
    "x=2,4,9,8 w=6,2,2,3 stride=2,1 padding=1,2 groups=2",
    "x=1,3,9,11 w=2,3,3,2 dilation=2,3 bias",
    "x=2,3,7,10 w=4,3,2,4 padding=same",
    "x=1,2,6,7 w=3,2,3,3 padding=1,0,0,2",
    "x=2,3,5,6 w=3,1,3,3 padding=valid groups=3",
)
ASKED = [(name, text) for name in NAMES for text in PLANES + LAYERS * (find(name).form == "conv2d")]


def call(name: str, case: Case, arrays: dict[str, Array]) -> Array:
    """The result of an adapter on numpy arrays, whatever arrays it takes."""
    spec = find(name)
    if spec.needs:
        pytest.importorskip(spec.needs, reason=f"{name} is not installed")
    place, _, attribute = spec.target.partition(":")
    target = getattr(importlib.import_module(place), attribute)
    given: list[Any] = [torch.from_numpy(a) if spec.arrays == "torch" else a for a in arrays.values()]
    words = {key: tuple(value) if isinstance(value, list) else value for key, value in config(case).items()}
    return np.asarray(target(*given, **words))


@pytest.mark.parametrize(("name", "text"), ASKED)
def test_small_whole_numbers_are_exact(name: str, text: str) -> None:
    spec, case = find(name), Case.parse(f"{text} dtype=float32 data=small")
    arrays = {key: draw(case, 5, key) for key in ("x", "w", *("b" * case.bias))}
    words = {key: tuple(value) if isinstance(value, list) else value for key, value in config(case).items()}
    want = reference.conv2d(*map(torch.from_numpy, arrays.values()), **words).numpy()
    if spec.form == "corr2d":
        arrays, want = {key: array[0, 0] for key, array in arrays.items()}, want[0, 0]
    got = call(name, case, arrays)
    assert got.dtype == np.float32
    if spec.accuracy != "direct":
        got = np.rint(got)
    np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("name", ["scipy.correlate2d", "scipy.correlate", "scipy.oaconvolve", "ndimage.correlate"])
def test_complex_kernels_are_not_conjugated(name: str) -> None:
    case = Case.parse("x=1,1,5,6 w=1,1,2,3 dtype=complex128 data=small")
    X, K = (draw(case, 3, key)[0, 0] for key in "xw")
    want = reference.corr2d(torch.from_numpy(X), torch.from_numpy(K)).numpy()
    np.testing.assert_allclose(call(name, case, {"x": X, "w": K}), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["ndimage.correlate", "numba.corr2d", "opencv.filter2D", "pyfftw.corr2d"])
def test_a_kernel_that_does_not_fit_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="larger than the image"):
        call(name, Case(x=(1, 1, 4, 5), w=(1, 1, 1, 1)), {"x": np.ones((4, 5)), "w": np.ones((2, 6))})


def test_numpy_refuses_what_slices_would_answer() -> None:
    target = importlib.import_module("corrbench.targets.numpy").tensordot
    x, w = np.ones((1, 2, 5, 6), np.float32), np.ones((4, 2, 3, 2), np.float32)
    with pytest.raises(ValueError, match="positive"):
        target(x, w, stride=-1)
    with pytest.raises(ValueError, match="reshape"):
        target(x, w, np.ones(1, np.float32))
    with pytest.raises(NotImplementedError, match="float16"):
        target(x.astype(np.float16), w.astype(np.float16), np.ones(4, np.float16))


def test_arguments_are_written_out() -> None:
    assert pair(2) == (2, 2)
    assert pair([2, 3]) == (2, 3)
    assert pair("same") == "same"
    for refused in ((1, 2, 3, 4), (1,)):
        with pytest.raises(NotImplementedError, match="one number or two"):
            pair(refused)
    assert sides("valid", (4, 5), (2, 2)) == (0, 0, 0, 0)
    assert sides((1, 2), (3, 3), (1, 1)) == (1, 1, 2, 2)
    assert sides((1, 2, 3, 4), (3, 3), (1, 1)) == (1, 2, 3, 4)
    for text in ("x=1,1,9,9 w=1,1,4,3 padding=same dilation=1,2", "x=1,1,9,9 w=1,1,2,6 padding=same"):
        case = Case.parse(text)
        assert sides("same", (case.w[2], case.w[3]), case.dilation) == case.sides
    assert valid(np.ones((4, 5)), np.ones((4, 2))) == (1, 4)


def test_laws_of_whole_numbers_keep_their_type() -> None:
    """A transform's results are rounded to whole numbers; for integers they were made float64 and handed on so."""
    from corrbench.checks.relations import numbers
    from corrbench.judge.client import Remote
    from corrbench.judge.probe import probe
    from corrbench.judge.trial import Trial

    spec, case = find("scipy.correlate"), Case.parse("x=1,1,6,7 w=1,1,3,3 dtype=int64 data=small")
    with Remote(spec) as remote:
        trial = Trial("relations.laws", case, 1, spec, probe(spec, remote), remote)
        (result,) = numbers(trial, [(case, trial.operands())]) or []
    assert result.dtype == np.int64
