"""Calls one after the other: each is answered as if it were the first, whatever went before."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from tests.support.trials import right, trial, whole


@trial("state")
def answers_new_data(f: Any) -> bool:
    """A, B, A; the same memory with other data; other memory; data that differ in one inner element or in order."""
    a, b, w = whole(2, 3, 6, 7, seed=3), whole(2, 3, 6, 7, seed=4), whole(4, 3, 3, 2, seed=5)
    inner, turned = a.clone(), a.clone()
    inner[1, 1, 2, 3] += 1
    turned[0, 0, 1, 1:4] = a[0, 0, 1, 1:4].roll(1)
    good = all(right(f, x, w) for x in (a, b, a, inner, turned))
    other = w.clone()
    other[1, 1, 1, 0] += 1
    good &= right(f, a, other)
    w[2, 1, 1] += 1
    good &= right(f, a, w)
    a.copy_(b)
    good &= right(f, a, w)
    a.detach().numpy()[...] = inner.numpy()
    return good and right(f, a, w)


@trial("state")
def answers_a_new_kernel(f: Any) -> bool:
    """Changed in ways that count as no version of the tensor, and others that are not contiguous in its place."""
    x, w = whole(1, 2, 6, 7, seed=3), torch.nn.Parameter(whole(3, 2, 3, 2, seed=5))
    good = right(f, x, w)
    w.data.add_(1)
    good &= right(f, x, w)
    w.detach().numpy()[...] += 1
    return good and right(f, x, w) and all(right(f, x, whole(3, 2, 3, 2, seed=i).transpose(2, 3)) for i in range(10))


@trial("state")
def answers_at_length(f: Any) -> bool:
    return all(right(f, whole(1, 2, 4, 5, seed=i), whole(3, 2, 2, 2, seed=i)) for i in range(260))


@trial("state")
def answers_other_geometry(f: Any) -> bool:
    """In both directions, and more than once, with a graph and without."""
    steps: tuple[dict[str, Any], ...] = (
        {"dilation": 1}, {"dilation": 2}, {"padding": 1}, {"stride": 2}, {"dilation": (2, 1)}, {},
        {"stride": 2, "padding": 1},
    )  # fmt: skip
    x = whole(1, 2, 12, 13, seed=6)
    good = True
    for w, order in ((whole(3, 2, 3, 3, seed=7), steps), (whole(3, 2, 3, 2, seed=8), steps[::-1])):
        for geometry in order:
            good &= right(f, x, w, **geometry)
            with torch.no_grad():
                good &= all(right(f, x, w, **geometry) for _ in range(3))
    return good


@trial("state")
def answers_other_sizes(f: Any) -> bool:
    """Kernels, batches and images that grow and shrink, all else being equal."""
    x, w = whole(17, 2, 9, 15, seed=3), whole(7, 2, 3, 3, seed=5)  # of a shape that no other trial has
    good = all(right(f, x, w[:, :, :rows, :cols]) for rows, cols in ((1, 1), (2, 1), (3, 3), (2, 3)))
    good &= all(right(f, whole(n, 2, 9, 12, seed=n), w) for n in (17, 3, 2, 1, 3, 16, 5))
    try:
        return good and all(right(f, whole(1, 2, rows, rows + 3), w, dilation=2) for rows in (8, 9, 10, 8))
    except RuntimeError:  # that the sizes do not fit, as if they were those of the call before
        return False


@trial("state")
def answers_other_dtypes(f: Any) -> bool:
    x, w = torch.rand(1, 2, 7, 8, dtype=torch.float64), torch.rand(3, 2, 3, 2, dtype=torch.float64)
    try:
        f(x.float(), w.float())
        got = f(x, w)
    except TypeError:
        return True
    return bool((got - F.conv2d(x, w)).abs().max() < 1e-12)
