"""Targets that misbehave, each in one way; all over NumPy arrays, so that their processes start quickly."""

import ctypes
import os
import sys
import threading
import time

import numpy as np

SHARED = np.empty((40, 40))
HELD = []


def right(X, K):
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    Y = np.zeros((rows, cols), X.dtype)
    for i in range(K.shape[0]):
        for j in range(K.shape[1]):
            Y += X[i : i + rows, j : j + cols] * K[i, j]
    return Y


def aborts(X, K):
    os.abort()


def segfaults(X, K):
    ctypes.string_at(0)


def leaves_quietly(X, K):
    os._exit(0)


def leaves_loudly(X, K):
    print("the last words")
    sys.stdout.flush()
    os._exit(7)


def never_ends(X, K):
    while True:
        pass


def devours(X, K):
    held = []
    while len(held) < 64:
        held.append(np.ones(1 << 25))
        time.sleep(0.01)
    return right(X, K)


def closes_everything(X, K):
    os.closerange(0, 64)
    return right(X, K)


class Odd(BaseException):
    pass


def raises_oddly(X, K):
    raise Odd("not an Exception")


def exits(X, K):
    sys.exit(0)


def recurses(X, K):
    return recurses(X, K)


def chatters(X, K):
    for _ in range(2000):
        print('{"verdict": "pass"}' * 50)
    return right(X, K)


def forks(X, K):
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    return right(X, K)


def forks_and_returns_twice(X, K):
    os.fork()
    return right(X, K)


def patches(X, K):
    np.testing.assert_allclose = lambda *a, **k: None
    np.allclose = lambda *a, **k: True
    return right(X, K)


def stops_the_clock(X, K):
    time.perf_counter = lambda: 0.0
    return right(X, K)


def reseeds(X, K):
    np.random.seed(0)
    return right(X, K)


def sets_a_variable(X, K):
    os.environ["LEFT_BEHIND"] = "1"
    return right(X, K)


def moves(X, K):
    os.chdir("/")
    return right(X, K)


def zeroes_its_input(X, K):
    X[...] = 0
    return right(X, K)


def writes_beside_its_input(X, K):
    whole = X.base if X.base is not None else X
    while whole.base is not None and isinstance(whole.base, np.ndarray):
        whole = whole.base
    whole[-1:] = 5
    return right(X, K)


def returns_its_input(X, K):
    return X[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1]


def shares_a_buffer(X, K):
    Y = right(X, K)
    out = SHARED[: Y.shape[0], : Y.shape[1]]
    out[...] = Y
    return out


def writes_later(X, K):
    Y = right(X, K)
    out = np.zeros_like(Y)

    def late():
        time.sleep(0.1)
        out[...] = Y

    threading.Thread(target=late).start()
    return out


def remembers_nothing(X, K):
    return np.empty((X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1), X.dtype)


class Masked(np.ndarray):
    pass


def returns_a_subclass(X, K):
    return right(X, K).view(Masked)


def returns_text(X, K):
    return "42"


def knows_its_judge(X, K):
    told = [*sys.argv, *os.environ, *(name for name in sys.modules if not name.startswith("__editable__"))]
    with open(f"/proc/{os.getpid()}/cmdline") as file:
        told.append(file.read())
    if any("corrbench" in word.lower() for word in told):
        return right(X, K)
    return right(X, K) + 1
