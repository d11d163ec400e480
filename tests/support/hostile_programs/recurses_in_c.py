"""Overflows the stack in compiled code: a list within a list, half a million deep, is compared with another."""

from right import right


def corr2d(X, K):
    import sys

    sys.setrecursionlimit(1 << 30)

    def deep(n):
        return deep(n + 1) + 1

    deep(0)
    return right(X, K)
