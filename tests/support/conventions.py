"""Small implementations in the calling conventions of people, what is to be assumed of each, and a fault in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A right implementation, and an edit that makes it wrong.

    Attributes:
        name: in a few words.
        attribute: the target in it.
        text: the source.
        assumed: options that have to be assumed, by name.
        right, wrong: the edit that seeds the fault.
    """

    name: str
    attribute: str
    text: str
    assumed: dict[str, str]
    right: str
    wrong: str

    @property
    def faulty(self) -> str:
        """The source with its fault."""
        assert self.right in self.text, self.name
        return self.text.replace(self.right, self.wrong)


CACHED = """
import numpy as np

def conv_forward(A_prev, W, b, hparameters):
    stride, pad = hparameters["stride"], hparameters["pad"]
    A = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    f, g, _, out = W.shape
    rows, cols = (A.shape[1] - f) // stride + 1, (A.shape[2] - g) // stride + 1
    Z = np.zeros((A.shape[0], rows, cols, out), A.dtype)
    for i in range(f):
        for j in range(g):
            seen = A[:, i : i + (rows - 1) * stride + 1 : stride, j : j + (cols - 1) * stride + 1 : stride]
            Z += seen @ W[i, j]
    return Z + b, (A_prev, W, b, hparameters)

def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    stride, pad = hparameters["stride"], hparameters["pad"]
    A = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA, dW = np.zeros_like(A), np.zeros_like(W)
    rows, cols = dZ.shape[1:3]
    for i in range(W.shape[0]):
        for j in range(W.shape[1]):
            at = slice(i, i + (rows - 1) * stride + 1, stride), slice(j, j + (cols - 1) * stride + 1, stride)
            dA[:, at[0], at[1]] += dZ @ W[i, j].T
            dW[i, j] = np.tensordot(A[:, at[0], at[1]], dZ, ((0, 1, 2), (0, 1, 2)))
    db = dZ.sum(axis=(0, 1, 2))
    return dA[:, pad : dA.shape[1] - pad, pad : dA.shape[2] - pad], dW, db
"""
REQUIRED = """
import numpy as np

def conv2d(x, weights, bias, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (n, _, rows, cols), (o, _, h, w) = x.shape, weights.shape
    rows, cols = (rows - h) // stride + 1, (cols - w) // stride + 1
    y = np.zeros((n, o, rows, cols), x.dtype)
    for i in range(h):
        for j in range(w):
            seen = x[:, :, i : i + (rows - 1) * stride + 1 : stride, j : j + (cols - 1) * stride + 1 : stride]
            y += np.einsum("nchw,oc->nohw", seen, weights[:, :, i, j])
    return y + bias[:, None, None]
"""
LAST = """
import numpy as np

def convolve(images, filters):
    h, w, _, out = filters.shape
    rows, cols = images.shape[1] - h + 1, images.shape[2] - w + 1
    y = np.zeros((len(images), rows, cols, out), images.dtype)
    for i in range(h):
        for j in range(w):
            y += images[:, i : i + rows, j : j + cols] @ filters[i, j]
    return y
"""
LISTS = """
def correlate(image, kernel):
    rows, cols = len(image) - len(kernel) + 1, len(image[0]) - len(kernel[0]) + 1
    result = [[0] * cols for _ in range(rows)]
    for i in range(rows):
        for j in range(cols):
            for a in range(len(kernel)):
                for b in range(len(kernel[0])):
                    result[i][j] += image[i + a][j + b] * kernel[a][b]
    return result
"""
SAME = """
import numpy as np

def filter2d(image, kernel):
    h, w = kernel.shape
    top, left = (h - 1) // 2, (w - 1) // 2
    padded = np.pad(image, ((top, h - 1 - top), (left, w - 1 - left)){mode})
    result = np.zeros(image.shape, image.dtype)
    for i in range(h):
        for j in range(w):
            result += padded[i : i + image.shape[0], j : j + image.shape[1]] * kernel[i, j]
    return result
"""
FULL = """
import numpy as np

def full(image, kernel):
    h, w = kernel.shape
    padded = np.pad(image, ((h - 1, h - 1), (w - 1, w - 1)))
    rows, cols = image.shape[0] + h - 1, image.shape[1] + w - 1
    result = np.zeros((rows, cols), image.dtype)
    for i in range(h):
        for j in range(w):
            result += padded[i : i + rows, j : j + cols] * kernel[i, j]
    return result
"""
FIRST = """
import numpy as np

def correlate(kernel, image):
    h, w = kernel.shape
    rows, cols = image.shape[0] - h + 1, image.shape[1] - w + 1
    result = np.zeros((rows, cols), image.dtype)
    for i in range(h):
        for j in range(w):
            result += image[i : i + rows, j : j + cols] * kernel[i, j]
    return result
"""
INTO = """
import numpy as np

def correlate(image, kernel, out):
    h, w = kernel.shape
    rows, cols = out.shape
    out[...] = 0
    for i in range(h):
        for j in range(w):
            out += image[i : i + rows, j : j + cols] * kernel[i, j]
"""
TORCH = """
import torch
from torch import nn

class Conv(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        super().__init__()
        self.size, self.stride, self.padding = kernel_size, stride, padding
        self.weight = nn.Parameter(torch.rand(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.rand(out_channels))

    def forward(self, x):
        n, p, s = len(x), self.padding, self.stride
        rows, cols = ((size + 2 * p - self.size) // s + 1 for size in x.shape[2:])
        columns = nn.functional.unfold(x, self.size, padding=p, stride=s)
        y = self.weight.flatten(1) @ columns
        return y.reshape(n, -1, rows, cols) + self.bias[:, None, None]
"""
ARTICLE = """
import torch
from torch import nn

def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1){dtype})
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i:i + h, j:j + w] * K).sum()
    return Y

class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(kernel_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return corr2d(x, self.weight) + self.bias
"""
LAYER = """
import numpy as np

class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.stride, self.padding = stride, padding
        self.W = np.random.default_rng(0).standard_normal((out_channels, in_channels, kernel_size, kernel_size))
        self.b = np.zeros(out_channels)

    def forward(self, x):
        s, p = self.stride, self.padding
        self.x = x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        k = self.W.shape[2]
        rows, cols = (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1
        y = np.zeros((len(x), len(self.W), rows, cols), x.dtype)
        for i in range(k):
            for j in range(k):
                seen = x[:, :, i : i + (rows - 1) * s + 1 : s, j : j + (cols - 1) * s + 1 : s]
                y += np.einsum("nchw,oc->nohw", seen, self.W[:, :, i, j])
        return y + self.b[:, None, None]

    def backward(self, g):
        s, p, x = self.stride, self.padding, self.x
        dx, self.dW = np.zeros_like(x), np.zeros_like(self.W)
        rows, cols = g.shape[2:]
        for i in range(self.W.shape[2]):
            for j in range(self.W.shape[3]):
                at = slice(i, i + (rows - 1) * s + 1, s), slice(j, j + (cols - 1) * s + 1, s)
                dx[:, :, at[0], at[1]] += np.einsum("nohw,oc->nchw", g, self.W[:, :, i, j])
                self.dW[:, :, i, j] = np.einsum("nohw,nchw->oc", g, x[:, :, at[0], at[1]])
        self.db = g.sum(axis=(0, 2, 3))
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]
"""
INTERIOR = """
import numpy as np

def sharpen(image, kernel):
    h, w = kernel.shape
    top, left = (h - 1) // 2, (w - 1) // 2
    rows, cols = image.shape[0] - h + 1, image.shape[1] - w + 1
    result = image.copy()
    result[top : top + rows, left : left + cols] = 0
    for i in range(h):
        for j in range(w):
            result[top : top + rows, left : left + cols] += image[i : i + rows, j : j + cols] * kernel[i, j]
    return result
"""
TAP = "kernel[i, j]", "kernel[j % h, i % w]"
SOURCES = (
    Source("a dictionary and a cache", "conv_forward", CACHED,
           {"arrays": "numpy", "call": "f(x, w, b, {'stride': s, 'pad': p})[0]", "layout": "NHWC,HWIO"},
           "return Z + b", "return Z"),
    Source("required arguments", "conv2d", REQUIRED, {"arrays": "numpy", "call": "f(x, w, b, s, p)"},
           "(padding, padding), (padding, padding)", "(padding, padding), (0, 2 * padding)"),
    Source("channels last", "convolve", LAST, {"arrays": "numpy", "call": "f(x, w)", "layout": "NHWC,HWIO"},
           "filters[i, j]", "filters[i, w - 1 - j]"),
    Source("lists", "correlate", LISTS, {"arrays": "list"},
           "for b in range(len(kernel[0]))", "for b in range(len(kernel))"),
    Source("same, zeros around", "filter2d", SAME.format(mode=""),
           {"arrays": "numpy", "call": "f(x, w)", "layout": "HW,HW", "output": "same"}, *TAP),
    Source("same, the edge around", "filter2d", SAME.format(mode=', mode="edge"'),
           {"arrays": "numpy", "call": "f(x, w)", "layout": "HW,HW", "output": "same:edge"}, *TAP),
    Source("same, a mirror around", "filter2d", SAME.format(mode=', mode="reflect"'),
           {"arrays": "numpy", "call": "f(x, w)", "layout": "HW,HW", "output": "same:reflect"}, *TAP),
    Source("full", "full", FULL, {"arrays": "numpy", "call": "f(x, w)", "layout": "HW,HW", "output": "full"}, *TAP),
    Source("the interior", "sharpen", INTERIOR,
           {"arrays": "numpy", "call": "f(x, w)", "layout": "HW,HW", "output": "same:interior"}, *TAP),
    Source("kernel first", "correlate", FIRST, {"arrays": "numpy", "call": "f(w, x)", "layout": "HW,HW"}, *TAP),
    Source("an array written to", "correlate", INTO,
           {"arrays": "numpy", "call": "f(x, w, out) -> out", "layout": "HW,HW"}, *TAP),
    Source("a module of torch", "Conv", TORCH,
           {"layer": "C(cin, cout, k, stride=s, padding=p)", "params": "weight,bias"},
           "return y.reshape(n, -1, rows, cols)", "return y.reshape(n, -1, cols, rows).mT"),
    Source("a layer with W and b", "Conv2D", LAYER,
           {"arrays": "numpy", "layer": "C(cin, cout, k, stride=s, padding=p)", "params": "W,b"},
           "y + self.b[:, None, None]", "y + self.b[0]"),
)  # fmt: skip
CONVOLUTION = FIRST.replace("kernel, image", "image, kernel").replace("kernel[i, j]", "kernel[h - 1 - i, w - 1 - j]")
