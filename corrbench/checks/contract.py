"""Checks of the contract: type, shape, dtype, device, arguments, errors, and global state left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.checks import Outline, check
from corrbench.checks.memory import conduct, conduct_cases
from corrbench.judge.calls import Call, Violation
from corrbench.judge.trial import Trial
from corrbench.result import Figures, Result, Status


def every_dtype(outline: Outline) -> Iterator[Case]:
    """Every element type on a few light cases, beside the cases of every check of how a call behaves."""
    yield from conduct_cases(outline)
    for dtype in outline.dtypes:
        yield from (case.but(dtype=dtype, data="small") for case in outline.spread(outline.light, 2))


@check("contract.result", every_dtype, column="contract")
def result(trial: Trial) -> Iterator[Result]:
    """Is the result exactly a tensor (or ndarray), with the operands' dtype and device and the right shape?"""
    yield from conduct(trial, trial.check)


@check("contract.globals", conduct_cases, column="contract")
def global_state(trial: Trial) -> Iterator[Result]:
    """Are dtype, gradient and thread settings, random generators, environment and others' functions left alone?"""
    at_load = trial.remote.load()["at_load"]
    grave = [words for words in at_load if "replaced" in words or "mode" in words or "default dtype" in words]
    if grave:
        yield trial.result(Status.FAIL, f"loading the target changed global state: {'; '.join(grave)}")
    elif at_load:
        yield trial.result(Status.WARN, f"loading the target changed global state: {'; '.join(at_load)}")
    yield from conduct(trial, trial.check)
    copies = trial.remote.leftovers()
    if copies:
        yield trial.result(
            Status.FAIL, f"the target left {copies} forked cop{'y' if copies == 1 else 'ies'} of its process running"
        )


def argument_cases(outline: Outline) -> Iterator[Case]:
    """Cases whose arguments can be spelled in several ways; where there are such, some of unequal pairs."""
    if outline.support.form == "conv2d":
        square = [
            case for case in outline.light if not isinstance(case.padding, str) and min(case.out[2:]) > 1 and case.x[0]
        ]
        uneven = [case for case in square if case.stride[0] != case.stride[1] or case.dilation[0] != case.dilation[1]]
        chosen = outline.spread(square, 2 + 6 * outline.thorough) + outline.spread(uneven, 2 + 2 * outline.thorough)
        yield from (case.but(data="small") for case in chosen)


@check("contract.arguments", argument_cases, column="contract")
def arguments(trial: Trial) -> Iterator[Result]:
    """Do numbers, pairs as tuples or lists, and spelled-out defaults mean the same?"""
    case = trial.case
    top, bottom, left, right = case.sides
    spelled: dict[str, Any] = {
        "stride": list(case.stride),
        "padding": [top, left],
        "dilation": list(case.dilation),
        "groups": case.groups,
    }
    keep = {name: value for name, value in spelled.items() if _taken(trial, name)}
    if (top, left) != (bottom, right):
        keep.pop("padding", None)
    lists = {name: {"list": value} if isinstance(value, list) else value for name, value in keep.items()}
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    seen: list[Violation] = []
    for how, config in (("tuples", keep), *([("lists", lists)] if lists != keep else [])):
        shown = len(seen)
        reply = trial.calls([Call(case=case, arrays=arrays, config=config)], ends=False, into=seen)[0]
        for one in seen[shown:]:  # no other check makes these calls, so it is this one that shows them again
            yield trial.result(Status.FAIL, f"{one.message}; called with {keep}")
        if reply.raised:
            if {"TypeError", "NotImplementedError"} & set(reply.raised["bases"]):
                said = f"{reply.raised['type']}: {reply.raised['message'][:120]}"
                yield trial.result(Status.UNSUPPORTED, f"spelled-out defaults, pairs as {how}: {said}")
            else:
                yield trial.raised(reply.raised, case)
            continue
        values = trial.values(reply)
        if values is None:
            yield trial.result(Status.SKIPPED, "the result cannot be compared")
        else:
            yield trial.verdict(
                expected.compare(values), expected.problem, values, f"called with {keep}, pairs as {how}"
            )


