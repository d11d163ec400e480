"""The black box, a target's machine code under Memcheck: do its course, and which outputs, depend on the operands?

Operands are marked undefined. Without a report no jump and no address depended on them, so by induction over the trace
every operand of this shape runs the same instructions on the same addresses; that is A. Langley's ctgrind.
Validity bits of the result, one element of an operand marked at a time, are the exact relation of dependence.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from corrbench.certificate import memcheck
from corrbench.certificate.lines import Known, Line
from corrbench.certificate.white_box import CONTROL
from corrbench.judge import protocol
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.numerics import oracle
from corrbench.numerics.problem import Array

SLOWNESS = 60.0  # times that a program runs slower under valgrind
ELEMENTS = 96  # of each operand that are marked alone, at most
FOOTPRINT = "every output depends on exactly its window, the kernel and its bias"
EXTENT = "Memcheck has no AVX-512, so what ran is the path for older processors"


def unfit(trial: Trial) -> str:
    """Why a target cannot be run under Memcheck; empty if it can."""
    if trial.spec.device != "cpu":
        return f"Memcheck sees no instruction of a {trial.spec.device} device"
    if trial.spec.compile or trial.spec.arrays == "list" or trial.spec.target.startswith("cmd:"):
        return "operands cannot be marked where this target has them"
    if trial.spec.python:
        return "it runs in another environment"
    return ""


def examine(trial: Trial, rng: np.random.Generator, wanted: bool, why: str = "") -> list[Line]:
    """Lines on the course of the machine code and on the footprint."""
    said = unfit(trial) or ("" if wanted else why)
    if said:
        return unexamined(said)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            shim = memcheck.compiled(folder)
        except memcheck.Unavailable as error:
            return unexamined(str(error))
        log = folder / "memcheck.log"
        arrays: list[Array] = []
        call = Call(case=trial.case, arrays=trial.operands(trial.case.but(data="unit")))
        step = call.step(trial.support.convention, arrays)
        elements = {operand: chosen(array, rng) for operand, array in call.arrays.items()}
        slow = replace(trial.spec, timeout=trial.spec.timeout * SLOWNESS, memory=4 * trial.spec.memory)
        try:
            with Remote(slow, memcheck.under(log)) as remote:
                request = {"op": "marked", "shim": str(shim), "step": step, "elements": elements}
                found = remote.examined(request, arrays, trial.case.dtype, protocol.marked)
        except (Died, NotLoaded) as death:
            return unexamined(f"the target does not survive Memcheck: {death}")
        printed = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if found["raised"]:
        return unexamined(f"under Memcheck it raises {found['raised']['type']}: {found['raised']['message'][:160]}")
    if not found["running"]:
        return unexamined("the process did not run under valgrind")
    return [course(found, memcheck.places(printed)), footprint(trial, found, elements)]


def chosen(array: Array, rng: np.random.Generator) -> list[int]:
    """Places of an operand that are marked alone: all, or as many as are affordable."""
    if array.size <= ELEMENTS:
        return list(range(array.size))
    return sorted(int(one) for one in rng.choice(array.size, ELEMENTS, replace=False))


def course(found: dict[str, Any], places: dict[str, list[str]]) -> Line:
    """The line on branches and addresses."""
    own = found["reports"].get("none", 0)  # that come whatever is marked: of a library, or of the interpreter
    said = {name: count for name, count in found["reports"].items() if name != "none" and count > own}
    if not said:
        reports = f"the same {own} reports in each call, with nothing marked too," if own else "nothing"
        evidence = f"{memcheck.version()} reports {reports} in {found['calls']} calls; {EXTENT}"
        return Line(name="machine code", says=CONTROL, known=Known.SHOWN, evidence=evidence)
    where = [one for name in said for one in (*found["places"].get(name, ()), *places.get(name, ()))]
    counted = ", ".join(f"{count} of {name}" for name, count in said.items()) + (f", {own} of none" if own else "")
    at = f": {', '.join(dict.fromkeys(where))}" if where else ""
    evidence = f"reports of jumps or addresses that depend on operands ({counted}){at}"
    return Line(name="machine code", says=CONTROL, known=Known.DEPENDS, evidence=evidence, places=tuple(where))


def footprint(trial: Trial, found: dict[str, Any], elements: dict[str, list[int]]) -> Line:
    """The line on which outputs depend on which elements."""
    total = missing = extra = 0
    first = ""
    for name, table in found["footprints"].items():
        for row, index in zip(table, elements[name], strict=True):
            right = window(trial, name, index).reshape(-1)
            allowed = right
            if name == "w":  # a tap that meets the padding is multiplied with zero there, or is not
                allowed = window(trial, "b", index // int(np.prod(trial.case.w[1:]))).reshape(-1)
            got = row.astype(bool)
            if got.size != right.size:
                other = "the result is of another size"
                return Line(name="footprint", says=FOOTPRINT, known=Known.UNEXAMINED, evidence=other)
            total, missing, extra = total + 1, missing + int((right & ~got).sum()), extra + int((got & ~allowed).sum())
            if ((right & ~got) | (got & ~allowed)).any() and not first:
                first = f", the first at element {index} of {name}"
    sampled = [f"{len(at)} of {trial_size(trial, name)} of {name}" for name, at in elements.items()]
    evidence = (
        f"validity bits, one element marked at a time ({', '.join(sampled)}): {missing} missing, {extra} extra{first}"
    )
    exact = not missing and not extra
    return Line(
        name="footprint", says=FOOTPRINT, known=Known.SHOWN if exact else Known.DEPENDS, evidence=evidence
    )  # fmt: skip


def trial_size(trial: Trial, name: str) -> int:
    """Elements of an operand."""
    return int(np.prod({"x": trial.case.x, "w": trial.case.w, "b": trial.case.w[:1]}[name]))


def window(trial: Trial, name: str, index: int) -> Array:
    """Which outputs depend on an element of an operand, as the target gives them: those that are not zero where it is
    one, and what it meets is one.
    """
    case = trial.case.but(dtype="int64", data="small", layout="", bias=trial.case.bias or name == "b")
    shapes = {"x": case.x, "w": case.w, "b": (case.w[0],)}
    arrays = {one: np.zeros(shapes[one], np.int64) for one in (("x", "w", "b") if case.bias else ("x", "w"))}
    arrays[name].reshape(-1)[index] = 1
    if name != "b":
        arrays["w" if name == "x" else "x"][...] = 1
    hi = oracle.exact(trial.problem(case, trial.seen(arrays))).hi
    given: Array = hi != 0
    return given


def unexamined(said: str) -> list[Line]:
    """The lines where nothing ran under Memcheck."""
    return [
        Line(name="machine code", says=CONTROL, known=Known.UNEXAMINED, evidence=said),
        Line(name="footprint", says=FOOTPRINT, known=Known.UNEXAMINED, evidence=said),
    ]
