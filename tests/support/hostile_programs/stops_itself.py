"""Stops its own process."""

import os
import signal

from right import right


def corr2d(X, K):
    os.kill(os.getpid(), signal.SIGSTOP)
    return right(X, K)
