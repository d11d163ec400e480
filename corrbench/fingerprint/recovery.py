"""Recovery of a model of one element of the result, from probes alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from corrbench.fingerprint.arithmetic import Rounding, narrowed, rounded
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.probes import Oracle, Weights, factor, patterns, tail, weight
from corrbench.fingerprint.tree import Node, NoTree, Tree
from corrbench.numerics.expansion import two_sum
from corrbench.numerics.formats import PRECISION

WIDEST = 53  # bits of the widest accumulator that is told apart
USUAL = (24, 53, 11, 8)  # bits of the formats that there are; preferred where the probes allow several
MOST = 40_000  # questions to one element


def recovered(oracle: Oracle) -> Iterator[Model]:
    """Models that agree with all probes, the likeliest first: they differ in the last sum, which no probe sees alone.

    Raises:
        NoTree: the answers are those of no tree of summation.
        Unanswered, Died: as `Target.ask`.
    """
    dtype = oracle.cell.case.dtype
    operands = taken_as(oracle)
    oracle.bits = operands.bits
    if oracle.leaves == 1:
        narrower = [frozenset[int]()] if operands.bits < PRECISION[dtype] else []  # rounded like the operands
        for exact, mode in itertools.product([frozenset([0]), *narrower], ("nearest", "zero")):
            yield Model(
                dtype=dtype, tree=Tree(1, ()), exact=exact, product=operands, roundings=(), operands=operands,
                result=Rounding(PRECISION[dtype], mode),
            )  # fmt: skip
        return
    tree = Tree.of(built(oracle), oracle.leaves)
    inner = len(tree.sums) - 1
    some = sorted({0, inner // 2, inner - 1}) if inner else []
    try:
        exact, sampled = unrounded(oracle, tree), roundings(oracle, tree, some)
    except NoTree:  # where sums are cut off, dust moves what is negative
        oracle.clean = True
        exact, sampled = unrounded(oracle, tree), roundings(oracle, tree, some)
    told: set[str] = set()
    if len(set(sampled)) <= 1:  # then all are taken to be so, which the data decide
        yield from completed(dtype, operands, tree, exact, sampled[:1] * inner, told)
    if inner > len(some):
        yield from completed(dtype, operands, tree, exact, roundings(oracle, tree, range(inner)), told)
    elif len(set(sampled)) > 1:
        yield from completed(dtype, operands, tree, exact, sampled, told)


def completed(
    dtype: str, operands: Rounding, tree: Tree, exact: frozenset[int], inner: Sequence[Rounding], told: set[str]
) -> Iterator[Model]:
    """Models with these roundings of all sums but the last, which have not been told yet."""
    own = Rounding(PRECISION[dtype])
    usual = max(set(inner), key=lambda one: (inner.count(one), one)) if inner else None
    modes = sorted({one.mode for one in inner} | {"nearest"})
    roots = [usual] if usual else [Rounding(WIDEST), own] if len(exact) > 1 else [own, Rounding(WIDEST)]
    roots += [Rounding(bits, mode) for bits in USUAL for mode in (*modes, "zero")]
    results = [Rounding(own.bits, mode) for mode in ("nearest", "zero")]
    ways = (in_float32, once) if operands.bits < 24 else (once,)
    for root, result, mode, way in itertools.product(roots, results, modes, ways):
        made = Model(
            dtype=dtype, tree=tree, exact=exact, product=Rounding(operands.bits, mode),
            roundings=way(tree, exact, [*inner, root]), operands=operands, result=result,
        )  # fmt: skip
        if made.hash not in told:
            told.add(made.hash)
            yield made


def once(tree: Tree, exact: frozenset[int], sums: Sequence[Rounding]) -> tuple[Rounding, ...]:
    """Every sum is rounded once."""
    return tuple(sums)


def in_float32(tree: Tree, exact: frozenset[int], sums: Sequence[Rounding]) -> tuple[Rounding, ...]:
    """Sums that are kept in 16 bits as processors without such sums make them: in float32, and then rounded again. That
    is another number only where what is added has more bits (Figueroa, as in `arithmetic`). The last sum is rounded
    again as the result is.
    """
    wide = [leaf in exact for leaf in range(tree.leaves)] + [one.bits >= 24 for one in sums]
    found = [
        Rounding(one.bits, one.mode, 24) if one.bits < 24 and any(wide[child] for child in children) else one
        for one, children in zip(sums, tree.sums, strict=True)
    ]
    return (*found[:-1], Rounding(24) if found[-1].through else found[-1])


# ---- the tree


@dataclass(slots=True)
class Part:
    """Leaves of a whole subtree, or of children of one sum: to be built.

    Attributes:
        leaves: the first is compared with all others.
        limit: leaves below the sum that they belong to; 0 where they are all leaves.
        groups: what is added to the first, one after the other, with the leaves below each sum.
        rest: children of the same sum.
    """

    leaves: list[int]
    limit: int
    groups: list[tuple[int, Part]]
    rest: Part | None = None


def built(oracle: Oracle) -> Node:
    """The tree, by the sizes of the subtrees in which one leaf meets each of the others; then within each group of
    equal size, level by level, so that all questions of a level go into the same calls.

    Raises:
        NoTree: the sizes are those of no tree.
    """
    whole = Part(list(range(oracle.leaves)), 0, [])
    waiting = [whole]
    first = oracle.outside([(0, oracle.leaves - 1)])[0]
    sizes_of([first], oracle.leaves)  # a transform is told at the first question
    while waiting:
        pairs = [(part.leaves[0], other) for part in waiting for other in part.leaves[1:]]
        if oracle.asked + len(pairs) > MOST:
            raise NoTree(f"more than {MOST} questions would be needed")
        sizes = iter(sizes_of(oracle.outside(pairs), oracle.leaves))
        following: list[Part] = []
        for part in waiting:
            by_size: dict[int, list[int]] = {}
            for other in part.leaves[1:]:
                by_size.setdefault(next(sizes), []).append(other)
            count = 1
            for size in sorted(by_size):
                group = by_size[size]
                if part.limit and size == part.limit:  # children of one sum of several
                    part.rest = Part(group, size, [])
                    following.append(part.rest)
                    continue
                count += len(group)
                if size != count:
                    raise NoTree(f"{count} leaves meet in a sum that seems to have {size}")
                part.groups.append((size, Part(group, size, [])))
                following.append(part.groups[-1][1])
        waiting = [part for part in following if len(part.leaves) > 1]
    return nodes(whole)[0]


def nodes(part: Part) -> list[Node]:
    """The children that a part stands for."""
    made: Node = part.leaves[0]
    for _, group in part.groups:
        made = (made, *nodes(group))
    return [made, *(nodes(part.rest) if part.rest else [])]


def sizes_of(outside: list[float], leaves: int) -> list[int]:
    """Leaves below the sums where pairs meet.

    Raises:
        NoTree: an answer is no such number.
    """
    found = []
    for value in outside:
        if not (0 <= value <= leaves - 2 and value == int(value)):
            raise NoTree(f"a mask and its negative leave {value:.6g} of {leaves - 2} other products")
        found.append(leaves - int(value))
    return found


# ---- its arithmetic


def taken_as(oracle: Oracle) -> Rounding:
    """How operands are rounded before they are multiplied: by what is left of one weight.

    Raises:
        NoTree: in no way that is known.
    """
    own = PRECISION[oracle.cell.case.dtype]
    given = weight(own)
    [got] = oracle.of([{0: given}])
    for bits in (own, *(bits for bits in (24, 11, 8, *range(4, own)) if bits < own)):
        for mode in ("nearest", "zero"):
            if close(float(narrowed(np.array([given]), Rounding(bits, mode))[0]) if bits < own else given, got):
                return Rounding(bits, mode)
    raise NoTree(f"one product alone, of 1 and {given!r}, is {got!r}")


def unrounded(oracle: Oracle, tree: Tree) -> frozenset[int]:
    """The leaves whose product is exact where it is added.

    Raises:
        NoTree: a product is neither exact nor rounded to the element type.
    """
    asked: list[Weights] = []
    places = []
    firsts = tree.firsts()
    x = factor(oracle.bits)
    for children in tree.sums:
        for leaf in children:
            if leaf < tree.leaves:
                partner = firsts[next(one for one in children if one != leaf)]
                asked.append({leaf: 1 + (x - 1) / 2, partner: -1.0})
                places.append(leaf)
    kept, lost = tail(oracle.bits)
    found = oracle.of(asked, x)
    for leaf, value in zip(places, found, strict=True):
        if abs(value - kept) > kept * 2.0**-30 and abs(value - lost) > lost * 2.0**-30:
            raise NoTree(f"the product of leaf {leaf} is rounded to what is no format: {value!r}")
    return frozenset(leaf for leaf, value in zip(places, found, strict=True) if abs(value - kept) <= kept * 2.0**-30)


def roundings(oracle: Oracle, tree: Tree, sums: Iterable[int]) -> list[Rounding]:
    """How sums, not the last one, are rounded: `one` + `part` − `one`, the first two below the sum, the third beside.

    Raises:
        NoTree: a sum is rounded as none is.
    """
    firsts, parent = tree.firsts(), {}
    for number, children in enumerate(tree.sums):
        for child in children:
            parent[child] = number
    shapes = tuple(patterns(oracle.bits, oracle.levels.one))
    asked: list[Weights] = []
    for number in sums:
        children = tree.sums[number]
        node = tree.leaves + number
        beside = next(one for one in tree.sums[parent[node]] if one != node)
        for one, part in shapes:
            asked.append({firsts[children[0]]: one, firsts[children[1]]: part, firsts[beside]: -one})
    answers = oracle.of(asked)
    return [rounding_of(tuple(answers[i : i + len(shapes)]), shapes) for i in range(0, len(answers), len(shapes))]


@cache
def rounding_of(left: tuple[float, ...], shapes: tuple[tuple[float, float], ...]) -> Rounding:
    """The rounding that leaves these parts of sums.

    Raises:
        NoTree: none does.
    """
    possible = [
        rounding
        for bits in (*USUAL, *range(4, WIDEST))
        for rounding in (Rounding(bits), Rounding(bits, "zero"))
        if all(close(leaves(one, part, rounding), value) for (one, part), value in zip(shapes, left, strict=True))
    ]
    if not possible:
        raise NoTree(f"of {shapes[0][0]} + {shapes[0][1]!r} − {shapes[0][0]} is left {left[0]!r}, which is no rounding")
    return possible[0]


def close(a: float, b: float) -> bool:
    """Equal, but for the dust."""
    return abs(a - b) <= 2.0**-40 * max(abs(a), 2.0**-40)


def leaves(one: float, part: float, rounding: Rounding) -> float:
    """What is left of `part` once `one` is added and taken away."""
    s, e = two_sum(np.array([one]), np.array([part]))
    return float(rounded(s, e, rounding)[0]) - one
