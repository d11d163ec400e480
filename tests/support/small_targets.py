"""Sources of small targets on numpy arrays, which start faster than torch ones, and how to write them to a file."""

from __future__ import annotations

from pathlib import Path

RIGHT = """
import numpy as np

def corr2d(X, K):
    (h, w), (rows, cols) = K.shape, X.shape
    Y = np.zeros((rows - h + 1, cols - w + 1), X.dtype)
    for a in range(h):
        for b in range(w):
            Y += X[a : a + Y.shape[0], b : b + Y.shape[1]] * K[a, b]
    return Y
"""
FLIPPED = RIGHT.replace("K[a, b]", "K[h - 1 - a, w - 1 - b]")
SLOW = RIGHT.replace("import numpy as np", "import time\nimport numpy as np").replace(
    "    Y = ", "    time.sleep(0.04)\n    Y = "
)
CONV2D = """
import numpy as np

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if padding or groups != 1 or dilation != 1:
        raise NotImplementedError("stride only")
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    (n, c, rows, cols), (o, _, h, w) = input.shape, weight.shape
    out = (rows - h) // sh + 1, (cols - w) // sw + 1
    Y = np.zeros((n, o, *out), input.dtype)
    for a in range(h):
        for b in range(w):
            seen = input[:, :, a : a + (out[0] - 1) * sh + 1 : sh, b : b + (out[1] - 1) * sw + 1 : sw]
            Y += np.einsum("nchw,oc->nohw", seen, weight[:, :, a, b])
    return Y if bias is None else Y + bias[:, None, None]
"""
MODULE = """
import torch
from torch import nn

class Layer(nn.Module):
    def __init__(self, kernel_size, weight=None):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(kernel_size) if weight is None else weight)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        h, w = self.weight.shape
        rows, cols = x.shape[0] - h + 1, x.shape[1] - w + 1
        taps = (x[a : a + rows, b : b + cols] * self.weight[a, b] for a in range(h) for b in range(w))
        return sum(taps) + self.bias
"""


def write(folder: Path, source: str, attribute: str = "corr2d", name: str = "target") -> str:
    """Write a source to a file; returns the target's string, ``path/to/file.py:attr``."""
    path = folder / f"{name}.py"
    path.write_text(source)
    return f"{path}:{attribute}"
