"""Some cases of each suite, which stand for the rest where many targets are judged; not asked by default."""

from __future__ import annotations

from corrbench.case import Case
from corrbench.suites import article, common, handpicked, pairwise


def cases(thorough: int, seed: int) -> list[Case]:
    """The article's and the pairs, a quarter of the hand-picked and of the common ones, and the empty batches."""
    picked = handpicked.cases(thorough, seed)
    empty = [case for case in picked if case.x[0] == 0]
    others = [*picked[::4], *common.cases(thorough, seed)[::4]]
    found = [*article.cases(thorough, seed), *pairwise.cases(thorough, seed), *others, *empty]
    return list(dict.fromkeys(found))
