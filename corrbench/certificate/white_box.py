"""The white box, a target's own program over prime fields: is it the correlation, for every value of the operands?"""

from __future__ import annotations

from typing import Any

import numpy as np

from corrbench.case import FLOATS
from corrbench.certificate import fields
from corrbench.certificate.lines import Known, Line
from corrbench.judge import protocol
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.target import artefact

TRIALS = 6
LEAVES = "not supported for tensor subclasses"  # what torch says where memory is asked for
AXIOMS = {"convolution": "aten.convolution, which is itself the operation in question"}
TENSORS = (
    "it ran over tensors that have no memory to be read; no operator decides by values or takes addresses from them"
)
OBJECTS = "it ran over arrays of objects that refuse every comparison and conversion"
CONTROL = "no branch and no address depends on the values of the operands"
SELECTION = "nothing selects by value: no comparison, minimum, maximum, absolute value or rounding"
IDENTITY = "the program is the correlation, as a polynomial in the operands"
OPERATORS = "each operator computes what it is documented to compute, rounding aside"


def unfit(trial: Trial) -> str:
    """Why the program of a target cannot be run over a field; empty if it can."""
    spec = trial.spec
    if artefact(spec.target):
        return "it is no program in Python"
    if spec.compile or spec.device != "cpu":
        return f"it runs {'under torch.compile' if spec.compile else 'on ' + spec.device}"
    if trial.case.dtype not in FLOATS:
        return f"{trial.case.dtype} is no real element type: integers wrap, and complex numbers are two"
    if spec.arrays != "torch" and trial.case.layout:
        return "arrays of objects lie contiguously, and the case asks for another layout"
    return ""


def examine(trial: Trial, rng: np.random.Generator) -> list[Line]:
    """Lines on control flow, selection, identity and operators; not examined where the program has no such meaning."""
    if said := unfit(trial):
        return unexamined(said)
    bits = fields.BITS["torch" if trial.spec.arrays == "torch" else "numpy"]
    calls, steps, arrays = [], [], list[np.ndarray]()
    for _ in range(TRIALS):
        modulus = fields.prime(rng, bits)
        call = Call(case=trial.case, arrays=trial.seen(fields.residues(trial.case, rng, modulus)))
        steps.append(call.step(trial.support.convention, arrays) | {"prime": modulus})
        calls.append(call)
    try:
        runs = trial.remote.examined({"op": "field", "steps": steps}, arrays, "int64", protocol.over_field)
    except (Died, NotLoaded) as death:
        return unexamined(f"the program does not survive it: {death}")
    return told(trial, runs, calls, steps)


def told(trial: Trial, runs: list[dict[str, Any]], calls: list[Call], steps: list[dict[str, Any]]) -> list[Line]:
    """What the runs say."""
    last, kinds = runs[-1], "operators" if trial.spec.arrays == "torch" else "arithmetic of array elements"
    names = sorted({name for run in runs for name in run["operators"]})
    listed = f"operators called: {', '.join(names)}" if names else kinds
    if refused := last["refused"]:
        where = (refused["where"],) if refused["where"] else ()
        at = f" ({refused['where']})" if refused["where"] else ""
        if refused["kind"] == "data":
            says = f"{refused['what']}{at}"
            return [
                Line(name="control flow", says=CONTROL, known=Known.DEPENDS, evidence=says, places=where),
                Line(name="selection", says=SELECTION, known=Known.DEPENDS, evidence=says, places=where),
                *unexamined(f"the program is no polynomial: {says}")[2:],
            ]
        return unexamined(f"{refused['what']}{at}")
    if raised := last["raised"]:
        first = raised["message"].splitlines()[:1]
        said = f"over the field it raises {raised['type']}: {''.join(first)[:160]} ({raised['where']})"
        if LEAVES in raised["message"]:
            said = f"the operands' numbers leave torch ({raised['where']}), and what is done with them is not followed"
        return unexamined(said)
    degree = max(run["degree"] for run in runs)
    error = fields.error(degree, "torch" if trial.spec.arrays == "torch" else "numpy", len(runs))
    convention, kind = trial.support.convention, "torch" if trial.spec.arrays == "torch" else "numpy"
    for run, call, step in zip(runs, calls, steps, strict=True):
        arrays = {name: array.astype(np.int64) for name, array in call.arrays.items()}
        right = fields.correlation(trial.problem(arrays=arrays), step["prime"])
        y = run["y"]
        if y is None or y.shape != tuple(convention.shape("y", trial.case)):
            shape = "no array" if y is None else str(list(y.shape))
            return wrong(f"its result is {shape}, not {list(right.shape)}", listed)
        differ = call.taken(convention, "y", y) != right
        if differ.any():
            place = [int(one) for one in np.argwhere(differ)[0]]
            said = f"{int(differ.sum())} of {differ.size} elements are another polynomial, the first at {place}"
            return wrong(f"{said}, modulo {step['prime']}", listed)
    read = {value: name for run in runs for value, name in run["constants"].items()}
    axioms = [said for name, said in AXIOMS.items() if name in names]
    evidence = (
        f"equal in all {runs[0]['y'].size} elements modulo {len(runs)} random primes of {fields.BITS[kind]} bits; "
        f"degree at most {degree}; coefficients of up to {fields.COEFFICIENT} bits"
    )
    if read:
        evidence += f"; constants read as fractions: {', '.join(f'{v} = {n}' for v, n in sorted(read.items())[:6])}"
    flow = TENSORS if trial.spec.arrays == "torch" else OBJECTS
    return [
        Line(name="control flow", says=CONTROL, known=Known.SHOWN, evidence=flow),
        Line(name="selection", says=SELECTION, known=Known.SHOWN, evidence=listed),
        Line(name="identity", says=IDENTITY, known=Known.PROBABLY, evidence=evidence, error=error),
        Line(
            name="operators", says=OPERATORS, known=Known.ASSUMED,
            evidence=listed + (f"; among them {', '.join(axioms)}" if axioms else ""),
        ),
    ]  # fmt: skip


def wrong(said: str, listed: str) -> list[Line]:
    """The lines of a program that is another polynomial."""
    return [
        Line(name="control flow", says=CONTROL, known=Known.SHOWN, evidence="the program ran over a field"),
        Line(name="selection", says=SELECTION, known=Known.SHOWN, evidence=listed),
        Line(name="identity", says=IDENTITY, known=Known.REFUTED, evidence=said),
        Line(name="operators", says=OPERATORS, known=Known.ASSUMED, evidence=listed),
    ]


def unexamined(said: str) -> list[Line]:
    """The lines where the program cannot be run over a field."""
    return [
        Line(name="control flow", says=CONTROL, known=Known.UNEXAMINED, evidence=said),
        Line(name="selection", says=SELECTION, known=Known.UNEXAMINED, evidence=said),
        Line(name="identity", says=IDENTITY, known=Known.UNEXAMINED, evidence=said),
        Line(name="operators", says=OPERATORS, known=Known.UNEXAMINED, evidence=said),
    ]
