"""SciPy's two-dimensional correlation and convolution, as they are called for a valid cross-correlation."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

FLIPPED = "with the kernel flipped in both axes"


INEXACT = "float32 float64 complex64 complex128"  # the types that come back as they went in


def _plane(about: str, accuracy: str = "direct", dtypes: str = "") -> Declared:
    """What is the same for all: single planes as numpy arrays."""
    return Declared(form="corr2d", arrays="numpy", accuracy=accuracy, needs="scipy.signal", dtypes=dtypes, about=about)


DECLARED = {
    "correlate2d": _plane("scipy.signal.correlate2d, mode='valid'"),
    "convolve2d": _plane(f"scipy.signal.convolve2d {FLIPPED}"),
    "correlate_direct": _plane("scipy.signal.correlate, method='direct'"),
    "correlate": _plane("scipy.signal.correlate, method='auto', which is free to take a transform", "fft"),
    "correlate_fft": _plane("scipy.signal.correlate, method='fft'", "fft"),
    "fftconvolve": _plane(f"scipy.signal.fftconvolve {FLIPPED}", "fft", INEXACT),
    "oaconvolve": _plane(f"scipy.signal.oaconvolve {FLIPPED}", "fft", INEXACT),
}


def correlate2d(X: Any, K: Any) -> Any:
    """`scipy.signal.correlate2d`, which conjugates its second operand."""
    from scipy import signal

    return signal.correlate2d(X, K.conj(), mode="valid")


def convolve2d(X: Any, K: Any) -> Any:
    """`scipy.signal.convolve2d`: convolution turns the kernel, so it is turned before."""
    from scipy import signal

    return signal.convolve2d(X, K[::-1, ::-1], mode="valid")


def correlate(X: Any, K: Any, method: Any = "auto") -> Any:
    """`scipy.signal.correlate`, which conjugates its second operand and by default chooses the faster method."""
    from scipy import signal

    return signal.correlate(X, K.conj(), mode="valid", method=method)


def correlate_direct(X: Any, K: Any) -> Any:
    """`scipy.signal.correlate` by the sum of products."""
    return correlate(X, K, "direct")


def correlate_fft(X: Any, K: Any) -> Any:
    """`scipy.signal.correlate` by the Fourier transform."""
    return correlate(X, K, "fft")


def fftconvolve(X: Any, K: Any) -> Any:
    """`scipy.signal.fftconvolve`, with the kernel turned before as for `convolve2d`."""
    from scipy import signal

    return signal.fftconvolve(X, K[::-1, ::-1], mode="valid")


def oaconvolve(X: Any, K: Any) -> Any:
    """`scipy.signal.oaconvolve`: Fourier transforms of blocks that overlap and are added."""
    from scipy import signal

    return signal.oaconvolve(X, K[::-1, ::-1], mode="valid")
