"""Small planes: every size of kernel up to 8 meets every size of result up to 17, on both axes.

The plain 3×3 is computed in tiles: results have every pair of a few heights and widths, in other counts of channels.
"""

from __future__ import annotations

from corrbench.case import Case

KERNELS, RESULTS = 8, 17
SIZES = (3, 5, 8, 10, 13, 18, 21)  # rows and columns of results in tiles
CHANNELS = (4, 8, 3, 16, 1, 12, 32, 5)


def cases(thorough: int, seed: int) -> list[Case]:
    """Each (kernel, result) pair of sizes once for rows and once for columns, and tiles; in quick every fourth case.

    The two axes walk through their pairs in different orders, so that no case is square for long.
    """
    pairs = [(k, size) for k in range(1, KERNELS + 1) for size in range(1, RESULTS + 1)]
    found = []
    for index, (kh, rows) in enumerate(pairs):
        kw, cols = pairs[(index * 29 + 41) % len(pairs)]  # 29 and the number of pairs, 136, have no common factor
        n, c, o = 1 + index % 2, (1, 2, 3, 4, 8)[index % 5], (1, 2, 5)[index // 3 % 3]
        found.append(Case(x=(n, c, rows + kh - 1, cols + kw - 1), w=(o, c, kh, kw), bias=index % 4 == 1, data="small"))
    found += tiles()
    return found if thorough else found[::4]


def tiles() -> list[Case]:
    """The plain 3×3, without padding and with one all around in turn."""
    pairs = [(rows, cols) for rows in SIZES for cols in SIZES]
    made = []
    for index, (rows, cols) in enumerate(pairs):
        pad, c, o = index % 2, CHANNELS[index % 8], CHANNELS[(3 * index + 1) % 8]
        size = (rows + 2 - 2 * pad, cols + 2 - 2 * pad)
        made.append(
            Case(
                x=(1 + index // 8 % 2, c, *size), w=(o, c, 3, 3), padding=(pad,) * 4, bias=index % 3 == 1, data="small"
            )
        )
    return made
