"""A model of a target's arithmetic on one element of its result, and its exact evaluation on operands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.fingerprint.arithmetic import Rounding, add, fused, narrowed, rounded, total, two_product
from corrbench.fingerprint.tree import Tree, expanded, listed
from corrbench.numerics.formats import PRECISION
from corrbench.numerics.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How one element is computed.

    Attributes:
        dtype: of the operands and the result.
        tree: the sums; leaf (c·kh + a)·kw + b is the product of channel c and tap (a, b).
        exact: the leaves whose product is not rounded before it is added: fused, or held by a wider accumulator.
        product: how the other products are rounded.
        roundings: of each sum of the tree.
        operands: how operands are rounded before they are multiplied; as many bits as the type has if they are not.
        result: how the sum is rounded to the element type.
    """

    dtype: str
    tree: Tree
    exact: frozenset[int]
    product: Rounding
    roundings: tuple[Rounding, ...]
    operands: Rounding
    result: Rounding

    @property
    def accumulator(self) -> Rounding:
        """The rounding of most sums."""
        counted = {one: self.roundings.count(one) for one in dict.fromkeys(self.roundings)}
        return max(counted, key=lambda one: (counted[one], one)) if counted else self.result

    def to_json(self) -> dict[str, Any]:
        """The canonical form, of which the hash is made."""
        usual = self.accumulator
        other: dict[str, list[int]] = {}
        for number, one in enumerate(self.roundings):
            if one != usual:
                other.setdefault(str(one), []).append(number)
        return {
            "dtype": self.dtype, "terms": self.tree.leaves, "operands": str(self.operands), "tree": self.tree.text(),
            "exact products": listed(sorted(self.exact)), "products": str(self.product), "accumulator": str(usual),
            "other sums": {name: listed(numbers) for name, numbers in sorted(other.items())},
            "result": str(self.result),
        }  # fmt: skip

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Model:
        """Read the canonical form back.

        Raises:
            ValueError, KeyError: it is none.
        """
        tree = Tree.parse(said["tree"], said["terms"]) if said["terms"] > 1 else Tree(1, ())
        roundings = [parsed(said["accumulator"])] * len(tree.sums)
        for name, numbers in said["other sums"].items():
            for number in unlisted(numbers):
                roundings[number] = parsed(name)
        return cls(
            dtype=said["dtype"], tree=tree, exact=frozenset(unlisted(said["exact products"])),
            product=parsed(said["products"]), roundings=tuple(roundings), operands=parsed(said["operands"]),
            result=parsed(said["result"]),
        )  # fmt: skip

    @property
    def hash(self) -> str:
        """Of the canonical form: the same for the same arithmetic."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def sharp(self) -> int:
        """Roundings that a product passes at most: m of γ(m) for this model, in place of K."""
        return self.tree.depth + 1


def parsed(text: str) -> Rounding:
    """A rounding from its text."""
    bits, *rest = text.split()
    through = int(rest[1]) if rest[:1] == ["through"] else 0
    return Rounding(int(bits), "zero" if rest[-2:] == ["cut", "off"] else "nearest", through)


def unlisted(text: str) -> list[int]:
    """The numbers of `listed`."""
    return [number for token in text.split() for number in expanded(token)]


def products(case: Case, x: Array, w: Array) -> Iterator[tuple[Array, Array]]:
    """For each leaf, in order, its two factors in float64, each of a shape that spreads to the result's (N, O, H', W').

    Args:
        case: the geometry.
        x: input, (N, C, H, W).
        w: kernel, (O, I, kh, kw).
    """
    o, each, kh, kw = case.w
    top, bottom, left, right = case.sides
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (0, 0), (top, bottom), (left, right)))
    rows, columns = case.out[2:]
    (sh, sw), (dh, dw) = case.stride, case.dilation
    group = np.arange(o) // (o // case.groups)
    wide = np.asarray(w, np.float64)
    for channel in range(each):
        own = padded[:, group * each + channel] if case.groups > 1 else padded[:, channel : channel + 1]
        for a in range(kh):
            for b in range(kw):
                seen = own[
                    :, :, a * dh : a * dh + (rows - 1) * sh + 1 : sh, b * dw : b * dw + (columns - 1) * sw + 1 : sw
                ]
                yield seen, wide[:, channel, a, b].reshape(1, o, 1, 1)


def evaluate(model: Model, case: Case, x: Array, w: Array) -> Array:
    """The result that the model predicts, (N, O, H', W') in float64, each value one of the element type.

    Args:
        model: of one element.
        case: the geometry.
        x: input, (N, C, H, W).
        w: kernel, (O, I, kh, kw).
    """
    short = model.operands.bits <= 24  # a product is exact in float64
    if model.operands.bits < PRECISION[model.dtype]:
        x, w = (narrowed(np.asarray(one, np.float64), model.operands) for one in (x, w))
    factors = list(products(case, x, w))
    pending: dict[int, Array] = {}
    leaves = model.tree.leaves

    def product(leaf: int) -> Array:
        xs, ws = factors[leaf]
        if short:
            made = xs * ws
            return made if leaf in model.exact else narrowed(made, model.product)
        return rounded(*two_product(xs, ws), model.product)

    width: dict[int, int] = {leaf: 53 if leaf in model.exact else model.product.bits for leaf in range(leaves)}
    if leaves == 1:
        pending[0] = product(0)
    with np.errstate(invalid="ignore", over="ignore"):
        for number, (children, rounding) in enumerate(zip(model.tree.sums, model.roundings, strict=True)):
            free = [one for one in children if one < leaves and one in model.exact]
            if len(children) > 2:
                made = total([product(one) if one < leaves else pending.pop(one) for one in children], rounding)
            elif free and not (short and len(free) == 2):
                leaf = free[-1]
                [other] = [one for one in children if one != leaf]
                given = product(other) if other < leaves else pending.pop(other)
                made = fused(*factors[leaf], given, rounding, short=short)
            else:
                a, b = (product(one) if one < leaves else pending.pop(one) for one in children)
                made = add(a, b, rounding, short=max(width[one] for one in children) <= 24)
            width[leaves + number] = rounding.bits
            pending[leaves + number] = made
    [(_, found)] = pending.items()
    return np.broadcast_to(narrowed(found, model.result) if model.result.bits < 53 else found, case.out)
