"""Ways to be called, the numbers being ordinary: without gradients, mapped, in a fork, with switches of torch set."""

from __future__ import annotations

import os
import signal
import warnings
from typing import Any

import torch
import torch.nn.functional as F

from tests.support.trials import right, trial, whole


@trial("use")
def answers_a_layer_without_grad(f: Any) -> bool:
    """The kernel and the bias of a layer, ordinary and with several kernels to a channel."""
    b = torch.nn.Parameter(whole(6, seed=2))
    with torch.no_grad():
        return all(
            right(f, whole(2, 2, 6, 7), torch.nn.Parameter(whole(6, 2 // groups, 3, 3, seed=1)), b, groups=groups)
            for groups in (1, 2)
        )


@trial("use")
def answers_in_inference_mode(f: Any) -> bool:
    with torch.inference_mode():
        x, w = whole(1, 2, 6, 7), whole(3, 2, 3, 3, seed=1)
        good = right(f, x, w)
        w += 1
        return good and right(f, x, w)


@trial("use")
def maps_over_kernels(f: Any) -> bool:
    """One image and one bias for the kernels of several models."""
    x, w, b = whole(2, 3, 6, 7), whole(5, 4, 3, 3, 2, seed=1), whole(4, seed=2)
    try:
        got = torch.func.vmap(lambda one: f(x, one, b))(w)
    except RuntimeError as error:
        if "vmap" in str(error):  # which it does not have
            return True
        raise
    return torch.equal(got, torch.stack([F.conv2d(x, one, b) for one in w]))


@trial("use")
def has_gradients_of_each_sample(f: Any) -> bool:
    x, w, b, g = whole(3, 2, 6, 7), whole(4, 2, 3, 3, seed=1), whole(4, seed=2), whole(3, 4, 2, 3, seed=3)
    if not f(x, torch.nn.Parameter(w), b, stride=2).requires_grad:
        return True

    def gradients(call: Any) -> Any:
        def one(x: Any, g: Any) -> Any:
            return torch.func.vjp(lambda w, b: call(x[None], w, b, stride=2), w, b)[1](g[None])

        return torch.func.vmap(one)(x, g)

    try:
        got = gradients(f)
    except (RuntimeError, NotImplementedError):  # it has none, or none that can be mapped
        return True
    return all(map(torch.equal, got, gradients(F.conv2d)))


@trial("use")
def answers_in_a_fork(f: Any) -> bool:
    x, other, w = whole(1, 2, 6, 7), whole(1, 2, 6, 7, seed=5), whole(3, 2, 3, 3, seed=1)
    good = right(f, x, w)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads is forked
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(10)
            status = 0 if right(f, other, w) else 1
        finally:
            os._exit(status)
    return good and os.waitpid(child, 0)[1] == 0


@trial("use")
def heeds_the_flag(f: Any) -> bool:
    x, w = torch.rand(2, 3, 9, 9), torch.rand(4, 3, 3, 2)
    torch.use_deterministic_algorithms(True)
    try:
        first = f(x, w)
        return all(torch.equal(first, f(x, w)) for _ in range(40))
    finally:
        torch.use_deterministic_algorithms(False)


@trial("use")
def leaves_switches(f: Any) -> bool:
    f(whole(1, 2, 9, 9), whole(3, 2, 3, 2, seed=1))
    left, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False
    return not left
