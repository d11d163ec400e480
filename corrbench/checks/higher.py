"""Are the derivatives right that are not a gradient: second ones, tangents, and calls mapped over an axis?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import differentiable, transform_slack, verdicts
from corrbench.judge.calls import Call, case_operands
from corrbench.judge.protocol import Reply
from corrbench.judge.trial import Trial, reproducer
from corrbench.numerics import bounds, oracle
from corrbench.numerics.formats import UNIT
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Result, Status

SAMPLES = "gradients of each sample"


def joined(problem: Problem, dx: Array, dw: Array, db: Array | None) -> Problem:
    """conv(dx, w) + conv(x, dw) + db as one correlation: the operands side by side as channels of each group."""
    n, channels, height, width = problem.x.shape
    shape = (n, problem.groups, channels // problem.groups, height, width)
    x = np.concatenate([dx.reshape(shape), problem.x.reshape(shape)], axis=2).reshape(n, 2 * channels, height, width)
    return replace(problem, x=x, w=np.concatenate([problem.w, dw], axis=1), bias=db)


def rounded_parts(trial: Trial, problem: Problem, dx: Array, dw: Array, db: Array | None) -> Array | float:
    """What rounding conv(dx, w), conv(x, dw) and db to a 16-bit type may add; they are honestly computed apart.

    Each of the three is rounded once, and added up in two more roundings, in any order: 4u of what was added.
    """
    unit = UNIT[trial.case.dtype]
    if unit <= UNIT[bounds.accumulator(trial.case.dtype)]:
        return 0.0
    parts = [np.abs(oracle.exact(problem.with_data(*data)).hi) for data in ((dx, problem.w), (problem.x, dw))]
    if db is not None:
        parts.append(np.abs(db)[:, None, None])
    return np.asarray(4 * unit * sum(parts))


def mode_cases(outline: Outline, mode: str, count: int) -> Iterator[Case]:
    """About `count` small cases in the common element type, and now and then in the others."""
    small = [case for case in outline.light if case.macs <= (LIGHT / 3 if outline.thorough else LIGHT / 30)]
    for index, case in enumerate(outline.spread(small, count)):
        for place, dtype in enumerate(differentiable(outline, mode)):
            if (place < 1 or (index + place) % 5 == 0) and not dtype.startswith("complex"):
                yield case.but(dtype=dtype, data="unit" if index % 3 == 2 else "small")


@check("gradients.second", lambda outline: mode_cases(outline, "double", 30 + 120 * outline.thorough), column="second")
def second(trial: Trial) -> Iterator[Result]:
    """Is the derivative of the gradients right, <d<gw,v>/dx, u> = <conv(u,v), g> and its kin, in every element?"""
    names = case_operands(trial.case)
    arrays = trial.operands(extra=("g", *("v" + name for name in names)))
    reply = trial.call("double", arrays=arrays)
    problem, g = trial.problem(arrays=arrays), arrays["g"]
    if not any(name.startswith("gg") for name in reply.outputs):
        yield trial.result(Status.UNSUPPORTED, "gradients cannot be differentiated again")
        return
    yield from verdicts(
        trial,
        reply,
        {
            "ggx": problem.with_data(problem.x, arrays["vw"]).input_gradient(g),
            "ggw": problem.with_data(arrays["vx"], problem.w).weight_gradient(g),
            "ggg": joined(problem, arrays["vx"], arrays["vw"], arrays.get("vb")),
        },
        slack=rounded_parts(trial, problem, arrays["vx"], arrays["vw"], arrays.get("vb")),
    )


@check(
    "gradients.forward", lambda outline: mode_cases(outline, "jvp", 10 + 40 * outline.thorough), column="forward mode"
)
def forward(trial: Trial) -> Iterator[Result]:
    """Is the directional derivative of forward-mode differentiation conv(tx, w) + conv(x, tw) + tb?"""
    names = case_operands(trial.case)
    arrays = trial.operands(extra=tuple("t" + name for name in names))
    reply = trial.call("jvp", arrays=arrays)
    problem = trial.problem(arrays=arrays)
    tangents = joined(problem, arrays["tx"], arrays["tw"], arrays.get("tb"))
    slack = rounded_parts(trial, problem, arrays["tx"], arrays["tw"], arrays.get("tb"))
    yield from verdicts(trial, reply, {"t": tangents}, slack=slack)


def vmap_cases(outline: Outline) -> Iterator[Case]:
    """A few light cases."""
    if "vmap" in outline.support.takes:
        few = outline.spread(outline.light, 4 + 28 * outline.thorough)
        yield from (case.but(data="small", layout="") for case in few if case.x[0])


@check("gradients.vmap", vmap_cases, column="vmap")
def vmap(trial: Trial) -> Iterator[Result]:
    """Does torch.func.vmap over an extra axis give what calling in a loop gives?"""
    arrays = trial.operands()
    stack = np.stack([arrays["x"], arrays["x"][..., ::-1, :] * 2, arrays["x"] * 0 + 1])
    reply = trial.call("vmap", arrays={**arrays, "x": stack})
    yield from slices(trial, reply, arrays, "x", stack, "under vmap")


def slices(
    trial: Trial, reply: Reply, arrays: dict[str, Array], name: str, stack: Array, said: str
) -> Iterator[Result]:
    """The verdict on each slice of a mapped result, of which one operand was `stack`."""
    y = reply.outputs.get("y")
    if y is None or y.values is None or y.values.shape != (3, *trial.case.out):
        shape = None if y is None else list(y.shape)
        yield trial.result(Status.FAIL, f"{said} the result has shape {shape}, not {[3, *trial.case.out]}")
        return
    for index, one in enumerate(stack):
        expected = trial.expected(trial.problem(arrays=arrays | {name: np.ascontiguousarray(one)}))
        yield trial.verdict(expected.compare(y.values[index], "y"), note=f"{said}, slice {index}")


def samples_cases(outline: Outline) -> Iterator[Case]:
    """Small cases of several samples, now and then in other element types."""
    if "vmap" in outline.support.takes:
        most = LIGHT / 3 if outline.thorough else LIGHT / 30
        small = [case for case in outline.light if case.x[0] > 1 and case.macs <= most and np.prod(case.out)]
        for index, case in enumerate(outline.spread(small, 8 + 52 * outline.thorough)):
            for place, dtype in enumerate(differentiable(outline)):
                if (place < 1 or (index + place) % 7 == 0) and not dtype.startswith("complex"):
                    yield case.but(dtype=dtype, data="small")


@check("gradients.samples", samples_cases, column="vmap")
def samples(trial: Trial) -> Iterator[Result]:
    """Are the gradients of each sample alone right, torch.func's vjp of a call mapped over the batch?"""
    arrays = trial.operands(extra=("g",))
    (reply,) = trial.calls([Call(case=trial.case, arrays=arrays, mode="samples")], ends=False)
    if reply.raised:
        yield refused(trial, reply, SAMPLES)
        return
    problem, g = samples_apart(trial.problem(arrays=arrays)), arrays["g"]
    own = g.reshape(1, -1, *g.shape[2:])
    for name, output in reply.outputs.items():
        wanted = problem.weight_gradient(own) if name == "gw" else problem.bias_gradient(own)
        expected = trial.expected(wanted, slack=transform_slack(trial, name))
        kernels, *rest = expected.truth.hi.shape
        shape = (len(g), kernels // len(g), *rest)
        if output.values is None or output.values.shape != shape:
            said = f"{name} of each sample has shape {list(output.shape)}, not {list(shape)}"
            yield trial.result(Status.FAIL, said)
            continue
        judgement = expected.compare(output.values.reshape(kernels, *rest), name)
        note = f"of each sample alone, under vmap, {shape[1]} kernels a sample"
        yield of_way(trial.verdict(judgement, note=note), SAMPLES)


def samples_apart(problem: Problem) -> Problem:
    """A problem whose samples are groups of one sample, each with kernels of its own: their gradients are of one sample
    each.
    """
    n, channels, *plane = problem.x.shape
    bias = None if problem.bias is None else np.tile(problem.bias, n)
    return replace(
        problem, x=problem.x.reshape(1, n * channels, *plane), w=np.tile(problem.w, (n, 1, 1, 1)), bias=bias,
        groups=n * problem.groups,
    )  # fmt: skip


def alone_cases(outline: Outline) -> Iterator[Case]:
    """Small cases of functions, with a bias where the target takes one; padded ones first."""
    if differentiable(outline) and not outline.support.convention.parameters and not outline.support.convention.by_hand:
        small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out)]
        padded = [case for case in small if any(case.sides)] or small
        picked = outline.spread(padded, 4 + 12 * outline.thorough) + outline.spread(small, 2 + 6 * outline.thorough)
        bias = "bias" in outline.support.takes and outline.support.form != "corr2d"
        dtype = differentiable(outline)[0]
        yield from (case.but(data="small", layout="", bias=bias, dtype=dtype) for case in picked)


