"""Attempts: signs that a target acts against its judge, whatever its results are."""

from __future__ import annotations

from collections.abc import Iterator

from corrbench.checks import check
from corrbench.checks.memory import conduct, conduct_cases
from corrbench.judge.trial import Trial
from corrbench.result import Result


@check("attempts.judge", conduct_cases, column="contract")
def judge(trial: Trial) -> Iterator[Result]:
    """Does the target leave alone who watches over it: memory, files and signals, the record, methods of tensors?"""
    yield from conduct(trial, trial.check)
