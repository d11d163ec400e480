"""Do the laws of correlation hold between results? What must be so is bit for bit; the rest is a warning."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench.case import FLOATS, Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.numerics.diagnose import element
from corrbench.numerics.problem import Array
from corrbench.numerics.relations import Asked, Law, laws, real_laws
from corrbench.result import Figures, Result, Status

REPEATS = 16  # calls that show whether bits change from run to run


def law_cases(outline: Outline) -> Iterator[Case]:
    """Small cases on real and on whole numbers, the element types in turn."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) and min(case.x[2:]) > 2]
    real = [dtype for dtype in outline.dtypes if dtype in FLOATS]
    whole = [dtype for dtype in ("float32", "float64", "int64", "int32") if dtype in outline.dtypes]
    for kinds, data, count in ((real, "unit", 12 + 48 * outline.thorough), (whole, "small", 6 + 26 * outline.thorough)):
        for index, case in enumerate(outline.spread(small, count) if kinds else ()):
            # the laws of whole numbers have no bias
            bias = case.bias and (data == "unit" or outline.support.convention.keeps_bias)
            yield case.but(data=data, dtype=kinds[index % len(kinds)], bias=bias)


@check("relations.laws", law_cases)
def hold(trial: Trial) -> Iterator[Result]:
    """Do linearity, symmetry, order, resampling and composition hold between results, bit for bit where they must?"""
    case, operands = trial.case, trial.operands()
    whole = case.data == "small"
    if whole and "b" in operands:  # a module's
        operands["b"] = np.zeros_like(operands["b"])
    yield from held(trial, operands, laws(case, operands, trial.random()) if whole else real_laws(case, operands))


def held(trial: Trial, operands: dict[str, Array], every: Iterator[Law]) -> Iterator[Result]:
    """A finding for every law that is broken; a pass where none is."""
    first = numbers(trial, [(trial.case, operands)])
    if first is None:
        yield trial.incomparable()
        return
    counted, broken = 0, False
    for law in every:
        if not all(expressed(trial, *asked) and asked[0].macs <= LIGHT for asked in law.asked):
            continue
        results = numbers(trial, law.asked)
        if results is not None and law.then is not None:
            further = law.then([first[0], *results])
            last = numbers(trial, [further]) if expressed(trial, *further) else None
            results = None if last is None else results + last
        if results is None:
            continue
        left, right = law.sides(first[0], results)
        wrong = left != right
        if trial.case.dtype == "float16" and trial.case.data != "small":
            wrong &= np.abs(right) >= 1e-3  # near its subnormal numbers scaling rounds
        counted += 1
        if wrong.any():
            must = law.must and (trial.case.data == "small" or steady(trial, operands))
            broken |= must
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            message = f"{law.name}: broken in {int(wrong.sum())} of {wrong.size} elements"
            message += f"; at {element(at, left.shape)}: {left[at]} against {right[at]}"
            message += "" if must or not law.must else "; its bits change from run to run as well"
            yield trial.result(Status.FAIL if must else Status.WARN, message)
    if not broken:
        yield trial.result(Status.PASS, numbers=Figures(own={"laws": counted}))


def steady(trial: Trial, operands: dict[str, Array]) -> bool:
    """Whether the same call gives the same bits. Of sums whose order is by chance no law of real numbers holds to the
    bit; whether that may be so is for the checks of determinism to say.
    """
    results = numbers(trial, [(trial.case, operands)] * REPEATS)
    return results is None or all(np.array_equal(one, results[0], equal_nan=True) for one in results)


def expressed(trial: Trial, case: Case, arrays: dict[str, Array]) -> bool:
    """Whether a call can say a case of a law, and its operands have the border that the target puts around."""
    return trial.support.all_of(case) and np.array_equal(trial.seen(arrays, case)["x"], arrays["x"], equal_nan=True)


def numbers(trial: Trial, asked: list[Asked]) -> list[Array] | None:
    """The results of calls; None where one cannot be compared. A transform's on whole numbers are rounded to such."""
    values = [
        trial.values(reply, case)
        for reply, (case, _) in zip(
            trial.calls([Call(case=case, arrays=arrays) for case, arrays in asked]), asked, strict=True
        )
    ]
    rounds = trial.spec.accuracy != "direct" and trial.case.data == "small"
    kept = [np.rint(array).astype(array.dtype) if rounds else array for array in values if array is not None]
    return kept if len(kept) == len(values) else None
