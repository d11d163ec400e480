"""What wrong complex numbers show of code that does not claim to be made for these."""

from __future__ import annotations

from collections.abc import Iterable

from corrbench.case import COMPLEX
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array, Problem


def shown(trial: Trial, others: Iterable[tuple[str, Problem]], values: Array, name: str = "y") -> str:
    """Of other problems, each with what is said of code that solves it, the first that `values` answer; else empty."""
    if not (trial.spec.lenient and trial.case.dtype in COMPLEX):
        return ""
    judged = ((said, trial.expected(other).compare(values, name)) for said, other in others)
    return next((said for said, judgement in judged if judgement.right or judgement.beyond), "")