def _taken(trial: Trial, name: str) -> bool:
    """Whether the target takes the argument at all."""
    by_axis = f"{name} by axis" in trial.support.takes
    return name in trial.support.takes and (name == "groups" or by_axis)


def bad_cases(outline: Outline) -> Iterator[Case]:
    """One case, from which bad calls are made."""
    case = Case(x=(2, 4, 6, 7), w=(6, 4, 3, 2), data="small")
    if outline.support.form != "conv2d":
        case = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), data="small", bias=outline.support.form == "module")
    yield case


@check("contract.errors", bad_cases, column="contract")
def errors(trial: Trial) -> Iterator[Result]:  # noqa: C901 - one question after the other
    """Is bad input refused, rather than answered or died of?"""
    good = trial.operands()
    one = trial.case
    if one.x[2:] + one.w[2:] != (6, 7, 3, 2):
        yield trial.result(Status.SKIPPED, "bad calls are made from one case only, another than this")
        return
    bad: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = []

    def resized(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
        return {**good, name: np.resize(good[name], shape)}

    o, c, n = one.w[0], one.w[1], one.x[0]
    for name, shape in (("taller", (o, c, 8, 2)), ("wider", (o, c, 3, 9)), ("larger both ways", (o, c, 9, 9))):
        bad.append((f"a kernel {name} than the input", resized("w", shape), {}, True))
    if trial.form == "conv2d":
        plane = {**resized("x", (1, 1, 6, 7)), "w": np.resize(good["w"], (1, 1, 9, 9))}
        bad.append(("a kernel of one channel larger than its input", plane, {}, True))
        bad.append(("a kernel of 3 channels for an input of 4", resized("w", (6, 3, 3, 2)), {}, True))
        bad.append(("a kernel of 1 channel for an input of 4", resized("w", (6, 1, 3, 2)), {}, False))
        bad.append(("a kernel of 5 channels for an input of 4", resized("w", (6, 5, 3, 2)), {}, True))
        bad.append(("an input of three channels for a kernel of 4", resized("x", (n, 3, 6, 7)), {}, True))
        if "groups" in trial.support.takes:
            bad.append(("groups=3 for 4 channels", good, {"groups": 3}, True))
            bad.append(("groups=2 for 7 kernels", resized("w", (7, 2, 3, 2)), {"groups": 2}, True))
        if "stride" in trial.support.takes:
            bad.append(("stride=0", good, {"stride": 0}, True))
            bad.append(("stride=-1", good, {"stride": -1}, False))
        if "dilation" in trial.support.takes:
            bad.append(("dilation=0", good, {"dilation": 0}, False))
            bad.append(("dilation=4 of a kernel that no longer fits", good, {"dilation": 4}, True))
        if "padding" in trial.support.takes:
            bad.append(("padding=-1", good, {"padding": -1}, False))
        if "bias" in trial.support.takes:
            bad.append(("a bias of 4 for 6 output channels", {**good, "b": np.resize(good["w"], 4)}, {}, True))
            bad.append(("a bias of 1 for 6 output channels", {**good, "b": np.resize(good["w"], 1)}, {}, False))
    calls = [Call(case=one, arrays=arrays, config=extra) for _, arrays, extra, _ in bad]
    replies = []
    for call in calls:  # one by one: each may kill the process; a wrong shape is none where no shape is right
        replies += trial.calls([call], ends=False, into=[])
    for (name, _, extra, grave), reply in zip(bad, replies, strict=True):
        got = reply.outputs.get("y")
        if reply.raised:
            yield trial.result(Status.PASS, numbers=Figures(own={"input": name}, raised=reply.raised["type"]))
        elif extra and not grave and got is not None and got.shape == one.out:
            yield trial.result(Status.FAIL, f"{name} is answered as if it had not been given, instead of an error")
        elif grave and got is not None:
            yield trial.result(
                Status.FAIL, f"{name} is answered with a result of shape {list(got.shape)} instead of an error"
            )
        else:
            yield trial.result(Status.WARN, f"{name} is not refused")
