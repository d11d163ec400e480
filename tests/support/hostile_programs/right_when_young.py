"""Right for the first second of its process, zeros from then on."""

import time

import numpy as np
from right import right

BEGAN = time.monotonic()


def corr2d(X, K):
    Y = right(X, K)
    return Y if time.monotonic() - BEGAN < 1 else np.zeros_like(Y)
