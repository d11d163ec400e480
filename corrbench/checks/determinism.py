"""Checks of determinism: the same bits from run to run, on any number of threads, at any place in a batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench.case import Case
from corrbench.checks import Outline, check
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array
from corrbench.result import Result, Status

RUNS = 12  # calls whose bits are compared under the flag


def thread_cases(outline: Outline) -> Iterator[Case]:
    """Larger cases, for work to be shared among threads."""
    large = sorted((case for case in outline.bases if 1e5 < case.macs < 3e7), key=lambda case: -case.macs)
    yield from (case.but(data="small") for case in outline.spread(large, 2 + 10 * outline.thorough))


def batch_cases(outline: Outline) -> Iterator[Case]:
    """Light cases with a batch that can be taken apart."""
    fitting = [case for case in outline.light if case.x[0] >= 2 and np.prod(case.out)] or outline.light
    yield from (case.but(data="unit") for case in outline.spread(fitting, 3 + 12 * outline.thorough))


@check("determinism.repeats", lambda outline: [*thread_cases(outline), *batch_cases(outline)], column="threads")
def repeats(trial: Trial) -> Iterator[Result]:
    """On integers, is every repeated result right on any number of threads? On reals, do bits change (a warning)?"""
    yield from (threads if trial.case.data == "small" else bits)(trial)


def threads(trial: Trial) -> Iterator[Result]:
    """Right on one, two and four threads, three times over."""
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    for count in (4, 2, 1):
        calls = [Call(case=trial.case, arrays=arrays)] * (3 if count > 1 else 1)
        for reply in trial.calls(calls, threads=count):
            values = trial.values(reply)
            if values is None:
                yield trial.result(Status.SKIPPED, "the result cannot be compared")
                return
            result = trial.verdict(expected.compare(values), note=f"on {count} threads")
            if result.finding:
                yield result
                return
    yield trial.result(Status.PASS)


def bits(trial: Trial) -> Iterator[Result]:
    """The same bits from run to run, alone and in a batch, and wherever the buffers lie."""
    case, arrays = trial.case, trial.operands()
    calls = [Call(case=case, arrays=arrays) for _ in range(3)]
    if case.x[0] > 1:
        alone = case.but(x=(1, *case.x[1:]))
        calls.append(Call(case=alone, arrays={**arrays, "x": arrays["x"][:1]}))
        calls.append(Call(case=case, arrays={**arrays, "x": np.ascontiguousarray(arrays["x"][::-1])}))
    replies = trial.calls(calls)
    found: list[Array] = [
        r.outputs["y"].values for r in replies if "y" in r.outputs and r.outputs["y"].values is not None
    ]
    if len(found) < len(calls) or found[0].shape != case.out:
        yield trial.result(Status.SKIPPED, "the results cannot be compared")
        return
    broken = []
    if not all(np.array_equal(found[0], other, equal_nan=True) for other in found[1:3]):
        broken.append("from run to run")
    if len(found) > 3 and not np.array_equal(found[0][:1], found[3], equal_nan=True):
        broken.append("between a sample alone and in a batch")
    if len(found) > 4 and not np.array_equal(found[0][::-1], found[4], equal_nan=True):
        broken.append("with the place in the batch")
    yield trial.result(Status.WARN if broken else Status.PASS, "bits change " + " and ".join(broken) if broken else "")


def flag_cases(outline: Outline) -> Iterator[Case]:
    """The light cases of `bits`, in torch, whose flag it is."""
    if outline.arrays == "torch":
        yield from outline.spread(list(batch_cases(outline)), 1 + 5 * outline.thorough)


@check("determinism.flag", flag_cases, column="threads")
def flag(trial: Trial) -> Iterator[Result]:
    """Do the bits stay the same from run to run where torch.use_deterministic_algorithms asks for it?"""
    calls = [Call(case=trial.case, arrays=trial.operands())] * RUNS
    replies = trial.calls(calls, deterministic=True)
    found = [values for reply in replies if (values := trial.values(reply)) is not None]
    if len(found) < RUNS:
        yield trial.incomparable()
    elif all(np.array_equal(found[0], other, equal_nan=True) for other in found[1:]):
        yield trial.result(Status.PASS)
    else:
        said = "bits change from run to run under torch.use_deterministic_algorithms(True)"
        yield trial.result(Status.FAIL, said)
