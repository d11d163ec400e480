"""FFTW through pyFFTW's interface."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid

DECLARED = {
    "corr2d": Declared(
        form="corr2d",
        arrays="numpy",
        accuracy="fft",
        needs="pyfftw",
        dtypes="float32 float64",
        about="a product of pyfftw.interfaces.numpy_fft.rfft2, no padding",
    )
}


def corr2d(X: Any, K: Any) -> Any:
    """The cyclic correlation of the image's size: where no border reaches it is the valid one."""
    from pyfftw.interfaces import numpy_fft

    rows, columns = valid(X, K)
    product = numpy_fft.rfft2(X) * numpy_fft.rfft2(K, s=X.shape).conj()
    return numpy_fft.irfft2(product, s=X.shape)[:rows, :columns]
