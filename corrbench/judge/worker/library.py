"""What these files share: torch, loaded on demand (a target over numpy arrays needs none), and `Unloadable`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import numpy.testing  # a function that is watched must be there
from numpy.typing import NDArray

Array = NDArray[Any]
Words = dict[str, Any]  # what is said of a call, as JSON
BITS = {"bfloat16": "int16"}  # element types that numpy lacks travel as their bits

torch: Any = None
methods: dict[str, Any] = {}  # see `tensor_methods`
plainly: Any = contextlib.nullcontext  # a context in which no subclass of tensors has a say


class Unloadable(Exception):
    """The target cannot be had; the message is for a person."""


def load_torch() -> None:
    """Import torch and what is used of it.

    Raises:
        ImportError: it is not installed.
    """
    global torch, plainly
    import torch as loaded
    import torch.autograd.forward_ad
    import torch.testing

    torch, plainly = loaded, loaded._C.DisableTorchFunctionSubclass
    methods.update(tensor_methods(loaded))
    torch.set_num_threads(1)


def is_tensor(value: object) -> bool:
    """Whether a value is a tensor, torch being loaded."""
    return torch is not None and issubclass(type(value), torch.Tensor)


def tensor_methods(loaded: Any) -> dict[str, Any]:
    """The methods by which results are read, as they are before any target is loaded. A method that a tensor carries as
    an attribute of its own, or that its class has, is not asked.
    """
    names = ("detach", "cpu", "is_conj", "is_neg", "resolve_conj", "resolve_neg", "contiguous", "view", "numpy",
             "to_dense", "untyped_storage", "backward")  # fmt: skip
    return {name: getattr(loaded.Tensor, name) for name in names}


def bits(tensor: Any) -> Array:
    """A CPU numpy array with the tensor's values, bfloat16 as its bits. No code of the tensor's class runs."""
    own = methods
    with plainly():
        plain = own["cpu"](own["detach"](tensor))
        if own["is_conj"](plain) or own["is_neg"](plain):
            plain = own["resolve_neg"](own["resolve_conj"](plain))
        if plain.dtype == torch.bfloat16:
            plain = own["view"](own["contiguous"](plain), torch.int16)
        return np.asarray(own["numpy"](plain))


def planted(value: Any) -> list[str]:
    """What an object carries under the name of a method of its class: whoever asks for the method gets that instead."""
    if not is_tensor(value):
        return []
    try:
        held = vars(value)
    except TypeError:
        return []
    return sorted(name for name in held if isinstance(name, str) and hasattr(torch.Tensor, name))
