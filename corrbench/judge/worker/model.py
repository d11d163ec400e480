"""``model.onnx``: a model of one Conv whose operands are its inputs, run by ONNX Runtime."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .geometry import pair, planes_too, sides
from .library import Unloadable

ALLOWED = "a model has one node, Conv, and its inputs are x, w and, if it adds one, b"
TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}  # of onnx.TensorProto, those that Conv takes
Fixed = dict[str, Any]  # stride, padding, dilation, groups and kernel: what a model has once and for all


def load_model(spec: str) -> Callable[..., Any]:
    """The model as a function of Python's, over numpy arrays. ``model.onnx:NAMEExecutionProvider`` chooses a provider;
    else they are asked in ONNX Runtime's own order.

    Raises:
        Unloadable: a file that cannot be read, another model, or no such provider; onnx is not installed.
    """
    ort: Any = importlib.import_module("onnxruntime")
    path, _, provider = spec.partition(":") if spec.endswith(".onnx") else spec.rpartition(":")
    if not os.path.exists(path):
        raise Unloadable(f"no such file: {path}; {ALLOWED}")
    names, dtype, fixed = read(path)
    providers = ort.get_available_providers()
    if provider and provider not in providers:
        raise Unloadable(f"ONNX Runtime has no {provider} here; name one of {', '.join(providers)}, or none")
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # an error is raised as well
    try:
        session = ort.InferenceSession(path, options, providers=[provider] if provider else providers)
    except Exception as error:
        raise Unloadable(f"ONNX Runtime does not take {path}: {str(error).splitlines()[0][:300]}") from None

    @planes_too
    def conv2d(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        if input.dtype.name != dtype:
            raise NotImplementedError(f"the model is of {dtype}")
        spread = pair(dilation)
        asked = {
            "stride": pair(stride), "padding": sides(padding, weight.shape[2:], spread), "dilation": spread,
            "groups": (groups,), "kernel": tuple(weight.shape[2:]),
        }  # fmt: skip
        for key, value in fixed.items():
            its = sides(value, weight.shape[2:], spread) if key == "padding" else tuple(value)
            if asked[key] != its:
                raise NotImplementedError(f"the model's {key} is {' '.join(map(str, its))}")
        operands = [input, weight]
        if len(names) == 3:
            operands.append(np.zeros(weight.shape[0], input.dtype) if bias is None else bias)
        elif bias is not None:
            raise NotImplementedError("the model has no input for a bias")
        return session.run(None, dict(zip(names, operands, strict=True)))[0]

    conv2d.fixed_in_it = fixed  # type: ignore[attr-defined]
    return conv2d


def read(path: str) -> tuple[list[str], str, Fixed]:
    """The names of a model's inputs, their element type, and what is fixed in it.

    Raises:
        Unloadable: it is not of one Conv, or cannot be read.
    """
    try:
        import onnx
    except ImportError:
        raise Unloadable(
            "onnx, which reads what a model is made of, is not installed in this environment: pip install onnx, or "
            "name the interpreter of an environment that has it: --python PATH"
        ) from None
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except Exception as error:
        said = str(error).splitlines() or [type(error).__name__]
        raise Unloadable(f"{path} cannot be read as an ONNX model: {said[0][:200]}; {ALLOWED}") from None
    kinds = [node.op_type for node in graph.node]
    if kinds != ["Conv"] or graph.node[0].domain not in ("", "ai.onnx"):
        raise Unloadable(f"{path} has {len(kinds)} nodes ({', '.join(kinds[:8]) or 'none'}): {ALLOWED}")
    node, inputs = graph.node[0], {one.name: one.type.tensor_type for one in graph.input}
    names = [name for name in node.input if name]
    constant = {one.name for one in graph.initializer} | {one.values.name for one in graph.sparse_initializer}
    for role, name in zip("xwb", names, strict=False):
        if name in constant:
            raise Unloadable(
                f"the {role} of {path} is a constant, {name!r}: each case has its own, so make it an input"
            )
        if name not in inputs:
            raise Unloadable(f"the {role} of {path}, {name!r}, is no input: {ALLOWED}")
    if len(names) < 2 or set(inputs) != set(names) or [one.name for one in graph.output] != list(node.output):
        raise Unloadable(f"{path} has the inputs {', '.join(inputs)} and {len(graph.output)} outputs: {ALLOWED}")
    types = {inputs[name].elem_type for name in names}
    if len(types) != 1 or not types <= TYPES.keys():
        raise Unloadable(f"the inputs of {path} have element types {sorted(types)}: one of {', '.join(TYPES.values())}")
    has = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    return names, TYPES[types.pop()], {**geometry_of(path, has), **kernel_of(path, has, names, inputs)}


def geometry_of(path: str, has: dict[str, Any]) -> Fixed:
    """Stride, padding, dilation and groups of a node's attributes."""
    top, left, bottom, right = has.get("pads", (0, 0, 0, 0))
    padding: Any = (top, bottom, left, right)
    stride, word = tuple(has.get("strides", (1, 1))), has.get("auto_pad", b"NOTSET").decode()
    if word == "VALID":
        padding = (0, 0, 0, 0)
    elif word == "SAME_UPPER" and stride == (1, 1):
        padding = "same"
    elif word != "NOTSET":
        raise Unloadable(f"auto_pad={word} with strides {stride} of {path} has no counterpart: write pads")
    return {
        "stride": stride, "padding": padding, "dilation": tuple(has.get("dilations", (1, 1))),
        "groups": (has.get("group", 1),),
    }  # fmt: skip


def kernel_of(path: str, has: dict[str, Any], names: list[str], inputs: dict[str, Any]) -> Fixed:
    """The kernel's size, where it is fixed; all other sizes must be free."""
    sizes = {name: [one.dim_value for one in inputs[name].shape.dim] for name in names}
    kernel = tuple(has.get("kernel_shape", sizes[names[1]][2:]))
    free = [*sizes[names[0]], *sizes[names[1]][:2], *(sizes[names[2]] if len(names) == 3 else [])]
    if any(free):
        shown = "; ".join(f"{name} {size}" for name, size in sizes.items())
        raise Unloadable(f"sizes are fixed in {path} ({shown}): leave all free (dynamic axes), but for the kernel's")
    if kernel and all(kernel):
        return {"kernel": kernel}
    if any(kernel):
        raise Unloadable(f"one side of the kernel is fixed in {path}: fix both or none")
    return {}
