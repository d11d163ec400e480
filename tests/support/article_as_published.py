"""The tutorial's code as it is copied around the web, retyped with its four bugs. Nothing but tests may import it.

1. `corr2d_line_lost`: the line that names the kernel's height and width is swallowed by a comment.
2. `corr2d`: both loops run over the rows of the output, so an output that is not square is wrong.
3. `corr2d`: the output is made in torch's default dtype on the default device, whatever comes in.
4. `Conv2D`: a weight that is passed in is a plain tensor, not a parameter, and so never trains.
"""

import torch
from torch import nn


def corr2d_line_lost(X, K):
    # slide the kernel over the image: h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))  # noqa: F821 - bug 1
    for i in range(Y.shape[0]):
        for j in range(Y.shape[0]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()  # noqa: F821 - bug 1
    return Y


def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))  # bug 3
    for i in range(Y.shape[0]):
        for j in range(Y.shape[0]):  # bug 2
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


class Conv2D(nn.Module):
    def __init__(self, kernel_size, weight=None):
        super().__init__()
        if weight is not None:
            self.weight = weight  # bug 4
        else:
            self.weight = nn.Parameter(torch.rand(kernel_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return corr2d(x, self.weight) + self.bias
