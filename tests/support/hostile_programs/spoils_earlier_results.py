"""Gives the answer, and overwrites the one that it gave before."""

from right import right

LAST = []


def corr2d(X, K):
    if LAST:
        LAST.pop()[...] = 0
    Y = right(X, K)
    LAST.append(Y)
    return Y
