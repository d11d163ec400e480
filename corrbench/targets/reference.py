"""corrbench's own reference, as targets with a name."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

DECLARED = {
    "corr2d": Declared(form="corr2d", about="corrbench.reference.corr2d"),
    "conv2d": Declared(form="conv2d", about="corrbench.reference.conv2d"),
    "Conv2D": Declared(form="module", about="corrbench.reference.Conv2D"),
}


def __getattr__(name: str) -> Any:
    """Import the reference, and torch with it, only when it is called for."""
    from corrbench import reference

    return getattr(reference, name)
