"""Counts beyond what an index, a grid or a block holds: one axis is long and the others are short.

Libraries change algorithms at powers of two of batch, channels, kernels, rows, columns, positions and taps, and indices
of 8 to 16 bits end there. Each of these counts lies at, below or beyond such a power, in geometries that take turns.
"""

from __future__ import annotations

from corrbench.case import Case

AXES = ("batch", "channels", "kernels", "rows", "cols", "positions", "taps")
POWERS = (7, 8, 9, 10, 11, 12, 15, 16)
GEOMETRIES = ("", "stride=2", "padding=1", "stride=1,2 bias", "dilation=2 padding=1", "bias")
MANY = 2**12  # counts beyond which a case has little else
KERNELS = ((1, 1), (3, 3), (1, 3), (2, 1), (1, 4), (3, 2))


def cases(thorough: int, seed: int) -> list[Case]:
    """Every axis at every power, in the geometries in turn; in quick every third."""
    found = []
    for place, axis in enumerate(AXES):
        for turn, power in enumerate(POWERS):
            for step, beside in enumerate((1, 1, 0, -1)[: 1 + 3 * (thorough > 0)]):
                number = place + turn + 5 * step
                case = build(
                    axis, 2**power + beside, KERNELS[number % len(KERNELS)], GEOMETRIES[number % len(GEOMETRIES)]
                )
                if case is not None:
                    found.append(case)
    return found if thorough else found[::3]


def build(axis: str, count: int, kernel: tuple[int, int], geometry: str) -> Case | None:
    """A case with so many along an axis; None where it would be too large."""
    kh, kw = kernel
    n, c, o, height, width = 1, 1 + (axis != "channels"), 3, kh + 4, kw + 5
    if count > MANY:  # the more of one, the fewer of the others
        o, height, width = 2, kh + 1, kw + 1
    if axis == "batch":
        n, height, width = count, min(height, kh + 3), min(width, kw + 3)
    elif axis == "channels":
        c = count
    elif axis == "kernels":
        o = count
    elif axis == "rows":
        height = count + 2
    elif axis == "cols":
        width = count + 2
    elif axis == "positions":
        height = max(1, int(count**0.5)) - 1
        height, width, c = height + 2, -(-count // max(1, height)) + 2, 1
    elif count <= 2**12:  # taps
        kh, kw = 2 ** ((count.bit_length() - 1) // 2), 1
        kw = -(-count // kh)
        height, width, c = kh + 3, kw + 4, 1
    else:
        return None
    try:
        return Case.parse(f"x={n},{c},{height},{width} w={o},{c},{kh},{kw} {geometry} data=small")
    except ValueError:
        return None
