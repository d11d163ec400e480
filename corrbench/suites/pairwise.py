"""A covering design: every two values of every two parameters occur together in at least one case."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from corrbench.case import Case

SHAPES: dict[str, tuple[Any, ...]] = {
    "batch": (1, 2, 5),
    "groups": (1, 2, 3),
    "channels": (1, 3, 8),  # per group
    "kernels": (1, 2, 5),  # per group
    "kh": (1, 2, 3, 5),
    "kw": (1, 2, 3, 4),
    "dh": (1, 2, 3),
    "dw": (1, 2),
    "rows": (1, 2, 7),  # of the result
    "cols": (1, 3, 8),
    "bias": (False, True),
}
STEPS: dict[str, tuple[Any, ...]] = {
    "sh": (1, 2, 3),
    "sw": (1, 2, 3),
    "ph": (0, 1, 2),
    "pw": (0, 1, 3),
    "rest_h": (False, True),  # whether as many rows as the stride allows remain after the last window
    "rest_w": (False, True),
}
HOPELESS = 10  # see `cover`
SAME = {"sh": 1, "sw": 1, "ph": "same"}


def cases(thorough: int, seed: int) -> list[Case]:
    """All pairs, those of stride and padding and those of padding='same'; in quick the richer half of each design."""
    stepping = [build(row) for row in cover(SHAPES | STEPS, fits=lambda row: min(size(row)) >= 1)]
    same = [build(row | SAME) for row in cover(SHAPES)]
    return [*stepping, *same] if thorough else [*stepping[: len(stepping) // 2], *same[: len(same) // 2]]


def everything(row: dict[str, Any]) -> bool:
    """Any row will do."""
    return True


def cover(
    parameters: dict[str, tuple[Any, ...]],
    strength: int = 2,
    tries: int = 40,
    fits: Callable[[dict[str, Any]], bool] = everything,
) -> list[dict[str, Any]]:
    """Rows in which every `strength` parameters take every combination of their values, the richest rows first.

    Greedy, the best of a fixed number of random candidates for each row, each around a combination still missing;
    the idea is that of AETG (Cohen, Dalal, Fredman and Patton, IEEE TSE 23(7), 1997). The generator is fixed. A
    combination is given up that is part of no row which `fits` takes, as far as `HOPELESS` times `tries` rows show.
    """
    rng = random.Random(0)
    names = list(parameters)
    chosen = list(itertools.combinations(range(len(names)), strength))
    missing = {
        (places, values) for places in chosen for values in itertools.product(*(parameters[names[i]] for i in places))
    }
    waiting = sorted(missing, key=str)
    rows, failed = [], 0
    while missing:
        while waiting[-1] not in missing:
            waiting.pop()
        best: tuple[Any, ...] = ()
        gain: set[tuple[tuple[int, ...], tuple[Any, ...]]] = set()
        for _ in range(tries):
            row = [rng.choice(parameters[name]) for name in names]
            for place, value in zip(*waiting[-1], strict=True):
                row[place] = value
            covered = {(places, tuple(row[i] for i in places)) for places in chosen} & missing
            if len(covered) > len(gain) and fits(dict(zip(names, row, strict=True))):
                best, gain = tuple(row), covered
        failed = 0 if gain else failed + 1
        if gain:
            missing -= gain
            rows.append(dict(zip(names, best, strict=True)))
        elif failed == HOPELESS:
            missing.remove(waiting[-1])
            failed = 0
    return rows


def size(row: dict[str, Any]) -> tuple[int, int]:
    """Height and width of a row's input; less than 1 where the padding alone gives more than the wanted result."""
    if row["ph"] == "same":
        return row["rows"], row["cols"]
    height = (
        (row["rows"] - 1) * row["sh"]
        + row["dh"] * (row["kh"] - 1)
        + 1
        + row["rest_h"] * (row["sh"] - 1)
        - 2 * row["ph"]
    )
    width = (
        (row["cols"] - 1) * row["sw"]
        + row["dw"] * (row["kw"] - 1)
        + 1
        + row["rest_w"] * (row["sw"] - 1)
        - 2 * row["pw"]
    )
    return height, width


def build(row: dict[str, Any]) -> Case:
    """The case of a row: the input is as large as the wanted result and remainder need."""
    sh, sw, ph = row["sh"], row["sw"], row["ph"]
    return Case(
        x=(row["batch"], row["groups"] * row["channels"], *size(row)),
        w=(row["groups"] * row["kernels"], row["channels"], row["kh"], row["kw"]),
        stride=(sh, sw), padding="same" if ph == "same" else (ph, ph, row["pw"], row["pw"]),
        dilation=(row["dh"], row["dw"]), groups=row["groups"], bias=row["bias"], data="small",
    )  # fmt: skip
