"""Regions of outputs: which positions, channels and images are computed alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from corrbench.fingerprint.tree import expanded, listed
from corrbench.numerics.problem import Array

AXES = ("images", "channels", "rows", "columns")


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Outputs of a case, as a mask (N, O, H', W')."""

    mask: Array

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Region:
        """All outputs."""
        return cls(np.ones(shape, bool))

    def to_json(self) -> dict[str, str]:
        """The indices along each axis that is not taken whole, where that is all there is to say; else their numbers in
        one row.
        """
        if not self.mask.any():
            return {"elements": ""}
        sets = [np.flatnonzero(self.mask.any(axis=tuple(a for a in range(4) if a != axis))) for axis in range(4)]
        if math.prod(map(len, sets)) == int(self.mask.sum()):
            return {
                name: listed([int(one) for one in found])
                for name, found, length in zip(AXES, sets, self.mask.shape, strict=True)
                if len(found) < length
            }
        return {"elements": listed([int(one) for one in np.flatnonzero(self.mask)])}

    @classmethod
    def from_json(cls, said: dict[str, Any], shape: Sequence[int]) -> Region:
        """Read it back.

        Raises:
            ValueError, KeyError, IndexError: it is none of this shape.
        """
        mask = np.zeros(shape, bool)
        if "elements" in said:
            mask.reshape(-1)[numbers(said["elements"])] = True
        else:
            mask[
                np.ix_(
                    *(numbers(said[name]) if name in said else range(n) for name, n in zip(AXES, shape, strict=True))
                )
            ] = True
        return cls(mask)

    def __str__(self) -> str:
        said = self.to_json()
        if "elements" in said:
            return f"{int(self.mask.sum())} of {self.mask.size} outputs"
        return (
            ", ".join(
                f"{name if ' ' in found or '..' in found else name[:-1]} {found.replace('..', '–')}"
                for name, found in said.items()
            )
            or "all outputs"
        )


def numbers(text: str) -> list[int]:
    """What `listed` wrote."""
    return [number for token in text.split() for number in expanded(token)]


def hull(mask: Array) -> Array:
    """The smallest product of sets of indices along the axes that holds a mask."""
    sets = [mask.any(axis=tuple(a for a in range(4) if a != axis)) for axis in range(4)]
    found: Array = np.zeros(mask.shape, bool)
    found[np.ix_(*(np.flatnonzero(one) for one in sets))] = True
    return found
