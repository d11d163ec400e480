"""Counts beyond what an index, a grid or a block holds: one axis is long and the others are short.

Libraries change algorithms at powers of two of batch, channels, kernels, rows, columns, positions and taps, and indices
of 8 to 16 bits end there. Each of these counts lies at, below or beyond such a power. Every axis meets every pair of a
geometry and a kernel twice: with a count of hundreds, and with one of thousands.
"""

from __future__ import annotations

from itertools import product

from corrbench.case import Case

AXES = ("batch", "channels", "kernels", "rows", "cols", "positions")
GEOMETRIES = ("", "stride=2", "padding=1 bias", "stride=1,2", "dilation=2 padding=1 bias")
KERNELS = ((1, 1), (3, 3), (1, 4), (2, 1), (3, 2))
HUNDREDS = tuple(2**power + beside for power in (7, 8, 9, 10) for beside in (1, 0, -1))
THOUSANDS = (2049, 4097, 2048, 8200, 4096, 2047, 16400, 4095)
GIANTS = tuple(2**power + beside for power in (15, 16) for beside in (1, 0, -1))
BLOCKS = ((16, 16), (64, 16), (16, 64), (32, 32), (128, 32), (32, 128), (96, 48), (64, 64))  # channels and kernels
EIGHTS = (24, 40, 48, 56, 72, 80, 88, 96, 104, 112, 120, 136, 144, 160, 192, 200)  # counts in blocks of eight
SIDES = (8, 9, 11, 14, 16, 17, 31)  # of square kernels, as patches and wide filters have them


def cases(thorough: int, seed: int) -> list[Case]:
    """All of them, in quick a twelfth."""
    pairs = list(product(GEOMETRIES, KERNELS))
    asked: list[tuple[str, int, tuple[int, int], str]] = []
    for place, axis in enumerate(AXES):
        for counts in (HUNDREDS, THOUSANDS):
            asked += [
                (axis, counts[(place + index) % len(counts)], kernel, geometry)
                for index, (geometry, kernel) in enumerate(pairs)
            ]
        for index, count in enumerate(GIANTS):
            geometry, kernel = pairs[(7 * index + 11 * place) % len(pairs)]
            asked.append((axis, count, kernel, geometry))
    found = [case for one in asked if (case := build(*one)) is not None] + patches() + taps() + eights() + blocks()
    return found if thorough else found[::12]


def build(axis: str, count: int, kernel: tuple[int, int], geometry: str) -> Case | None:
    """A case with so many along an axis, the less of the others the more there are; None where it has no result."""
    kh, kw = kernel
    many = count > HUNDREDS[-3]
    n, c, o = 1, 1 + (axis != "channels"), 2 + (not many)
    height, width = (kh + count % 2, kw + 1) if many else (kh + 2, kw + 3)
    if axis == "batch":
        n = count
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
    try:
        return Case.parse(f"x={n},{c},{height},{width} w={o},{c},{kh},{kw} {geometry} data=small")
    except ValueError:
        return None


def taps() -> list[Case]:
    """Kernels of so many taps, about as large as the image: square, of one row and of one column, in groups in turn."""
    found = []
    for index, count in enumerate((*HUNDREDS, *THOUSANDS, *GIANTS[:2], GIANTS[3])):
        root = max(1, int(count**0.5))
        shapes = ((root, -(-count // root)), (1, count), (count, 1))
        for turn in (index,) if count > THOUSANDS[-2] else (index, index + 1):
            kh, kw = shapes[turn % 3]
            groups, words = 1 + turn % 2, GEOMETRIES[turn % 3]
            found.append(
                Case.parse(
                    f"x=1,{groups},{kh + 3},{kw + 2} w={2 * groups},1,{kh},{kw} groups={groups} {words} data=small"
                )
            )
    return found


def eights() -> list[Case]:
    """So many channels, or kernels, under the 1×1 and the 3×3: blocks of eight of which the last may be half."""
    found = []
    for index, count in enumerate(EIGHTS):
        for turn, (c, o) in enumerate(((count, 3), (2, count))):
            side = 1 + 2 * ((index + turn) % 2)
            found.append(Case.parse(f"x=1,{c},6,7 w={o},{c},{side},{side}{' bias' * (index % 2)} data=small"))
    return found


def blocks() -> list[Case]:
    """Channels and kernels both in blocks of sixteen, as units for matrix products take them: pointwise and 3×3."""
    return [
        Case.parse(f"x=2,{c},4,5 w={o},{c},{side},{side} {words}{' bias' * (turn % 2)} data=small")
        for turn, (c, o) in enumerate(BLOCKS)
        for side, words in ((1, "stride=1,2" * (turn % 3 == 2)), (3, "padding=1"))
    ]


def patches() -> list[Case]:
    """Large square kernels: one after the other as patches are, by steps of two, and at every position."""
    return [
        Case.parse(
            f"x=1,{c},{side * 2 + 3},{side * 3 + 1} w=5,{c},{side},{side} stride={stride}"
            f"{' bias' * (turn % 2)} data=small"
        )
        for turn, (side, c) in enumerate(zip(SIDES, (3, 1, 4, 3, 1, 5, 2), strict=True))
        for stride in (side, 2, 1)
    ]
