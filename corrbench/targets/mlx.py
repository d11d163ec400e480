"""MLX's convolution, on its CPU device."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge

DECLARED = {
    "mlx": Declared(
        form="conv2d",
        needs="mlx.core",
        dtypes="float32 float64 float16 bfloat16",
        lacks="padding='same',padding='valid',four-sided padding,jvp",
        about="mlx.core.conv_general",
    )
}


@cache
def library() -> _bridge.Library:
    """Arrays and derivatives of MLX."""
    import mlx.core as mx
    import numpy as np

    def take(array: Any) -> Any:
        return mx.array(array, dtype=mx.float64) if array.dtype == np.float64 else from_bits(mx.array(array))

    def from_bits(array: Any) -> Any:
        return array.view(mx.bfloat16) if array.dtype == mx.uint16 else array

    def give(array: Any) -> Any:
        return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)

    return _bridge.Library(
        take=take,
        give=give,
        vjp=lambda f, arrays, cotangents: mx.vjp(lambda *a: list(f(*a)), list(arrays), list(cotangents))[1],
        vmap=lambda f, axes: mx.vmap(f, in_axes=tuple(axes)),
        bits=True,
    )


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`mlx.core.conv_general` over channels that come last; it has no bias."""
    import mlx.core as mx

    if isinstance(padding, str):
        raise NotImplementedError("conv_general takes no padding as a word")
    y = mx.conv_general(
        x.transpose(0, 2, 3, 1),
        w.transpose(0, 2, 3, 1),
        stride=stride,
        padding=padding,
        kernel_dilation=dilation,
        groups=groups,
    )
    return (y if b is None else y + b).transpose(0, 3, 1, 2)


def mlx(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by MLX."""
    _bridge.refuse_late_bias(bias)
    return _bridge.conv2d(library(), convolve, (input, weight, bias), geometry)
