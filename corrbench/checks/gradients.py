"""Are the derivatives right? Each gradient is a correlation, judged by the same oracle and bound as a result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from corrbench.case import COMPLEX, Case
from corrbench.checks import LIGHT, Outline, check, rare
from corrbench.checks._complex_numbers import shown
from corrbench.checks.manners import BACKWARD, PLAIN, call, manner
from corrbench.judge.calls import Call, case_operands
from corrbench.judge.protocol import Output, Reply
from corrbench.judge.trial import Trial
from corrbench.numerics import bounds, inputs
from corrbench.numerics.comparison import TRANSFORM_GRADIENT
from corrbench.numerics.formats import UNIT
from corrbench.numerics.problem import Array, Problem, real
from corrbench.result import Figures, Result, Status

MANY = 1 << 14  # positions that each tap adds up over: few cases have more, so each of them is asked


def differentiable(outline: Outline, mode: str = "backward") -> list[str]:
    """Element types in which the target can be differentiated, the common ones first."""
    if mode not in outline.support.takes:
        return []
    return [dtype for dtype in outline.dtypes if outline.support.differentiates(dtype)]


def first_cases(outline: Outline) -> Iterator[Case]:
    """Every base that is not heavy: integers in float32, real data in turn, other types on every few."""
    for index, base in enumerate(outline.bases):
        backward = prod(base.x) * base.w[0] // base.groups * base.w[2] * base.w[3]  # products in gx, zeros included
        if max(base.macs, backward / 10) > 10 * LIGHT or (base.macs > LIGHT and index % 2):
            continue
        many = prod(base.out[2:]) > MANY and base.macs <= LIGHT
        if outline.thorough < 2 and max(base.macs, backward) > LIGHT / 10 and index % 3 and not many:
            continue
        light = max(base.macs, backward) <= LIGHT and base.groups < 1000
        for place, dtype in enumerate(differentiable(outline)):
            if place == 0 or ((index + place) % 9 == 0 and light) or outline.thorough > 1:
                yield base.but(dtype=dtype, data="small")
            due = (index + place) % (3 if place < 2 else 6) == 0 or rare(base)
            if due and light and (place < 1 or outline.thorough):
                yield base.but(dtype=dtype, data=("unit", "range", "tiny")[(index // 2) % 3])


def gradients(problem: Problem, g: Array) -> dict[str, Problem]:
    """The three gradients of <y, g> as problems."""
    found = {"gx": problem.input_gradient(g), "gw": problem.weight_gradient(g)}
    return found | ({"gb": problem.bias_gradient(g)} if problem.bias is not None else {})


def value(output: Output | None, like: Array) -> Array | None:
    """The values of a gradient in the shape that the problem has; None if they do not fit."""
    if output is None or output.values is None or output.values.size != like.size:
        return None
    return output.values.reshape(like.shape)


def verdicts(
    trial: Trial, reply: Reply, problems: dict[str, Problem], scale: int = 1, slack: Array | float = 0.0
) -> Iterator[Result]:
    """One result for each gradient; a missing one is a finding unless it would be zero."""
    y = reply.outputs.get("y")
    plain = trial.spec.lenient and trial.case.dtype in COMPLEX and y is not None and y.dtype not in COMPLEX
    shape = tuple(trial.support.convention.shape("y", trial.case))
    if y is not None and y.shape != shape and not any(name in reply.outputs for name in problems):
        yield trial.result(Status.SKIPPED, f"no gradients: y has shape {list(y.shape)}, not {list(shape)}")
        return
    for name, problem in problems.items():
        got = reply.outputs.get(name)
        if plain:  # a result of real numbers is told already, and has no such gradients
            yield trial.result(Status.SKIPPED, f"{name}: the result is {y.dtype if y else ''}, not {trial.case.dtype}")
            continue
        extra = slack if name in ("t", "ggg") else 0.0
        expected = trial.expected(problem, slack=extra + transform_slack(trial, name))
        values = value(got, expected.truth.hi)
        if got is None:
            if expected.truth.hi.any():
                yield trial.result(Status.FAIL, f"{name}: no gradient at all, though the exact one is not zero")
        elif values is None or got.dtype != trial.case.dtype:
            yield trial.result(Status.SKIPPED, f"{name} cannot be compared; see the findings on its dtype and shape")
        else:
            judgement = expected.compare(values / scale if scale > 1 else values, name)
            if judgement.right and expected.blind:
                yield trial.result(Status.SKIPPED, f"{name}: {expected.blind}")
            elif not judgement.right and (said := shown(trial, not_for_complex(problem, name), values, name)):
                said = f"{name} is {said}: the code is not made for complex numbers"
                yield trial.result(Status.WARN, said, numbers=Figures(array=name, beyond="type"))
            else:
                yield trial.verdict(judgement, problem, values / scale if scale > 1 else values)


def not_for_complex(problem: Problem, name: str) -> Iterator[tuple[str, Problem]]:
    """What a first derivative may be in code that is not made for complex numbers."""
    if name not in ("gx", "gw", "gb"):
        return
    yield "of real parts only", problem.real_parts
    if name != "gb":
        x, w = np.conj(problem.x), np.conj(problem.w)
        plain = replace(problem, w=w) if name == "gx" else replace(problem, x=x)
        sums = replace(problem, x=real(problem.x)) if name == "gx" else replace(problem, w=real(problem.w))
        yield "what it is for real numbers, not conjugated", plain
        yield "that of the real part of the sums", sums
        yield "the conjugate, as of an operand that was conjugated", problem.with_data(x, w)


def transform_slack(trial: Trial, name: str) -> float:
    """What a transform differentiated through itself may add: its errors scale with the norms of whole arrays."""
    if trial.spec.accuracy not in bounds.TRANSFORMS:
        return 0.0
    operands = [inputs.draw(trial.case, trial.seed, role) for role in {"gx": "gw", "gw": "xg"}.get(name, "xwg")]
    norms = [max(1.0, float(np.linalg.norm(array.astype(np.complex128)))) for array in operands]
    return TRANSFORM_GRADIENT * UNIT[bounds.accumulator(trial.case.dtype)] * prod(norms)


@check("gradients.first", first_cases, column="gradients")
def first(trial: Trial) -> Iterator[Result]:
    """Are gx, gw and gb right in every element, and do <y,g> = <x,gx> = <w,gw> hold exactly on integers?"""
    arrays = trial.operands(extra=("g",))
    problem = trial.problem(arrays=arrays)
    how = manner(trial, BACKWARD)
    reply = call(trial, arrays, "backward", how)
    problems = gradients(problem, arrays["g"])
    found = list(verdicts(trial, reply, problems))
    if how != PLAIN and any(one.finding for one in found):
        plain = call(trial, arrays, "backward", PLAIN)
        again = list(verdicts(trial, plain, problems))
        if any(one.finding for one in again):  # then the manner is not to blame
            found, reply = again, plain
        else:
            for one in found:
                one.message += f"; called {how.how}, and right when called plainly" if one.finding else ""
    yield from found
    linear = trial.spec.accuracy == "direct" and not trial.case.bias
    if trial.case.data == "small" and linear and not trial.case.dtype.startswith("complex"):
        yield from adjoint(trial, reply, arrays)


def adjoint(trial: Trial, reply: Reply, arrays: dict[str, Array]) -> Iterator[Result]:
    """<y, g> = <x, gx> = <w, gw> in Python's integers, for what the target itself returned."""
    pairs = {"y": "g", "gx": "x", "gw": "w"}
    outputs = ((name, reply.outputs[name].values) for name in pairs if name in reply.outputs)
    held = {name: values for name, values in outputs if values is not None}
    if len(held) < 3 or not all(np.isfinite(values).all() for values in held.values()):
        return
    sums = {name: inner(values, arrays[pairs[name]]) for name, values in held.items()}
    rounded = trial.case.dtype in ("float16", "bfloat16")  # results of these types are rounded
    if len(set(sums.values())) > 1 and not rounded:
        text = ", ".join(f"<{pairs[name]},{name}> = {float(total):.17g}" for name, total in sums.items())
        yield trial.result(Status.FAIL, f"the adjoint identities do not hold: {text}")


