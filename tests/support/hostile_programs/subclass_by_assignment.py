"""Gives an array whose class was changed after it was made: indexed or added to, it is zeros."""

import numpy as np
from right import right


class ndarray(np.ndarray):
    __slots__ = ()
    __array_ufunc__ = lambda self, ufunc, method, *a, **k: np.zeros(self.shape)  # noqa: E731
    __getitem__ = lambda self, place: 0  # noqa: E731


ndarray.__module__, ndarray.__qualname__ = "numpy", "ndarray"


def corr2d(X, K):
    return right(X, K).view(ndarray)
