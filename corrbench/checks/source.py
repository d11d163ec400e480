"""Is the target right where its own source makes a difference: at its constants, and after so many calls?"""

from __future__ import annotations

from collections.abc import Iterator

from corrbench.case import Case
from corrbench.checks import Outline, _together, check
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.numerics import planted
from corrbench.result import Figures, Result, Status

AT_ONCE = 100  # calls in one request


def met(outline: Outline) -> Iterator[Case]:
    """The cases made from the source's constants, as they come."""
    return (case for case in outline.source if not planted.calls(case.data))


def rows(outline: Outline) -> Iterator[Case]:
    """Those of many calls in a row."""
    return (case for case in outline.source if planted.calls(case.data))


@check("source.cases", met)
def cases(trial: Trial) -> Iterator[Result]:
    """Where sizes or data meet a number that the source has, are the result and its gradients right?"""
    for result in _together.alone(trial):
        result.check = trial.check
        yield result


@check("source.calls", rows, column="repeated calls")
def calls(trial: Trial) -> Iterator[Result]:
    """After as many calls of the same shapes as a number of the source's, is every result still the same?"""
    arrays = trial.operands()
    left = planted.calls(trial.case.data) or AT_ONCE
    expected, made, size = trial.expected(trial.problem(arrays=arrays)), 0, 0
    while left > 0:
        count = min(left, AT_ONCE)
        replies = trial.calls([Call(case=trial.case, arrays=arrays)] * count)
        for reply in replies:
            made += 1
            values = trial.values(reply)
            if values is None:
                yield trial.incomparable()
                return
            size = values.size
            judgement = expected.compare(values)
            if not judgement.right:
                yield trial.verdict(judgement, trial.problem(arrays=arrays), values, f"in call {made} of a row")
                return
        left -= count
    yield trial.result(Status.PASS, numbers=Figures(own={"calls": made}, array="y", elements=size))
