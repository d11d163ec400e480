"""Other suites' cases are asked on their own operands, and their answers agree with the exact ones."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from click.testing import CliRunner

from corrbench import suites
from corrbench.case import Case
from corrbench.cli import main
from corrbench.numerics import external_cases, inputs
from corrbench.numerics.oracle import exact
from corrbench.runner import plan
from corrbench.support import Support
from corrbench.target import Spec

HAS = {"onnx": "onnx", "torch-opinfo": "expecttest"}
needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="onnx is not installed")
needs_torch = pytest.mark.skipif(importlib.util.find_spec("expecttest") is None, reason="expecttest is not installed")


@needs_onnx
def test_onnx_has_eighteen_and_its_answers_are_the_exact_ones() -> None:
    samples = external_cases.onnx_tests()
    assert len(samples) == 18
    for sample in samples.values():
        assert sample.expected is not None
        right = exact(inputs.problem(sample.case, 0)).hi
        assert right.shape == sample.expected.shape
        np.testing.assert_allclose(right, sample.expected, rtol=sample.rtol, atol=sample.atol)


@needs_torch
def test_the_samples_of_torch_are_the_same_each_time() -> None:
    first = external_cases.torch_samples()
    external_cases.torch_samples.cache_clear()
    again = external_cases.torch_samples()
    assert len(first) >= 10
    assert [one.case for one in first.values()] == [one.case for one in again.values()]
    assert all(
        np.array_equal(a.operands["x"], b.operands["x"]) for a, b in zip(first.values(), again.values(), strict=True)
    )


@needs_onnx
def test_operands_are_the_corpus_s_own_rounded_to_the_type_and_cotangents_are_drawn() -> None:
    case = external_cases.onnx_tests()["Conv2d_depthwise"].case.but(dtype="float16")
    assert np.array_equal(inputs.draw(case, 1, "x"), external_cases.sample(case.data).operands["x"].astype("float16"))
    assert np.array_equal(inputs.draw(case, 1, "w"), inputs.draw(case, 2, "w"))
    assert not np.array_equal(inputs.draw(case, 1, "g"), inputs.draw(case, 2, "g"))
    assert inputs.draw(case.but(layout="x:expanded"), 1, "x").shape == case.x


@needs_onnx
def test_bases_keep_their_numbers_and_own_operands_are_asked_besides() -> None:
    support = Support(frozenset({"float32", "bias", "padding", "stride", "groups", "dilation"}), {}, "conv2d")
    shape = plan.outline(Spec(target="torch"), support, "quick", 1, ["onnx"])
    assert {case.data for case in shape.bases} == {"small"}
    assert len(shape.own) >= 16
    jobs = [job.case for job in plan.jobs(shape, "values.bound")]
    assert {str(case) for case in shape.own} <= set(jobs)
    assert not plan.outline(Spec(target="torch"), support, "quick", 1).own


@needs_onnx
def test_a_plane_takes_only_what_it_can_express() -> None:
    support = Support(frozenset({"float32"}), {}, "corr2d")
    shape = plan.outline(Spec(target="f"), support, "quick", 1, ["onnx"])
    assert {case.data for case in shape.own} == {"onnx:basic_conv_without_padding"}


@needs_onnx
def test_an_unknown_sample_is_told_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no sample named 'nope' in onnx; there are: .*Conv2d_dilated"):
        plan.known("x=1,1,5,5 w=1,1,3,3 data=onnx:nope")
    with pytest.raises(ValueError, match="no corpus named 'none'"):
        plan.known("x=1,1,5,5 w=1,1,3,3 data=none:1")


def test_what_is_not_installed_is_told_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> list[Case]:
        raise external_cases.Missing("the suite onnx needs ONNX's tests: pip install 'corrbench[rivals]'")

    monkeypatch.setitem(suites.registry(), "onnx", lambda thorough, seed: gone())
    done = CliRunner().invoke(main, ["verify", "scipy.correlate2d", "--suite", "onnx", "--check", "values.exact"])
    assert done.exit_code == 2
    assert "pip install 'corrbench[rivals]'" in done.output


def test_suites_go_by_the_names_of_their_corpora() -> None:
    assert set(external_cases.CORPORA) <= suites.registry().keys()
    assert not set(external_cases.CORPORA) & set(plan.SUITES)
