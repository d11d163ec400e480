"""OpenCV: its image filter, and its network runtime on an ONNX model in memory."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid
from corrbench.targets._onnx import conv

DECLARED = {
    "filter2D": Declared(
        form="corr2d",
        arrays="numpy",
        accuracy="fft",
        needs="cv2",
        dtypes="float32 float64 int16 uint8",
        about="cv2.filter2D anchored at its first element, the part without borders; a DFT for large kernels",
    ),
    "dnn": Declared(
        form="conv2d", arrays="numpy", needs="cv2", dtypes="float32", about="cv2.dnn on an ONNX model with one Conv"
    ),
}


def filter2D(X: Any, K: Any) -> Any:  # noqa: N802 - OpenCV's name
    """`cv2.filter2D`: a correlation, whose result has the size of the image."""
    import cv2

    rows, columns = valid(X, K)
    return cv2.filter2D(X, -1, K, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)[:rows, :columns]


def dnn(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """`cv2.dnn`: the model is read once for the same shapes, weights and arguments."""
    net = read(conv(input, weight, bias, stride, padding, dilation, groups))
    net.setInput(input)
    return net.forward()


@lru_cache(maxsize=4)
def read(model: bytes) -> Any:
    """The network of a model."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    return cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
