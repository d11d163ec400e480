"""What happens to a layer between its making and a call: copied, stored, moved, its weights changed, its state loaded.

Each function gets a layer and how it is called, and gives the layer that answers in its place, with the same weights.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from . import library

Use = Callable[..., Any]  # calls a layer on the input, or on that in another element type


class Unowned(Exception):
    """The weight is no parameter of the layer, and has no part in its life; another check tells."""


def must_own(layer: Any, weight: Any) -> None:
    """Raise `Unowned` where the weight is no parameter."""
    if not isinstance(layer, library.torch.nn.Module) or all(weight is not own for own in layer.parameters()):
        raise Unowned("the weight is no parameter of the layer")


def shift(layer: Any, by: float) -> None:
    """Change all parameters in place."""
    with library.torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(by)


def copied(layer: Any, use: Use) -> Any:
    """A deep copy, of which the original is changed afterwards."""
    use(layer)
    other = copy.deepcopy(layer)
    shift(layer, 1)
    use(layer)
    return other


def after_its_copy(layer: Any, use: Use) -> Any:
    """The original, of which a copy was made, changed and used."""
    other = copy.deepcopy(layer)
    shift(other, 1)
    use(other)
    return layer


def pickled(layer: Any, use: Use) -> Any:
    """Stored and loaded again, after it was used."""
    use(layer)
    return pickle.loads(pickle.dumps(layer))


def moved(layer: Any, use: Use) -> Any:
    """Used without gradients, moved to float64, used so, and back, which float32 survives."""
    kind, wide = next(iter(layer.parameters())).dtype, library.torch.float64
    with library.torch.no_grad():
        use(layer)
        use(layer.to(wide), wide)
    return layer.to(kind)


def changed(layer: Any, use: Use) -> Any:
    """Evaluated without gradients under other weights, which are then changed in place."""
    shift(layer, 1)
    layer.eval()
    with library.torch.no_grad():
        use(layer)
        shift(layer, -1)
        use(layer)
    return layer


def trained_after(layer: Any, use: Use) -> Any:
    """Evaluated without gradients, changed through an optimiser's step, and back to training."""
    shift(layer, 1)
    layer.eval()
    with library.torch.no_grad():
        use(layer)
    layer.train()
    for parameter in layer.parameters():
        parameter.grad = library.torch.ones_like(parameter)
    library.torch.optim.SGD(layer.parameters(), lr=1.0).step()
    layer.zero_grad()
    return layer


def loaded(layer: Any, use: Use) -> Any:
    """Another one under other weights, which was evaluated and then got the state of the first, saved in training."""
    other = copy.deepcopy(layer)
    shift(other, 1)
    other.eval()
    with library.torch.no_grad():
        use(other)
    state = layer.train().state_dict()
    other.load_state_dict({name: value.clone() for name, value in state.items()})
    return other


LIVES: dict[str, Callable[[Any, Use], Any]] = {
    "copied": copied, "after_its_copy": after_its_copy, "pickled": pickled, "moved": moved, "changed": changed,
    "trained_after": trained_after, "loaded": loaded,
}  # fmt: skip