@check("gradients.alone", alone_cases, column="second")
def alone(trial: Trial) -> Iterator[Result]:
    """Is each second derivative, tangent and mapped operand right where it is the only one that is asked for?"""
    names, takes = case_operands(trial.case), trial.support.takes
    arrays = trial.operands(extra=("g", *(kind + name for name in names for kind in "vt")))
    problem, g = trial.problem(arrays=arrays), arrays["g"]
    nothing = {name: np.zeros_like(arrays[name]) for name in names}
    plain = {name: arrays[name] for name in names}
    for name in names:
        only = nothing | {name: arrays["v" + name]}
        along = nothing | {name: arrays["t" + name]}
        asked: list[tuple[str, str, dict[str, Array], dict[str, Any], dict[str, Problem]]] = []
        if "double" in takes:
            wanted = {"ggg": joined(problem, only["x"], only["w"], only.get("b"))}
            if name == "w":
                wanted["ggx"] = problem.with_data(problem.x, only["w"]).input_gradient(g)
            if name == "x":
                wanted["ggw"] = problem.with_data(only["x"], problem.w).weight_gradient(g)
            given = plain | {"g": g, "v" + name: arrays["v" + name]}
            asked.append(("double", f"differentiating g{name} alone", given, {"used": [name]}, wanted))
        if "jvp" in takes:
            given = plain | {"t" + name: arrays["t" + name]}
            wanted = {"t": joined(problem, along["x"], along["w"], along.get("b"))}
            asked.append(("jvp", f"along a tangent of {name} alone", given, {}, wanted))
        for mode, said, given, options, wanted in asked:
            (reply,) = trial.calls([Call(case=trial.case, arrays=given, mode=mode, options=options)], ends=False)
            if reply.raised:
                found = trial.raised(reply.raised, trial.case)
                if found.finding:
                    found.message = f"{said}, it raises {reply.raised['type']}: {first_line(reply)}"
                yield found
                continue
            for one in verdicts(trial, reply, wanted):
                one.message = f"{one.message}; {said}" if one.message else ""
                yield one
        if "vmap" in takes:
            yield from mapped(trial, plain, name)


