"""What a target takes, and what it said of the rest, is told apart from what it gets wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.probe import probe
from corrbench.judge.target_process import lend
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import small_targets


def asked(folder: Path, source: str, attribute: str = "corr2d", arrays: str = "numpy") -> Support:
    spec = Spec(target=small_targets.write(folder, source, attribute), arrays=arrays)
    with Remote(spec) as remote:
        return probe(spec, remote)


def test_a_plane_has_no_arguments(tmp_path: Path) -> None:
    support = asked(tmp_path, small_targets.RIGHT)
    assert support.form == "corr2d"
    assert {"float32", "float64", "int64", "complex64"} <= support.takes
    assert "numpy has no bfloat16" in support.refuses["bfloat16"]
    assert "conv2d's arguments" in support.refuses


def test_each_refused_feature_is_listed_with_what_was_said(tmp_path: Path) -> None:
    support = asked(tmp_path, small_targets.CONV2D, "conv2d")
    assert {"bias", "stride", "stride by axis", "empty batch"} <= support.takes
    assert {"padding", "dilation", "groups", "padding='same'"} <= support.refuses.keys()
    assert support.refuses["groups"] == "NotImplementedError: stride only"
    assert not support.takes & support.refuses.keys()


def test_what_is_wrong_or_dies_counts_as_taken_and_is_left_to_the_checks(tmp_path: Path) -> None:
    wrong = asked(tmp_path, small_targets.FLIPPED)
    assert "float32" in wrong.takes
    source = small_targets.RIGHT.replace("    return Y", "    assert X.dtype != 'int32'\n    return Y")
    assert "int32" in asked(tmp_path, source).takes
    source = source.replace("assert X.dtype != 'int32'", "X.dtype == 'int32' and __import__('os').abort()")
    assert "int32" in asked(tmp_path, source).takes


def test_one_dtype_only(tmp_path: Path) -> None:
    source = small_targets.RIGHT.replace(
        "    (h, w)", "    if X.dtype != np.float64:\n        raise TypeError('float64 only')\n    (h, w)"
    )
    support = asked(tmp_path, source)
    assert support.takes == {"float64"}
    assert support.refuses["float32"] == "TypeError: float64 only"


@pytest.mark.slow
def test_gradients_of_a_module_and_none_of_a_detached_one(tmp_path: Path) -> None:
    support = asked(tmp_path, small_targets.MODULE, "Layer", "torch")
    assert support.form == "module"
    assert {"backward", "double", "bias"} <= support.takes
    detached = asked(
        tmp_path, small_targets.MODULE.replace("return sum(taps)", "return sum(taps).detach()").replace(
            "+ self.bias", "+ self.bias.detach()"), "Layer", "torch"
    )  # fmt: skip
    assert "forward only" in detached.refuses["backward"]


def test_what_cannot_be_loaded_is_no_support(tmp_path: Path) -> None:
    with pytest.raises(NotLoaded, match="does not parse"):
        asked(tmp_path, "def corr2d(X, K:\n")


def test_what_an_adapter_does_not_declare_is_not_asked(tmp_path: Path) -> None:
    spec = Spec(
        target=small_targets.write(tmp_path, small_targets.RIGHT, "corr2d"),
        arrays="numpy",
        dtypes="float32",
        name="mine",
    )
    with Remote(spec) as remote:
        support = probe(spec, remote)
    assert support.takes == {"float32"}
    assert support.refuses["float64"] == "the adapter declares no float64"


def test_a_library_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.RIGHT, "corr2d")
    said = r"no_such.library is not installed.*--python PATH"
    spec = Spec(target=target, arrays="numpy", needs="no_such.library")
    with Remote(spec) as remote, pytest.raises(NotLoaded, match=said):
        remote.load()


def test_variables_are_set_before_the_library_is_imported(tmp_path: Path) -> None:
    (tmp_path / "slow_library.py").write_text("import os\n__version__ = os.environ['WITH_TRICKS']\n")
    target = small_targets.write(tmp_path, small_targets.RIGHT, "corr2d")
    spec = Spec(target=target, arrays="numpy", needs="slow_library", environ="WITH_TRICKS=7 B=1", folder=str(tmp_path))
    with Remote(spec) as remote:
        assert remote.load()["version"] == "7"


def test_adapters_are_lent_to_another_environment_and_the_judge_is_not(tmp_path: Path) -> None:
    ask = """
import importlib, pkgutil, corrbench.targets
for info in pkgutil.iter_modules(corrbench.targets.__path__):
    if not info.name.startswith("_"):
        importlib.import_module("corrbench.targets." + info.name)
import corrbench.numerics.oracle
"""
    bare = {"PYTHONPATH": lend(str(tmp_path))}
    done = subprocess.run(
        [sys.executable, "-S", "-c", ask], env=bare, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'corrbench.numerics'"


@pytest.mark.slow
def test_a_gradient_that_does_not_fit_is_wrong_and_no_refusal(tmp_path: Path) -> None:
    source = """
import torch

class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        return torch.nn.functional.conv2d(x, w)
    @staticmethod
    def backward(ctx, g):
        {body}

def conv2d(input, weight, bias=None):
    return Twice.apply(input, weight)
"""
    misfit = asked(tmp_path, source.format(body="return g, None"), "conv2d", "torch")
    assert "backward" in misfit.takes
    honest = asked(tmp_path, source.format(body="raise RuntimeError('no gradients here')"), "conv2d", "torch")
    assert honest.refuses["backward"] == "RuntimeError: no gradients here"
