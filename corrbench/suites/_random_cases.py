"""One random case, most at borders: where a library changes its mind.

Borders are axes of one, results of one row or column, counts about 8, 16 and 32, padding beyond the input, kernels of
one row. Faults are conjunctions of such things.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from corrbench.case import INTEGERS, Case, PaddingMode, Sides
from corrbench.numerics.inputs import REAL, WHOLE
from corrbench.support import Support

MOST = 1.2e6  # multiply-accumulates
WEIGHTS = {"float32": 12, "float64": 4, "bfloat16": 3, "float16": 3}  # element types that people use most, more often
VIEWS = ("channels_last", "channels_last", "transposed", "batch_last", "step", "rows", "channels", "batch", "offset")


def draw(rng: random.Random, most: float = MOST) -> Case:
    """One random case of at most `most` multiply-accumulates, skewed to the small and the odd."""
    while True:
        try:
            case = attempt(rng)
        except ValueError:  # the kernel does not fit
            continue
        if case.macs <= most:
            return case


def attempt(rng: random.Random) -> Case:
    """One random case of any size.

    Raises:
        ValueError: what was drawn has no result.
    """
    each, kernels = count(rng), count(rng)
    groups = rng.choice((1, 1, 1, 2, 3, 4, count(rng)))
    if groups > 1 and rng.random() < 0.4:  # depthwise
        each, kernels = 1, rng.choice((1, 1, 2))
    kernel = rng.choice(
        ((1, 1), (3, 3), (1, side(rng)), (side(rng), 1), (side(rng), side(rng)), (side(rng), side(rng)))
    )
    dilation = two(rng, (1, 1, 1, 1, 2, 3))
    stride = two(rng, (1, 1, 1, 2, 2, 3, 4, 5))
    lengths, pads = [], []
    for step, wide, k in zip(stride, dilation, kernel, strict=True):
        reach = wide * (k - 1) + 1
        pad = rng.choice((0, 0, 0, 1, 1, 2, k // 2, reach - 1, reach, rng.randint(0, 6)))
        size = rng.choice((1, 1, 2, 3, 4, count(rng), rng.randint(1, 20), rng.randint(1, 60)))
        rest = rng.randint(0, step - 1) if rng.random() < 0.5 else 0
        lengths.append(max(1, (size - 1) * step + reach + rest - 2 * pad))
        pads.append(pad)
    padding: Sides | PaddingMode = (pads[0], pads[0], pads[1], pads[1])
    if rng.random() < 0.2:
        padding = rng.choice(("same", "valid"))
    if padding == "same":
        stride = (1, 1)
    return Case(
        x=(rng.choice((1, 1, 1, 2, 3, 4, 5, 16, rng.randint(1, 20))), groups * each, lengths[0], lengths[1]),
        w=(groups * kernels, each, *kernel), stride=stride, padding=padding, dilation=dilation, groups=groups,
        bias=rng.random() < 0.5, data="small", layout=layout(rng),
    )  # fmt: skip


def count(rng: random.Random) -> int:
    """A number of channels, kernels or positions: small, about a power of two, or any."""
    power = rng.choice((4, 8, 8, 16, 16, 32))
    return rng.choice((1, 1, 2, 3, 4, 5, power + rng.choice((-1, 0, 0, 1)), rng.randint(1, 40)))


def side(rng: random.Random) -> int:
    """Rows or columns of a kernel."""
    return rng.choice((1, 2, 3, 3, 4, 5, 7, rng.randint(1, 13)))


def two(rng: random.Random, among: Sequence[int]) -> tuple[int, int]:
    """One number for both axes, or one each."""
    first = rng.choice(among)
    return first, first if rng.random() < 0.5 else rng.choice(among)


def layout(rng: random.Random) -> str:
    """How the operands lie in memory: half the time both are contiguous."""
    if rng.random() < 0.5:
        return ""
    views = {name: rng.choice(("", *VIEWS)) for name in "xw"}
    return ",".join(f"{name}:{view}" for name, view in views.items() if view)


def dressed(rng: random.Random, case: Case, support: Support) -> Case:
    """A case in a random element type, on random data; most on whole numbers, where every bit is known."""
    types = [name for name in support.takes if name in (*WEIGHTS, *INTEGERS, "complex64", "complex128")]
    types.sort()
    dtype = rng.choices(types, [WEIGHTS.get(name, 1) for name in types])[0] if types else "float32"
    data = "small" if rng.random() < 0.6 else rng.choice(WHOLE if dtype in INTEGERS else (*WHOLE, *REAL))
    return case.but(dtype=dtype, data=data)