def mapped(trial: Trial, arrays: dict[str, Array], name: str) -> Iterator[Result]:
    """The verdicts on a call that maps one operand over an axis in front."""
    stack = np.stack([arrays[name], np.roll(arrays[name], 1), arrays[name] * 0 + 1])
    call = Call(case=trial.case, arrays=arrays | {name: stack}, mode="vmap", options={"over": [name]})
    (reply,) = trial.calls([call], ends=False)
    said = f"under vmap over {name} alone"
    if reply.raised:
        yield refused(trial, reply, said)
    else:
        for result in slices(trial, reply, arrays, name, stack, said):
            yield of_way(result, said)


def of_way(result: Result, way: str) -> Result:
    """A result that says by which transform it came about."""
    result.numbers.own["way"] = way
    return result


def refused(trial: Trial, reply: Reply, said: str) -> Result:
    """A transform that raises: one which is never taken is not supported, one of some cases only a finding."""
    assert reply.raised is not None
    result = trial.result(Status.UNSUPPORTED, f"{said}: {reply.raised['type']}: {first_line(reply)}")
    result.numbers.raised = reply.raised["type"]
    result.reproduce = reproducer(trial.spec, trial.check, trial.case, trial.seed)
    return of_way(result, said)


def first_line(reply: Reply) -> str:
    """What a call raised, cut to a line."""
    assert reply.raised is not None
    return str(reply.raised["message"].partition("\n")[0][:160])
