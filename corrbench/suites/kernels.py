"""One image of one channel under ever larger kernels: how does the time grow with the kernel?"""

from __future__ import annotations

from corrbench.case import Case

SIZE = 256
KERNELS = (3, 5, 7, 9, 11, 15, 19, 25, 31)


def cases(thorough: int = 1, seed: int = 0) -> list[Case]:
    """All of them, on numbers with full mantissas."""
    return [Case.parse(f"x=1,1,{SIZE},{SIZE} w=1,1,{k},{k} data=unit") for k in KERNELS]
