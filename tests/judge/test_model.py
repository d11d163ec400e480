"""ONNX models of one Conv are judged in the runtime that the environment has; other models are refused."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrbench.judge.client import NotLoaded, Remote
from corrbench.target import find
from tests.support.judging import judged

onnx = pytest.importorskip("onnx", reason="comes with corrbench[peers]")
FLOAT, HALF = 1, 10
# A provider with a fault: the kernel is turned by half where it is larger than one element.
FLIPPING = """
import importlib.machinery, importlib.util, sys
here, rest = sys.path[0], sys.path[1:]
found = importlib.machinery.PathFinder.find_spec(__name__, [p for p in sys.path if p != {folder!r}])
module = importlib.util.module_from_spec(found)
sys.modules[__name__] = module
found.loader.exec_module(module)
class Flipping(module.InferenceSession):
    def run(self, names, feed):
        return super().run(names, {{**feed, "w": feed["w"][:, :, ::-1, ::-1].copy()}})
module.InferenceSession = Flipping
"""


def write(
    path: Path, *, bias: bool = True, kind: int = FLOAT, constant: Iterable[str] = (), then: str = "",
    kernel: tuple[Any, Any] = ("kh", "kw"), image: tuple[Any, ...] = ("n", "c", "rows", "columns"), **attributes: Any,
) -> str:  # fmt: skip
    """A model with one Conv, and `then` another node behind it."""
    make = onnx.helper
    shapes = {"x": image, "w": ("o", "i", *kernel), "b": ("o",)}
    names = ["x", "w", "b"][: 2 + bias]
    values = [onnx.numpy_helper.from_array(np.ones({"w": (6, 4, 3, 3), "b": (6,)}[n], np.float32), n) for n in constant]
    nodes = [make.make_node("Conv", names, ["z" if then else "y"], **attributes)]
    nodes += [make.make_node(then, ["z"], ["y"])] if then else []
    ends = [make.make_tensor_value_info(name, kind, shapes[name]) for name in names if name not in constant]
    y = make.make_tensor_value_info("y", kind, list("nopq"))
    graph = make.make_graph(nodes, "g", ends, [y], values)
    onnx.save(make.make_model(graph, ir_version=9, opset_imports=[make.make_opsetid("", 17)]), path)
    return str(path)


@pytest.mark.parametrize(
    ("attributes", "lacks"),
    [
        ({}, "stride"),
        ({"bias": False}, "bias"),
        ({"kind": HALF}, "float32"),
        ({"strides": [2, 1], "pads": [1, 0, 1, 0], "dilations": [1, 2]}, "groups"),
        ({"group": 2, "kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "kernel": (3, 3)}, "dilation"),
        ({"auto_pad": "SAME_UPPER"}, "padding"),
    ],
)
def test_a_model_passes_and_is_asked_for_what_it_has(tmp_path: Path, attributes: dict[str, Any], lacks: str) -> None:
    pytest.importorskip("onnxruntime", reason="comes with corrbench[peers]")
    run = judged(write(tmp_path / "m.onnx", **attributes))
    assert run.verdict == "pass", run.findings[:1]
    assert run.counts["pass"] > 150
    assert run.counts.get("unsupported", 0) <= 2
    assert lacks in run.unsupported
    kinds = {(one.case.stride, one.case.dilation, one.case.groups) for one in run.results}
    assert kinds == {
        (
            tuple(attributes.get("strides", (1, 1))),
            tuple(attributes.get("dilations", (1, 1))),
            attributes.get("group", 1),
        )
    }


def test_the_form_corr2d_is_a_case_of_one_channel(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="comes with corrbench[peers]")
    target = write(tmp_path / "m.onnx") + ":CPUExecutionProvider"
    run = judged(target, form="corr2d", check="values")
    assert run.verdict == "pass", run.findings[:1]


def test_a_fault_of_the_runtime_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="comes with corrbench[peers]")
    target = write(tmp_path / "m.onnx")
    (tmp_path / "onnxruntime.py").write_text(textwrap.dedent(FLIPPING).format(folder=str(tmp_path)))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = judged(target, check="values.exact").findings
    assert found
    assert "half-turn" in found[0].resembles or "flip" in found[0].resembles, found[0].resembles


def test_other_models_are_refused_with_what_is_allowed(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="comes with corrbench[peers]")
    right = write(tmp_path / "m.onnx")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(Path(right).read_bytes()[:100])
    for target, said in (
        (write(tmp_path / "w.onnx", constant=["w"]), "the w of .* is a constant, 'w': .* make it an input"),
        (write(tmp_path / "b.onnx", constant=["b"]), "the b of .* is a constant"),
        (write(tmp_path / "relu.onnx", then="Relu"), r"has 2 nodes \(Conv, Relu\): a model has one node, Conv"),
        (write(tmp_path / "x.onnx", image=(1, 3, 8, 8)), "sizes are fixed in .*: leave all free"),
        (write(tmp_path / "k.onnx", kernel=(3, "kw")), "one side of the kernel is fixed"),
        (write(tmp_path / "a.onnx", auto_pad="SAME_LOWER"), "auto_pad=SAME_LOWER .* write pads"),
        (str(cut), "cannot be read as an ONNX model: .*; a model has one node, Conv"),
        ("absent.onnx", "no such file: absent.onnx"),
        (f"{right}:FastProvider", "ONNX Runtime has no FastProvider here; name one of .*CPUExecutionProvider"),
    ):
        with Remote(find(target)) as remote, pytest.raises(NotLoaded, match=said):
            remote.load()


def test_without_the_runtime_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "onnxruntime.py").write_text("raise ModuleNotFoundError('hidden')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with Remote(find("m.onnx")) as remote, pytest.raises(NotLoaded, match=r"onnxruntime is not installed.*--python"):
        remote.load()
