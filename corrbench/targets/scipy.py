"""SciPy's two-dimensional correlation and convolution, as they are called for a valid cross-correlation."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

DECLARED = {
    "correlate2d": Declared(
        form="corr2d", arrays="numpy", needs="scipy.signal", about="scipy.signal.correlate2d, mode='valid'"
    ),
    "convolve2d": Declared(
        form="corr2d",
        arrays="numpy",
        needs="scipy.signal",
        about="scipy.signal.convolve2d with the kernel flipped in both axes",
    ),
    "fftconvolve": Declared(
        form="corr2d",
        arrays="numpy",
        accuracy="fft",
        needs="scipy.signal",
        about="scipy.signal.fftconvolve with the kernel flipped in both axes",
    ),
}


def correlate2d(X: Any, K: Any) -> Any:
    """`scipy.signal.correlate2d`, which conjugates its second operand."""
    from scipy import signal

    return signal.correlate2d(X, K.conj(), mode="valid")


def convolve2d(X: Any, K: Any) -> Any:
    """`scipy.signal.convolve2d`: convolution turns the kernel, so it is turned before."""
    from scipy import signal

    return signal.convolve2d(X, K[::-1, ::-1], mode="valid")


def fftconvolve(X: Any, K: Any) -> Any:
    """`scipy.signal.fftconvolve`, with the kernel turned before as for `convolve2d`."""
    from scipy import signal

    return signal.fftconvolve(X, K[::-1, ::-1], mode="valid")
