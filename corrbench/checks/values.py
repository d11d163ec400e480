"""Are the numbers right? Bit for bit on whole numbers, within the rigorous bound on real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from corrbench.case import COMPLEX, FLOATS, INTEGERS, Case
from corrbench.checks import LIGHT, Outline, check, rare
from corrbench.checks._complex_numbers import shown
from corrbench.checks.manners import FORWARD, PLAIN, Manner, call, manner
from corrbench.judge.trial import Trial
from corrbench.numerics import bounds, natural_inputs, oracle
from corrbench.numerics.comparison import Expected
from corrbench.numerics.formats import UNIT
from corrbench.numerics.inputs import REAL, WHOLE
from corrbench.numerics.natural_inputs import INPUTS, KERNELS
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status

ENOUGH = 256  # elements for statistics
IMPOSSIBLE = 5.0  # bits that no order of summation loses against one after the other, see METHODOLOGY.md
MANY = 64  # products, of which the model of rounding errors speaks
FILTERED = (  # geometries of filters
    "", "padding=1", "padding=1 bias", "padding=2 bias", "stride=2 padding=1", "stride=2 bias", "groups=3",
    "groups=3 padding=1 bias", "dilation=2",
)  # fmt: skip
LEAN = 0.15  # mean error in standard deviations that one kernel's own pattern of roundings may give


def turn(outline: Outline, place: int) -> int:
    """Every how many bases an element type is asked about: the first always, the next ones more often than others."""
    if not place or outline.thorough > 1:
        return 1
    return 6 if not outline.thorough else 8 if place > 3 else 4


def exact_cases(outline: Outline) -> Iterator[Case]:
    """Every base with small integers, and one of the wider sets in turn, in every element type in turn."""
    for index, base in enumerate(outline.bases):
        for place, dtype in enumerate(outline.dtypes):
            if (base.macs > LIGHT and place > 1) or ((index + place) % turn(outline, place) and not rare(base)):
                continue
            others = [data for data in WHOLE if data != "small" and (dtype not in INTEGERS or data != "sums")]
            picked = others if outline.thorough > 1 else [others[(index + place) % len(others)]]
            either = place > 0 and dtype in INTEGERS and outline.thorough < 2  # small or wide, in turn
            wide = index // turn(outline, place) % 2 > 0
            if not (either and wide):
                yield base.but(dtype=dtype, data="small")
            if base.macs <= LIGHT and (outline.thorough > 1 or place < 2 or (dtype in INTEGERS and wide)):
                yield from (base.but(dtype=dtype, data=data) for data in picked)


def real_cases(outline: Outline) -> Iterator[Case]:
    """Every base on unit data in floating types in turn, every other on a harder set in turn; operands of its own."""
    kinds = [dtype for dtype in outline.dtypes if dtype not in INTEGERS]
    for case in outline.own:
        yield from (case.but(dtype=dtype) for dtype in kinds)
    for index, base in enumerate(outline.bases):
        for place, dtype in enumerate(kinds):
            dear = base.macs > LIGHT or (base.macs > LIGHT / 10 and index % 2 and outline.thorough < 2)
            if (dear and place > 0) or ((index + place) % turn(outline, place) and not rare(base)):
                continue
            yield base.but(dtype=dtype, data="unit")
            others = [data for data in REAL if data != "unit"]
            picked = others if outline.thorough > 1 else [others[(index + place) % len(others)]]
            if base.macs <= LIGHT and (outline.thorough > 1 or (place < 2 and index // turn(outline, place) % 2)):
                yield from (base.but(dtype=dtype, data=data) for data in picked)


def natural_cases(outline: Outline) -> Iterator[Case]:
    """Every light base, in quick every second, on an input and a kernel as people have them, on each pair in turn."""
    yield from filter_cases(outline)
    pairs = [f"{given}+{kernel}" for given in INPUTS for kernel in KERNELS]
    order = [
        pairs[place * 37 % len(pairs)] for place in range(len(pairs))
    ]  # 37 and the number of pairs, 110, have no common factor
    reals = [dtype for dtype in outline.dtypes if dtype in FLOATS]
    for index, base in enumerate(outline.light if outline.thorough else outline.light[::2]):
        data = order[index % len(order)]
        given, _, kernel = data.partition("+")
        for dtype in reals[:1] or outline.dtypes[:1]:
            if dtype in FLOATS or (given in natural_inputs.WHOLE and kernel in natural_inputs.WHOLE_KERNELS):
                yield base.but(dtype=dtype, data=data)
        if (
            outline.thorough
            and len(reals) > 1
            and index % 2
            and given not in ("bytes", "heavy")
            and kernel != "binomial"
        ):
            yield base.but(dtype=reals[1 + index % (len(reals) - 1)], data=data)


def filter_cases(outline: Outline) -> Iterator[Case]:
    """Every kind of kernel in the geometries that filters are used in, in quick every third; wide ones; those of whole
    numbers on whole numbers in the integer types in turn; and wide blurs of one photograph.
    """
    turns = [(kernel, side, words) for kernel in KERNELS for side in (3, 5) for words in FILTERED]
    turns += [(kernel, 9, words) for kernel in KERNELS for words in FILTERED[:2]]
    given, integers = list(INPUTS), [dtype for dtype in outline.dtypes if dtype in INTEGERS]
    for index, (kernel, side, words) in enumerate(turns if outline.thorough else turns[::3]):
        each, o = (1, 3) if "groups" in words else (3, 4)
        base = Case.parse(f"x=2,3,13,16 w={o},{each},{side},{side} {words} data={given[index % len(given)]}+{kernel}")
        fitted = outline.support.convention.fit(base.but(dtype=(outline.dtypes or ["float32"])[0]))
        if fitted is not None and fitted.dtype in FLOATS:
            yield fitted
        if integers and kernel in natural_inputs.WHOLE_KERNELS:
            whole = base.but(data=f"{natural_inputs.WHOLE[index % len(natural_inputs.WHOLE)]}+{kernel}")
            fitted = outline.support.convention.fit(whole.but(dtype=integers[index % len(integers)]))
            if fitted is not None:
                yield fitted
    blurs = [(side, data) for side in (9, 13) for data in product(("bytes", "photo"), ("box", "gaussian"))]
    for side, data in blurs if outline.thorough else blurs[::3]:
        base = Case.parse(f"x=3,1,41,57 w=1,1,{side},{side} data={'+'.join(data)}")
        fitted = outline.support.convention.fit(base.but(dtype=(outline.dtypes or ["float32"])[0]))
        if fitted is not None and fitted.dtype in FLOATS:
            yield fitted


@check("values.natural", natural_cases)
def usual(trial: Trial) -> Iterator[Result]:
    """On photographs, activations, masks and sound, under trained and hand-made kernels, is every element right?"""
    yield compare(trial)


@check("values.exact", exact_cases)
def exact(trial: Trial) -> Iterator[Result]:
    """On whole numbers small enough for every order of summation, is every bit right?"""
    yield compare(trial)


@check("values.bound", real_cases)
def bound(trial: Trial) -> Iterator[Result]:
    """On real numbers, is every element within the bound, and do errors look like honest rounding (a warning)?"""
    expected, values = answer(trial, PLAIN)
    result = verdict(trial, expected, values)
    telling = values is not None and values.size >= ENOUGH and expected.dtype not in COMPLEX
    telling &= trial.case.data == "unit" and trial.case.terms >= 3 and trial.case.macs <= 10 * LIGHT
    if telling and result.status == Status.PASS and trial.spec.accuracy == "direct":
        assert values is not None
        result = statistics(result, expected, values)
    yield result


def statistics(result: Result, expected: Expected, values: Array) -> Result:
    """A warning in place of a pass where errors within the bound are too large or too one-sided for rounding, a failure
    where no order of summation gives such errors.
    """
    dtype = expected.dtype
    found = bounds.statistics(oracle.error(values, expected.truth), expected.problem, expected.truth, dtype=dtype)
    most = -np.log2(UNIT[dtype])
    if np.isfinite(found.bits) and found.bits < most - IMPOSSIBLE and expected.problem.terms >= MANY:
        result.status = Status.FAIL
        result.message = (
            f"errors are those of an accumulator of {found.bits:.1f} bits, where {most:.0f} were expected: "
            "larger than any order of summation gives"
        )
    elif np.isfinite(found.bits) and found.bits < most - 1.5:
        result.status = Status.WARN
        result.message = f"errors are those of an accumulator of {found.bits:.1f} bits; {most:.0f} were expected"
    elif np.isfinite(found.z) and abs(found.z) > max(6.0, LEAN * np.sqrt(found.count)):
        result.status = Status.WARN
        result.message = f"errors lean to one side ({found.z:+.1f} standard errors): truncation?"
    return result


def compare(trial: Trial) -> Result:
    """Call in the manner of the case, and judge the values; if they are wrong, a plain call tells what is to blame."""
    how = manner(trial, FORWARD)
    result = verdict(trial, *answer(trial, how))
    if not result.finding or how == PLAIN:
        return result
    plain = verdict(trial, *answer(trial, PLAIN))
    if not plain.finding:
        result.message += f"; called {how.how}, and right when called plainly"
        return result
    return plain


def answer(trial: Trial, how: Manner) -> tuple[Expected, Array | None]:
    """What is expected, and what the target gives."""
    arrays = trial.operands()
    return trial.expected(trial.problem(arrays=arrays)), trial.values(call(trial, arrays, "forward", how))


def verdict(trial: Trial, expected: Expected, values: Array | None) -> Result:
    """The values judged by the bound, with the accuracy class that a wrong result would fit."""
    if values is None:
        return trial.incomparable()
    judgement = expected.compare(values)
    if judgement.right and expected.blind:
        return trial.result(Status.SKIPPED, expected.blind)
    said = "" if judgement.right else shown(trial, not_for_complex(expected.problem), values)
    if said:
        said += ": the code is not made for complex numbers"
        return trial.result(Status.WARN, said, numbers=Figures(beyond="type"))
    note = ""
    if not judgement.right and trial.case.macs <= LIGHT and added_late(expected, trial.case.dtype, values):
        note = f"as exact as where the bias is added to a sum that was rounded to {trial.case.dtype} before"
    elif not judgement.right and not expected.exact_tier and trial.case.macs <= LIGHT:
        fits = bounds.fitting_class(
            oracle.error(values, expected.truth),
            expected.problem,
            expected.truth,
            dtype=trial.case.dtype,
            magnitude=expected.magnitude,
        )
        note = f"it would fit the class {fits!r} (--accuracy {fits})" if fits and fits != trial.spec.accuracy else ""
    return trial.verdict(judgement, expected.problem, values, note)


def added_late(expected: Expected, dtype: str, values: Array) -> bool:
    """Whether a wrong result of a 16-bit type is one to which the bias was added when the sum had been rounded."""
    problem = expected.problem
    if problem.bias is None or UNIT.get(dtype, 0.0) < UNIT["float16"]:
        return False
    allowed = bounds.late_bias(problem, expected.truth, dtype)
    return bool(bounds.within(oracle.error(values, expected.truth), allowed).all())


def not_for_complex(problem: Problem) -> Iterator[tuple[str, Problem]]:
    """What code that is not made for complex numbers may solve instead."""
    yield "the input is conjugated, as some define it", replace(problem, x=np.conj(problem.x))
    yield "the kernel is conjugated, as some define it", replace(problem, w=np.conj(problem.w))
    yield "only the real parts are taken", problem.real_parts
    yield "only the real part of the sums is taken", problem.real_sums
