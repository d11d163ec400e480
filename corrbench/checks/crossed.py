"""Thousands of random cases of everything crossed with everything, many in one request: results and gradients."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from corrbench.case import Case
from corrbench.checks import _together, check
from corrbench.checks.fuzz import LARGEST, starts
from corrbench.judge.trial import Trial
from corrbench.result import Figures, Result, Status
from corrbench.suites import fitted
from corrbench.suites._random_cases import draw, dressed

SIZE = 48  # cases in one request
SECONDS = 0.05  # that one case may take of a target that takes long
TOLD = 12  # findings of one request; of more the smallest of every kind is told


@check("fuzz.crossed", lambda outline: starts(outline, (4, 60, 1000)))
def crossed(trial: Trial) -> Iterator[Result]:
    """Are results and gradients right on random cases in which everything varies at once?"""
    trials = [replace(trial, check=_together.NAME, case=case, violations=[]) for case in drawn(trial)]
    answers = _together.together(trials)
    found = [one for results in answers for one in results if one.finding]
    passed = sum(any(one.status is Status.PASS for one in results) for results in answers)
    if not passed and not found:
        yield trial.result(Status.SKIPPED, "none of the random cases is one that it takes")
    elif not found:
        yield trial.result(Status.PASS, numbers=Figures(own={"cases": passed}))
    found.sort(key=lambda one: (one.case.macs, len(str(one.case))))
    kinds = {(one.check, one.status, one.numbers.array, one.case.dtype): one for one in reversed(found)}
    for result in found if len(found) <= TOLD else kinds.values():
        only_here = result.message.endswith(_together.ALONE)
        said = f"{result.case}: {result.message}"
        yield trial.result(result.status, said, numbers=result.numbers) if only_here else result


def drawn(trial: Trial) -> list[Case]:
    """The case of a trial, and random ones that the target takes."""
    rng, pace = random.Random(f"crossed {trial.seed} {trial.case}"), trial.support.pace
    made = (fitted(dressed(rng, draw(rng, LARGEST), trial.support), trial.support) for _ in range(SIZE - 1))
    return [
        case
        for case in dict.fromkeys([trial.case, *made])
        if case is not None and not (pace.slow and pace.seconds(case) > SECONDS)
    ]
