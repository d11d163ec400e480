"""Gives an array over a file that is cut off afterwards: reading it is a bus error."""

import tempfile

import numpy as np
from right import right


def corr2d(X, K):
    Y = right(X, K)
    with tempfile.TemporaryFile() as file:
        file.truncate(1 << 16)
        out = np.memmap(file, Y.dtype, "r+", 0, Y.shape).view(np.ndarray)
        out[...] = Y
        file.truncate(0)
    return out
