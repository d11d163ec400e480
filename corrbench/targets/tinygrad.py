"""tinygrad's convolution, compiled for the CPU by clang."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge

# Sums of narrower integers come back as int32, and bfloat16 depends on the release of clang.
DTYPES = "float32 float64 float16 int64 int32"

DECLARED = {
    "tinygrad": Declared(
        form="conv2d",
        needs="tinygrad",
        environ="DEV=CPU",
        dtypes=DTYPES,
        lacks="padding='same',padding='valid',four-sided padding,jvp,vmap",
        about="tinygrad.Tensor.conv2d",
    ),
}


@cache
def library() -> _bridge.Library:
    """Arrays and derivatives of tinygrad."""
    from tinygrad import Tensor

    def vjp(f: _bridge.Function, arrays: _bridge.Arrays, cotangents: _bridge.Arrays) -> Any:
        results = f(*arrays)
        total = [result.gradient(*arrays, gradient=g) for result, g in zip(results, cotangents, strict=True)]
        return [sum(grads[1:], grads[0]) for grads in zip(*total, strict=True)]

    return _bridge.Library(take=Tensor, give=lambda array: array.numpy(), vjp=vjp)


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`tinygrad.Tensor.conv2d`, of torch's layout; a pair of paddings means rows, columns."""
    if isinstance(padding, str):
        raise NotImplementedError("conv2d takes no padding as a word")
    return x.conv2d(w, b, groups, stride, dilation, padding)


def tinygrad(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by tinygrad."""
    return _bridge.conv2d(library(), convolve, (input, weight, bias), geometry)
