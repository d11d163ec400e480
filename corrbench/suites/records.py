"""Images of one row or one column: records of sound, text or a sensor, which libraries compute by code of their own.

Lengths lie about the sizes of blocks, shards and halos; every case draws each of its properties by itself, so that any
three of them meet in many.
"""

from __future__ import annotations

import random

from corrbench.case import Case

LENGTHS = (9, 16, 17, 30, 33, 40, 63, 65, 70, 80, 100, 129, 200, 257, 400, 513, 1025)
TAPS = (1, 2, 3, 3, 4, 5, 7, 8, 9, 16, 25)
CHANNELS = (1, 2, 3, 4, 8, 12, 16, 33)
MANY, FEW = 168, 16


def cases(thorough: int, seed: int) -> list[Case]:
    """So many, always the same: every other lies in a column."""
    rng = random.Random("records")
    drawn = [record(rng, column=turn % 2 == 1) for turn in range(MANY)]
    return drawn if thorough else drawn[:FEW]


def record(rng: random.Random, *, column: bool) -> Case:
    """One case with a result."""
    while True:
        length, taps, step = rng.choice(LENGTHS), rng.choice(TAPS), rng.choice((1, 1, 2, 3))
        dilation = rng.choice((1, 1, 2, 3)) if taps > 1 else 1
        reach = dilation * (taps - 1)
        stride = rng.choice((1, 1, step, taps, 2 * taps + 1))
        side = rng.choice((0, 0, 1, reach // 2, reach, reach + 2))
        channels, kernels = rng.choice(CHANNELS), rng.choice((1, 2, 3, 4, 8, 16))
        groups = rng.choice((1, 1, channels, 2 if channels % 2 == 0 else 1))
        w = (groups * max(1, kernels // groups), channels // groups)
        pair = (lambda along, across: f"{along},{across}") if column else (lambda along, across: f"{across},{along}")
        words = [
            f"x={rng.choice((1, 1, 2, 4))},{channels},{pair(length, 1)} w={w[0]},{w[1]},{pair(taps, 1)}",
            f"stride={pair(stride, 1)} padding={pair(side, 0)} dilation={pair(dilation, 1)} groups={groups}",
            "bias" * rng.randrange(2),
            "data=small",
        ]
        if length + 2 * side > reach:
            return Case.parse(" ".join(word for word in words if word))
