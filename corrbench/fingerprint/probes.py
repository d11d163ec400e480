"""Probes: kernels over a constant input that make one element of the result tell one fact of its summation.

The input is one value everywhere, so that every position answers the same question, and each output channel gets a
kernel of its own: one call answers as many questions as there are channels. No weight is zero but in float16, which has
no number small enough to stand for it: libraries may leave zero weights out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from corrbench.fingerprint.asking import Cell, kept
from corrbench.numerics.problem import Array


@dataclass(frozen=True, slots=True)
class Levels:
    """Sizes of weights for an element type.

    Attributes:
        mask: absorbs every unit it is added to.
        unit: counts.
        dust: is absorbed by one unit.
        count: units that a result can count.
        one: what sums are tried with.
    """

    mask: float
    unit: float
    dust: float
    count: int
    one: float = 1.0


LEVELS = {
    "float64": Levels(2.0**100, 1.0, 2.0**-100, 1 << 24),  # also where it is computed in float32
    "float32": Levels(2.0**100, 1.0, 2.0**-100, 1 << 24),
    "bfloat16": Levels(2.0**100, 1.0, 2.0**-100, 1 << 8),
    "float16": Levels(2.0**15, 2.0**-20, 0.0, 1 << 11, 2.0**8),
}
Weights = dict[int, float]  # of leaves; the others are dust


@dataclass(slots=True)
class Oracle:
    """Asks one element of a cell's result, in one or several of its channels.

    Attributes:
        cell: whose.
        at: its image, row and column.
        channels: that are taken to be computed alike, one question each.
    """

    cell: Cell
    at: tuple[int, int, int]
    channels: Sequence[int]
    asked: int = 0
    bits: int = 0  # of an operand as it is multiplied
    clean: bool = False  # whether all weights but a few are zero, and not dust
    known: dict[tuple[bytes, float], float] = field(default_factory=dict)

    @property
    def levels(self) -> Levels:
        return LEVELS[self.cell.case.dtype]

    @property
    def leaves(self) -> int:
        return self.cell.case.terms

    def alike(self) -> bool:
        """Whether all channels give the same element for the same kernels: as a rule one of a few masks shows where two
        are computed differently.
        """
        k, case = self.leaves, self.cell.case
        ends = [(0, k - 1), (0, k // 2), (k // 3, k - 1)]
        kernels = [
            self.kernel({i: self.levels.mask, j: -self.levels.mask}, self.levels.unit) for i, j in ends if i != j
        ]
        x = self.cell.constant(1.0)
        n, row, column = self.at
        found = self.cell.ask([(x, np.broadcast_to(w, (case.w[0], k)).reshape(case.w)) for w in kernels])
        return all(len(set(y[n, list(self.channels), row, column].tolist())) == 1 for y in found)

    def answers(self, kernels: Sequence[Array], value: float = 1.0) -> list[float]:
        """The element for each kernel, K weights, where the input is `value` everywhere."""
        keys = [(kernel.tobytes(), value) for kernel in kernels]
        fresh = list(dict.fromkeys(key for key in keys if key not in self.known))
        by_key = dict(zip(keys, kernels, strict=True))
        case, many = self.cell.case, len(self.channels)
        x = self.cell.constant(value)
        calls = []
        for start in range(0, len(fresh), many):
            block = fresh[start : start + many]
            w = np.empty((case.w[0], case.terms), kept(case.dtype))
            for channel in range(case.w[0]):
                w[channel] = by_key[block[channel % len(block)]]
            for channel, key in zip(self.channels, block, strict=False):
                w[channel] = by_key[key]
            calls.append((x, w.reshape(case.w)))
        n, row, column = self.at
        for number, y in enumerate(self.cell.ask(calls)):
            block = fresh[number * many : (number + 1) * many]
            for channel, key in zip(self.channels, block, strict=False):
                self.known[key] = float(y[n, channel, row, column])
        self.asked += len(fresh)
        return [self.known[key] for key in keys]

    def kernel(self, weights: Weights, others: float) -> Array:
        """K weights."""
        made = np.full(self.leaves, others, kept(self.cell.case.dtype))
        for leaf, weight in weights.items():
            made[leaf] = weight
        return made

    def outside(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        """For each pair of leaves how many leaves are not below the sum where the two meet: a mask and its negative
        cancel there, and have absorbed what was added to either before (Xie et al., FPRev, USENIX ATC 2025).

        Where sums are cut off, the negative mask does not absorb what is positive, and the pair is asked with its signs
        exchanged: one of the two may have nothing added to it before they meet.
        """
        found = self._outside(pairs)
        doubtful = [number for number, value in enumerate(found) if not self.counts(value)]
        if not doubtful:
            return found
        for number, value in zip(doubtful, self._outside([pairs[number][::-1] for number in doubtful]), strict=True):
            found[number] = value if self.counts(value) else found[number]
        return found

    def counts(self, value: float) -> bool:
        """Whether a number can be one of leaves outside of a sum."""
        return 0 <= value <= self.leaves - 2 and value == int(value)

    def _outside(self, pairs: Sequence[tuple[int, int]]) -> list[float]:
        levels, k = self.levels, self.leaves
        kernels: list[Array] = []
        parts: list[int] = []
        for i, j in pairs:
            parts.append(len(kernels))
            for start in range(0, k, levels.count):
                made = self.kernel({}, levels.unit if k <= levels.count else levels.dust)
                made[start : start + levels.count] = levels.unit
                made[i], made[j] = levels.mask, -levels.mask
                kernels.append(made)
        found = [value / levels.unit for value in self.answers(kernels)]
        found = [float(np.rint(value)) if abs(value - np.rint(value)) < 1e-6 else value for value in found]
        ends = [*parts[1:], len(found)]
        return [float(sum(found[a:b])) for a, b in zip(parts, ends, strict=True)]

    def of(self, asked: Sequence[Weights], value: float = 1.0) -> list[float]:
        """The element for weights of a few leaves, the others dust."""
        others = 0.0 if self.clean else self.levels.dust
        return self.answers([self.kernel(weights, others) for weights in asked], value)


# ---- are operands rounded before they are multiplied?


def weight(bits: int) -> float:
    """A weight whose bits show where operands are cut: of 1 1 0 1 1 0 … every rounding makes another number."""
    return sum(2.0**-n for n in range(bits) if n % 3 != 2)


# ---- is a product rounded before it is added?


def factor(bits: int) -> float:
    """X = 1 + 2⁻ᵃ with the least a for which the last bit of X·(1 + 2⁻ᵃ⁻¹) is below half a unit in the last place."""
    return 1 + 2.0 ** -((bits + 1) // 2)


def tail(bits: int) -> tuple[float, float]:
    """What X·W − X is for W = 1 + (X − 1)/2: where the product is exact, and where it is rounded to so many bits."""
    step = factor(bits) - 1
    return step / 2 + step * step / 2, step / 2


# ---- how is a sum rounded?


def patterns(bits: int, one: float) -> list[tuple[float, float]]:
    """Pairs (one, part) whose sum shows where a sum is cut, by what is left when `one` is taken away again: every
    length and direction of rounding leaves something else of the bits of `part`.
    """
    starts = {53: (5,), 24: (5, 20), 11: (5, 19), 8: (5, 21, 12)}.get(bits, (5, 5 + bits - 2, 5 + 2 * bits - 4))
    return [(one, one * 2.0**-start * weight(bits)) for start in starts]
