"""Spectrum-based fault localisation: the lines of a target that ran in wrong calls and not in right ones.

Each statement is ranked by Ochiai's coefficient, the cosine between "it ran" and "the call was wrong" (R. Abreu,
P. Zoeteweij, A. van Gemund, *On the accuracy of spectrum-based fault localization*, TAIC PART 2007).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

MARGIN = 0.15  # by which the first must lead for a report to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A line, ranked.

    Attributes:
        file: absolute path.
        line: the first of its statement.
        text: what stands there.
        score: Ochiai's coefficient, from 0 to 1.
        wrong, right: in how many calls of each kind it ran.
        of_wrong, of_right: how many there were.
        named: whether it is the first, and leads by a margin those that did not run in just the same calls.
    """

    file: str
    line: int
    text: str
    score: float
    wrong: int
    right: int
    of_wrong: int
    of_right: int
    named: bool = False

    @property
    def said(self) -> str:
        """In how many calls it ran."""
        return f"ran in {self.wrong} of {self.of_wrong} wrong calls and in {self.right} of {self.of_right} right ones"

    @property
    def place(self) -> str:
        """Its file's name and its number."""
        return f"{self.file.rpartition('/')[2]}:{self.line}"


def ochiai(wrong: int, right: int, of_wrong: int) -> float:
    """Ochiai's coefficient of what ran in `wrong` of `of_wrong` wrong calls, and in `right` right ones."""
    return wrong / math.sqrt(of_wrong * (wrong + right)) if wrong else 0.0


def leading(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Lines in order of their rank, the first of which is named if it leads."""
    if not suspects:
        return []
    first = suspects[0]
    alike = {(one.wrong, one.right) for one in suspects if one.score == first.score}
    below = [one.score for one in suspects if one.score < first.score]
    leads = bool(below) and len(alike) == 1 and first.score >= below[0] + MARGIN
    return [replace(first, named=leads), *suspects[1:]]
