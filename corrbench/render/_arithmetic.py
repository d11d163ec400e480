"""Places of what is drawn of fingerprints: a tree of summation, the map of switch points, who gives the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.fingerprint.differences import equal_bits
from corrbench.fingerprint.found import Found
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.survey import Point, Survey
from corrbench.fingerprint.words import family, told

SMALL = 64  # leaves of a tree that is still to be seen
STEP, LEVEL = 14, 16  # pixels between two leaves, and between two levels
AXES = ("N", "C", "O", "plane", "k", "threads")
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d", "#bab0ac")


@dataclass(frozen=True, slots=True)
class Picture:
    """A tree: lines from children to sums, and leaves with their places and whether their product is exact."""

    width: int
    height: int
    lines: list[tuple[float, float, float, float]]
    leaves: list[tuple[int, float, float, bool]]


def drawn(model: Model) -> Picture:
    """The tree, its leaves in the order in which they are added, sums above them."""
    tree = model.tree
    order: list[int] = []
    waiting = [tree.leaves + len(tree.sums) - 1]
    while waiting:
        node = waiting.pop()
        if node < tree.leaves:
            order.append(node)
        else:
            waiting += reversed(tree.sums[node - tree.leaves])
    bottom = 20 + LEVEL * tree.depth
    heights = dict.fromkeys(range(tree.leaves), 0)
    places = {leaf: (20.0 + STEP * place, float(bottom)) for place, leaf in enumerate(order)}
    lines = []
    for number, children in enumerate(tree.sums, tree.leaves):
        heights[number] = 1 + max(heights[one] for one in children)
        places[number] = sum(places[one][0] for one in children) / len(children), bottom - LEVEL * heights[number]
        lines += [(*places[one], *places[number]) for one in children]
    leaves = [(leaf, *places[leaf], leaf in model.exact) for leaf in order]
    return Picture(40 + STEP * tree.leaves, bottom + 24, lines, leaves)


@dataclass(slots=True)
class Map:
    """A row for each axis, a box for each cell along it, a colour for each arithmetic."""

    labels: list[dict[str, Any]] = field(default_factory=list)
    boxes: list[dict[str, Any]] = field(default_factory=list)
    legend: list[dict[str, Any]] = field(default_factory=list)
    height: int = 10


def along(made: Survey) -> Iterator[tuple[str, list[tuple[int, Found]]]]:
    """For each axis the cells along it that differ from the first cell in this axis alone."""
    if not made.cells:
        return
    first = next(iter(made.cells.values()))
    base = Point(first.case, first.threads)
    for axis in AXES:
        found = []
        for cell in made.cells.values():
            (n, c), (o, k), side = cell.case.x[:2], (cell.case.w[0], cell.case.w[2]), cell.case.x[2]
            value = {"N": n, "C": c, "O": o, "plane": side, "k": k, "threads": cell.threads}[axis]
            here = Point(cell.case, cell.threads)
            if here == base or base.at(axis, value) == here:
                found.append((value, cell))
        if len(found) > 1:
            yield axis, sorted(found, key=lambda one: one[0])


def switch_map(made: Survey) -> Map:
    """The map of a survey."""
    found, colours = Map(), dict[str, str]()
    for axis, cells in along(made):
        found.labels.append({"y": found.height, "text": axis})
        for place, (value, cell) in enumerate(cells):
            colour = colours.setdefault(family(cell), COLOURS[len(colours) % len(COLOURS)])
            box = {"x": 70 + 56 * place, "y": found.height, "colour": colour, "value": value, "told": told(cell)}
            found.boxes.append(box)
        found.height += 32
    for text, colour in colours.items():
        found.legend.append({"y": found.height, "text": text, "colour": colour})
        found.height += 22
    return found


@dataclass(slots=True)
class Classes:
    """A column for each target, a row for each cell: boxes of one colour and letter in a row have the same bits."""

    targets: list[str] = field(default_factory=list)
    rows: list[tuple[str, list[dict[str, str]]]] = field(default_factory=list)


def classes_of(surveys: Sequence[Survey]) -> Classes:
    """Who gives the same bits; the letters A, B, … of a row are of the classes with most targets. A cell without a
    whole model has no letter, since nothing is known of its bits.
    """
    found = Classes([f"{one.target} {one.version.partition('-')[0]}".strip() for one in surveys])
    for name, classes in equal_bits(surveys).items():
        letters = {hash_: number for number, hash_ in enumerate(classes)}
        boxes = []
        for one in surveys:
            cell = one.cells.get(name)
            number = letters.get(cell.hash) if cell is not None else None
            boxes.append({
                "letter": "" if number is None else letter(number), "told": told(cell) if cell is not None else "",
                "colour": "none" if number is None else COLOURS[number % len(COLOURS)],
            })  # fmt: skip
        found.rows.append((name, boxes))
    return found


def letter(number: int) -> str:
    """A, B, … Z, AA, AB, …"""
    return (letter(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)
