"""Natural data are what their names say, for every shape and type that a case can have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.numerics import inputs, natural_inputs, oracle
from corrbench.numerics.problem import Problem

SHAPES = ("x=2,3,9,11 w=4,3,3,2", "x=1,1,1,30 w=1,1,1,5", "x=0,1,3,3 w=2,1,1,1", "x=3,4,5,6 w=4,1,4,3 groups=4")


@pytest.mark.parametrize("given", natural_inputs.INPUTS)
def test_every_pair_can_be_drawn_and_follows_from_the_seed(given: str) -> None:
    for kernel in natural_inputs.KERNELS:
        for shape in SHAPES:
            case = Case.parse(f"{shape} bias data={given}+{kernel}")
            first, again = ({name: inputs.draw(case, 3, name) for name in "xwbg"} for _ in "ab")
            assert [first[name].shape for name in "xwbg"] == [case.x, case.w, case.w[:1], case.out]
            assert all(np.isfinite(array).all() for array in first.values())
            assert all(np.array_equal(first[name], again[name]) for name in "xwbg")


def test_inputs_are_what_they_are_called() -> None:
    drawn = {
        name: inputs.draw(Case.parse(f"x=2,4,40,50 w=4,4,3,3 data={name}"), 1, "x") for name in natural_inputs.INPUTS
    }
    assert 0 <= drawn["photo"].min() < 0.1
    assert 0.9 < drawn["photo"].max() <= 1
    assert (drawn["bytes"].min(), drawn["bytes"].max()) == (0, 255)
    assert 0.4 <= (drawn["relu"] == 0).mean() < 1
    assert not drawn["relu"][:, 3].any()
    assert np.ptp(drawn["constant"]) == 0
    assert set(np.unique(drawn["mask"])) == {0, 1}
    assert (drawn["onehot"].sum(axis=1) == 1).all()
    assert -3 < drawn["normalised"].min() < -1


def test_kernels_are_what_they_are_called() -> None:
    drawn = {
        name: inputs.draw(Case.parse(f"x=1,2,9,9 w=3,2,3,3 data=photo+{name}"), 1, "w")
        for name in natural_inputs.KERNELS
    }
    assert drawn["binomial"][0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert drawn["sobel"][0, 0].tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert drawn["identity"][1].tolist() == [np.zeros((3, 3)).tolist(), [[0, 0, 0], [0, 1, 0], [0, 0, 0]]]
    assert np.isclose(drawn["gaussian"][0, 0].sum(), 1)
    assert np.ptp(drawn["box"]) == 0
    assert (drawn["quantised"].min(), drawn["quantised"].max()) == (-128, 127)
    assert abs(drawn["trained"][0]).max() > 10 * abs(drawn["trained"][2]).max()


@pytest.mark.parametrize("data", ["photograph", "photo+", "photo+edge", "small+sobel", "+sobel", "nan"])
def test_an_unknown_name_is_an_error_that_lists_what_there_is(data: str) -> None:
    case = Case.parse(f"x=1,1,5,6 w=1,1,2,3 data={data}")
    if data in ("nan", "photo+"):
        inputs.of(case)
        return
    with pytest.raises(KeyError, match="photo, normalised"):
        inputs.of(case)


@pytest.mark.parametrize("text", ["x=3,6,9,8 w=4,3,3,2 stride=2,1 padding=1,2 dilation=1,2 groups=2 bias data=unit"])
def test_a_sample_of_a_result_and_of_its_gradients_is_exact(text: str) -> None:
    case = Case.parse(text)
    problem, g = inputs.problem(case, 5), inputs.draw(case, 5, "g")
    rng = np.random.default_rng(0)
    for whole in (problem, problem.input_gradient(g), problem.weight_gradient(g), problem.bias_gradient(g)):
        at = np.stack([rng.integers(0, length, 40) for length in whole.shape], 1)
        part, truth = oracle.exact(whole.sampled(at)), oracle.exact(whole)
        assert part.hi.shape == (1, 40, 1, 1)
        assert np.array_equal(part.hi.ravel(), truth.hi[tuple(at.T)])
        assert isinstance(whole.sampled(at), Problem)
        assert math.prod(whole.sampled(at).w.shape) == 40 * whole.terms
