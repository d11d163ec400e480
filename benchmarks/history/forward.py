"""How do time and memory of edge detection change over the commits: one channel, 64² to 2048², kernels of 3² to 31²?

CUDA is first touched in `setup`, in the process of one measurement, so that asv may fork those processes.
"""

from __future__ import annotations

from . import calls, cases


class _Timed:
    # Two processes with up to 10 samples of 10 ms each, of as many calls as that takes (asv_runner: see asv.conf.json).
    sample_time = 0.01
    repeat = (3, 10, 0.3)
    rounds = 2
    warmup_time = 0.05
    version = "1"


class Time(_Timed):
    """Seconds for one call in float32; on CUDA until the device has finished."""

    params = (calls.IMPLEMENTATIONS, tuple(cases.EDGES), cases.DEVICES)
    param_names = ("implementation", "shape", "device")

    def setup(self, implementation: str, shape: str, device: str) -> None:
        self.call = calls.prepare(implementation, shape, device)

    def time_forward(self, implementation: str, shape: str, device: str) -> None:
        self.call()


class Types(_Timed):
    """The same in the other formats."""

    params = (
        ("reference.corr2d", "scipy.correlate2d", "torch.conv2d"),
        ("edges 256x256*11x11", "edges 1024x1024*3x3"),
        ("float64", "bfloat16"),
        cases.DEVICES,
    )
    param_names = ("implementation", "shape", "dtype", "device")

    def setup(self, implementation: str, shape: str, dtype: str, device: str) -> None:
        self.call = calls.prepare(implementation, shape, device, dtype)

    def time_forward(self, implementation: str, shape: str, dtype: str, device: str) -> None:
        self.call()


class Memory:
    """Peak resident memory of a process that makes one call, interpreter and operands (at most 16 MiB) included."""

    params = (calls.IMPLEMENTATIONS, ("edges 1024x1024*3x3", "edges 1024x1024*11x11", "edges 2048x2048*3x3"))
    param_names = ("implementation", "shape")
    version = "1"

    def setup(self, implementation: str, shape: str) -> None:
        self.call = calls.prepare(implementation, shape)

    def peakmem_forward(self, implementation: str, shape: str) -> None:
        self.call()
