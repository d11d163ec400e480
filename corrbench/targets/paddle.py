"""PaddlePaddle's convolution, eager, on the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge

DECLARED = {
    "paddle": Declared(
        form="conv2d",
        needs="paddle",
        dtypes="float32 float64",
        lacks="four-sided padding,jvp,vmap",
        about="paddle.nn.functional.conv2d",
    )
}


@cache
def library() -> _bridge.Library:
    """Arrays and derivatives of PaddlePaddle."""
    import paddle

    def vjp(f: _bridge.Function, arrays: _bridge.Arrays, cotangents: _bridge.Arrays) -> Any:
        for array in arrays:
            array.stop_gradient = False
        results = f(*arrays)
        found = paddle.grad(list(results), list(arrays), list(cotangents), create_graph=True, allow_unused=True)
        return [paddle.zeros_like(array) if grad is None else grad for array, grad in zip(arrays, found, strict=True)]

    return _bridge.Library(
        take=paddle.to_tensor, give=lambda array: array.numpy(), vjp=vjp, cannot="double_grad` is not registered"
    )


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`paddle.nn.functional.conv2d`, of torch's layout."""
    from paddle.nn import functional

    sides = padding.upper() if isinstance(padding, str) else list(padding)
    return functional.conv2d(x, w, b, list(stride), sides, list(dilation), groups)


def paddle(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by PaddlePaddle."""
    return _bridge.conv2d(library(), convolve, (input, weight, bias), geometry)
