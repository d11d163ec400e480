"""Numba: the sum as a loop, compiled; what one channel can be done in."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid

DECLARED = {
    "corr2d": Declared(
        form="corr2d",
        arrays="numpy",
        needs="numba",
        dtypes="float32 float64 int64 int32 int16 int8 uint8",
        about="a loop over kernel and row, compiled by numba.njit",
    )
}


def corr2d(X: Any, K: Any) -> Any:
    """Row by row and tap by tap, so that the innermost loop runs along memory."""
    import numpy as np

    result = np.zeros(valid(X, K), X.dtype)
    loop()(X, K, result)
    return result


@cache
def loop() -> Any:
    """The compiled loop; numba compiles it once for each element type and kind of layout."""
    from numba import njit

    def add_up(X: Any, K: Any, Y: Any) -> None:
        for i in range(Y.shape[0]):
            for a in range(K.shape[0]):
                for b in range(K.shape[1]):
                    tap = K[a, b]
                    for j in range(Y.shape[1]):
                        Y[i, j] += X[i + a, j + b] * tap

    return njit(add_up)
