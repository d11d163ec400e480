"""What a target is put to where no single case decides: trials of how a conv2d, or a layer, conducts itself.

A trial takes the target and tells whether it behaves. Every honest one passes every trial; what a mutant is `wrong` in
says which trials are there to show it. Adding one is a function in any file of this folder; `trials` finds it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

Trial = Callable[[Any], bool]
KNOWN: dict[str, list[Trial]] = {}


def trial(*wrong: str) -> Callable[[Trial], Trial]:
    """Mark a trial of what is `wrong` in any of these ways, or of a ``layer``. What a target has not is not tried."""

    def marked(body: Trial) -> Trial:
        @functools.wraps(body)
        def tried(target: Any) -> bool:
            try:
                return body(target)
            except NotImplementedError:
                return True

        for one in wrong:
            KNOWN.setdefault(one, []).append(tried)
        return tried

    return marked


@functools.cache
def trials() -> dict[str, tuple[Trial, ...]]:
    """All of them, by what is wrong."""
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        import_module(f"{__name__}.{path.stem}")
    return {wrong: tuple(found) for wrong, found in KNOWN.items()}


def whole(*shape: int, seed: int = 0, low: int = -3, high: int = 3) -> torch.Tensor:
    """Whole numbers, small ones unless told: every right sum of them is exact."""
    return torch.randint(low, high + 1, shape, generator=torch.Generator().manual_seed(seed)).float()


def right(f: Any, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None, **geometry: Any) -> bool:
    """Whether f gives the exact answer, rounded once; it is taken before f may change anything."""
    operands: Any = [None if one is None else one.detach().double() for one in (x, w, b)]
    y = F.conv2d(*operands, **geometry)
    want = (y if x.is_floating_point() else y.long()).to(x.dtype)
    got = f(x, w, **({} if b is None else {"bias": b}), **geometry)
    same_kind = type(got) is torch.Tensor and got.shape == want.shape and got.dtype == want.dtype
    return same_kind and torch.allclose(got, want, 0, 0, equal_nan=True)


def graph(f: Any, *operands: torch.Tensor, **geometry: Any) -> torch.Tensor:
    """The result of a target that has a backward pass.

    Raises:
        NotImplementedError: the result belongs to no graph.
    """
    y: torch.Tensor = f(*operands, **geometry)
    if not y.requires_grad:
        raise NotImplementedError("forward only")
    return y


def gradients(f: Any, x: torch.Tensor, w: torch.Tensor, **geometry: Any) -> list[torch.Tensor]:
    """Of the sum of squares, by those of x and w that are to have one; zero where it does not depend on them."""
    leaves, y = [one for one in (x, w) if one.requires_grad], graph(f, x, w, **geometry)
    return list(torch.autograd.grad(y.square().sum(), leaves, allow_unused=True, materialize_grads=True))


def right_back(f: Any, x: torch.Tensor, w: torch.Tensor, **geometry: Any) -> bool:
    """Whether the gradients are those of torch's own."""
    want, got = gradients(F.conv2d, x, w, **geometry), gradients(f, x, w, **geometry)
    return all(torch.equal(one, other) for one, other in zip(got, want, strict=True))
