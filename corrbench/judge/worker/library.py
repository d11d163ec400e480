"""What these files share: torch, loaded on demand (a target over numpy arrays needs none), and `Unloadable`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.testing  # a function that is watched must be there
from numpy.typing import NDArray

Array = NDArray[Any]
Words = dict[str, Any]  # what is said of a call, as JSON
BITS = {"bfloat16": "int16"}  # element types that numpy lacks travel as their bits

torch: Any = None


class Unloadable(Exception):
    """The target cannot be had; the message is for a person."""


def load_torch() -> None:
    """Import torch and what is used of it.

    Raises:
        ImportError: it is not installed.
    """
    global torch  # noqa: PLW0603 - the one place that the others ask
    import torch as loaded
    import torch.autograd.forward_ad
    import torch.testing

    torch = loaded
    torch.set_num_threads(1)


def is_tensor(value: object) -> bool:
    """Whether a value is a tensor, torch being loaded."""
    return torch is not None and issubclass(type(value), torch.Tensor)


def bits(tensor: Any) -> Array:
    """A CPU numpy array with the tensor's values, bfloat16 as its bits."""
    plain = tensor.detach().cpu()
    if plain.is_conj() or plain.is_neg():
        plain = plain.resolve_conj().resolve_neg()
    if plain.dtype == torch.bfloat16:
        plain = plain.contiguous().view(torch.int16)
    return np.asarray(plain.numpy())
