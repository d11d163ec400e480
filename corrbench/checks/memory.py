"""Checks of memory: operands that are views of every layout, and memory that the target must leave alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import differentiable, gradients, verdicts
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.result import Figures, Result, Status
from corrbench.target import artefact

VIEWS = (
    "transposed",
    "channels_last",
    "step",
    "rows",
    "channels",
    "batch",
    "offset",
    "expanded",
    "lonely",
    "batch_last",
)
PLANE_VIEWS = ("transposed", "step", "rows", "offset", "lonely", "expanded_all")  # of operands of two axes
MIXED = (
    "x:channels_last,w:channels_last", "x:channels_last,w:channels_last,g:channels_last", "x:transposed,w:step",
    "x:expanded_all", "w:expanded_all", "g:expanded_all",
    "x:step,w:transposed,g:rows", "b:step", "b:offset", "b:expanded_all",
)  # fmt: skip


def view_cases(outline: Outline) -> Iterator[Case]:
    """Small bases of every kind of geometry, each under several layouts, so that each layout meets each geometry."""
    convention = outline.support.convention
    usual = (convention.x, convention.w) == ("NCHW", "OIHW")
    names = list(VIEWS if usual else [view for view in PLANE_VIEWS if len(convention.x) == 2 or view != "expanded"]) + (
        ["reversed"] if outline.arrays == "numpy" else []
    )
    layouts = [f"{operand}:{view}" for operand in "xwg" for view in names] + list(MIXED)
    backward = bool(differentiable(outline))
    small = [case for case in outline.light if case.macs <= LIGHT / 4 and case.x[0]]
    turn = 0
    for base in outline.spread(small, 20 + 100 * outline.thorough):
        for _ in range(3):
            layout = layouts[turn % len(layouts)]
            turn += 7  # coprime to the number of layouts: all are met
            if ("g:" in layout and not backward) or ("b:" in layout and not base.bias):
                layout = "x:transposed,w:step"
            batched = usual and ("expanded" in layout or "batch" in layout)
            case = base.but(x=(2, *base.x[1:])) if batched and base.x[0] == 1 else base  # one sample shows nothing
            for dtype in outline.dtypes[: 1 + (turn % 3 == 0)]:
                yield case.but(layout=layout, dtype=dtype, data="small")


@check("memory.views", view_cases, column="views")
def views(trial: Trial) -> Iterator[Result]:
    """Are results and gradients right for views: transposed, strided, offset, expanded, channels last?"""
    backward = trial.differentiable
    arrays = trial.operands(extra=("g",) if backward else ())
    reply = trial.call("backward" if backward else "forward", arrays=arrays)
    problem = trial.problem(arrays=arrays)
    values = trial.values(reply)
    note = f"operands lie {trial.case.layout}"
    if values is None:
        yield trial.incomparable()
    else:
        expected = trial.expected(problem)
        yield trial.verdict(expected.compare(values), problem, values, note)
    if backward:
        for result in verdicts(trial, reply, gradients(problem, arrays["g"])):
            if result.finding:
                result.message += f"; {note}"
            yield result


def far_cases(outline: Outline) -> Iterator[Case]:
    """Small cases with the narrowest element type that is taken: what lies far apart takes memory on a device."""
    narrow = [dtype for dtype in ("float16", "bfloat16", "float32", "float64") if dtype in outline.dtypes]
    small = [case for case in outline.light if case.macs <= LIGHT / 100 and np.prod(case.out) and max(case.x) > 3]
    for case in outline.spread(small, 2 + 2 * outline.thorough) if narrow else ():
        yield case.but(layout="x:far", dtype=narrow[0], data="small")


@check("memory.far", far_cases, column="views")
def far(trial: Trial) -> Iterator[Result]:
    """Is an input read right whose elements lie more than 2^31 places apart, too far for 32 bits?"""
    arrays = trial.operands()
    (reply,) = trial.calls([Call(case=trial.case, arrays=arrays)], ends=False)
    if reply.raised and "OutOfMemory" in reply.raised["type"]:
        yield trial.result(Status.SKIPPED, "there is not enough memory for elements that lie so far apart")
    elif reply.raised:
        yield trial.raised(reply.raised, trial.case)
    elif (values := trial.values(reply)) is None:
        yield trial.incomparable()
    else:
        yield trial.verdict(
            trial.expected(trial.problem(arrays=arrays)).compare(values), note="the input lies far apart"
        )


def swapped_cases(outline: Outline) -> Iterator[Case]:
    """A small case in every element type of several bytes, for what takes NumPy's arrays."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and case.terms > 1 and case.x[0]]
    for dtype in outline.dtypes if outline.arrays == "numpy" else ():
        if not dtype.endswith("int8"):
            yield from (case.but(dtype=dtype, data="small") for case in small[:1])


@check("memory.byte_order", swapped_cases, column="views")
def byte_order(trial: Trial) -> Iterator[Result]:
    """Are operands in the other byte order, as files have them, read right or refused?"""
    if artefact(trial.spec.target):
        yield trial.result(Status.SKIPPED, "it is given addresses, and says nothing of the order of bytes")
        return
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    for name in ("x", "w"):
        swapped = arrays | {name: arrays[name].astype(arrays[name].dtype.newbyteorder())}
        reply = trial.calls([Call(case=trial.case, arrays=swapped)], ends=False, into=[])[0]
        values = trial.values(reply)
        if reply.raised:
            yield trial.result(Status.PASS, numbers=Figures(own={"swapped": name}, raised=reply.raised["type"]))
        elif values is None:
            yield trial.incomparable()
        else:
            made = trial.verdict(expected.compare(values), note=f"{name} is in the other byte order")
            made.status = Status.WARN if made.status is Status.FAIL and trial.spec.lenient else made.status
            yield made


def conduct_cases(outline: Outline) -> Iterator[Case]:
    """A few light cases."""
    yield from outline.spread([case.but(data="unit") for case in outline.light], 2 + 4 * outline.thorough)


@check("memory.operands", conduct_cases, column="views")
def operands(trial: Trial) -> Iterator[Result]:
    """Are operands left as they were, is the result in memory of its own, and does it stay as it was returned?"""
    yield from conduct(trial, trial.check)


def conduct(trial: Trial, name: str) -> Iterator[Result]:
    """Call, forwards and where it can be backwards; what the calls violate is noted by the trial itself."""
    trial.call("forward")
    if trial.differentiable:
        trial.call("backward")
    if not trial.violations:
        yield trial.result(Status.PASS, check=name)
