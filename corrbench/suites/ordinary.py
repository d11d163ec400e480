"""The geometries that people use most, crossed with all else: a covering design of strength 3, in ``ordinary.csv``.

What is used most has most fast paths: a fault of the plain 3×3 is a conjunction of counts, padding, batch and layout
alone. Here the whole geometry is one parameter. ``python -m corrbench.suites.ordinary`` prints the table anew.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.case import Case
from corrbench.suites import _designs, dispatch
from corrbench.suites.pairwise import cover

GEOMETRIES = {  # kernel, stride, groups
    "3x3": ("3x3", "1", 1), "1x1": ("1x1", "1", 1), "3x3 by 2": ("3x3", "2", 1), "5x5": ("5x5", "1", 1),
    "1x1 by 2": ("1x1", "2", 1), "depthwise 3x3": ("3x3", "1", "depthwise"), "1x3": ("1x3", "1", 1),
}  # fmt: skip
PARAMETERS: dict[str, tuple[Any, ...]] = {
    "geometry": tuple(GEOMETRIES),
    "batch": (1, 2, 4, 17),
    "channels": (1, 3, 4, 8, 16, 17, 64),
    "kernels": (1, 3, 8, 16, 17, 72),
    "padding": ("0", "1", "0,1", "full", "beyond", "same"),
    "rows": (1, 2, 5, 8, 13, 18),
    "cols": (1, 3, 6, 9, 16, 22),
    "rest": (0, 1),
    "bias": (False, True),
    "layout": ("", "x:channels_last", "w:channels_last", "x:channels_last,w:channels_last"),
}
ROWS = 340  # in the standard profile


def cases(thorough: int, seed: int) -> list[Case]:
    """The first `ROWS`, which hold 93 % of the combinations, in deep all; in quick some of the light ones."""
    return _designs.read("ordinary", PARAMETERS, build, thorough, rows=ROWS, light=32)


def build(row: dict[str, Any]) -> Case | None:
    """The case of a row; None where it has no result or is too large."""
    kernel, stride, groups = GEOMETRIES[row["geometry"]]
    return dispatch.build(row | {"kernel": kernel, "stride": stride, "groups": groups, "dilation": "1"})


@cache
def design() -> list[dict[str, Any]]:
    """The table, computed: it takes a while."""
    return cover(PARAMETERS, strength=3, tries=12, fits=lambda row: build(row) is not None)


if __name__ == "__main__":
    _designs.write(design(), PARAMETERS)
