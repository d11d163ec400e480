"""The check of a plain process: what an ordinary script gets, with nothing of the judge's around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from corrbench.case import FLOATS, Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import gradients
from corrbench.checks.state import relatives
from corrbench.checks.use import DATA
from corrbench.judge.calls import Call
from corrbench.judge.plain import Script
from corrbench.judge.trial import Trial
from corrbench.numerics.comparison import as_type
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status
from corrbench.support import config

SETTING_UP = 60.0  # seconds that a script may take to import its libraries


def script_cases(outline: Outline) -> Iterator[Case]:
    """A few cases, each the first of a script of its own."""
    if outline.device == "cpu" and outline.arrays != "list":
        small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) > 1]
        yield from (case.but(data="small") for case in outline.spread(small, 1 + 3 * outline.thorough))


@check("use.script", script_cases, column="use")
def script(trial: Trial) -> Iterator[Result]:
    """Does an ordinary script in an ordinary process, with nothing of the judge's in it, get the right answers?"""
    if reason := Script.writable(trial.spec, trial.form) or trial.remote.load().get("note", ""):
        yield trial.result(Status.SKIPPED, f"no script can call it: {reason}")
        return
    asked = right(trial, with_operands(trial))
    if not asked:
        yield trial.result(Status.SKIPPED, "wrong when called plainly, so not asked in a script")
        return
    program = Script(trial.spec, trial.form)
    for number, (case, arrays) in enumerate(asked):
        given = {name: trial.support.convention.given(name, array, case) for name, array in arrays.items()}
        program.call(number, given, case.dtype, config(case), bias_of(trial) or "")
    found = program.run(trial.spec.timeout + SETTING_UP)
    for number, (case, arrays) in enumerate(asked):
        said = f"in an ordinary script, in call {number + 1} of {len(asked)}, {case}"
        for name, problem in problems(replace(trial, case=case), arrays).items():
            if f"{name}{number}" in found:
                result = judged(trial, case, problem, name, found[f"{name}{number}"], said)
                yield result
                if result.finding:
                    return


def with_operands(trial: Trial) -> list[tuple[Case, dict[str, Array]]]:
    """The trial's case on data of several kinds, and others of its kin, with their operands and a cotangent."""
    base = trial.case
    real = [base.but(data=data) for data in DATA[1:]] if base.dtype in FLOATS else []
    kin = [case for case in relatives(base, trial.form) if trial.support.all_of(case)]
    back = trial.differentiable and not trial.support.convention.parameters
    chosen = [case for case in (base, *real, *kin) if bias_of(trial) is not None or not case.bias]
    return [(case, trial.operands(case, ("g",) if back and case.dtype in FLOATS else ())) for case in chosen]


def bias_of(trial: Trial) -> str | None:
    """The name by which a script gives the bias, empty where it is the third argument; None where it cannot tell."""
    parameters = trial.remote.load()["signature"]["parameters"] if trial.form == "conv2d" else []
    if len(parameters) < 3 or (parameters[2]["name"] in ("bias", "b") and not parameters[2]["by_name"]):
        return ""
    return next((one["name"] for one in parameters if one["name"] in ("bias", "b")), None)


def problems(trial: Trial, arrays: dict[str, Array]) -> dict[str, Problem]:
    """What a call has to give: the result, and gradients where there is a cotangent."""
    problem = trial.problem(arrays=arrays)
    return {"y": problem} | (gradients(problem, arrays["g"]) if "g" in arrays else {})


def right(trial: Trial, asked: list[tuple[Case, dict[str, Array]]]) -> list[tuple[Case, dict[str, Array]]]:
    """Those calls that are right in the target's own process; of the others, other checks tell."""
    calls = [Call(case=c, arrays=arrays, mode="backward" if "g" in arrays else "forward") for c, arrays in asked]
    good = []
    for (case, arrays), reply in zip(asked, trial.calls(calls, ends=False, into=[]), strict=True):
        fits = not reply.raised
        for name, problem in problems(replace(trial, case=case), arrays).items() if fits else ():
            output, expected = reply.outputs.get(name), replace(trial, case=case).expected(problem)
            values = None if output is None else output.values
            fits &= values is not None and values.size == expected.truth.hi.size
            if fits and values is not None:
                fits = expected.compare(values.reshape(expected.truth.hi.shape), name).right
        if fits:
            good.append((case, arrays))
    return good


def judged(trial: Trial, case: Case, problem: Problem, name: str, values: Array, said: str) -> Result:
    """The verdict on an array of a script."""
    convention, own = trial.support.convention, {"call": str(case)}
    if values.shape == convention.shape(name, case):
        values = convention.taken(name, values, case)
        lax = as_type(values, case.dtype) if trial.spec.lenient and str(values.dtype) != case.dtype else None
        values = values if lax is None else lax
    expected = replace(trial, case=case).expected(problem)
    if values.shape != expected.truth.hi.shape:
        shape = f"{name} has shape {list(values.shape)}, {said}"
        return trial.result(Status.FAIL, shape, numbers=Figures(own=own))
    result = trial.verdict(expected.compare(values, name), note=said)
    result.numbers.own |= own
    return result
