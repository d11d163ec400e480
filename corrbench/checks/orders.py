"""Checks of order: what modes, types and passes come before a call must not show in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import differentiable, gradients, verdicts
from corrbench.checks.state import altered
from corrbench.judge.calls import Call, Violation
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array
from corrbench.result import Figures, Result, Status

Step = tuple[str, str, int, bool]  # mode, way, which of the data, and whether in the buffers of the call before
MODES: tuple[tuple[Step, ...], ...] = (
    (
        ("forward", "inference", 0, False), ("backward", "", 0, False), ("forward", "no_grad", 1, True),
        ("backward", "", 1, True), ("forward", "", 2, True), ("backward", "", 0, True),
    ),
    (
        ("forward", "no_grad", 0, False), ("backward", "", 0, True), ("backward", "", 1, True),
        ("forward", "no_grad", 2, True), ("backward", "later_input", 2, True),
    ),
    (
        ("forward", "bfloat16", 0, False), ("backward", "", 0, True), ("forward", "float16", 1, True),
        ("forward", "", 1, True),
    ),
    (
        ("backward", "", 0, False), ("forward", "inference", 0, True), ("forward", "", 1, True),
        ("backward", "", 2, False), ("forward", "inference", 2, True), ("backward", "", 1, True),
    ),
    (
        ("backward", "parameters", 0, False), ("forward", "", 0, False), ("forward", "data", 1, False),
        ("backward", "parameters", 2, False), ("forward", "no_grad", 1, False),
    ),
)  # fmt: skip
FUNCTIONS = ("parameters", "data")  # ways that are for functions only
LOWER = ("bfloat16", "float16")  # ways whose results are of another type


def mode_cases(outline: Outline) -> Iterator[Case]:
    """Small cases of what torch differentiates."""
    if outline.arrays == "torch" and outline.device == "cpu" and "float32" in differentiable(outline):
        small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) > 1]
        yield from (
            case.but(dtype="float32", data="small") for case in outline.spread(small, 4 + 16 * outline.thorough)
        )


@check("state.modes", mode_cases, column="repeated calls")
def modes(trial: Trial) -> Iterator[Result]:
    """Is a call right after calls under no_grad, inference_mode or autocast, on the same and on changed operands?"""
    first = trial.operands(extra=("g",))
    data = [first, {name: altered(array) for name, array in first.items()}, {n: np.flip(a) for n, a in first.items()}]
    for number, steps in enumerate(MODES):
        found = list(sequence(trial, data, allowed(trial, steps), f"in sequence {number + 1} of modes", []))
        yield from found
        if any(one.finding for one in found):
            return


def allowed(trial: Trial, steps: tuple[Step, ...]) -> list[Step]:
    """The steps that can be asked of a target."""
    of_object = bool(trial.support.convention.parameters)
    return [step for step in steps if not (of_object and step[1] in FUNCTIONS)]


def sequence(
    trial: Trial, data: list[dict[str, Array]], steps: list[Step], said: str, into: list[Violation] | None = None
) -> Iterator[Result]:
    """The calls of a sequence in one request, and one result for each; the first wrong one ends it."""
    calls = []
    for mode, way, which, reuse in steps:
        arrays = trial.seen(
            {n: np.ascontiguousarray(a) for n, a in data[which].items() if mode != "forward" or n != "g"}
        )
        options = {"reuse": reuse} | ({"way": way} if way else {})
        calls.append(Call(case=trial.case, arrays=arrays, mode=mode, options=options))
    replies = trial.calls(calls, ends=False, into=into)
    for place, (call, reply, step) in enumerate(zip(calls, replies, steps, strict=True)):
        where = f"{said}: call {place + 1}, {step[0]}" + (f" ({step[1]})" if step[1] else "")
        if step[1] in LOWER:
            continue
        if reply.raised:
            if step[1]:  # what a single call refuses is another check's matter
                continue
            yield trial.raised(reply.raised, trial.case)
            return
        values = trial.values(reply)
        if values is None:
            continue
        problem = trial.problem(arrays=call.arrays)
        found = [trial.verdict(trial.expected(problem).compare(values), note=where)]
        if step[0] == "backward" and not found[0].finding:
            found += verdicts(trial, reply, gradients(problem, call.arrays["g"]))
        for one in found:
            if one.finding and where not in one.message:
                one.message = f"{one.message}; {where}"
            yield one
        if any(one.finding for one in found):
            return


@check("state.gradients", mode_cases, column="repeated calls")
def passes(trial: Trial) -> Iterator[Result]:
    """Are gradients right pass after pass, on other data and in the same buffers, and still after the next pass?"""
    first = trial.operands(extra=("g",))
    rolled = [{name: np.roll(array, turn) for name, array in first.items()} for turn in range(3)]
    steps: list[Step] = [("backward", "", turn % 3, turn in (3, 4)) for turn in range(6)]
    yield from sequence(trial, rolled, steps, "in a sequence of backward passes")
    yield trial.result(Status.PASS, numbers=Figures(own={"calls": len(steps)}))
