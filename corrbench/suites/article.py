"""The article's own cases: a random 5×5 image under a 3×3 kernel, edges, and text as images of one row."""

from __future__ import annotations

from corrbench.case import Case


def cases(thorough: int, seed: int) -> list[Case]:
    """The demo first; then what its prose speaks of, and one layer with everything on."""
    shapes = [
        ((5, 5), (3, 3)),  # the demo
        ((3, 3), (2, 2)),  # the worked example
        ((6, 8), (1, 2)),  # a vertical edge detector
        ((8, 6), (2, 1)),
        ((1, 12), (1, 4)),  # a sentence as an image of one row
        ((12, 1), (5, 1)),
        ((4, 7), (4, 7)),  # the kernel is the image
        ((5, 9), (1, 1)),
        ((7, 5), (4, 2)),
    ]
    plain = [Case(x=(1, 1, *x), w=(1, 1, *w), data="small") for x, w in shapes]
    layer = Case(x=(2, 3, 7, 10), w=(4, 3, 3, 2), bias=True, stride=(2, 1), padding=(1, 1, 0, 0), data="small")
    return [*plain, *(case.but(bias=True) for case in plain[:2]), layer]
