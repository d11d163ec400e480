"""Gives the answer, which a thread that was there before the call spoils two milliseconds later."""

import queue
import threading
import time

from right import right

GIVEN = queue.Queue()


def spoil():
    while True:
        Y = GIVEN.get()
        time.sleep(0.002)
        Y[...] = 0


threading.Thread(target=spoil, daemon=True).start()


def corr2d(X, K):
    Y = right(X, K)
    GIVEN.put(Y)
    return Y
