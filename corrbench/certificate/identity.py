"""The identity by calls alone: the target's degree bounded by scaling, and exact integer tests."""

from __future__ import annotations

import numpy as np

from corrbench.case import FLOATS
from corrbench.certificate.lines import Known, Line, power
from corrbench.judge.calls import Call
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.numerics import oracle
from corrbench.numerics.bounds import exact_radius

TRIALS, SCALES = 24, 9  # exact tests; powers of two for each operand, so that a degree up to one less shows
SAYS = "on whole numbers that leave no room for rounding it is the correlation"
SCALING = "it is linear in the image and in the kernel"


def examine(trial: Trial) -> list[Line]:
    """Lines on agreement with the exact integers, and on degree."""
    if trial.case.dtype not in FLOATS:
        only = "for floating point only"
        return [Line(name="exact integers", says=SAYS, known=Known.UNEXAMINED, evidence=only),
                Line(name="degree", says=SCALING, known=Known.UNEXAMINED, evidence=only)]  # fmt: skip
    return [integers(trial), scaling(trial)]


def integers(trial: Trial) -> Line:
    """Exact agreement on fresh random integers, as large as keeps every partial sum exact."""
    case = trial.case.but(data="full")
    radius = exact_radius(case.dtype, case.terms + 1)
    if radius < 1:
        return Line(name="exact integers", says=SAYS, known=Known.UNEXAMINED, evidence="too many products to be exact")
    agreed = 0
    for number in range(TRIALS):
        drawn = replaced(trial, trial.seed + 1 + number)
        call = Call(case=case, arrays=drawn.operands(case))
        try:
            reply = trial.calls([call], ends=False)[0]
        except Died as death:
            return Line(name="exact integers", says=SAYS, known=Known.REFUTED, evidence=death.message)
        if reply.raised:
            said = f"it raises {reply.raised['type']}: {reply.raised['message'][:160]}"
            return Line(name="exact integers", says=SAYS, known=Known.UNEXAMINED, evidence=said)
        values = trial.values(reply, case)
        right = oracle.exact(trial.problem(case, call.arrays)).rounded(case.dtype)
        if values is None or not np.array_equal(values.astype(np.float64), right.astype(np.float64)):
            said = "the result has another shape or type" if values is None else "an element differs"
            if values is not None and trial.spec.accuracy != "direct":
                rounds = f"the class of accuracy {trial.spec.accuracy} rounds whole numbers as well"
                return Line(name="exact integers", says=SAYS, known=Known.UNEXAMINED, evidence=rounds)
            return Line(name="exact integers", says=SAYS, known=Known.REFUTED, evidence=f"{said} in test {number + 1}")
        agreed += 1
    error = (2 / (2 * radius + 1)) ** agreed
    share = 3 / agreed
    evidence = (
        f"{agreed} tests agree in every element, integers up to {radius}: were it a polynomial of degree 2, another "
        f"one would survive with probability at most {power(error)}; without that, at most {share:.0%} of such inputs "
        "go wrong, at 95 % confidence"
    )
    return Line(name="exact integers", says=SAYS, known=Known.TESTED, evidence=evidence, inputs=agreed)


def scaling(trial: Trial) -> Line:
    """T(2^a x, 2^b w) = 2^(a+b) T(x, w) without a bias, bit for bit, for every a and b of a range."""
    case = trial.case.but(data="full")
    arrays = trial.operands(case)
    if "b" in arrays:
        arrays["b"] = np.zeros_like(arrays["b"])
    span = range(1 - SCALES, 1)  # downwards: whole numbers of any size stay exact, those of float16 too
    pairs = [(a, 0) for a in span] + [(0, b) for b in span] + [(a, a) for a in span]
    calls = [
        Call(case=case, arrays=arrays | {"x": np.ldexp(arrays["x"], a), "w": np.ldexp(arrays["w"], b)})
        for a, b in pairs
    ]  # fmt: skip
    try:
        replies = trial.calls(calls, ends=False)
    except Died as death:
        return Line(name="degree", says=SCALING, known=Known.REFUTED, evidence=death.message)
    values = [None if reply.raised else trial.values(reply, case) for reply in replies]
    base = values[SCALES - 1]
    if base is None or any(one is None for one in values):
        return Line(name="degree", says=SCALING, known=Known.UNEXAMINED, evidence="not all scaled operands are taken")
    for (a, b), one in zip(pairs, values, strict=True):
        assert one is not None
        if not np.array_equal(one.astype(np.float64), np.ldexp(base.astype(np.float64), a + b)):
            said = f"at 2^{a} times the image and 2^{b} times the kernel the result is not 2^{a + b} times as large"
            return Line(name="degree", says=SCALING, known=Known.REFUTED, evidence=said)
    evidence = (
        f"{SCALES} powers of two for either operand and for both, bit for bit: no part of a degree of 2 to "
        f"{SCALES - 1} in one operand"
    )
    return Line(name="degree", says=SCALING, known=Known.TESTED, evidence=evidence, inputs=len(pairs))


def replaced(trial: Trial, seed: int) -> Trial:
    """The same trial with operands of another seed."""
    return Trial(trial.check, trial.case, seed, trial.spec, trial.support, trial.remote)
