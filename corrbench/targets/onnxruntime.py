"""ONNX Runtime on its CPU provider: a model with one Conv, its weights inside."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets._onnx import conv


def _conv(about: str) -> Declared:
    about = f"a model with one Conv{about}"
    return Declared(form="conv2d", arrays="numpy", needs="onnxruntime", dtypes="float32 float16", about=about)


DECLARED = {"onnxruntime": _conv(""), "plain": _conv(", graph optimisations off")}


def onnxruntime(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """As a user runs it: all optimisations, which choose the layout in memory."""
    return session(conv(input, weight, bias, stride, padding, dilation, groups), True).run(None, {"x": input})[0]


def plain(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Without optimisations of the graph, so that the operator itself is run."""
    return session(conv(input, weight, bias, stride, padding, dilation, groups), False).run(None, {"x": input})[0]


@lru_cache(maxsize=4)
def session(model: bytes, optimised: bool) -> Any:
    """A session on one thread, made once for the same shapes, weights and arguments."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
