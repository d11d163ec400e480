"""The check of special values in gradients: one NaN or infinity in an operand or in the cotangent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import differentiable, gradients, value
from corrbench.checks.special import reach
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array, Problem
from corrbench.numerics.relations import ZERO
from corrbench.result import Figures, Result, Status

VALUES = (np.nan, np.inf, -np.inf)


def gradient_cases(outline: Outline) -> Iterator[Case]:
    """Small cases with a gradient, now and then in other element types."""
    small = [c for c in outline.light if np.prod(c.out) > 0 and c.macs < LIGHT / 10]
    for index, case in enumerate(outline.spread(small, (4, 60, 200)[outline.thorough])):
        for place, dtype in enumerate(differentiable(outline)):
            if (place < 1 or (index + place) % 4 == 0) and not dtype.startswith("complex"):
                yield case.but(dtype=dtype, data="small")


@check("special.gradients", gradient_cases, column="gradients")
def special(trial: Trial) -> Iterator[Result]:
    """Do a NaN and infinities in an operand or the cotangent reach just the gradients that depend on them?"""
    plain, first = trial.operands(extra=("g",)), int(trial.random(7).integers(3))
    looked = False
    for turn, name in enumerate("gxw"):
        where = int(trial.random(8 + turn).integers(plain[name].size))
        arrays = plain | {name: changed(plain[name], where, VALUES[(first + turn) % 3])}
        reply = trial.call("backward", arrays=arrays)
        exact = gradients(
            trial.problem(arrays=plain | {name: changed(plain[name], where, 0)}), without(plain, name, where)
        )
        for gradient, problem in exact.items():
            expected = trial.expected(problem)
            values = value(reply.outputs.get(gradient), expected.truth.hi)
            if values is None:
                continue
            looked = True
            odd = ~np.isfinite(values)
            wrong = odd | expected.compare(np.where(odd, 0, values).astype(values.dtype)).wrong
            leaked = wrong & ~may_reach(trial, plain, name, where, gradient)
            lost = must_reach(trial, plain, name, where, gradient) & ~odd
            if leaked.any() or lost.any():
                count, words = (leaked.sum(), "wrong beyond") if leaked.any() else (lost.sum(), "finite in")
                given = f"what depends on an element of {name} that is {VALUES[(first + turn) % 3]}"
                said = f"{gradient}: {int(count)} of {values.size} elements are {words} {given}"
                yield trial.result(Status.FAIL, said, numbers=Figures(array=gradient))
                return
    yield trial.result(Status.PASS) if looked else trial.result(Status.SKIPPED, "no gradient to look at")


def changed(a: Array, where: int, special: float) -> Array:
    """A copy with one other element."""
    made = a.copy()
    made.reshape(-1)[where] = special
    return made


def without(plain: dict[str, Array], name: str, where: int) -> Array:
    """The cotangent, zero where it is what is special."""
    return changed(plain["g"], where, 0) if name == "g" else plain["g"]


def mark(a: Array, where: int) -> Array:
    """Zeros, and a one at the special element."""
    return changed(np.zeros_like(a), where, 1)


def met(trial: Trial, problem: Problem, g: Array, gradient: str) -> Array:
    """Where a gradient of these operands is not zero."""
    return np.asarray(trial.expected(gradients(problem, g)[gradient]).truth.hi != 0)


def depends(gradient: str, name: str) -> bool:
    """Whether a gradient is computed from an operand or the cotangent at all."""
    return name == "g" or gradient not in (f"g{name}", "gb")


def must_reach(trial: Trial, plain: dict[str, Array], name: str, where: int, gradient: str) -> Array:
    """The elements of a gradient with a product of the special element and a factor that is not zero."""
    full = {one: (a != 0).astype(a.dtype) for one, a in plain.items()}
    if not depends(gradient, name):
        return np.zeros(plain[gradient[1:]].shape, bool)
    full[name] = mark(plain[name], where)
    return met(trial, trial.problem(arrays=full), full["g"], gradient)


def may_reach(trial: Trial, plain: dict[str, Array], name: str, where: int, gradient: str) -> Array:
    """The elements of a gradient that an honest implementation may spoil: whole planes, as padding may be multiplied
    by zero and a transform spreads; of a cotangent the windows alone.
    """
    allowed = np.zeros(plain[gradient[1:]].shape, bool)
    if not depends(gradient, name):
        return allowed
    at = np.unravel_index(where, plain[name].shape)
    each, kernels = trial.case.w[1], trial.case.w[0] // trial.case.groups
    if name == "g":
        if gradient != "gx":
            allowed[at[1]] = True
            return allowed
        ones = plain | {"w": np.ones_like(plain["w"]), "g": mark(plain["g"], where)}
        problem = trial.problem(arrays=ones)
        top, bottom, left, right = problem.sides
        wide = replace(problem, x=problem.padded(), sides=ZERO)
        around = reach(met(trial, wide, ones["g"], "gx"), trial.spec.accuracy)
        return np.asarray(around[:, :, top : around.shape[2] - bottom, left : around.shape[3] - right])
    if name == "w":
        allowed[:, at[0] // kernels * each + at[1]] = True
    else:
        group = at[1] // each
        allowed[group * kernels : (group + 1) * kernels, at[1] % each] = True
    return allowed
