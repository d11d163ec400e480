"""Correlation by Winograd's algorithm and by the FFT, for the seeded faults and equivalent variants that use them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from corrbench.defects.correct import Call

# Minimal filtering after Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, arXiv:1509.09308:
# for points 0, 1, -1 (and 2, -2) and infinity, y = A'((G g G') * (B' d B))A in two dimensions.
FILTERS: dict[int, tuple[list[list[float]], list[list[float]], list[list[float]]]] = {
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [
            [4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6], [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
}  # fmt: skip


def by_winograd(c: Call, tile: int) -> Tensor:
    """3x3 kernels, stride and dilation 1, in tiles of `tile` by `tile` results."""
    bt, g, at = (torch.tensor(matrix, dtype=c.wide) for matrix in FILTERS[tile])
    n, o, rows, cols = c.out
    down, across = -(-rows // tile), -(-cols // tile)
    padded = F.pad(c.padded(), (0, across * tile - cols, 0, down * tile - rows))
    d = padded.unfold(2, tile + 2, tile).unfold(3, tile + 2, tile)
    d = d.reshape(n, c.groups, c.I, *d.shape[2:])
    kernels = g @ c.w.to(c.wide).reshape(c.groups, o // c.groups, c.I, 3, 3) @ g.T
    products = torch.einsum("gmcab,ngcijab->ngmijab", kernels, bt @ d @ bt.T)
    y = (at @ products @ at.T).permute(0, 1, 2, 3, 5, 4, 6)
    y = y.reshape(n, c.groups, o // c.groups, down * tile, across * tile)
    return c.finish(y[..., :rows, :cols])


def by_fft(c: Call) -> Tensor:
    """Any kernel, stride and dilation 1, by the transform of the whole padded image."""
    n, o, rows, cols = c.out
    padded = c.padded()
    size = padded.shape[2:]
    padded = padded.reshape(n, c.groups, c.I, *size)
    kernels = c.w.to(c.wide).reshape(c.groups, o // c.groups, c.I, c.kh, c.kw)
    product = torch.einsum(
        "ngcij,gmcij->ngmij", torch.fft.rfft2(padded, s=size), torch.fft.rfft2(kernels, s=size).conj()
    )
    return c.finish(torch.fft.irfft2(product, s=size)[..., :rows, :cols])
