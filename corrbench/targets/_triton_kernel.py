"""A correlation of one plane as a Triton kernel: a program for each block of the result, which sums chunks of taps."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def correlate(
    x: tl.tensor, w: tl.tensor, y: tl.tensor, columns: tl.tensor, size: tl.tensor, across: tl.tensor,
    x_row: tl.tensor, x_column: tl.tensor, w_row: tl.tensor, w_column: tl.tensor,
    TAPS: tl.constexpr, BLOCK: tl.constexpr, CHUNK: tl.constexpr, WIDE: tl.constexpr,
) -> None:  # fmt: skip
    """y (size elements, rows of `columns`) from x and w (TAPS elements, rows of `across`) by their strides in elements.

    Places are counted in 64 bits, and sums are kept in WIDE.
    """
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    total = tl.zeros([BLOCK], WIDE)
    for start in range(0, TAPS, CHUNK):
        tap = start + tl.arange(0, CHUNK).to(tl.int64)
        row = (place // columns)[:, None] + (tap // across)[None, :]
        column = (place % columns)[:, None] + (tap % across)[None, :]
        there = inside[:, None] & (tap < TAPS)[None, :]
        seen = tl.load(x + row * x_row + column * x_column, mask=there, other=0).to(WIDE)
        kernel = tl.load(w + (tap // across) * w_row + (tap % across) * w_column, mask=tap < TAPS, other=0).to(WIDE)
        total += tl.sum(seen * kernel[None, :], axis=1)
    tl.store(y + place, total.to(y.dtype.element_ty), mask=inside)


def launch(X: Any, K: Any, Y: Any, wide: str, block: int = 256, chunk: int = 16) -> None:
    """Fill Y (contiguous) with the valid correlation of X and K, which may lie in any way."""
    correlate[(triton.cdiv(Y.numel(), block),)](
        X, K, Y, Y.shape[1], Y.numel(), K.shape[1], *X.stride(), *K.stride(), TAPS=K.numel(), BLOCK=block, CHUNK=chunk,
        WIDE=getattr(tl, wide),
    )  # fmt: skip
