"""PyTorch's own convolution, by the ways that lead to other code of it."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

DECLARED = {
    "torch": Declared(form="conv2d", about="torch.nn.functional.conv2d"),
    "corr2d": Declared(form="corr2d", about="torch.nn.functional.conv2d on a single channel"),
    "plain": Declared(
        form="conv2d",
        needs="corrbench.targets._without_onednn",
        about="torch.nn.functional.conv2d in a process without oneDNN",
    ),
    "channels_last": Declared(form="conv2d", about="torch.nn.functional.conv2d on channels_last operands"),
    "module": Declared(form="conv2d", about="torch.nn.Conv2d, its parameters by torch.func.functional_call"),
    "vmap": Declared(
        form="conv2d",
        dtypes="float32 float64 int64 complex64 complex128",  # in 16 bits the sum of gradients would round once more
        lacks="empty batch",
        about="torch.vmap over the samples, each with a kernel of its own",
    ),
}


def torch(*args: Any, **keywords: Any) -> Any:
    """`torch.nn.functional.conv2d` as it is."""
    from torch.nn import functional

    return functional.conv2d(*args, **keywords)


plain = torch


def corr2d(X: Any, K: Any) -> Any:
    """`torch.nn.functional.conv2d` with batch and channel of one."""
    from torch.nn import functional

    return functional.conv2d(X[None, None], K[None, None])[0, 0]


def channels_last(input: Any, weight: Any, *rest: Any, **geometry: Any) -> Any:
    """`torch.nn.functional.conv2d` on operands whose channels lie side by side in memory."""
    import torch
    from torch.nn import functional

    last = torch.channels_last
    return functional.conv2d(
        input.contiguous(memory_format=last), weight.contiguous(memory_format=last), *rest, **geometry
    )


def module(input: Any, weight: Any, bias: Any = None, groups: int = 1, **geometry: Any) -> Any:
    """`torch.nn.Conv2d` with the operands for parameters."""
    from torch.func import functional_call
    from torch.nn import Conv2d, utils

    o, c, kh, kw = weight.shape
    layer: Any = utils.skip_init(  # type: ignore[no-untyped-call]
        Conv2d, c * groups, o, (kh, kw), groups=groups, bias=bias is not None, dtype=weight.dtype, **geometry
    )
    return functional_call(layer, {"weight": weight} if bias is None else {"weight": weight, "bias": bias}, input)


def vmap(input: Any, weight: Any, bias: Any = None, **geometry: Any) -> Any:
    """`torch.vmap` of `torch.nn.functional.conv2d` over samples and as many kernels."""
    import torch
    from torch.nn import functional

    def one(x: Any, w: Any) -> Any:
        return functional.conv2d(x, w, bias, **geometry)

    return torch.vmap(one)(input, weight.expand(len(input), *weight.shape))
