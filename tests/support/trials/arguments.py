"""How the arguments are given: what has no result is refused, and other ways to say the same mean the same."""

from __future__ import annotations

from typing import Any

import torch

from tests.support.trials import right, trial, whole


@trial("silent")
def refuses(f: Any) -> bool:
    """Calls that have no result are errors."""
    one = torch.ones
    calls: list[tuple[torch.Tensor, torch.Tensor, dict[str, Any]]] = [
        (one(1, 1, 3, 4), one(1, 1, 4, 5), {}), (one(1, 1, 4, 4), one(1, 1, 2, 2), {"padding": -1}),
        (one(1, 3, 4, 4), one(2, 2, 2, 2), {}), (one(1, 3, 4, 4), one(2, 1, 2, 2), {}),
        (one(1, 4, 4, 4), one(3, 2, 2, 2), {"groups": 2}), (one(1, 1, 4, 4), one(1, 1, 2, 2), {"stride": 0}),
        (one(1, 1, 4, 4), one(3, 1, 2, 2), {"bias": one(1)}), (one(1, 1, 3, 4), one(1, 1, 4, 5), {"stride": 2}),
        (one(1, 1, 4, 4), one(1, 1, 2, 2), {"dilation": 0}), (one(1, 1, 4, 4), one(1, 1, 2, 2), {"stride": 1.5}),
        (one(1, 1, 4, 4), one(1, 1, 2, 2), {"strides": 2}),
    ]  # fmt: skip
    for x, w, more in calls:
        try:
            f(x, w, **more)
        except (ValueError, TypeError, RuntimeError):
            continue
        return False
    return True


@trial("use")
def gives_zero_without_channels(f: Any) -> bool:
    """Or refuses it."""
    try:
        y = f(torch.ones(2, 0, 5, 6), torch.ones(3, 0, 2, 3))
    except (ValueError, TypeError, RuntimeError):
        return True
    return not y.any()


@trial("use")
def takes_pairs_as_lists(f: Any) -> bool:
    return right(f, whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1), stride=[2, 1])


@trial("use")
def takes_one_integer_for_both_axes(f: Any) -> bool:
    x, w = whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1)
    return right(f, x, w, stride=2) and right(f, x, w, padding=2) and right(f, x, w, dilation=2)


@trial("use")
def takes_defaults_spelled_out(f: Any) -> bool:
    return right(f, whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1), stride=(1, 1), padding=(0, 0), dilation=(1, 1))
