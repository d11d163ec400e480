"""OpenVINO on its CPU plugin: a model of one convolution, its weights inside."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import pair, sides


def _convolution(about: str, dtypes: str) -> Declared:
    return Declared(
        form="conv2d", arrays="numpy", needs="openvino", dtypes=dtypes, about=f"a model of one convolution{about}"
    )


DECLARED = {
    "openvino": _convolution(" in the precision that the plugin prefers", "float32"),
    "f32": _convolution(", INFERENCE_PRECISION_HINT=f32", "float32 float64"),
}


def openvino(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """As a user runs it: the plugin chooses the arithmetic."""
    return infer(None, input, weight, bias, (stride, padding, dilation, groups))


def f32(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """With float32 arithmetic asked for."""
    return infer("f32", input, weight, bias, (stride, padding, dilation, groups))


def infer(hint: str | None, input: Any, weight: Any, bias: Any, arguments: tuple[Any, Any, Any, int]) -> Any:
    """The result of the compiled model."""
    packed = (weight.tobytes(), str(weight.dtype), weight.shape)
    return compiled(hint, input.shape, packed, None if bias is None else bias.tobytes(), arguments)(input)[0]


@cache
def core() -> Any:
    """The one that compiles all models."""
    from openvino import Core

    return Core()


@lru_cache(maxsize=4)
def compiled(
    hint: str | None,
    shape: tuple[int, ...],
    weight: tuple[bytes, str, tuple[int, ...]],
    bias: bytes | None,
    arguments: tuple[Any, Any, Any, int],
) -> Any:
    """A model on one thread, compiled once for the same shapes, weights and arguments."""
    import numpy as np
    from openvino import Model, opset13

    data, dtype, form = weight
    (stride, padding, dilation, groups) = arguments
    top, bottom, left, right = sides(padding, (form[2], form[3]), pair(dilation))
    geometry = (pair(stride), (top, left), (bottom, right), pair(dilation))
    kernels = np.frombuffer(data, dtype).reshape(form)
    x = opset13.parameter(shape, np.dtype(dtype).type)
    if groups == 1:
        y = opset13.convolution(x, opset13.constant(kernels), *geometry)
    else:
        split = kernels.reshape(groups, form[0] // groups, *form[1:])
        y = opset13.group_convolution(x, opset13.constant(split), *geometry)
    if bias is not None:
        y = opset13.add(y, opset13.constant(np.frombuffer(bias, dtype).reshape(1, -1, 1, 1)))
    config: dict[str, Any] = {"INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
    if hint:
        config["INFERENCE_PRECISION_HINT"] = hint
    return core().compile_model(Model([y], [x]), "CPU", config)
