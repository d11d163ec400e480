"""Cases that are timed: the article's demonstration, edge detection on one channel, and layers of real networks."""

from __future__ import annotations

from corrbench.case import Case

CASES = (
    "x=1,1,5,5 w=1,1,3,3",
    "x=1,1,64,64 w=1,1,3,3",
    "x=1,1,256,256 w=1,1,3,3",
    "x=1,1,256,256 w=1,1,11,11",
    "x=1,1,512,512 w=1,1,5,5",
    "x=1,16,28,28 w=32,16,3,3 padding=1 bias",
    "x=1,64,14,14 w=128,64,1,1",
    "x=1,16,56,56 w=16,16,3,3 stride=2 padding=1",
    "x=1,64,28,28 w=64,1,3,3 padding=1 groups=64",
    "x=2,8,33,33 w=8,8,3,3 padding=2 dilation=2",
)


def cases(thorough: int = 1, seed: int = 0) -> list[Case]:
    """All of them, on numbers with full mantissas."""
    return [Case.parse(f"{text} data=unit") for text in CASES]
