"""How do time and memory of layers of real networks change over the commits, forward and backward?"""

from __future__ import annotations

from . import calls, cases


class _Timed:
    params = (calls.LAYERED, tuple(cases.LAYERS), ("float32", "bfloat16"), cases.DEVICES)
    param_names = ("implementation", "layer", "dtype", "device")
    sample_time = 0.01
    repeat = (3, 10, 0.3)
    rounds = 2
    warmup_time = 0.05
    version = "1"
    direction = "forward"

    def setup(self, implementation: str, layer: str, dtype: str, device: str) -> None:
        self.call = calls.prepare(implementation, layer, device, dtype, self.direction)


class Forward(_Timed):
    """Seconds for one result."""

    def time_forward(self, implementation: str, layer: str, dtype: str, device: str) -> None:
        self.call()


class Backward(_Timed):
    """Seconds for the gradients by input and kernels, the result being there."""

    direction = "backward"

    def time_backward(self, implementation: str, layer: str, dtype: str, device: str) -> None:
        self.call()


class Memory:
    """Peak resident memory of a process that makes one result and its gradients, interpreter and operands included."""

    params = (calls.LAYERED, ("ResNet-50 7x7 stride 2", "MobileNet depthwise 3x3", "DeepLab dilation 12"))
    param_names = ("implementation", "layer")
    version = "1"

    def peakmem_backward(self, implementation: str, layer: str) -> None:
        calls.prepare(implementation, layer, direction="backward")()
