"""Backward passes: their order, what they leave behind, and which of the operands have a gradient."""

from __future__ import annotations

from typing import Any

import torch

from tests.support.trials import gradients, graph, right, right_back, trial, whole


@trial("state", "memory")
def right_on_the_way_back(f: Any) -> bool:
    x, w, b = whole(2, 3, 6, 7), whole(4, 3, 3, 2, seed=1), whole(4, seed=2).requires_grad_()
    y = graph(f, x, w, b)
    g = whole(*y.shape, seed=3)
    was = g.clone()
    (gb,) = torch.autograd.grad(y, b, g, retain_graph=True)
    good = torch.equal(g, was) and torch.equal(gb, was.sum((0, 2, 3)))
    w.requires_grad_()
    y = f(x, w, b)
    y.backward(was.clone(), retain_graph=True)
    assert w.grad is not None
    once = w.grad.clone()
    y.backward(was.clone())
    return good and torch.equal(w.grad, 2 * once)


@trial("use")
def bears_any_cotangent(f: Any) -> bool:
    """One that is zero but for one element, and one with a NaN."""
    x, w = whole(1, 2, 6, 7).requires_grad_(), whole(3, 2, 3, 2, seed=1)
    y = graph(f, x, w)
    g = torch.zeros_like(y)
    g[0, 1, 2, 3] = 1
    (one,) = torch.autograd.grad(y, x, g, retain_graph=True)
    (nan,) = torch.autograd.grad(y, x, g * torch.nan)
    return bool(torch.equal(one[0, :, 2:5, 3:5], w[1]) and nan.isnan().any())


@trial("use")
def trains_one_operand_alone(f: Any) -> bool:
    """Of ordinary and of depthwise kernels, as in a first layer or before one that is frozen."""
    good = True
    for groups in (1, 2):
        x, w = whole(2, 2, 6, 7), whole(4, 2 // groups, 3, 2, seed=1)
        good &= right_back(f, x.clone().requires_grad_(), w, groups=groups)
        good &= right_back(f, x, w.clone().requires_grad_(), groups=groups)
    return good


@trial("state")
def two_passes_at_a_time(f: Any) -> bool:
    """Both forward and then both backward; the gradients of the first are left alone by the second."""
    w = whole(3, 2, 3, 3, seed=1).requires_grad_()
    a, b = (whole(1, 2, 6, 7, seed=seed).requires_grad_() for seed in (3, 4))
    want = [gradients(torch.nn.functional.conv2d, x, w) for x in (a, b)]
    results = [graph(f, x, w) for x in (a, b)]
    got = [torch.autograd.grad(y.square().sum(), (x, w)) for x, y in zip((a, b), results, strict=True)]
    return all(torch.equal(one, other) for g, v in zip(got, want, strict=True) for one, other in zip(g, v, strict=True))


@trial("state")
def batches_of_any_size_twice(f: Any) -> bool:
    w = whole(3, 2, 3, 3, seed=1).requires_grad_()
    return all(right_back(f, whole(n, 2, 6, 7, seed=n), w) for n in (17, 17, 2, 0, 2))


@trial("state", "use")
def trained_after_evaluation(f: Any) -> bool:
    """The kernel of a layer, used under no_grad, with gradients, and changed, as in training; and under autocast."""
    x = whole(1, 2, 6, 7)
    w, v, u = (torch.nn.Parameter(whole(3, 2, 3, 3, seed=seed)) for seed in (1, 2, 3))
    graph(f, x, u)
    good = True
    for _ in range(3):
        with torch.no_grad():
            good &= right(f, x, w)
        good = good and f(x, w).requires_grad and right_back(f, x, w)
        with torch.no_grad():
            w.sub_(1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            first = f(x, v)
        y = f(x, v)
    return bool(good and y.requires_grad and torch.equal(y, first))


@trial("use")
def kernel_gradient_under_autocast(f: Any) -> bool:
    """The gradient of the kernel counts every image of the batch; small whole numbers survive bfloat16."""
    x, w = torch.ones(3, 1, 3, 4), torch.ones(1, 1, 2, 2, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = f(x, w)
    if not y.requires_grad:
        return True
    (gradient,) = torch.autograd.grad(y, w, torch.ones_like(y))
    return bool((gradient == 18).all())
