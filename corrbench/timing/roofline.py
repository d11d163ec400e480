"""The roofline of this machine: how fast one core copies memory and multiplies matrices, here and now.

Run as a program it measures, on the core that its argument names, and writes one line of JSON.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from corrbench.timing.minimum_work import Work

FOOTPRINTS = tuple(1 << k for k in (15, 17, 19, 21, 23, 25, 27))  # bytes read and written, from cache to memory
ORDER = 768  # of the matrices that are multiplied
DTYPES = ("float32", "float64")
TRIES = 12  # of each, of which the best counts
AT_ONCE = 1 << 25  # bytes that one try copies at least
PATIENCE = 300.0  # seconds for all of it
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# An honest implementation may be faster than the best that was measured: loads are cheaper than stores, so reading
# alone may be twice as fast as copying, and Winograd's F(4×4, 3×3) multiplies a quarter as often as the direct sum. So
# nothing is called impossible that takes a quarter of the least time.
SLACK = 4.0


class Unmeasured(Exception):
    """The machine could not be measured; the message says why."""


@dataclass(slots=True)
class Machine:
    """Rates of one core; empty where they are not measured.

    Attributes:
        copying: bytes read and written per second, by the bytes that one copy reads and writes.
        multiplying: operations per second of a matrix product (a multiplication and an addition are two), by dtype.
    """

    copying: dict[int, float] = field(default_factory=dict)
    multiplying: dict[str, float] = field(default_factory=dict)

    def best_of(self, other: Machine) -> Machine:
        """The faster of two measurements, rate by rate."""
        copying = {size: max(self.copying.get(size, 0.0), rate) for size, rate in other.copying.items()}
        multiplying = {name: max(self.multiplying.get(name, 0.0), rate) for name, rate in other.multiplying.items()}
        return Machine(copying or self.copying, multiplying or self.multiplying)

    def bandwidth(self, moved: int) -> float:
        """Bytes per second at which so many bytes can be copied: the best rate of the next smaller amount measured, or
        of any larger one. NaN if none was.
        """
        if not self.copying:
            return math.nan
        near = max((size for size in self.copying if size <= moved), default=min(self.copying))
        return max(rate for size, rate in self.copying.items() if size >= near)

    def least(self, work: Work, dtype: str) -> tuple[float, str]:
        """Seconds that the work takes at the rates measured, and what takes them, ``memory`` or ``arithmetic``.

        NaN if nothing was measured; for element types without a matrix product of ours, memory alone counts.
        """
        memory = work.moved / self.bandwidth(work.moved)
        arithmetic = 2 * work.products / self.multiplying.get(dtype, math.inf)
        return (arithmetic, "arithmetic") if arithmetic > memory else (memory, "memory")

    def floor(self, work: Work, dtype: str) -> float:
        """Seconds below which no honest implementation can be: `SLACK` times less than the fastest copy, or the fewest
        operations at the rate of the matrix product, would take. 0 if nothing was measured.
        """
        memory = work.moved / max(self.copying.values(), default=math.inf)
        return max(memory, 2 * work.fewest / self.multiplying.get(dtype, math.inf)) / SLACK

    def to_json(self) -> dict[str, Any]:
        copying = {str(size): rate for size, rate in self.copying.items()}
        return {"copy_bytes_per_second": copying, "gemm_operations_per_second": self.multiplying}


def measure(core: int) -> Machine:
    """The rates of a core, in a process of its own with one thread, as targets run.

    Raises:
        Unmeasured: that process failed.
    """
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[2]), *(p for p in sys.path if p)])
    words = [sys.executable, "-m", __name__, str(core)]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        found = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        last = (getattr(error, "stderr", "") or "").strip().splitlines()[-1:]
        raise Unmeasured(f"the machine could not be measured: {''.join(last) or error}") from None
    return Machine({int(size): rate for size, rate in found["copying"].items()}, found["multiplying"])


def seconds(action: Callable[[], object]) -> float:
    """The shortest of several tries, the first of which does not count."""
    action()
    found = []
    for _ in range(TRIES):
        began = time.perf_counter()
        action()
        found.append(time.perf_counter() - began)
    return min(found)


def copying(size: int) -> float:
    """Bytes per second, read and written, of copying half of `size` bytes again and again in one call."""
    import numpy as np

    count = size // 16
    source, sink = np.ones(count), np.zeros(count)
    times = max(1, AT_ONCE // size)
    again = np.lib.stride_tricks.as_strided(sink, (times, count), (0, sink.itemsize))
    return times * count * 16 / seconds(lambda: np.copyto(again, source))


def multiplying(dtype: str) -> float:
    """Operations per second of a matrix product, the faster of NumPy's and PyTorch's."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    a, b = (np.random.default_rng(seed).random((ORDER, ORDER)).astype(dtype) for seed in (1, 2))
    out = np.empty_like(a)
    x, y, z = (torch.from_numpy(one) for one in (a, b, out))
    actions: list[Callable[[], object]] = [lambda: np.matmul(a, b, out=out), lambda: torch.mm(x, y, out=z)]
    return 2 * ORDER**3 / min(map(seconds, actions))


def main(core: int) -> None:
    """Measure on that core (any, if it is negative) and write what was found."""
    if core >= 0:
        os.sched_setaffinity(0, {core})
    found = Machine({size: copying(size) for size in FOOTPRINTS}, {dtype: multiplying(dtype) for dtype in DTYPES})
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
