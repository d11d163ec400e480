"""TensorFlow's convolution, eager, on the CPU: with oneDNN as it comes, and without."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge

DTYPES = "float32 float64 float16 bfloat16 int32"

DECLARED = {
    "tensorflow": Declared(
        form="conv2d",
        needs="tensorflow",
        environ="TF_CPP_MIN_LOG_LEVEL=3",
        dtypes=DTYPES,
        lacks="four-sided padding,vmap",
        about="tf.nn.conv2d",
    ),
    "plain": Declared(
        form="conv2d",
        needs="tensorflow",
        environ="TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0",
        dtypes=DTYPES,
        lacks="four-sided padding,vmap",
        about="tf.nn.conv2d without oneDNN",
    ),
}


@cache
def library() -> _bridge.Library:
    """Arrays and derivatives of TensorFlow."""
    import tensorflow as tf

    def vjp(f: _bridge.Function, arrays: _bridge.Arrays, cotangents: _bridge.Arrays) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(list(arrays))
            results = f(*arrays)
        return tape.gradient(
            list(results), list(arrays), list(cotangents), unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    def jvp(f: _bridge.Function, arrays: _bridge.Arrays, tangents: _bridge.Arrays) -> Any:
        with tf.autodiff.ForwardAccumulator(list(arrays), list(tangents)) as along:
            results = f(*arrays)
        return results, [along.jvp(result, tf.UnconnectedGradients.ZERO) for result in results]

    return _bridge.Library(
        take=tf.constant, give=lambda array: array.numpy(), vjp=vjp, jvp=jvp, cannot="not yet support|not supported"
    )


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`tf.nn.conv2d` over channels that come last; the number of groups follows from the shapes."""
    import tensorflow as tf

    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(f"{x.shape[1]} channels, not {groups} groups of {w.shape[1]}")
    if padding == (0, 0):
        padding = "valid"  # as people write it; padding by numbers leads past oneDNN
    sides = padding.upper() if isinstance(padding, str) else [[0, 0], *([side, side] for side in padding), [0, 0]]
    y = tf.nn.conv2d(tf.transpose(x, (0, 2, 3, 1)), tf.transpose(w, (2, 3, 1, 0)), stride, sides, dilations=dilation)
    return tf.transpose(y if b is None else tf.nn.bias_add(y, b), (0, 3, 1, 2))


def tensorflow(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by TensorFlow."""
    _bridge.refuse_late_bias(bias)
    return _bridge.conv2d(library(), convolve, (input, weight, bias), geometry)


plain = tensorflow
