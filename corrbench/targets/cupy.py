"""CuPy's counterparts of SciPy, on a CUDA device; tensors are handed over without a copy."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid


def _plane(about: str, accuracy: str = "direct", dtypes: str = "") -> Declared:
    return Declared(form="corr2d", accuracy=accuracy, device="cuda", needs="cupyx.scipy.signal", dtypes=dtypes,
                    lacks="backward,double,jvp,vmap", about=about)  # fmt: skip


DECLARED = {
    "correlate2d": _plane("cupyx.scipy.signal.correlate2d, mode='valid'"),
    "fftconvolve": _plane(
        "cupyx.scipy.signal.fftconvolve with the kernel flipped in both axes",
        "fft",
        "float32 float64 complex64 complex128",  # others are widened
    ),
    "ndimage_correlate": _plane("cupyx.scipy.ndimage.correlate, the part without borders"),
}


def correlate2d(X: Any, K: Any) -> Any:
    """`cupyx.scipy.signal.correlate2d`, which conjugates its second operand."""
    from cupyx.scipy import signal

    image, kernel = arrays(X, K)
    return tensor(signal.correlate2d(image, kernel.conj(), mode="valid"))


def fftconvolve(X: Any, K: Any) -> Any:
    """`cupyx.scipy.signal.fftconvolve`: convolution turns the kernel, so it is turned before."""
    from cupyx.scipy import signal

    image, kernel = arrays(X, K)
    return tensor(signal.fftconvolve(image, kernel[::-1, ::-1], mode="valid"))


def ndimage_correlate(X: Any, K: Any) -> Any:
    """`cupyx.scipy.ndimage.correlate`, which puts the middle of the kernel on each element."""
    from cupyx.scipy import ndimage

    (image, kernel), (rows, columns) = arrays(X, K), valid(X, K)
    top, left = (size // 2 for size in K.shape)
    return tensor(ndimage.correlate(image, kernel, mode="constant")[top : top + rows, left : left + columns])


def arrays(X: Any, K: Any) -> tuple[Any, Any]:
    """Both operands as CuPy sees them."""
    import cupy

    if str(X.dtype) == "torch.bfloat16":
        raise NotImplementedError("CuPy has no bfloat16")
    return cupy.from_dlpack(X), cupy.from_dlpack(K)


def tensor(array: Any) -> Any:
    """A result as torch sees it."""
    from torch.utils import dlpack

    return dlpack.from_dlpack(array)
