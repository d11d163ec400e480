"""What came to light in reports: after unusual calls, in training, under modes of torch, and what must be refused."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from tests.support.trials import graph, right, right_back, trial, whole
from tests.support.trials.threads import at_once


def works(attempt: Any) -> bool:
    """Whether an attempt comes to an end, and to a good one."""
    try:
        return bool(attempt())
    except (RuntimeError, ValueError):
        return False


@trial("state")
def right_after_what_is_no_number(f: Any) -> bool:
    x, w = whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1)
    f(x * torch.nan, w)
    return right(f, x, w)


@trial("state")
def right_after_an_empty_batch(f: Any) -> bool:
    w = whole(5, 2, 2, 4, seed=5)  # kernels of a shape that no other trial has
    if not works(lambda: f(whole(0, 2, 6, 7), w).shape[0] == 0):
        return True  # it says that it takes none
    return works(lambda: right(f, whole(1, 2, 6, 7), w))


@trial("use")
def trains_in_every_geometry(f: Any) -> bool:
    good = True
    for groups, geometry in ((1, {"stride": 3}), (1, {"stride": (2, 1)}), (1, {"dilation": 2}), (2, {"groups": 2})):
        x, w = whole(2, 4, 8, 9).requires_grad_(), whole(4, 4 // groups, 3, 2, seed=1).requires_grad_()
        graph(f, x, w, groups=groups)
        good &= works(lambda x=x, w=w, geometry=geometry: right_back(f, x, w, **geometry))
    return good


@trial("use")
def trains_on_an_empty_batch(f: Any) -> bool:
    w = whole(3, 2, 3, 2, seed=1).requires_grad_()
    if not works(lambda: graph(f, whole(0, 2, 6, 7), w).shape[0] == 0):
        return True
    return works(lambda: not torch.autograd.grad(f(whole(0, 2, 6, 7), w).sum(), w)[0].any())


@trial("use")
def gradients_by_sample(f: Any) -> bool:
    """Under vmap, with a dilation as without."""
    x, w = whole(3, 2, 8, 9), whole(3, 2, 3, 2, seed=1)

    def mapped(dilation: int) -> bool:
        loss = torch.func.grad(lambda w, x: f(x[None], w, dilation=dilation).square().sum())
        return bool(torch.func.vmap(loss, (None, 0))(w, x).shape[0] == 3)

    return not works(lambda: mapped(1)) or works(lambda: mapped(2))


@trial("use")
def checkpointed_channels_last(f: Any) -> bool:
    w = whole(3, 2, 3, 2, seed=1)
    x = whole(2, 2, 6, 7).to(memory_format=torch.channels_last).requires_grad_()
    graph(f, x, w)
    return works(lambda: checkpoint(lambda x: f(x, w), x, use_reentrant=False).sum().backward() is None)


@trial("use")
def large_cotangents_under_autocast(f: Any) -> bool:
    x, w = whole(1, 2, 6, 7).requires_grad_(), whole(3, 2, 3, 2, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        y = graph(f, x, w)
    (gx,) = torch.autograd.grad(y, x, torch.full_like(y, 2.0**24))
    return bool(gx.isfinite().all())


@trial("use")
def one_autocast_after_another(f: Any) -> bool:
    """The second type has more digits than the first."""
    x, w = torch.full((1, 1, 5, 9), 1 + 2.0**-9), torch.ones(1, 1, 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        f(x, w)
    with torch.autocast("cpu", torch.float16):
        y = f(x, w)
    return bool((y.double() == x.double()).all())


@trial("use")
def threads_with_a_filter_each(f: Any) -> bool:
    x = whole(1, 1, 30, 40)
    return at_once(4, lambda number: all(right(f, x, whole(1, 1, 3, 2 + number % 2, seed=number)) for _ in range(4)))


@trial("silent")
def refuses_groups_that_do_not_fit(f: Any) -> bool:
    return not works(lambda: f(whole(1, 4, 6, 7), whole(4, 4, 3, 2), groups=2) is not None)


@trial("silent")
def refuses_a_kernel_too_wide_when_dilated(f: Any) -> bool:
    return not works(lambda: f(whole(1, 2, 5, 5), whole(3, 2, 3, 3), dilation=3) is not None)
