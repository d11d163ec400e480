"""What libraries choose an algorithm by: a covering design of strength 3, read from ``dispatch.csv``.

Faults of dispatch are conjunctions of ordinary things: a type, a kernel, a batch of four, a remainder of channels.
Every three of these parameters take every combination of their values that has a result and is not too large.
``python -m corrbench.suites.dispatch`` prints the table anew; a test holds it to the parameters.
"""

from __future__ import annotations

from functools import cache
from math import prod
from typing import Any

from corrbench.case import Case
from corrbench.suites import _designs
from corrbench.suites.pairwise import cover

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "batch": (1, 2, 4, 17),
    "channels": (1, 3, 4, 16, 17, 32, 64),  # per group
    "kernels": (1, 3, 4, 16, 17, 72),  # per group
    "kernel": ("1x1", "3x3", "1x3", "3x1", "2x2", "5x5", "7x7", "1x7"),
    "stride": ("1", "2", "3", "1,2", "5", "kernel"),
    "dilation": ("1", "2", "2,1"),
    "padding": (
        "0",
        "1",
        "0,1",
        "full",
        "beyond",
        "same",
    ),  # full is the kernel less one, beyond is more than the kernel
    "groups": (1, 2, "depthwise", "twice"),  # one channel a group, and one or two kernels
    "rows": (1, 2, 7, 8, 13, 22),  # of the result, about
    "cols": (1, 3, 6, 8, 16, 33),
    "rest": (0, 1, "most"),  # rows and columns that the stride leaves over
    "bias": (False, True),
    "layout": ("", "x:channels_last,w:channels_last", "x:transposed", "w:step"),
}
MOST = 2e6  # multiply-accumulates
ELEMENTS = 1e5  # of the input
ROWS = 380  # in the standard profile


def cases(thorough: int, seed: int) -> list[Case]:
    """The first `ROWS`, which hold 93 % of the combinations, in deep all; in quick some of the light ones."""
    return _designs.read("dispatch", PARAMETERS, build, thorough, rows=ROWS, light=48)


def build(row: dict[str, Any]) -> Case | None:
    """The case of a row; None where it has no result or is too large."""
    kh, kw = map(int, row["kernel"].split("x"))
    stride = f"{kh},{kw}" if row["stride"] == "kernel" else row["stride"]
    sh, sw, dh, dw = (int(n) for text in (stride, row["dilation"]) for n in (text.split(",") * 2)[:2])
    reach = dh * (kh - 1) + 1, dw * (kw - 1) + 1
    depthwise = row["groups"] in ("depthwise", "twice")
    groups = row["channels"] if depthwise else row["groups"]
    each, kernels = (1, 1 + (row["groups"] == "twice")) if depthwise else (row["channels"], row["kernels"])
    words = {"full": (reach[0] - 1, reach[1] - 1), "beyond": (reach[0] + 1, reach[1] + 1)}
    ph, pw = words.get(row["padding"]) or (
        (0, 0) if row["padding"] == "same" else tuple(map(int, (row["padding"].split(",") * 2)[:2]))
    )
    height, width = (
        max(
            1,
            (size - 1) * step + length - 2 * pad + (step - 1 if row["rest"] == "most" else min(row["rest"], step - 1)),
        )
        for size, step, length, pad in zip((row["rows"], row["cols"]), (sh, sw), reach, (ph, pw), strict=True)
    )
    if row["padding"] == "same":
        height, width = row["rows"], row["cols"]
    try:
        case = Case(
            x=(row["batch"], groups * each, height, width), w=(groups * kernels, each, kh, kw), stride=(sh, sw),
            padding="same" if row["padding"] == "same" else (ph, ph, pw, pw), dilation=(dh, dw), groups=groups,
            bias=row["bias"], data="small", layout=row["layout"],
        )  # fmt: skip
    except ValueError:  # padding='same' with a stride
        return None
    return case if case.macs <= MOST and prod(case.x) <= ELEMENTS else None


@cache
def design() -> list[dict[str, Any]]:
    """The table, computed: it takes a while."""
    return cover(PARAMETERS, strength=3, tries=12, fits=lambda row: build(row) is not None)


if __name__ == "__main__":
    _designs.write(design(), PARAMETERS)
