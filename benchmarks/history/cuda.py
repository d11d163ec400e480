"""How long is a CUDA device itself at work on a call, with its cache cold and hot?

The other files time calls on CUDA by the wall, launches included; here the device's own clock is read, by events. Cold:
its second-level cache is overwritten before the call. Hot: the same call has just been made. Run it with
``make bench CUDA=1``: CUDA does not survive a fork, so each measurement is spawned. Without a device all is skipped.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

from . import calls

CALLS = 20
AHEAD = 20_000_000  # cycles, about 10 ms, that the device sleeps until a call is queued with all its kernels


class Device:
    """Seconds of the device for one call, the median of several."""

    params = (
        calls.LAYERED,
        ("edges 1024x1024*11x11", "edges 2048x2048*3x3", "ResNet-18 3x3"),
        ("float32", "bfloat16"),
        ("forward", "backward"),
        ("cold", "hot"),
    )
    param_names = ("implementation", "shape", "dtype", "direction", "cache")
    version = "1"

    def setup(self, implementation: str, shape: str, dtype: str, direction: str, cache: str) -> None:
        self.call = calls.queued(implementation, shape, "cuda", dtype, direction)
        for _ in range(3):
            self.call()
        torch.cuda.synchronize()

    def track_device_time(self, implementation: str, shape: str, dtype: str, direction: str, cache: str) -> float:
        return seconds(self.call, overwritten() if cache == "cold" else self.call)

    track_device_time.unit = "seconds"  # type: ignore[attr-defined]


def seconds(call: Callable[[], object], before: Callable[[], object]) -> float:
    """Median seconds between the events around a call, something else being done just before."""
    pairs = [(_event(), _event()) for _ in range(CALLS)]
    for start, end in pairs:
        torch.cuda._sleep(AHEAD)
        before()
        start.record()
        call()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs) / 1e3


def overwritten() -> Callable[[], object]:
    """What leaves nothing of the operands in the second-level cache."""
    size = 2 * torch.cuda.get_device_properties("cuda").L2_cache_size
    return torch.empty(size, dtype=torch.uint8, device="cuda").zero_


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)
