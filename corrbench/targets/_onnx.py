"""An ONNX model of one convolution, for the runtimes that read them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from corrbench.targets._arguments import pair, sides


@lru_cache(maxsize=16)
def model(
    shape: tuple[int, ...],
    weight: tuple[bytes, str, tuple[int, ...]],
    bias: bytes | None,
    arguments: tuple[Any, Any, Any, int],
) -> bytes:
    """The bytes of a model with one Conv, its weights inside; `weight` is bytes, dtype and shape."""
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    data, dtype, form = weight
    (stride, padding, dilation, groups) = arguments
    steps, spread = pair(stride), pair(dilation)
    top, bottom, left, right = sides(padding, (form[2], form[3]), spread)
    given = [numpy_helper.from_array(np.frombuffer(data, dtype).reshape(form), "w")]
    if bias is not None:
        given.append(numpy_helper.from_array(np.frombuffer(bias, dtype), "b"))
    node = helper.make_node(
        "Conv", ["x", *(tensor.name for tensor in given)], ["y"],
        strides=steps, pads=(top, left, bottom, right), dilations=spread, group=groups,
    )  # fmt: skip
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    ends = (helper.make_tensor_value_info("x", kind, shape), helper.make_tensor_value_info("y", kind, list("nohw")))
    graph = helper.make_graph([node], "conv", [ends[0]], [ends[1]], given)
    made: bytes = helper.make_model(
        graph, ir_version=9, opset_imports=[helper.make_opsetid("", 17)], producer_name=onnx.__name__
    ).SerializeToString()
    return made


def conv(x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> bytes:
    """The model of one call, made once for the same shapes, weights and arguments."""
    packed = (weight.tobytes(), str(weight.dtype), weight.shape)
    arguments = (stride, padding, dilation, groups)
    return model(x.shape, packed, None if bias is None else bias.tobytes(), arguments)
