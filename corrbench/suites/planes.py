"""Small planes: every size of kernel up to 8 meets every size of result up to 17, on both axes."""

from __future__ import annotations

from corrbench.case import Case

KERNELS, RESULTS = 8, 17


def cases(thorough: int, seed: int) -> list[Case]:
    """Each (kernel, result) pair of sizes once for rows and once for columns; in quick every third case.

    The two axes walk through their pairs in different orders, so that no case is square for long.
    """
    pairs = [(k, size) for k in range(1, KERNELS + 1) for size in range(1, RESULTS + 1)]
    found = []
    for index, (kh, rows) in enumerate(pairs):
        kw, cols = pairs[(index * 29 + 41) % len(pairs)]  # 29 and the number of pairs, 136, have no common factor
        n, c, o = 1 + index % 2, (1, 2, 3, 4, 8)[index % 5], (1, 2, 5)[index // 3 % 3]
        found.append(Case(x=(n, c, rows + kh - 1, cols + kw - 1), w=(o, c, kh, kw), bias=index % 4 == 1, data="small"))
    return found if thorough else found[::3]