def inner(a: Array, b: Array) -> int | Fraction:
    """Inner product with whole numbers `b`, exact whatever `a` holds."""
    whole = not (a % 1).any()
    if whole and float(np.abs(a).max(initial=0)) * float(np.abs(b).max(initial=0)) * a.size < 2**62:
        return int(np.dot(a.ravel().astype(np.int64), b.ravel().astype(np.int64)))
    exact = int if whole else Fraction
    return sum(exact(p) * int(q) for p, q in zip(np.ravel(a).tolist(), np.ravel(b).tolist(), strict=True) if p and q)


def subset_cases(outline: Outline) -> Iterator[Case]:
    """Small cases, every other one with a bias where the target takes one. A pass written by hand has no graph."""
    if differentiable(outline) and not outline.support.convention.by_hand:
        small = [case for case in outline.light if case.macs <= LIGHT / 10]
        for index, case in enumerate(outline.spread(small, 6 + 24 * outline.thorough)):
            bias = case.bias or (
                "bias" in outline.support.takes and index % 2 == 0 and outline.support.form != "corr2d"
            )
            yield case.but(data="small", bias=bias)


@check("gradients.subsets", subset_cases, column="gradients")
def subsets(trial: Trial) -> Iterator[Result]:
    """Does each gradient come out the same when only some operands ask for one, and do repeated passes add up?"""
    names = case_operands(trial.case)
    arrays = trial.operands(extra=("g",))
    problems = gradients(trial.problem(arrays=arrays), arrays["g"])
    wanted = [chosen for size in range(1, len(names)) for chosen in combinations(names, size)]
    if trial.support.convention.parameters:  # those of a module always ask
        wanted = [chosen for chosen in wanted if "x" not in chosen]
    calls = [Call(case=trial.case, arrays=arrays, mode="backward", grad=chosen) for chosen in wanted]
    wanted.append(names)
    calls.append(Call(case=trial.case, arrays=arrays, mode="backward", options={"accumulate": 2}))
    replies = trial.calls(calls)
    for chosen, reply in zip(wanted, replies, strict=True):
        repeated = chosen == names
        asked = {"g" + name: problems["g" + name] for name in chosen}
        for result in verdicts(trial, reply, asked, scale=2 if repeated else 1):
            if result.finding:
                how = "two backward passes over one graph" if repeated else f"only {', '.join(chosen)} requiring grad"
                result.message = f"with {how}: {result.message}"
            yield result


