"""Gives the answer; a child stops this process again and again."""

import os
import signal
import time

from right import right


def corr2d(X, K):
    me = os.getpid()
    if os.fork() == 0:
        for _ in range(200):
            time.sleep(0.01)
            os.kill(me, signal.SIGSTOP)
        os._exit(0)
    return right(X, K)
