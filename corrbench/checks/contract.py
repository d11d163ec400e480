"""Checks of the contract: type, shape, dtype, device, arguments, errors, and global state left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.checks import Outline, check
from corrbench.checks.memory import conduct, conduct_cases
from corrbench.judge.calls import Call, Violation
from corrbench.judge.protocol import Reply
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array
from corrbench.result import Figures, Result, Status
from corrbench.support import config


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
    left = trial.remote.leftovers()
    if left:
        yield trial.result(Status.FAIL, f"the target left {left} process{'es' * (left > 1)} running")


def argument_cases(outline: Outline) -> Iterator[Case]:
    """Cases whose arguments can be spelled in several ways; where there are such, some of unequal pairs."""
    if outline.support.form == "conv2d" and outline.support.convention.spelled:
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
    if (top, left) != (bottom, right):
        spelled.pop("padding")
    plain = config(case)  # an argument that is not taken as a pair stays as the case has it
    keep = plain | {name: value for name, value in spelled.items() if _taken(trial, name)}
    lists = {name: {"list": value} if isinstance(value, list) else value for name, value in keep.items()}
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    seen: list[Violation] = []
    for how, given in (("tuples", keep), *([("lists", lists)] if lists != keep else [])):
        shown = len(seen)
        reply = trial.calls([Call(case=case, arrays=arrays, config=given)], ends=False, into=seen)[0]
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
    case = outline.support.convention.fit(Case(x=(2, 4, 6, 7), w=(6, 4, 3, 2), data="small"))
    if case is not None:
        yield case


# what is bad, the operands, other arguments, and whether an answer is a fault
Bad = tuple[str, dict[str, Array], dict[str, Any], bool]


def bad_shapes(trial: Trial, good: dict[str, Array]) -> Iterator[Bad]:
    """Operands that do not fit each other."""
    (n, c, height, width), (o, each, kh, kw) = trial.case.x, trial.case.w
    convention, takes = trial.support.convention, trial.support.takes

    def resized(name: str, shape: tuple[int, ...]) -> dict[str, Array]:
        return {**good, name: np.resize(good[name], shape)}

    if convention.output == "valid" and not convention.kernels:
        for name, h, w in (("taller", 8, kw), ("wider", kh, 9), ("larger both ways", 9, 9)):
            yield f"a kernel {name} than the input", resized("w", (o, each, h, w)), {}, True
        for step in (2, 5) if "stride" in takes else ():  # divided towards zero, these have a row and a column
            larger = f"a kernel larger both ways than the input, with stride={step},"
            yield larger, resized("w", (o, each, 9, 9)), {"stride": step}, True
    if c > 1 and each > 1 and o > 1:
        if convention.output == "valid" and not convention.kernels:
            plane = {**resized("x", (1, 1, height, width)), "w": np.resize(good["w"], (1, 1, 9, 9))}
            yield "a kernel of one channel larger than its input", plane, {}, True
        yield "a kernel of 3 channels for an input of 4", resized("w", (o, 3, kh, kw)), {}, True
        yield "a kernel of 1 channel for an input of 4", resized("w", (o, 1, kh, kw)), {}, False
        yield "a kernel of 5 channels for an input of 4", resized("w", (o, 5, kh, kw)), {}, True
        yield "an input of three channels for a kernel of 4", resized("x", (n, 3, height, width)), {}, True
        if "groups" in takes:
            yield "groups=0", good, {"groups": 0}, True
            yield "groups=3 for 4 channels", good, {"groups": 3}, True
            yield "groups=2 for 7 kernels", resized("w", (7, 2, kh, kw)), {"groups": 2}, True
    if "bias" in takes and o > 1:
        yield "a bias of 4 for 6 output channels", {**good, "b": np.resize(good["w"], 4)}, {}, True
        yield "a bias of 1 for 6 output channels", {**good, "b": np.resize(good["w"], 1)}, {}, False


def bad_arguments(trial: Trial, good: dict[str, Array]) -> Iterator[Bad]:
    """Arguments that no call can have: zero, negative, broken, unknown."""
    (height, width), (kh, kw) = trial.case.x[2:], trial.case.w[2:]
    convention, takes = trial.support.convention, trial.support.takes
    if "stride" in takes:
        yield "stride=0", good, {"stride": 0}, True
        yield "stride=-1", good, {"stride": -1}, False
        yield "stride=1.5", good, {"stride": 1.5}, True
        if "stride by axis" in takes:
            yield "stride=(1, 0)", good, {"stride": [1, 0]}, True
    if "dilation" in takes:
        yield "dilation=0", good, {"dilation": 0}, True
        yield "dilation=1.5", good, {"dilation": 1.5}, True
        if max(4 * (kh - 1) + 1 - height, 4 * (kw - 1) + 1 - width) > 0:
            yield "dilation=4 of a kernel that no longer fits", good, {"dilation": 4}, True
    if "padding" in takes and convention.output == "valid":
        yield "padding=-1", good, {"padding": -1}, False
    if convention.spelled and trial.form == "conv2d":
        yield "an argument that does not exist, strides=2,", good, {"strides": 2}, True


@check("contract.errors", bad_cases, column="contract")
def errors(trial: Trial) -> Iterator[Result]:
    """Is bad input refused, rather than answered or died of?"""
    good = trial.operands()
    one = trial.case
    if one.x[2:] != (6, 7) and not trial.support.convention.structured:
        yield trial.result(Status.SKIPPED, "bad calls are made from one case only, another than this")
        return
    bad = [*bad_shapes(trial, good), *bad_arguments(trial, good)]
    calls = [Call(case=one, arrays=arrays, config=extra) for _, arrays, extra, _ in bad]
    replies: list[Reply | Died] = []
    for call in calls:  # one by one: each may kill the process; a wrong shape is none where no shape is right
        try:
            replies += trial.calls([call], ends=False, into=[])
        except Died as death:
            replies.append(death)
    for (name, _, extra, grave), reply in zip(bad, replies, strict=True):
        if isinstance(reply, Died):
            yield trial.result(reply.status, f"{name}: {reply.message}")
            continue
        got = reply.outputs.get("y")
        if reply.raised:
            yield trial.result(Status.PASS, numbers=Figures(own={"input": name}, raised=reply.raised["type"]))
        elif extra and not grave and got is not None and got.shape == one.out:
            status = Status.WARN if trial.spec.lenient else Status.FAIL
            yield trial.result(status, f"{name} is answered as if it had not been given, instead of an error")
        elif (
            grave and got is not None and "->" not in trial.spec.call
        ):  # where the result's place is ours, its shape is
            empty = got.values is not None and not got.values.size
            seldom = ("channels" in name or "groups" in name or extra) and name != "stride=0"
            lax = trial.spec.lenient and (empty or seldom)  # few authors look at these
            yield trial.result(
                Status.WARN if lax else Status.FAIL,
                f"{name} is answered with a result of shape {list(got.shape)} instead of an error",
            )
        else:
            yield trial.result(Status.WARN, f"{name} is not refused")


def empty_cases(outline: Outline) -> Iterator[Case]:
    """The case of `bad_cases`, where a kernel has several channels."""
    if not outline.support.convention.structured:
        yield from (case for case in bad_cases(outline) if min(case.w[:2]) > 1)


@check("contract.empty", empty_cases, column="contract")
def empty(trial: Trial) -> Iterator[Result]:
    """Without channels, or without kernels, is the result what the definition says, or an error?"""
    good, case = trial.operands(), trial.case
    x, w = good["x"], good["w"]
    for name, arrays in (("no channels", {"x": x[:, :0], "w": w[:, :0]}), ("no kernels", {"w": w[:0]})):
        reply = trial.calls([Call(case=case, arrays=good | arrays)], ends=False, into=[])[0]
        sizes = dict(zip("NCHW", (case.x[0], len(arrays["w"]), *case.out[2:]), strict=True))
        got, due = reply.outputs.get("y"), [sizes[letter] for letter in trial.support.convention.letters("y")]
        if reply.raised:
            yield trial.result(Status.PASS, numbers=Figures(own={"input": name}, raised=reply.raised["type"]))
        elif got is None or got.values is None or not (got.values.size or 0 in due):  # code on torch gives what it does
            yield trial.result(Status.WARN, f"{name}: nothing is answered, where zeros of shape {due} are due")
        elif list(got.shape) != due or got.values.any():
            what = f"shape {list(got.shape)}" if list(got.shape) != due else "other numbers"
            yield trial.result(Status.FAIL, f"{name}: answered with a result of {what}, not zeros of shape {due}")
        else:
            yield trial.result(Status.PASS, numbers=Figures(own={"input": name}))