def gradcheck_cases(outline: Outline) -> Iterator[Case]:
    """Cases small enough for numerical differentiation by every element; none in quick, where the judge need not load
    torch: it compares every gradient with the exact one.
    """
    if outline.thorough and "float64" in differentiable(outline):
        tiny = [
            case for case in outline.light if prod(case.x) <= 160 and prod(case.w) <= 64 and 0 < prod(case.out) <= 100
        ]
        yield from (case.but(dtype="float64", data="unit") for case in outline.spread(tiny, 1 + 2 * outline.thorough))


@check("gradients.gradcheck", gradcheck_cases, column="gradients")
def gradcheck(trial: Trial) -> Iterator[Result]:
    """Does the target pass torch.autograd.gradcheck and gradgradcheck, slow mode, in double precision?"""
    import torch

    forward, arrays = proxy(trial)
    operands = [torch.from_numpy(arrays[name].copy()).requires_grad_() for name in case_operands(trial.case)]
    checks: list[tuple[str, Any]] = [("gradcheck", torch.autograd.gradcheck)]
    if "double" in trial.support.takes:
        checks.append(("gradgradcheck", torch.autograd.gradgradcheck))
    for name, run in checks:
        try:
            torch.manual_seed(0)
            run(forward, operands, check_undefined_grad=False, check_batched_grad=False, nondet_tol=1e-12)
        except (RuntimeError, ValueError) as error:
            first = " ".join(str(error).split())[:300]
            yield trial.result(Status.FAIL, f"torch.autograd.{name} says: {first}")
        else:
            yield trial.result(Status.PASS, numbers=Figures(own={"function": name}))


def proxy(trial: Trial) -> tuple[Any, dict[str, Array]]:
    """The remote target as an ordinary differentiable function here, so that gradcheck runs beside the judge."""
    import torch

    names = case_operands(trial.case)

    def ask(mode: str, tensors: dict[str, Any]) -> Reply:
        arrays = {name: tensor.detach().contiguous().numpy() for name, tensor in tensors.items()}
        return trial.call(mode, arrays=arrays)

    def tensor(reply: Reply, name: str, like: Any) -> Any:
        values = value(reply.outputs.get(name), like.numpy(force=True))
        return torch.zeros_like(like) if values is None else torch.from_numpy(values.copy())

    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *given: Any) -> Any:
            ctx.save_for_backward(*given)
            tensors = dict(zip((*names, "g"), given, strict=True))
            reply = ask("backward", tensors)
            return tuple(tensor(reply, "g" + name, tensors[name]) for name in names)

        @staticmethod
        def backward(ctx: Any, *tangents: Any) -> Any:
            tensors = dict(zip((*names, "g"), ctx.saved_tensors, strict=True))
            reply = ask("double", tensors | {"v" + name: v for name, v in zip(names, tangents, strict=True)})
            return tuple(tensor(reply, "gg" + name, tensors[name]) for name in (*names, "g"))

    class Forward(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *operands: Any) -> Any:
            ctx.save_for_backward(*operands)
            output = ask("forward", dict(zip(names, operands, strict=True))).outputs["y"]
            if output.values is None or output.values.shape != trial.case.out or output.dtype != trial.case.dtype:
                raise ValueError("the result has the wrong shape or dtype")
            return torch.from_numpy(output.values.copy())

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return Backward.apply(*ctx.saved_tensors, g)  # type: ignore[no-untyped-call]

    return Forward.apply, trial.operands()
