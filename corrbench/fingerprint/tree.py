"""Trees of summation: which partial sum is added to which, in a form that is the same for the same arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Node = int | tuple["Node", ...]  # a leaf, or what is added at once


class NoTree(ValueError):
    """What was found is no tree of summation; the message says why."""


def size(node: Node) -> int:
    """Leaves below a node."""
    waiting, found = [node], 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, int):
            found += 1
        else:
            waiting += one
    return found


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of summation over the leaves 0 to K − 1, in canonical form.

    Sums are commutative, so that children have no order of their own: the one with the most leaves comes first, and of
    equals the one with the smallest leaf. Two trees of the same arithmetic are equal.

    Attributes:
        leaves: K.
        sums: the children of each sum, in the order of evaluation; sum i is node K + i, and the last one is the root.
    """

    leaves: int
    sums: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, root: Node, leaves: int) -> Tree:
        """From nested tuples, whatever their depth.

        Raises:
            NoTree: a leaf is missing, or there twice.
        """
        made: list[tuple[int, ...]] = []
        weights, least = [1] * leaves, list(range(leaves))
        values: list[int] = []
        waiting: list[tuple[Node, bool]] = [(root, False)]
        while waiting:
            node, ready = waiting.pop()
            if isinstance(node, int):
                values.append(node)
            elif not ready:
                waiting.append((node, True))
                waiting += [(child, False) for child in reversed(node)]
            else:
                children = values[-len(node) :]
                del values[-len(node) :]
                values.append(leaves + len(made))
                made.append(tuple(sorted(children, key=lambda one: (-weights[one], least[one]))))
                weights.append(sum(weights[one] for one in children))
                least.append(min(least[one] for one in children))
        if sorted(one for children in made for one in children if one < leaves) != list(range(leaves)) and leaves > 1:
            raise NoTree("a leaf is missing, or added twice")
        return cls(leaves, tuple(made)).ordered()

    def ordered(self) -> Tree:
        """The same with its sums in the order of a walk from the root, children first."""
        if not self.sums:
            return self
        order: list[int] = []
        waiting = [(len(self.sums) - 1, False)]
        while waiting:
            number, ready = waiting.pop()
            if ready:
                order.append(number)
                continue
            waiting.append((number, True))
            waiting += [(one - self.leaves, False) for one in reversed(self.sums[number]) if one >= self.leaves]
        place = {self.leaves + old: self.leaves + new for new, old in enumerate(order)}
        return Tree(self.leaves, tuple(tuple(place.get(one, one) for one in self.sums[old]) for old in order))

    @property
    def depth(self) -> int:
        """Most sums between a leaf and the result."""
        depths = [0] * self.leaves
        for children in self.sums:
            depths.append(1 + max(depths[one] for one in children))
        return depths[-1]

    def below(self) -> list[frozenset[int]]:
        """The leaves below each node, sums after leaves."""
        found = [frozenset([leaf]) for leaf in range(self.leaves)]
        for children in self.sums:
            found.append(frozenset().union(*(found[one] for one in children)))
        return found

    def firsts(self) -> list[int]:
        """A leaf below each node."""
        found = list(range(self.leaves))
        for children in self.sums:
            found.append(found[children[0]])
        return found

    def nested(self) -> list[Any] | int:
        """As lists that fold from the left: [0, 1, [2, 3], 4] is ((0 + 1) + (2 + 3)) + 4, and [0, {"at once": [1, 2]}]
        adds 0, 1 and 2 with one rounding. Since the child with most leaves comes first, lists are at most log₂ K deep.
        """
        folded: list[Any] = list(range(self.leaves))
        for children in self.sums:
            first, *rest = (folded[one] for one in children)
            spine = first if isinstance(first, list) else [first]  # goes on: it has no other use
            spine.append(rest[0] if len(rest) == 1 else {"at once": rest})
            folded.append(spine)
        return folded[-1]  # type: ignore[no-any-return]

    def text(self) -> str:
        """`nested` in one line, runs of leaves shortened: [0..143], [[0..8] [9..17]]."""
        return shown(self.nested())

    @classmethod
    def parse(cls, text: str, leaves: int) -> Tree:
        """Read `text` back.

        Raises:
            NoTree: it is none.
        """
        tokens = text.replace("[", " [ ").replace("]", " ] ").replace("{", " { ").replace("}", " } ").split()
        stack: list[tuple[str, list[Any]]] = [("", [])]
        try:
            for token in tokens:
                if token in "[{":
                    stack.append((token, []))
                elif token in "]}":
                    kind, items = stack.pop()
                    stack[-1][1].append(folded(items) if kind == "[" else Together(tuple(items)))
                else:
                    stack[-1][1].extend(expanded(token))
            [(_, [root])] = stack
            return cls.of(root, leaves)
        except (ValueError, IndexError, TypeError):
            raise NoTree(f"{text[:60]!r} is no tree over {leaves} leaves") from None


@dataclass(frozen=True, slots=True)
class Together:
    """What is added at once to what came before."""

    items: tuple[Node, ...]


def folded(items: Sequence[Any]) -> Node:
    """Items added one after the other."""
    made: Node = items[0]
    for one in items[1:]:
        made = (made, *one.items) if isinstance(one, Together) else (made, one)
    return made


def shown(node: Any) -> str:
    """A nested list in one line."""
    if isinstance(node, int):
        return str(node)
    if isinstance(node, dict):
        return "{" + " ".join(map(shown, node["at once"])) + "}"
    words = [ranged(part) if isinstance(part, list) else shown(part[0]) for part in runs(node)]
    return "[" + " ".join(words) + "]"


def runs(items: Sequence[Any]) -> Iterator[list[int] | tuple[Any]]:
    """Leaves in a row that are equally far apart, as lists; what is no leaf alone, in a tuple."""
    run: list[int] = []
    for item in items:
        if isinstance(item, int) and (len(run) < 2 or item - run[-1] == run[1] - run[0]):
            run.append(item)
            continue
        if run:
            yield run
        run = []
        if isinstance(item, int):
            run = [item]
        else:
            yield (item,)
    if run:
        yield run


def ranged(run: Sequence[int]) -> str:
    """Numbers that are equally far apart: 0..8, 0..56/8, or a few of them one by one."""
    if len(run) < 3:
        return " ".join(map(str, run))
    step = run[1] - run[0]
    return f"{run[0]}..{run[-1]}" + ("" if step == 1 else f"/{step}")


def expanded(token: str) -> list[int]:
    """What `ranged` shortened."""
    if ".." not in token:
        return [int(token)]
    ends, _, step = token.partition("/")
    first, last = map(int, ends.split(".."))
    by = int(step or 1)
    return list(range(first, last + (1 if by > 0 else -1), by))


def listed(numbers: Sequence[int]) -> str:
    """Numbers in ascending order, as ranges."""
    return " ".join(" ".join(map(str, run)) if len(run) < 3 else ranged(run) for run in runs(sorted(numbers)))
