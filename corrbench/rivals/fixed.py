"""A gate of kernel benchmarks: one shape, five seeds, a loose tolerance."""

from __future__ import annotations

from corrbench.rivals import Conv2d, Inapplicable

NAME = "kernel-benchmark gate"
ABOUT = "one shape (16 samples, 3 to 64 channels, 32x32, kernel 3x3), five seeds, uniform numbers, atol = rtol = 1e-2"


def complaint(conv2d: Conv2d) -> str | None:
    """What the gate has against an implementation, None for nothing."""
    import torch

    for seed in range(5):
        torch.manual_seed(seed)
        x, w, bias = torch.rand(16, 3, 32, 32), torch.rand(64, 3, 3, 3), torch.rand(64)
        want = torch.nn.functional.conv2d(x, w, bias)
        try:
            y = conv2d(x, w, bias)
        except NotImplementedError as error:
            raise Inapplicable(str(error)) from None
        if y.shape != want.shape or not torch.allclose(y, want, rtol=1e-2, atol=1e-2):
            return f"differs with seed {seed}"
    return None
