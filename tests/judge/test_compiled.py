"""Under --compile the target is what torch.compile makes of it, compiling has time of its own, and is bounded."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.compiling import COMPILING, MOST, Compilations
from corrbench.target import Spec
from tests.support.judging import judged
from tests.support.small_targets import MODULE, RIGHT, write

NARROW = """
import torch
from torch.nn import functional as F

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if input.dtype != torch.float32:
        raise NotImplementedError("float32 only")
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
"""
# Right as Python runs it; wrong where it is traced, as code is that a compiler gets wrong.
MISCOMPILED = (
    NARROW
    + """
eager = conv2d

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    Y = eager(input, weight, bias, stride, padding, dilation, groups)
    return Y + 1 if torch.compiler.is_compiling() and weight.shape[3] == 2 else Y
"""
)
# Inductor's F.conv2d has faults with stride, padding and groups, which verify finds; this one is not asked for them.
PLAIN = """
import torch
from torch.nn import functional as F

def conv2d(input, weight, bias=None):
    if input.dtype != torch.float32:
        raise NotImplementedError("float32 only")
    return F.conv2d(input, weight, bias)
"""
ONE = "x=1,1,3,3 w=1,1,2,2 data=small"

ready = shutil.which("g++") and Path(sysconfig.get_path("include"), "Python.h").exists()
compiles = pytest.mark.skipif(not ready, reason="g++ or Python's headers are not installed")


@compiles
@pytest.mark.slow
def test_a_right_function_passes_compiled(tmp_path: Path) -> None:
    run = judged(write(tmp_path, PLAIN, "conv2d"), check="values", compile=True)
    assert run.verdict == "pass", run.findings[:1]
    assert run.counts["pass"] > 20
    assert run.environment["called under"] == "torch.compile"
    assert {"double", "jvp", "vmap"} <= run.unsupported.keys()


@compiles
@pytest.mark.slow
def test_what_only_the_compiler_makes_wrong_is_found(tmp_path: Path) -> None:
    target = write(tmp_path, MISCOMPILED, "conv2d")
    assert judged(target, check="values.exact", case=ONE).verdict == "pass"
    run = judged(target, check="values.exact", case=ONE, compile=True)
    assert run.verdict == "fail"
    assert "4 of 4 elements differ" in run.findings[0].message
    assert " --compile --check values.exact " in run.findings[0].reproduce


@compiles
@pytest.mark.slow
def test_what_is_not_compiled_does_not_pass(tmp_path: Path) -> None:
    hidden = NARROW + "\ninner = torch.compiler.disable(conv2d)\n" + MISCOMPILED.partition("eager = conv2d\n")[2]
    target = write(tmp_path, hidden.replace("eager(", "inner(").replace("Y + 1 if", "Y if"), "conv2d")
    run = judged(target, check="values.exact", case=ONE, compile=True)
    assert [one.message for one in run.findings if "compiled nothing of it" in one.message]


@compiles
@pytest.mark.slow
def test_a_module_keeps_its_names(tmp_path: Path) -> None:
    run = judged(write(tmp_path, MODULE, "Layer"), check="module.state", compile=True)
    assert run.verdict == "pass", run.findings[:1]


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        ({"PATH": "/nowhere"}, r"needs a C\+\+ compiler, and there is no g\+\+ or clang\+\+ on PATH: install g\+\+"),
        ({"CXX": "no-such-compiler -O1"}, "CXX=no-such-compiler -O1 is not there"),
    ],
)
def test_without_a_compiler_it_is_said_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: dict[str, str], said: str
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)
    spec = Spec(target=write(tmp_path, NARROW, "conv2d"), compile=True)
    with Remote(spec) as remote, pytest.raises(NotLoaded, match=said):
        remote.load()


def test_arrays_of_numpy_are_not_compiled(tmp_path: Path) -> None:
    spec = Spec(target=write(tmp_path, RIGHT), compile=True, arrays="numpy")
    with Remote(spec) as remote, pytest.raises(NotLoaded, match=r"--compile is torch.compile: give --arrays torch"):
        remote.load()


def test_each_kind_of_call_has_time_to_compile_once_until_all_is_forgotten() -> None:
    asked = Compilations()

    def step(**words: Any) -> dict[str, Any]:
        return {"arrays": {"x": 0}, "dtype": "float32", **words}

    arrays = [np.ones((2, 3))]
    assert asked.ahead([step(), step()], arrays) == (COMPILING, False)
    assert asked.ahead([step()], [np.zeros((2, 3))]) == (0.0, False)
    assert asked.ahead([step(mode="backward"), step()], arrays) == (COMPILING, False)
    others = [asked.ahead([step()], [np.ones((place, 1))]) for place in range(MOST - 2)]
    assert set(others) == {(COMPILING, False)}
    assert asked.ahead([step()], arrays) == (0.0, False)
    assert asked.ahead([step(config={"stride": 2})], arrays) == (COMPILING, True)
    assert asked.ahead([step()], arrays) == (COMPILING, False)
