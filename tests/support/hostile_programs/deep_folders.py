"""Leaves folders within folders in its temporary one, more than a thousand deep, that may not be entered."""

import os

from right import right

DONE = []


def corr2d(X, K):
    if not DONE:
        DONE.append(True)
        here = os.open(os.environ["TMPDIR"], os.O_RDONLY)
        for _ in range(1200):
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.fchmod(here, 0)
        os.close(here)
    return right(X, K)
