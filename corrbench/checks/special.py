"""Checks of special values in results: NaN, infinities, zeros and the ends of the number range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from corrbench.case import FLOATS, Case
from corrbench.checks import Outline, check
from corrbench.judge.trial import Trial
from corrbench.numerics.diagnose import chart, element, pattern
from corrbench.numerics.inputs import SPECIAL
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status

KERNELS = ("ones", "binomial", "sobel", "identity")  # that libraries have paths of their own for


def floats(outline: Outline) -> list[str]:
    """The inexact element types that the target takes."""
    return [dtype for dtype in outline.dtypes if dtype in FLOATS]


def footprint_cases(outline: Outline) -> Iterator[Case]:
    """Light cases with each kind of special value in turn."""
    kinds = (*SPECIAL, "infzero")
    for index, case in enumerate(
        outline.spread([c for c in outline.light if np.prod(c.out) > 0], (30, 240, 600)[outline.thorough])
    ):
        for place, dtype in enumerate(floats(outline)):
            for shift in range(2 if place == 0 else int((index + place) % 3 == 0)):
                data = kinds[(index + place + 3 * shift) % len(kinds)]
                if data in ("nan", "inf", "ninf") and index % 3 and dtype in ("float32", "float64"):
                    data += f"+{KERNELS[index % len(KERNELS)]}"
                if data != "nan_b" or case.bias:
                    yield case.but(dtype=dtype, data=data)


@check("special.footprint", footprint_cases, column="NaN and Inf")
def footprint(trial: Trial) -> Iterator[Result]:
    """Do NaN and infinities reach just the elements whose window holds them, with the right sign?"""
    arrays = trial.operands()
    problem = trial.problem(arrays=arrays)
    values = trial.values(trial.call(arrays=arrays))
    if values is None:
        yield trial.incomparable()
        return
    want, must = ieee(problem, padding_multiplies=True)
    other, _ = ieee(problem, padding_multiplies=False)
    spread = reach(~np.isfinite(want) | ~np.isfinite(other), trial.spec.accuracy) | blocks(problem, trial.spec.accuracy)
    clean = ~spread
    bias = None if problem.bias is None else finite(problem.bias)
    expected = trial.expected(replace(problem, x=finite(problem.x), w=finite(problem.w), bias=bias))
    wrong = np.zeros(values.shape, bool)
    wrong[clean] = expected.compare(np.where(np.isfinite(values), values, 0.0).astype(values.dtype)).wrong[clean]
    leaked = clean & ~np.isfinite(values)
    if trial.spec.accuracy in ("direct", "tf32"):
        same = matches(values, want) | matches(values, other)
        lost = ~same & ~clean
    else:  # a transform may turn an infinity into NaN, but may not swallow it
        lost = must & np.isfinite(values)
    for mask, words in ((leaked, "are NaN or Inf outside the windows that hold one"),
                        (lost, "do not carry the NaN or Inf that their window holds"),
                        (wrong & ~leaked, "differ though their windows hold only ordinary numbers")):  # fmt: skip
        if mask.any():
            at = tuple(int(i) for i in np.argwhere(mask)[0])
            message = (
                f"{int(mask.sum())} of {mask.size} elements {words}; "
                f"first at {element(at, values.shape)}: got {values[at]}, IEEE says {want[at]}"
            )
            # libraries of linear algebra may skip a factor of zero: 0·Inf lost is worth a look, not a failure
            status = Status.WARN if mask is lost and trial.case.data == "infzero" else Status.FAIL
            numbers = Figures(wrong=int(mask.sum()), at=list(at), map=chart(mask, at))
            yield trial.result(status, "; ".join(filter(None, (message, pattern(mask)))), numbers=numbers)
            return
    skipped = (matches(values, other) & ~matches(values, want)).any()
    padding = "skipped" if skipped else "multiplied or untouched"
    yield trial.result(Status.PASS, numbers=Figures(own={"padding": padding}))


def finite(a: Array) -> Array:
    """Special values replaced by zero."""
    return np.where(np.isfinite(a), a, 0).astype(a.dtype)


def matches(got: Array, want: Array) -> Array:
    """Equal, NaN equal to NaN; finite elements are judged elsewhere."""
    both = np.isfinite(got) & np.isfinite(want)
    return np.asarray(both | (got == want) | (np.isnan(got) & np.isnan(want)))


def ieee(problem: Problem, *, padding_multiplies: bool) -> tuple[Array, Array]:
    """What IEEE arithmetic gives where special values take part (finite elsewhere), and where any takes part.

    A tap that falls on padding is either multiplied, 0·Inf = NaN, or skipped; a window with infinities of both signs,
    a NaN, or 0·Inf is NaN.
    """
    n, o, rows, cols = problem.out
    pad_x = problem.padded().astype(np.float64)
    inside = replace(problem, x=np.ones_like(problem.x)).padded().astype(bool)
    columns = problem.windows(pad_x).reshape(problem.groups, 1, problem.terms, -1)
    live = problem.windows(inside).reshape(problem.groups, 1, problem.terms, -1)
    kernels = problem.w.astype(np.float64).reshape(problem.groups, -1, problem.terms, 1)
    special_w = np.flatnonzero(~np.isfinite(kernels).all(axis=(0, 1, 3)))
    special_x = np.flatnonzero(~np.isfinite(columns).all(axis=(0, 1, 3)))
    result = np.zeros((problem.groups, kernels.shape[1], columns.shape[-1]))
    for tap in sorted({*special_w.tolist(), *special_x.tolist()}):
        with np.errstate(invalid="ignore"):
            product = columns[:, :, tap] * kernels[:, :, tap]
            if not padding_multiplies:
                product = np.where(live[:, :, tap], product, 0.0)
            result = result + np.where(np.isfinite(product), 0.0, product)
    y = result.reshape(o, n, rows, cols).swapaxes(0, 1)
    if problem.bias is not None:
        y = y + np.where(np.isfinite(problem.bias), 0.0, problem.bias)[:, None, None]
    return y, ~np.isfinite(y)


def blocks(problem: Problem, accuracy: str) -> Array:
    """For FFT, the planes that hold a special value's transform, even where no window reaches the value."""
    n, o, _, _ = problem.out
    if accuracy != "fft":
        return np.zeros((1, 1, 1, 1), bool)
    bad_x = ~np.isfinite(problem.x).reshape(n, problem.groups, -1).all(axis=2)
    bad_w = ~np.isfinite(problem.w).reshape(o, -1).all(axis=1)
    return np.asarray(np.repeat(bad_x, o // problem.groups, axis=1) | bad_w)[:, :, None, None]


def reach(touched: Array, accuracy: str) -> Array:
    """Where a special value may show: its windows; for Winograd also the tiles around, for FFT the whole image."""
    if accuracy == "fft":
        return np.broadcast_to(touched.any(axis=(2, 3), keepdims=True), touched.shape)
    if accuracy != "winograd":
        return touched
    spread = touched.copy()
    for axis in (2, 3):
        once = spread.copy()
        for shift in range(1, 6):  # tiles of at most 6 by 6
            for sign in (-1, 1):
                moved = np.roll(once, sign * shift, axis)
                edge = [slice(None)] * 4
                edge[axis] = slice(0, shift) if sign > 0 else slice(-shift, None)
                moved[tuple(edge)] = False
                spread |= moved
    return spread


def extreme_cases(outline: Outline) -> Iterator[Case]:
    """Light cases with each kind of extreme data in turn."""
    for index, case in enumerate(
        outline.spread(
            [c for c in outline.light if np.prod(c.out) > 0 and c.terms < 1000], (6, 90, 200)[outline.thorough]
        )
    ):
        for place, dtype in enumerate(floats(outline)):
            data = ("overflow", "subnormal", "zero", "impulse")[(index + place) % 4]
            if place == 0 or index % 3 == 0:
                yield case.but(
                    dtype=dtype, data=data, padding=(0, 0, 0, 0) if data == "overflow" and fits(case) else case.padding
                )


def fits(case: Case) -> bool:
    """Whether the kernel fits into the image without padding."""
    return all(case.x[2 + i] > case.dilation[i] * (case.w[2 + i] - 1) for i in (0, 1))


@check("special.extremes", extreme_cases, column="NaN and Inf")
def extremes(trial: Trial) -> Iterator[Result]:
    """Do overflow, subnormal numbers, negative zeros and kernels of a single one come out as they should?"""
    case = trial.case
    if case.data == "overflow":
        yield overflowing(trial)
        return
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    values = trial.values(trial.call(arrays=arrays))
    if values is None:
        yield trial.incomparable()
        return
    judgement = expected.compare(values)
    if case.data == "impulse" and trial.spec.accuracy == "direct" and judgement.right:
        wrong = values != expected.truth.rounded(case.dtype)
        if wrong.any():
            message = f"a kernel of one 1 does not copy its input: {int(wrong.sum())} of {wrong.size} elements changed"
            yield trial.result(Status.FAIL, message)
            return
    if case.data == "subnormal" and judgement.right and (values == 0).any() and (expected.truth.hi != 0).all():
        yield trial.result(Status.WARN, "subnormal numbers are flushed to zero")
        return
    yield trial.verdict(judgement, expected.problem, values)


def overflowing(trial: Trial) -> Result:
    """Products of one sign beyond the largest number: every window inside must be +Inf."""
    values = trial.values(trial.call())
    if values is None:
        return trial.incomparable()
    problem = trial.problem()
    hit = Problem.of_case(trial.case, np.ones_like(problem.x), np.ones_like(problem.w))
    touched = trial.expected(hit).truth.hi > 0
    wrong = touched & (values != np.inf)
    if trial.spec.accuracy != "direct":
        wrong &= np.isfinite(values)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        message = (
            f"{int(wrong.sum())} of {wrong.size} results beyond the largest number are not Inf; "
            f"at {element(at, values.shape)}: {values[at]}"
        )
        return trial.result(Status.FAIL, message)
    return trial.result(Status.PASS, numbers=Figures(elements=int(touched.sum())))
