"""The check of a campaign on one case: where other implementations have failed before, is this one right?"""

from __future__ import annotations

from collections.abc import Iterator

from corrbench.case import Case
from corrbench.checks import Outline, _together, check
from corrbench.judge.trial import Trial
from corrbench.result import Result


def failed_before(outline: Outline) -> list[Case]:
    """Cases that some implementation failed on, in their own element types, on their own data."""
    return outline.failed


@check(_together.NAME, failed_before)
def alone(trial: Trial) -> Iterator[Result]:
    """Where other implementations have failed before, are the result and its gradients right?"""
    yield from _together.alone(trial)
