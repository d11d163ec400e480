"""Time for torch.compile: which calls make the target compile, and how long may that take beyond a call's own limit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.numerics.problem import Array

COMPILING = 60.0  # seconds for one kind of call; compiling a convolution takes one to ten, a busy machine more
MOST = 32  # kinds of calls after which what is compiled is forgotten


@dataclass(slots=True)
class Compilations:
    """The kinds of calls, by shapes, strides in memory, element type, arguments and mode, that were compiled for."""

    known: set[str] = field(default_factory=set)

    def ahead(self, steps: Sequence[dict[str, Any]], arrays: Sequence[Array]) -> tuple[float, bool]:
        """The seconds that these calls are given for compiling, and whether to forget all that is compiled first."""
        kinds = {kind(step, arrays) for step in steps}
        forget = bool(self.known) and len(self.known | kinds) > MOST
        if forget:
            self.known.clear()
        new = kinds - self.known
        self.known |= new
        return COMPILING * len(new), forget


def kind(step: dict[str, Any], arrays: Sequence[Array]) -> str:
    """What a call is compiled for, as text."""
    shapes = {name: arrays[place].shape for name, place in step["arrays"].items()}
    return repr([shapes, *(step.get(name) for name in ("mode", "dtype", "layout", "config", "grad"))])
