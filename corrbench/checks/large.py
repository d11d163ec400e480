"""Checks at the sizes of real use: whole numbers in every element, real numbers in a sample of elements, exactly.

The cost of the exact answer of one element does not depend on how many there are, so a sample is judged by the same
bound as ever; how much of the result it is, is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from corrbench.case import FLOATS, Case
from corrbench.checks import Outline, check
from corrbench.checks.gradients import differentiable, gradients
from corrbench.checks.values import statistics
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Result, Status

SAMPLE = 384  # elements
TERMS = 3e6  # products of a sample
BACKWARD = (2e7, 3e8, 2.5e9)  # multiply-accumulates up to which gradients are asked for, in each profile


def sample(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> Array:
    """Indices of up to `count` elements, (count, axes): the corners, some at the end of an axis, the rest anywhere."""
    corners = (
        np.array(np.meshgrid(*[sorted({0, length - 1}) for length in shape], indexing="ij")).reshape(len(shape), -1).T
    )
    anywhere = np.stack([rng.integers(0, length, count) for length in shape], 1)
    edge = anywhere[: count // 3]
    axis = rng.integers(0, len(shape), len(edge))
    edge[np.arange(len(edge)), axis] = np.array(shape)[axis] - 1
    return np.unique(np.concatenate([corners, anywhere])[:count], axis=0)


def large_cases(outline: Outline) -> Iterator[Case]:
    """The large cases as they are, those of integers on whole numbers; one in each other type of floating numbers."""
    if not set(outline.dtypes) & set(FLOATS):
        yield from (case.but(dtype=outline.dtypes[0], data="small") for case in outline.large[:4] if outline.dtypes)
        return
    main = next(dtype for dtype in outline.dtypes if dtype in FLOATS)
    others = [dtype for dtype in outline.dtypes if dtype in FLOATS and dtype != main]
    for index, case in enumerate(outline.large):
        yield case.but(dtype=main)
        if outline.thorough:
            if index % 2:
                yield case.but(dtype=main, data="unit")
            if others:
                yield case.but(dtype=others[index % len(others)])
            if case.macs < 1e9 or outline.thorough > 1:
                yield case.but(dtype=main, data="small")


@check("values.large", large_cases)
def large(trial: Trial) -> Iterator[Result]:
    """At the sizes of real networks and photographs, is every whole number right, and of real ones a large sample?"""
    arrays = trial.operands()
    problem = trial.problem(arrays=arrays)
    if trial.spec.accuracy not in ("direct", "tf32"):
        yield trial.result(Status.SKIPPED, "the bounds of transforms are of whole results, which are too large here")
        return
    values = trial.values(trial.call(arrays=arrays))
    if values is None:
        yield trial.incomparable()
    elif trial.case.data == "small":
        yield trial.verdict(trial.expected(problem).compare(values), problem, values)
    else:
        yield judged(trial, problem, values, "y")


def judged(trial: Trial, problem: Problem, values: Array, name: str) -> Result:
    """The verdict on a sample of an array."""
    count = int(max(48, min(SAMPLE, TERMS // max(1, problem.terms))))
    at = sample(trial.random(11), values.shape, count)
    part = problem.sampled(at)
    expected = trial.expected(part)
    judgement = expected.compare(values[tuple(at.T)].reshape(expected.truth.hi.shape), name)
    if judgement.right and expected.blind:
        return trial.result(Status.SKIPPED, expected.blind)
    result = trial.verdict(judgement, note=f"a sample of {len(at)} of {prod(values.shape)} elements")
    if judgement.right and name == "y" and trial.case.data == "unit" and trial.spec.accuracy == "direct":
        result = statistics(result, expected, values[tuple(at.T)].reshape(expected.truth.hi.shape))
    worst = [int(i) for i in at[judgement.numbers["at"][1]]]
    result.message = result.message.replace(str(judgement.numbers["at"]), str(worst))
    result.numbers.at = worst
    result.numbers.pattern, result.numbers.map = None, None  # of the sample, not of the array
    result.numbers.own["of"] = prod(values.shape)
    return result


def backward_cases(outline: Outline) -> Iterator[Case]:
    """The large cases whose gradients a profile affords."""
    if found := differentiable(outline):
        yield from (case.but(dtype=found[0]) for case in outline.large if case.macs < BACKWARD[outline.thorough])


@check("gradients.large", backward_cases, column="gradients")
def backward(trial: Trial) -> Iterator[Result]:
    """At the sizes of real networks, are the gradients right in a sample of their elements?"""
    if trial.spec.accuracy not in ("direct", "tf32"):
        yield trial.result(Status.SKIPPED, "the bounds of transforms are of whole results, which are too large here")
        return
    arrays = trial.operands(extra=("g",))
    reply = trial.call("backward", arrays=arrays)
    for name, problem in gradients(trial.problem(arrays=arrays), arrays["g"]).items():
        output = reply.outputs.get(name)
        if output is None or output.values is None or output.values.size != prod(problem.shape):
            yield trial.result(Status.SKIPPED, f"{name} cannot be compared; see the findings of gradients.first")
        else:
            yield judged(trial, problem, output.values.reshape(problem.shape), name)
