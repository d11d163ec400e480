"""Computes rightly, and has every warning of anybody's raised from now on."""

import warnings

from right import right

warnings.simplefilter("error")


def corr2d(X, K):
    warnings.simplefilter("error")
    return right(X, K)
