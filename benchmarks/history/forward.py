"""How do speed, memory and error change over the commits?

The parameters are the same on every machine, so that the graphs of all machines line up; what a machine or a commit
does not have is skipped in `setup`. CUDA is first touched there too, in the process of one measurement, so that asv may
fork those processes.
"""

from __future__ import annotations

from . import cases


class Time:
    """Seconds for one call; on CUDA until the device has finished."""

    params = ((*cases.IMPLEMENTATIONS, cases.ORACLE), tuple(cases.SHAPES), cases.DEVICES)
    param_names = ("implementation", "shape", "device")
    # Two processes with up to 20 samples of 10 ms each: the whole table takes under a minute.
    sample_time = 0.01
    repeat = (3, 20, 0.5)
    rounds = 2
    warmup_time = 0.05
    version = "1"

    def setup(self, implementation: str, shape: str, device: str) -> None:
        self.call = cases.prepare(implementation, shape, device)

    def time_forward(self, implementation: str, shape: str, device: str) -> None:
        self.call()


class Memory:
    """Peak resident memory of a process that makes one call, interpreter and operands (at most 4 MiB) included."""

    params = ((*cases.IMPLEMENTATIONS, cases.ORACLE), ("edges 1024x1024*3x3", "edges 1024x1024*11x11"))
    param_names = ("implementation", "shape")
    version = "1"

    def setup(self, implementation: str, shape: str) -> None:
        self.call = cases.prepare(implementation, shape, "cpu")

    def peakmem_forward(self, implementation: str, shape: str) -> None:
        self.call()


class Error:
    """Largest error over the error allowed. asv takes a NaN for "skipped", so a NaN in a result raises instead."""

    params = (cases.IMPLEMENTATIONS, tuple(cases.SHAPES), cases.DEVICES)
    param_names = ("implementation", "shape", "device")
    unit = "of the bound"
    version = "1"

    def setup(self, implementation: str, shape: str, device: str) -> None:
        self.call = cases.prepare(implementation, shape, device)

    def track_error(self, implementation: str, shape: str, device: str) -> float:
        return cases.share_of_bound(self.call(), shape)
