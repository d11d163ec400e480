"""Are the numbers right? Bit for bit on whole numbers, within the rigorous bound on real ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench import bounds, oracle
from corrbench.case import COMPLEX, INTEGERS, Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.inputs import REAL, WHOLE
from corrbench.result import Result, Status
from corrbench.trial import Trial

LEAN = 0.15  # mean error in standard deviations that one kernel's own pattern of roundings may give


def exact_cases(outline: Outline) -> Iterator[Case]:
    """Every base with small integers, and one of the wider sets in turn, in every element type."""
    for index, base in enumerate(outline.bases):
        for place, dtype in enumerate(outline.dtypes):
            if (base.macs > LIGHT and place > 1) or (not outline.thorough and place and (index + place) % 4):
                continue
            yield base.but(dtype=dtype, data="small")
            others = [data for data in WHOLE if data != "small" and (dtype not in INTEGERS or data != "sums")]
            picked = others if outline.thorough > 1 else [others[(index + place) % len(others)]]
            if base.macs <= LIGHT and (outline.thorough or place < 2):
                yield from (base.but(dtype=dtype, data=data) for data in picked)


def real_cases(outline: Outline) -> Iterator[Case]:
    """Every base on unit data in every floating type, and on one of the harder sets in turn."""
    kinds = [dtype for dtype in outline.dtypes if dtype not in INTEGERS]
    for index, base in enumerate(outline.bases):
        for place, dtype in enumerate(kinds):
            if (base.macs > LIGHT and place > 0) or (not outline.thorough and place and (index + place) % 4):
                continue
            yield base.but(dtype=dtype, data="unit")
            others = [data for data in REAL if data != "unit"]
            picked = others if outline.thorough > 1 else [others[(index + place) % len(others)]]
            if base.macs <= LIGHT and (outline.thorough or place < 2):
                yield from (base.but(dtype=dtype, data=data) for data in picked)


@check("values.exact", exact_cases)
def exact(trial: Trial) -> Iterator[Result]:
    """On whole numbers small enough for every order of summation, is every bit right?"""
    yield compare(trial)


@check("values.bound", real_cases)
def bound(trial: Trial) -> Iterator[Result]:
    """On real numbers, is every element within the bound of the declared accuracy class?"""
    yield compare(trial)


def compare(trial: Trial) -> Result:
    """Call once and judge the values."""
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    values = trial.values(trial.call(arrays=arrays))
    if values is None:
        return trial.incomparable()
    judgement = expected.judge(values)
    if judgement.right and expected.blind:
        return trial.result(Status.SKIPPED, expected.blind)
    note = ""
    if not judgement.right and not expected.exact_tier and trial.case.macs <= LIGHT:
        fits = bounds.fitting_class(
            oracle.error(values, expected.truth),
            expected.problem,
            expected.truth,
            dtype=trial.case.dtype,
            magnitude=expected.magnitude,
        )
        note = f"it would fit the class {fits!r} (--accuracy {fits})" if fits and fits != trial.spec.accuracy else ""
    return trial.verdict(judgement, expected.problem, values, note)


def statistics_cases(outline: Outline) -> Iterator[Case]:
    """A few cases with enough elements for statistics."""
    kinds = [dtype for dtype in outline.dtypes if dtype not in INTEGERS and dtype not in COMPLEX]
    for base in outline.bases:
        if np.prod(base.out) >= 256 and base.terms >= 3 and base.macs <= 10 * LIGHT:
            yield from (base.but(dtype=dtype, data="unit") for dtype in kinds[: 1 + outline.thorough])


@check("values.statistics", lambda outline: outline.spread(list(statistics_cases(outline)), 12))
def statistics(trial: Trial) -> Iterator[Result]:
    """Do errors have the size and the balance that honest rounding gives? Warns only."""
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    values = trial.values(trial.call(arrays=arrays))
    if values is None or trial.spec.accuracy != "direct":
        yield trial.result(Status.SKIPPED, "no values to look at, or a class without a model of its errors")
        return
    error = oracle.error(values, expected.truth)
    found = bounds.statistics(error, expected.problem, expected.truth, dtype=trial.case.dtype)
    numbers = {"bits": found.bits, "z": found.z}
    enough = -np.log2(bounds.UNIT[trial.case.dtype]) - 1.5
    if np.isfinite(found.bits) and found.bits < enough:
        message = (
            f"errors are as large as those of an accumulator of {found.bits:.1f} bits; {enough + 1.5:.0f} were expected"
        )
        yield trial.result(Status.WARN, message, numbers=numbers)
    elif np.isfinite(found.z) and abs(found.z) > max(6.0, LEAN * np.sqrt(found.count)):
        yield trial.result(
            Status.WARN, f"errors lean to one side ({found.z:+.1f} standard errors): truncation?", numbers=numbers
        )
    else:
        yield trial.result(Status.PASS, numbers=numbers)
