"""A covering design: every pair of values of every two parameters occurs in at least one case."""

from __future__ import annotations

import itertools
import random
from typing import Any

from corrbench.case import Case

PARAMETERS: dict[str, tuple[Any, ...]] = {
    "batch": (1, 2, 5),
    "groups": (1, 2, 3),
    "channels": (1, 3, 8),  # per group
    "kernels": (1, 2, 5),  # per group
    "kh": (1, 2, 3, 5),
    "kw": (1, 2, 3, 4),
    "sh": (1, 2, 3),
    "sw": (1, 2, 3),
    "ph": (0, 1, 2, "same"),
    "pw": (0, 1, 3),
    "dh": (1, 2, 3),
    "dw": (1, 2),
    "rest_h": (0, 1, 2),  # rows beyond the last window
    "rest_w": (0, 1, 2),
    "rows": (1, 2, 7),  # of the result
    "cols": (1, 3, 8),
    "bias": (False, True),
}


def cases(thorough: int, seed: int) -> list[Case]:
    """All pairs in standard and deep; the first third of the design, which covers most, in quick."""
    design = [build(row) for row in cover(PARAMETERS)]
    return design[: len(design) // 3] if thorough == 0 else design


def cover(parameters: dict[str, tuple[Any, ...]], tries: int = 30) -> list[dict[str, Any]]:
    """Rows that cover all pairs, the richest first: greedy, best of a fixed number of random candidates a row.

    The method is that of AETG (Cohen, Dalal, Fredman and Patton, IEEE TSE 23(7), 1997), with a fixed generator.
    """
    rng = random.Random(0)
    names = list(parameters)
    open_pairs = {
        (a, u, b, v) for a, b in itertools.combinations(names, 2) for u in parameters[a] for v in parameters[b]
    }
    rows = []
    while open_pairs:
        candidates = [grow(parameters, open_pairs, rng) for _ in range(tries)]
        best = max(candidates, key=lambda row: len(open_pairs & pairs(row, names)))
        open_pairs -= pairs(best, names)
        rows.append(best)
    return rows


def pairs(row: dict[str, Any], names: list[str]) -> set[tuple[str, Any, str, Any]]:
    """The pairs of values that a row covers."""
    return {(a, row[a], b, row[b]) for a, b in itertools.combinations(names, 2)}


def grow(parameters: dict[str, tuple[Any, ...]], open_pairs: set[tuple[str, Any, str, Any]], rng: random.Random) -> dict[str, Any]:
    """One row: start from an open pair, then give each other parameter the value that closes most pairs."""
    names = list(parameters)
    a, u, b, v = rng.choice(sorted(open_pairs, key=str))
    row = {a: u, b: v}
    for name in rng.sample(names, len(names)):
        if name not in row:
            def gain(value: Any, name: str = name) -> int:
                return sum(
                    ((o, row[o], name, value) if names.index(o) < names.index(name) else (name, value, o, row[o])) in open_pairs
                    for o in row
                )

            values = rng.sample(parameters[name], len(parameters[name]))
            row[name] = max(values, key=gain)
    return row


def build(row: dict[str, Any]) -> Case:
    """The case of a row: the input is as large as the wanted result and remainder need."""
    same = row["ph"] == "same"
    sh, sw = (1, 1) if same else (row["sh"], row["sw"])
    ph, pw = (0, 0) if same else (row["ph"], row["pw"])
    reach_h, reach_w = row["dh"] * (row["kh"] - 1) + 1, row["dw"] * (row["kw"] - 1) + 1
    height = max(1, (row["rows"] - 1) * sh + reach_h + min(row["rest_h"], sh - 1) - 2 * ph)
    width = max(1, (row["cols"] - 1) * sw + reach_w + min(row["rest_w"], sw - 1) - 2 * pw)
    return Case(
        x=(row["batch"], row["groups"] * row["channels"], height, width),
        w=(row["groups"] * row["kernels"], row["channels"], row["kh"], row["kw"]),
        stride=(sh, sw), padding="same" if same else (ph, ph, pw, pw), dilation=(row["dh"], row["dw"]),
        groups=row["groups"], bias=row["bias"], data="small",
    )  # fmt: skip
