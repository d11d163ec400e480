"""PyTorch's own convolution."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

DECLARED = {
    "torch": Declared(form="conv2d", about="torch.nn.functional.conv2d"),
    "corr2d": Declared(form="corr2d", about="torch.nn.functional.conv2d on a single channel"),
}


def torch(*args: Any, **keywords: Any) -> Any:
    """`torch.nn.functional.conv2d` as it is."""
    from torch.nn import functional

    return functional.conv2d(*args, **keywords)


def corr2d(X: Any, K: Any) -> Any:
    """`torch.nn.functional.conv2d` with batch and channel of one."""
    from torch.nn import functional

    return functional.conv2d(X[None, None], K[None, None])[0, 0]
