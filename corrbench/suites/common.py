"""The kernels that libraries write fast paths for: square ones of 1, 3, 5 and 7, in a covering design of strength 3."""

from __future__ import annotations

from functools import cache
from typing import Any

from corrbench.case import Case
from corrbench.suites.pairwise import cover

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "kernel": (1, 3, 5, 7),
    "stride": (1, 2, 3),
    "padding": (0, 1, 2, 3),
    "dilation": (1, 2),
    "groups": (1, 2, "depthwise"),
    "channels": (1, 2, 4, 16),  # per group
    "kernels": (1, 3, 8),  # per group
    "batch": (1, 2, 9),
    "rows": (2, 5, 8, 13),  # of the result, about
    "cols": (3, 4, 9, 14),
    "bias": (False, True),
}


@cache
def design() -> list[dict[str, Any]]:
    """Every three parameters take every combination of their values."""
    return cover(PARAMETERS, strength=3, tries=12)


def cases(thorough: int, seed: int) -> list[Case]:
    """The whole design; in quick its richest fifth."""
    rows = design()
    return [build(row) for row in (rows if thorough else rows[: len(rows) // 5])]


def build(row: dict[str, Any]) -> Case:
    """The case of a row; the input has a row more than needed where that makes a remainder."""
    depthwise = row["groups"] == "depthwise"
    groups = row["channels"] + 1 if depthwise else row["groups"]
    channels, kernels = (1, min(row["kernels"], 3)) if depthwise else (row["channels"], row["kernels"])
    k, s, p, d = row["kernel"], row["stride"], row["padding"], row["dilation"]
    reach = d * (k - 1) + 1
    height, width = (
        max(1, (size - 1) * s + reach - 2 * p + rest) for size, rest in ((row["rows"], 1), (row["cols"], 0))
    )
    return Case(
        x=(row["batch"], groups * channels, height, width),
        w=(groups * kernels, channels, k, k),
        stride=(s, s),
        padding=(p, p, p, p),
        dilation=(d, d),
        groups=groups,
        bias=row["bias"],
        data="small",
    )
