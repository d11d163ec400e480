"""Heap poisoning: memory that nobody has written to holds NaN, so that a result that was never computed shows."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterable, Iterator

import numpy as np

from . import library

FREED = 1 << 30  # bytes up to which freed memory stays in the process
MMAP_THRESHOLD, TRIM_THRESHOLD, PERTURB = -3, -1, -6  # of mallopt
# malloc fills its memory with the complement of the lowest byte of what it is told, and a plain 0 would mean "off".
# All bits one is not-a-number in every floating-point type, and −1 in integers.
ONES = 0x100
CACHED, DEPTH = 1024, 7  # numpy keeps freed blocks of fewer bytes, as many of each size, past malloc

POOL = 1 << 28  # bytes of a device that a process may hold between requests
SPARE = 4  # blocks of each expected size that a device's pool is given

mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # the C library of GNU has it


def keep_freed_memory() -> None:
    """Let freed memory be met again, rather than fresh memory from the system, which is zero."""
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, FREED)
        mallopt(TRIM_THRESHOLD, FREED)


def give_back() -> None:
    """Return freed memory to the system, so that what is taken next is seen from outside."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def poison_pool(sizes: Iterable[int], device: str) -> None:
    """Let all that torch's caching allocator has free on a device, and blocks of these sizes, hold ones in all bits.

    The allocator gives the smallest free block that is large enough: blocks of just the sizes that are free are those.
    """
    torch = library.torch
    held = [torch.full((size,), 255, dtype=torch.uint8, device=device) for size in sizes for _ in range(SPARE)]
    free = [
        block["size"]
        for segment in torch.cuda.memory_snapshot()
        for block in segment["blocks"]
        if block["state"] == "inactive"
    ]
    held += [torch.full((size,), 255, dtype=torch.uint8, device=device) for size in sorted(free, reverse=True)]
    del held


def empty_pool(most: int = POOL) -> None:
    """Give what torch's caching allocator has free back to the device, which others share, if it holds more than so
    many bytes.
    """
    if library.torch.cuda.memory_reserved() > most:
        library.torch.cuda.empty_cache()


@contextlib.contextmanager
def dirty(sizes: set[int], device: str) -> Iterator[None]:
    """Memory that is taken inside holds ones in all bits; `sizes` are the bytes of the arrays expected there. What is
    free afterwards is overwritten as well, so that memory which is still in use somewhere shows.
    """
    if device != "cpu":
        poison_pool(sizes, device)
    beside = [size for size in sizes if size < CACHED or mallopt is None]
    if beside:
        whole = np.full(max(beside), 255, np.uint8)
        blocks = [whole[:size].copy() for size in beside for _ in range(DEPTH)]
        del blocks
    if mallopt is not None:
        mallopt(PERTURB, ONES)
    try:
        yield
    finally:
        if mallopt is not None:  # until now it has overwritten what was freed
            mallopt(PERTURB, 0)
        if device != "cpu":
            poison_pool((), device)
