"""Memory: that of the operands, of results, and what lay there before."""

from __future__ import annotations

import mmap
import time
from typing import Any

import torch

from tests.support.trials import right, trial, whole


@trial("memory")
def keeps_its_operands(f: Any) -> bool:
    x, w, b = whole(2, 3, 7, 9), whole(4, 3, 3, 3, seed=1) + 0.125, whole(4, seed=2) + 2.0**-20
    before = [one.clone() for one in (x, w, b)]
    f(x, w, b)
    return all(torch.equal(one, was) for one, was in zip((x, w, b), before, strict=True))


@trial("memory")
def keeps_its_results(f: Any) -> bool:
    x, y, w = whole(1, 1, 6, 7, seed=8), whole(1, 1, 6, 7, seed=9), torch.ones(1, 1, 1, 1)
    first = f(x, w)
    was = first.clone()
    second = f(y, w)
    apart = first.untyped_storage().data_ptr() != second.untyped_storage().data_ptr()
    apart &= first.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    return apart and torch.equal(first, was)


@trial("memory", "contract")
def done_at_return(f: Any) -> bool:
    x, w = whole(2, 3, 7, 9), whole(4, 3, 3, 2, seed=1)
    got = f(x, w)
    was = got.detach().numpy().copy()
    time.sleep(0.1)
    return bool((was == got.detach().numpy()).all()) and type(got) is torch.Tensor


@trial("memory")
def bears_dirty_memory(f: Any) -> bool:
    """Blocks as large as the result were freed just before; what they hold is up to the allocator."""
    calls: tuple[tuple[torch.Tensor, torch.Tensor, dict[str, Any]], ...] = (
        (whole(1, 2, 5, 9), whole(3, 2, 3, 2, seed=1), {}),
        (whole(1, 1, 5, 8), whole(3, 1, 2, 1, seed=1), {"dilation": (2, 1)}),
    )
    good = True
    for _ in range(30):
        for x, w, geometry in calls:
            held = [torch.full((1, 3, 3, 8), torch.nan) for _ in range(8)]
            del held
            good &= right(f, x, w, **geometry)
    return good


@trial("memory", "contract", "value")
def of_right_form(f: Any) -> bool:
    return right(f, whole(2, 3, 41, 33), whole(20, 3, 3, 2, seed=1), whole(20, seed=2))


@trial("use")
def reads_far_apart(f: Any) -> bool:
    """The second sample lies 2^31 places after the first, in memory of which only what is touched is taken."""
    x, w = whole(2, 1, 6, 7, seed=3), whole(3, 1, 3, 2, seed=1)
    room = mmap.mmap(-1, 4 * (2**31 + 100), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
    apart = torch.frombuffer(room, dtype=torch.float32).as_strided(x.shape, (2**31, 42, 7, 1)).copy_(x)
    return right(f, apart, w)
