"""Right when they are called plainly, wrong in one ordinary way each; and one that is right however it is called."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

When = Callable[[Tensor, Tensor], bool]


def wrong(when: When) -> Any:
    """A conv2d that gives zeros when it says."""

    def conv2d(x: Tensor, w: Tensor, bias: Tensor | None = None, **words: Any) -> Tensor:
        y = F.conv2d(x, w, bias, **words)
        return y * 0 if x.numel() and not wrapped(x) and when(x, w) else y

    return conv2d


def wrapped(x: Tensor) -> bool:
    """Whether a transform of torch.func is at work."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(x))


right = wrong(lambda x, w: False)
without_grad = wrong(lambda x, w: not torch.is_grad_enabled())
of_parameters = wrong(lambda x, w: isinstance(w, nn.Parameter))
later_layers = wrong(lambda x, w: x.requires_grad and not x.is_leaf)
on_two_threads = wrong(lambda x, w: torch.get_num_threads() > 1)
on_flat_kernels = wrong(lambda x, w: w.numel() > 4 and bool((w == w.reshape(-1)[0]).all()))
on_large_planes = wrong(lambda x, w: min(x.shape[2:]) >= 128)
outside_of_a_judge = wrong(lambda x, w: "GLIBC_TUNABLES" not in os.environ)  # by which memory is poisoned


def by_keyword(*args: Any, **words: Any) -> Tensor:
    """The bias is left out where it has a name."""
    words.pop("bias", None)
    return F.conv2d(*args, **words)


scratch: dict[str, Any] = {}


def shared_scratch(x: Tensor, w: Tensor, bias: Tensor | None = None, **words: Any) -> Tensor:
    """The operands lie for a while where all threads put theirs."""
    scratch["x"], scratch["w"] = x, w
    time.sleep(0.001)
    return F.conv2d(scratch["x"], scratch["w"], bias, **words)


held: list[Any] = []


def graph_of_no_grad(x: Tensor, w: Tensor, bias: Tensor | None = None, **words: Any) -> Tensor:
    """A kernel that was first seen under no_grad keeps a copy without a gradient."""
    if wrapped(x) or wrapped(w):
        return F.conv2d(x, w, bias, **words)
    if not torch.is_grad_enabled():
        held[:] = [(w.data_ptr(), w._version if not w.is_inference() else 0), w.detach()]
    kept = held[1] if held and not w.is_inference() and held[0] == (w.data_ptr(), w._version) else w
    return F.conv2d(x, kept, bias, **words)


class Layer(nn.Module):
    """The article's layer, with a copy of its weight for evaluation that is never made anew."""

    def __init__(self, kernel_size: tuple[int, int], weight: Tensor | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(kernel_size) if weight is None else weight.clone())
        self.bias = nn.Parameter(torch.zeros(1))
        self.packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training and self.packed is None:
            self.packed = copy.deepcopy(self.weight.detach())
        w = self.weight if self.training or self.packed is None else self.packed
        return F.conv2d(x[None, None], w[None, None])[0, 0] + self.bias
