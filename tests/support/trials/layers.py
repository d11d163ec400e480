"""The tutorial's layer: its parameters, training and evaluation, copies, other types."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F

from tests.support.trials import trial, whole

X, W = whole(6, 7), whole(3, 2, seed=1)


def right(layer: Any, x: torch.Tensor = X) -> bool:
    """Whether it gives what its own parameters give."""
    with torch.no_grad():
        want = F.conv2d(x[None, None], layer.weight[None, None], layer.bias.reshape(1))[0, 0]
    return torch.equal(layer(x), want)


@trial("layer")
def has_parameters(layer: Any) -> bool:
    """A weight and a bias, which are drawn anew for each layer and always have a gradient."""
    one, two = layer((3, 2), W.clone()), layer((3, 2))
    if {name for name, _ in one.named_parameters()} != {"weight", "bias"}:
        return False
    good = not torch.equal(layer((3, 2)).weight, two.weight)
    for _ in range(12):
        one.weight.grad = None
        one(X).sum().backward()
        good &= one.weight.grad is not None
    return good


@trial("layer")
def the_same_in_evaluation(layer: Any) -> bool:
    one, x = layer((3, 2)), torch.rand(6, 7)
    return torch.equal(one.train()(x), one.eval()(x))


@trial("layer")
def heeds_its_parameters(layer: Any) -> bool:
    """Changed or loaded after a call, in training and in evaluation, with gradients and without."""
    good = True
    for mode in (True, False):
        for grad in (True, False):
            one, two = layer((3, 2), W.clone()).train(mode), layer((3, 2), whole(3, 2, seed=2))
            with torch.set_grad_enabled(grad):
                good &= right(one)
                with torch.no_grad():
                    one.bias.fill_(2.0)
                good &= right(one)
                one.load_state_dict(two.state_dict())
                good &= right(one) and torch.equal(one.weight, two.weight)
                one.bias.data.fill_(3.0)
                two.load_state_dict(one.state_dict())
                good &= right(two) and torch.equal(one(X), two(X))
    return good


@trial("layer")
def copies_are_apart(layer: Any) -> bool:
    one = layer((3, 2), W.clone())
    two = copy.deepcopy(one)
    with torch.no_grad():
        two.weight.add_(1)
    return right(one) and right(two)


@trial("layer")
def changes_its_type(layer: Any) -> bool:
    one = layer((3, 2), W.clone())
    with torch.no_grad():
        good = right(one)
        one.double()
        try:
            return good and right(one, X.double())
        except (TypeError, RuntimeError):
            return False
