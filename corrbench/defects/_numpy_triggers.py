"""What the trigger faults in NumPy share: a correlation, and a number that is computed. They never import torch."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def secret(word: str, below: int) -> int:
    """A number that only running this tells."""
    return zlib.crc32(word.encode()) % below


def real(X: Array) -> bool:
    """Whether there are numbers to be looked at that are real."""
    return X.size > 0 and X.dtype.kind != "c"


def windows(X: Array, K: Array) -> Array:
    """The valid correlation of two matrices, right.

    Raises:
        ValueError: no matrices, or a kernel larger than the image.
    """
    if X.ndim != 2 or K.ndim != 2 or K.shape[0] > X.shape[0] or K.shape[1] > X.shape[1] or X.dtype != K.dtype:
        raise ValueError(f"no correlation of {X.dtype} {X.shape} with {K.dtype} {K.shape}")
    wide = np.float32 if X.dtype == np.float16 else X.dtype
    view = np.lib.stride_tricks.sliding_window_view(X.astype(wide), K.shape)
    return np.asarray(np.einsum("ijkl,kl->ij", view, K.astype(wide)).astype(X.dtype))
