"""The kernel of the planted faults in Triton, each a switch of it; imported where Triton is installed."""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def correlate(
    x: tl.tensor, w: tl.tensor, y: tl.tensor, columns: tl.tensor, size: tl.tensor,
    x_row: tl.tensor, x_column: tl.tensor, w_row: tl.tensor, w_column: tl.tensor,
    DOWN: tl.constexpr, ACROSS: tl.constexpr, LANES: tl.constexpr, BLOCK: tl.constexpr, FAULT: tl.constexpr,
) -> None:  # fmt: skip
    """A row of taps at a time; in a `race` each row is the work of a program of its own."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    lane = tl.arange(0, LANES)
    if FAULT != "offsets":
        place, lane = place.to(tl.int64), lane.to(tl.int64)
    inside, taps = place < size, lane < ACROSS
    if FAULT == "masks":
        taps = lane < min(ACROSS, 3)
    total = tl.zeros([BLOCK], tl.float32)
    for step in range(DOWN):
        offsets = (place // columns + step)[:, None] * x_row + ((place % columns)[:, None] + lane[None, :]) * x_column
        if FAULT == "offsets":
            offsets = offsets.to(tl.int32)
            offsets = tl.where(offsets < 0, 0, offsets)  # read something, rather than end the process
        mine = taps
        if FAULT == "race":
            mine = taps & (tl.program_id(1) == step)
        seen = tl.load(x + offsets, mask=inside[:, None] & mine[None, :], other=0)
        kernel = tl.load(w + step * w_row + lane * w_column, mask=mine, other=0)
        total += tl.sum(seen * kernel[None, :], axis=1)
    if FAULT == "race":  # what other programs add in the meantime is lost
        total += tl.load(y + place, mask=inside, other=0)
    tl.store(y + place, total, mask=inside)


def launch(X: Any, K: Any, Y: Any, fault: str) -> None:
    """Fill Y (contiguous, of zeros for a `race`) with the correlation of X and K."""
    grid = (triton.cdiv(Y.numel(), 128), K.shape[0] if fault == "race" else 1)
    correlate[grid](
        X, K, Y, Y.shape[1], Y.numel(), *X.stride(), *K.stride(), *K.shape, LANES=triton.next_power_of_2(K.shape[1]),
        BLOCK=128, FAULT=fault,
    )  # fmt: skip
