from __future__ import annotations

import importlib
import inspect
import pkgutil
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from benchmarks import history
from benchmarks.history import calls, cases, instructions, judged

ROOT = Path(__file__).parents[2]
RECORDED = sorted((ROOT / "reports" / "asv").rglob("*.json"))
MODULES = [importlib.import_module(f"{history.__name__}.{one.name}") for one in pkgutil.iter_modules(history.__path__)]


def measured(module: ModuleType) -> list[type[Any]]:
    return [c for c in vars(module).values() if inspect.isclass(c) and hasattr(c, "params") and c.__name__[0] != "_"]


CLASSES = [one for module in MODULES for one in measured(module)]


@pytest.mark.parametrize("one", CLASSES, ids=lambda one: f"{one.__module__.rpartition('.')[2]}.{one.__name__}")
def test_what_asv_measures_is_named_and_versioned(one: type[Any]) -> None:
    assert one.version
    assert len(one.params) == len(one.param_names)
    assert all(isinstance(value, str) for values in one.params for value in values), "static, the same everywhere"
    for name, method in inspect.getmembers(one, inspect.isfunction):
        if name.startswith("track_"):
            assert getattr(method, "unit", getattr(one, "unit", "")), name


@pytest.mark.parametrize("dtype", cases.DTYPES)
@pytest.mark.parametrize("implementation", calls.IMPLEMENTATIONS)
def test_calls_compute_what_they_say(implementation: str, dtype: str) -> None:
    if implementation.startswith("scipy") and dtype == "bfloat16":
        pytest.skip("SciPy has no bfloat16")
    result = calls.prepare(implementation, "edges 64x64*3x3", dtype=dtype)()
    found = judged.judge(result, "edges 64x64*3x3", dtype)
    assert 0 < found.share <= 1
    assert 0 < found.short < judged.BITS


@pytest.mark.parametrize("of", ["x", "w"])
@pytest.mark.parametrize("layer", ["ResNet-50 1x1", "MobileNet depthwise 3x3"])
def test_gradients_are_those_of_the_layer(layer: str, of: str) -> None:
    gradients = dict(zip("xw", calls.prepare("reference.conv2d", layer, direction="backward")(), strict=True))
    assert judged.judge(gradients[of], layer, of=of).share <= 1
    assert judged.judge(2 * gradients[of], layer, of=of).share > 1


def test_a_result_without_error_stays_on_a_logarithmic_axis() -> None:
    exact = calls.prepare(calls.ORACLE, cases.ARTICLE, dtype="float64")().hi
    assert judged.judge(exact, cases.ARTICLE, "float64").share >= judged.FLOOR


def test_a_nan_is_no_skip() -> None:
    result = calls.prepare("torch.conv2d", cases.ARTICLE)().clone()
    result[0, 0, 1, 1] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        judged.judge(result, cases.ARTICLE)


def test_what_is_not_there_is_skipped_with_a_reason() -> None:
    for what, reason in {
        ("scipy.correlate2d", cases.ARTICLE, "cpu", "float32", "backward"): "forward",
        ("scipy.convolve2d", "ResNet-50 1x1", "cpu"): "one kernel",
        ("reference.corr2d", "ResNet-50 1x1", "cpu"): "one kernel",
    }.items():
        with pytest.raises(NotImplementedError, match=reason):
            calls.prepare(*what)


def test_without_valgrind_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert instructions.counted() == {}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_the_record_is_small_and_names_no_place(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text) < 300_000
    for place in ("/tmp", "/home", "/root", "/work", "/usr", "/opt"):
        assert place not in text
