"""How long is a CUDA device itself at work on a call, with its cache cold and hot?

The other files time calls on CUDA by the wall, launches included; here the device's own clock is read, by events. Cold:
its second-level cache is overwritten before each call. Hot: the same operands again and again. Run it with
``make bench CUDA=1``: CUDA does not survive a fork, so each measurement is spawned. Without a device all is skipped.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

from . import calls

COLD, HOT = 30, 100  # calls
AHEAD = 20_000_000  # cycles, about 10 ms, that the device sleeps while calls are queued behind


class Device:
    """Seconds of the device for one call: the median of cold calls, or the mean of hot ones."""

    params = (
        calls.LAYERED,
        ("edges 1024x1024*11x11", "edges 2048x2048*3x3", "ResNet-18 3x3"),
        ("float32", "bfloat16"),
        ("forward", "backward"),
        ("cold", "hot"),
    )
    param_names = ("implementation", "shape", "dtype", "direction", "cache")
    timeout = 120
    version = "1"

    def setup(self, implementation: str, shape: str, dtype: str, direction: str, cache: str) -> None:
        self.call = calls.queued(implementation, shape, "cuda", dtype, direction)
        for _ in range(3):
            self.call()
        torch.cuda.synchronize()

    def track_device_time(self, implementation: str, shape: str, dtype: str, direction: str, cache: str) -> float:
        return (cold if cache == "cold" else hot)(self.call)

    track_device_time.unit = "seconds"  # type: ignore[attr-defined]


def cold(call: Callable[[], object]) -> float:
    """Median seconds of a call that finds nothing in the second-level cache."""
    size = 2 * torch.cuda.get_device_properties("cuda").L2_cache_size
    other = torch.empty(size, dtype=torch.uint8, device="cuda")
    pairs = [(_event(), _event()) for _ in range(COLD)]
    for start, end in pairs:
        other.zero_()  # takes longer than launching the call, which is then waiting when it is its turn
        start.record()
        call()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs) / 1e3


def hot(call: Callable[[], object]) -> float:
    """Mean seconds of a call among many of the same, queued before the first of them starts."""
    start, end = _event(), _event()
    torch.cuda._sleep(AHEAD)
    start.record()
    for _ in range(HOT):
        call()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / HOT / 1e3


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)
