"""A tree of summation as a picture."""

from __future__ import annotations

from corrbench.fingerprint.model import Model

SMALL = 64  # leaves of a tree that is still to be seen
STEP, LEVEL = 14, 16  # pixels between two leaves, and between two levels


def drawn(model: Model) -> str:
    """The tree as SVG: leaves in the order in which they are added, sums above them; a filled dot is an exact product."""
    tree = model.tree
    order: list[int] = []
    waiting = [tree.leaves + len(tree.sums) - 1]
    while waiting:
        node = waiting.pop()
        if node < tree.leaves:
            order.append(node)
        else:
            waiting += reversed(tree.sums[node - tree.leaves])
    places = {leaf: (20.0 + STEP * place, 0) for place, leaf in enumerate(order)}
    lines = []
    for number, children in enumerate(tree.sums):
        height = 1 + max(places[one][1] for one in children)
        x = sum(places[one][0] for one in children) / len(children)
        places[tree.leaves + number] = (x, height)
        lines += [(places[one], (x, height)) for one in children]
    bottom = 20 + LEVEL * tree.depth

    def at(place: tuple[float, int]) -> tuple[float, float]:
        return place[0], bottom - LEVEL * place[1]

    shapes = []
    for start, end in lines:
        (x1, y1), (x2, y2) = at(start), at(end)
        shapes.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="#888"/>')
    for leaf in order:
        x, y = at(places[leaf])
        fill = "#4c78a8" if leaf in model.exact else "#fff"
        shapes.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="4" fill="{fill}" stroke="#4c78a8"><title>product {leaf}</title></circle>'
        )
        shapes.append(f'<text x="{x:g}" y="{y + 16:g}" font-size="8" text-anchor="middle">{leaf}</text>')
    width = 40 + STEP * tree.leaves
    return f'<svg viewBox="0 0 {width} {bottom + 24}" width="{width}" role="img" aria-label="tree of {tree.leaves} products">{"".join(shapes)}</svg>'
