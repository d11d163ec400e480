"""JAX's convolution, compiled by XLA for each shape."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge

SHARED = "XLA_PYTHON_CLIENT_PREALLOCATE=false"  # else the first process takes most of a device's memory
DECLARED = {
    "jax": Declared(
        form="conv2d",
        needs="jax",
        environ=SHARED,
        dtypes="float32 bfloat16 float16 int32 int16 int8 uint8 complex64",
        lacks="four-sided padding",
        about="jax.lax.conv_general_dilated",
    ),
    "f64": Declared(
        form="conv2d",
        needs="jax",
        environ=f"JAX_ENABLE_X64=1 {SHARED}",
        dtypes="float64 int64 complex128",
        lacks="four-sided padding",
        about="jax.lax.conv_general_dilated with JAX_ENABLE_X64=1, in 64 bits",
    ),
}


@cache
def library() -> _bridge.Library:
    """Arrays and derivatives of JAX."""
    import jax
    import numpy as np

    def vjp(f: _bridge.Function, arrays: _bridge.Arrays, cotangents: _bridge.Arrays) -> Any:
        # JAX's gradients of complex numbers are the conjugates of torch's
        found = jax.vjp(f, *arrays)[1](tuple(jax.numpy.conj(g) for g in cotangents))
        return tuple(jax.numpy.conj(one) for one in found)

    return _bridge.Library(
        take=jax.numpy.array,
        give=np.asarray,
        vjp=vjp,
        jvp=lambda f, arrays, tangents: jax.jvp(f, tuple(arrays), tuple(tangents)),
        vmap=lambda f, axes: jax.vmap(f, in_axes=tuple(axes)),
    )


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`jax.lax.conv_general_dilated`, which has no bias."""
    from jax import lax

    sides = padding.upper() if isinstance(padding, str) else [(side, side) for side in padding]
    y = lax.conv_general_dilated(x, w, stride, sides, rhs_dilation=dilation, feature_group_count=groups)
    return y if b is None else y + b[:, None, None]


def jax(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by JAX."""
    _bridge.refuse_late_bias(bias)
    return _bridge.conv2d(library(), convolve, (input, weight, bias), geometry)


f64 = jax
