"""Checks of state: sequences of calls on the same and on other buffers; calls from elsewhere and from a graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array
from corrbench.result import Figures, Result, Status
from corrbench.support import config


def sequence_cases(outline: Outline) -> Iterator[Case]:
    """Small cases."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out)]
    yield from (case.but(data="small") for case in outline.spread(small, 6 + 24 * outline.thorough))


def altered(array: Array) -> Array:
    """The same but for one element in the middle."""
    other = array.copy()
    flat = other.reshape(-1)
    flat[flat.size // 2] += 1
    return other


def results(trial: Trial, calls: list[Call], names: list[str]) -> Iterator[Result]:
    """Make the calls in one request and judge each against its own exact answer."""
    calls = [replace(call, arrays=trial.seen(call.arrays, call.case)) for call in calls]
    replies = trial.calls(calls)
    for call, reply, name in zip(calls, replies, names, strict=True):
        expected = trial.expected(trial.problem(call.case, call.arrays))
        values = trial.values(reply, call.case)
        if values is None:
            yield trial.result(Status.SKIPPED, f"{name}: the result cannot be compared")
            continue
        result = trial.verdict(expected.compare(values), note=name)
        yield result
        if result.finding:
            return


@check("state.sequence", sequence_cases, column="repeated calls")
def sequence(trial: Trial) -> Iterator[Result]:
    """Is each of A, B, A right, with new data in the same buffers, and with the same data in new ones?"""
    case, a = trial.case, trial.operands()
    b = {name: altered(array) for name, array in a.items()}
    only_x, only_w = {**a, "x": b["x"]}, {**a, "w": b["w"]}
    c = {name: array * -1 if array.dtype.kind != "u" else array[..., ::-1].copy() for name, array in a.items()}
    plan: list[tuple[str, dict[str, Array], bool]] = [
        ("first call", a, False), ("other data in new buffers", b, False), ("the first data again", a, False),
        ("one element of x changed in place", only_x, True), ("one element of w changed in place", only_w, True),
        ("changed back in place", a, True), ("other data in place", c, True),
        ("the same data in new buffers", a, False),
    ]  # fmt: skip
    if "bias" in trial.support.takes and case.bias:
        plan.append(("one element of b changed in place", {**a, "b": b["b"]}, True))
    calls = [Call(case=case, arrays=arrays, options={"reuse": reuse}) for _, arrays, reuse in plan]
    yield from results(trial, calls, [name for name, _, _ in plan])


def relatives(base: Case, form: str) -> Iterator[Case]:
    """Cases that share shapes with `base` and differ in one argument, in dtype, or a little in shape."""
    (n, c, height, width), (o, each, *kernel) = base.x, base.w
    changes: list[dict[str, Any]] = []
    if form == "conv2d":
        changes += [{"dilation": pair} for pair in ((1, 1), (2, 1), (1, 2))]
        changes += [{"stride": pair} for pair in ((1, 1), (2, 1), (1, 2))]
        changes += [{"padding": sides} for sides in ((0, 0, 0, 0), (1, 1, 0, 0), (0, 0, 1, 1))]
        changes += [{"groups": g, "w": (o, c // g, *kernel)} for g in (1, 2, c) if not c % g]
        changes += [{"x": (n + 1, c, height, width)}]
    if form != "corr2d":
        changes += [{"bias": not base.bias}]
    changes += [{"dtype": dtype} for dtype in ("float64", "float32", "int32")]
    changes += [{"x": (n, c, height + 1, width)}, {"x": (n, c, width + 2, height + 2)}, {"x": (n, c, width, height)}]
    changes += [{"w": (o, each, *kernel[::-1])}]
    for change in changes:
        try:
            other = base.but(**change)
        except ValueError:  # no such case
            continue
        if other != base:
            yield other


@check("state.arguments", sequence_cases, column="repeated calls")
def arguments(trial: Trial) -> Iterator[Result]:
    """Is each call right when arguments, groups, bias, dtype or the size of the image change between calls?"""
    base = trial.case
    sequence = [base]
    for other in relatives(base, trial.form):
        if trial.support.all_of(other):
            sequence += [other, base]
    # the first call with a shape of kernels, which prepares for it, may be of an empty batch
    for other in (base.but(w=(base.w[0] + base.groups, *base.w[1:])), base.but(x=(0, *base.x[1:])), base):
        if trial.support.all_of(other):
            sequence.append(other)
    for case in sequence:
        arrays = trial.operands(case)
        (reply,) = trial.calls([Call(case=case, arrays=arrays)], ends=False)
        if reply.raised:
            said = trial.raised(reply.raised, case)
            if said.finding or case == base:
                yield said
                return
            continue
        values = trial.values(reply, case)
        if values is None:
            continue
        judgement = replace(trial, case=case).expected(trial.problem(case, arrays)).compare(values)
        if not judgement.right:
            note = f"after calls with other arguments, now {config(case) or 'none'} {case.dtype}"
            result = trial.verdict(judgement, note=note)
            result.numbers.own |= trial.other(case)
            yield result
            return
    yield trial.result(Status.PASS, numbers=Figures(own={"calls": len(sequence), "dtype": base.dtype}))


def many_cases(outline: Outline) -> Iterator[Case]:
    """Very small cases, to be called a hundred times."""
    small = [case for case in outline.light if case.macs <= LIGHT / 100 and np.prod(case.out)]
    yield from (case.but(data="small") for case in outline.spread(small, 1 + 3 * outline.thorough))


@check("state.many", many_cases, column="repeated calls")
def many(trial: Trial) -> Iterator[Result]:
    """Is the target still right after a hundred calls, each with data of its own?"""
    case, rounds = trial.case, 120
    first = trial.operands()
    arrays = [{name: np.roll(array, turn) for name, array in first.items()} for turn in range(rounds)]
    yield from (
        r
        for r in results(trial, [Call(case=case, arrays=a) for a in arrays], [f"call {i + 1}" for i in range(rounds)])
        if r.finding
    )
    yield trial.result(Status.PASS, numbers=Figures(own={"calls": rounds}))


def elsewhere_cases(outline: Outline) -> Iterator[Case]:
    """A few small cases; of torch's tensors on a device as well as on the CPU."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out)]
    yield from (case.but(data="small") for case in outline.spread(small, 2 + 6 * outline.thorough))


@check("state.elsewhere", elsewhere_cases, column="repeated calls")
def elsewhere(trial: Trial) -> Iterator[Result]:
    """Is a call right that another thread makes, on a device on a stream which has yet to write the operands?"""
    yield from compared(trial, "elsewhere", "called from another thread and stream")


def graph_cases(outline: Outline) -> Iterator[Case]:
    """A few small cases, of tensors on a device only."""
    if outline.device != "cpu" and outline.arrays == "torch":
        yield from elsewhere_cases(outline)


@check("state.graph", graph_cases, column="repeated calls")
def graph(trial: Trial) -> Iterator[Result]:
    """Does a captured graph of the call, replayed on other numbers, give what these numbers give?"""
    yield from compared(trial, "graph", "replayed from a captured graph")


def compared(trial: Trial, mode: str, how: str) -> Iterator[Result]:
    """The verdict on a call made in an unusual way; one that raises only then has refused, which may be."""
    arrays = trial.operands()
    calls = [Call(case=trial.case, arrays=arrays, mode=one) for one in ("forward", mode)]
    plain, other = trial.calls(calls, ends=False)
    if plain.raised:
        yield trial.raised(plain.raised, trial.case)
    elif other.raised:
        first = other.raised["message"].partition("\n")[0][:200]
        yield trial.result(Status.WARN, f"{how}, it raises {other.raised['type']}: {first}")
    elif (values := trial.values(other)) is None:
        yield trial.incomparable()
    else:
        yield trial.verdict(trial.expected(trial.problem(arrays=arrays)).compare(values), note=how)
