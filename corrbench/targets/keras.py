"""Keras' convolution over TensorFlow."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets import _bridge, tensorflow

DECLARED = {
    "keras": Declared(
        form="conv2d",
        needs="keras",
        environ="KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3",
        dtypes=tensorflow.DTYPES,
        lacks="four-sided padding,jvp,vmap",
        about="keras.ops.conv on TensorFlow, after keras.ops.pad",
    )
}


def convolve(x: Any, w: Any, b: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`keras.ops.conv` over channels that come last; it pads by a word only, and has no bias."""
    from keras import ops

    if x.shape[1] != w.shape[1] * groups:
        raise ValueError(f"{x.shape[1]} channels, not {groups} groups of {w.shape[1]}")
    x, w, word = ops.transpose(x, (0, 2, 3, 1)), ops.transpose(w, (2, 3, 1, 0)), padding
    if not isinstance(padding, str):
        word = "valid"
        if any(padding):
            x = ops.pad(x, [[0, 0], *([side, side] for side in padding), [0, 0]])
    y = ops.conv(x, w, stride, word, "channels_last", dilation)
    return ops.transpose(y if b is None else y + b, (0, 3, 1, 2))


def keras(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """Cross-correlation of torch's tensors by Keras, differentiated by TensorFlow."""
    _bridge.refuse_late_bias(bias)
    return _bridge.conv2d(tensorflow.library(), convolve, (input, weight, bias), geometry)
