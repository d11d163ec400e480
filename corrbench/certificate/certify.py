"""A certificate from its parts: the program over fields, machine code, exact integers, rounding, the case's tests."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.certificate import black_box, identity, rounding, white_box
from corrbench.certificate.lines import Certificate, Known, Line
from corrbench.judge import protocol
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.probe import probe
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.result import FINDINGS, Result, Status
from corrbench.runner import executors, plan, verify
from corrbench.runner.signature import signed
from corrbench.support import Support
from corrbench.target import Spec, artefact

MEMCHECK = ("auto", "always", "never")
DATA = ("small", "unit")  # of the tests: whole numbers, and real ones
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is examined.

    Attributes:
        case: the text of the case.
        seed: of operands and primes.
        memcheck: ``always``, ``never``, or ``auto``: where that takes less than a minute, hence without torch.
        test: whether the checks of `verify` are asked about the case.
        fail_fast: whether they end with the first finding.
    """

    case: str
    seed: int
    memcheck: str = "auto"
    test: bool = True
    fail_fast: bool = False


def certify(
    spec: Spec, options: Options, step: Step = lambda text: None, start: executors.Start | None = None
) -> Certificate:
    """Examine a target for one case; its tests are made by the executor of `start`, or by one of its own.

    Raises:
        ValueError: no such case, or the target cannot express it.
        NotLoaded: the target cannot be loaded.
    """
    given = plan.known(options.case)
    case = given.but(data="unit")
    rng, seconds = np.random.default_rng(options.seed), dict[str, float]()

    def timed(name: str, part: Callable[[], list[Line]]) -> list[Line]:
        step(name)
        began = time.monotonic()
        found = part()
        seconds[name] = round(time.monotonic() - began, 2)
        return found

    step("loading")
    with Remote(spec) as remote:
        began = time.monotonic()
        support = probe(spec, remote)
        spec = replace(spec, **support.adopted)
        case = plan.fitting(case, support)
        seconds["loading"] = round(time.monotonic() - began, 2)
        trial = Trial("certify", case, options.seed, spec, support, remote)
        white = timed("white box", lambda: white_box.examine(trial, rng))
        exact = timed("exact integers", lambda: identity.examine(trial))
        kept = timed("state", lambda: state(trial))
        wanted, why = under_memcheck(spec, options)
        black = timed("black box", lambda: black_box.examine(trial, rng, wanted, why))
        model = timed("rounding", lambda: [rounding.examine(trial)])
    tested = timed("tests", lambda: tested_by_checks(spec, support, case.but(data=given.data), options, start))
    asked = verify.Options(case=str(case), seed=options.seed)
    made = Certificate(
        target=spec.name or spec.target, case=str(case.but(data="unit")), seed=options.seed,
        source=digest(support.file), seconds=seconds,
        settings={"element type": case.dtype, "threads": "1", **signed(spec, asked, options.seed, support.file)},
    )  # fmt: skip
    made.settings["command"] = made.settings["command"].replace("corrbench verify", "corrbench certify", 1)
    made.lines = arranged(white, black, exact, kept, [*model, *tested])
    return made


def arranged(
    white: list[Line], black: list[Line], exact: list[Line], kept: list[Line], asked: list[Line]
) -> list[Line]:
    """The lines in the order of the page. Where the program cannot be read, its machine code speaks for its course."""
    flow, selection, same, operators = white
    machine, footprint = black
    if flow.known is Known.UNEXAMINED and machine.known is not Known.UNEXAMINED:
        flow = replace(machine, name="control flow")
    elif flow.known is Known.SHOWN and flow.evidence == white_box.OBJECTS:
        if machine.known is not Known.SHOWN:  # what reads an array's memory past its elements, only Memcheck sees
            flow = replace(machine, name="control flow")
        else:
            flow = replace(flow, evidence=f"{flow.evidence}; and {machine.evidence}")
    if machine.known is Known.DEPENDS:
        said = f"{footprint.evidence}; on this course of the program, which depends on the operands"
        footprint = replace(footprint, known=Known.TESTED, evidence=said)
    if selection.known is Known.UNEXAMINED and flow.known is Known.SHOWN:
        said = f"{selection.evidence}; Memcheck does not report instructions that select without a branch"
        selection = replace(selection, evidence=said)
    return [flow, selection, *kept, same, footprint, machine, *exact, *asked, operators, *assumptions()]


def assumptions() -> list[Line]:
    """What every certificate assumes, and what it does not speak of."""
    return [
        Line(
            name="interpreter", says="Python, torch, NumPy, the compiler, the processor and valgrind do what they are "
            "documented to do", known=Known.ASSUMED, evidence="nothing here examines them",
        ),
        Line(
            name="special values", says="NaN, infinities, overflow, underflow and the sign of zero",
            known=Known.UNEXAMINED, evidence="a prime field has none of them",
        ),
        Line(
            name="derivatives", says="gradients, whatever the cotangent", known=Known.UNEXAMINED,
            evidence="only the result is shown; the tests of the case hold its gradients on their own data",
        ),
        Line(
            name="unaware", says="the target does the same when it is examined as when it is not", known=Known.ASSUMED,
            evidence="it runs in a process that it can tell from others: over a field, or under valgrind",
        ),
        Line(
            name="other cases", says="other shapes, arguments, element types, layouts, numbers of threads, devices, "
            "machines and versions", known=Known.UNEXAMINED, evidence="the certificate is of one case on one machine",
        ),
    ]  # fmt: skip


def under_memcheck(spec: Spec, options: Options) -> tuple[bool, str]:
    """Whether the machine code is examined, and why not."""
    if options.memcheck == "never":
        return False, "not asked for (--memcheck never)"
    if options.memcheck == "auto" and spec.arrays == "torch":
        return False, "importing torch under Memcheck takes minutes: ask with --memcheck always"
    return True, ""


def state(trial: Trial) -> list[Line]:
    """Lines on what the target keeps from call to call, and on what it reads beside its operands."""
    keeps = "no Python object that the target can reach changes from call to call"
    reads = "the target's program asks for no time, no chance and no variable of the environment"
    if artefact(trial.spec.target):
        why = "its objects are not Python's"
        return [Line(name=name, says=says, known=Known.UNEXAMINED, evidence=why)
                for name, says in (("state", keeps), ("world", reads))]  # fmt: skip
    arrays: list[np.ndarray] = []
    call = Call(case=trial.case, arrays=trial.operands())
    step = call.step(trial.support.convention, arrays)
    found: dict[str, Any] = {}
    try:
        found = trial.remote.examined({"op": "kept", "step": step}, arrays, trial.case.dtype, protocol.kept)
        said = found["raised"] and f"it raises {found['raised']['type']}: {found['raised']['message'][:160]}"
    except (Died, NotLoaded) as death:
        said = str(death)
    if said:
        return [Line(name=name, says=says, known=Known.UNEXAMINED, evidence=said)
                for name, says in (("state", keeps), ("world", reads))]  # fmt: skip
    changed, asked = "; ".join(found["state"][:4]), ", ".join(found["asked"][:6])
    looked = f"{found['looked']} objects looked at after each of 3 calls"
    return [
        Line(name="state", says=keeps, known=Known.DEPENDS if changed else Known.SHOWN,
             evidence=f"what later calls may depend on changes: {changed}" if changed else looked),
        Line(name="world", says=reads, known=Known.DEPENDS if asked else Known.SHOWN,
             evidence=f"it asks for {asked}" if asked else "no such function was called by it in two calls"),
    ]  # fmt: skip


def tested_by_checks(
    spec: Spec, support: Support, case: Case, options: Options, start: executors.Start | None
) -> list[Line]:
    """A line for every family of checks that asks about the case, with what it found."""
    says = "the checks of `corrbench verify` about this case"
    if not options.test:
        return [Line(name="tests", says=says, known=Known.UNEXAMINED, evidence="not asked for (--no-tests)")]
    results: list[Result] = []
    with contextlib.nullcontext(start) if start else executors.opened("local", 1) as ready:
        for data in dict.fromkeys((*DATA, case.data)):
            asked = verify.Options(
                case=str(case.but(data=data)), seed=options.seed, workers=1, fail_fast=options.fail_fast
            )
            try:
                run = verify.verify(spec, asked, ready, support=support)
                results += run.results
                if options.fail_fast and run.findings:
                    break
            except ValueError as error:
                return [Line(name="tests", says=says, known=Known.UNEXAMINED, evidence=str(error))]
    families: dict[str, list[Result]] = {}
    for one in results:
        families.setdefault(one.check.partition(".")[0], []).append(one)
    lines = [line for name, found in sorted(families.items()) if (line := family(name, found)) is not None]
    return lines or [Line(name="tests", says=says, known=Known.UNEXAMINED, evidence="no check asks about this case")]


def family(name: str, found: list[Result]) -> Line | None:
    """The line of a family of checks; None where it asked nothing."""
    counts = Counter(one.status for one in found if one.status is not Status.SKIPPED)
    if not counts:
        return None
    said = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
    wrong = next((one for one in found if one.status in FINDINGS), None)
    says = f"the checks `{name}` of `corrbench verify` about this case"
    if wrong is not None:
        return Line(name=f"tests: {name}", says=says, known=Known.REFUTED,
                    evidence=f"{said}; {wrong.check}: {' '.join(wrong.message.split())[:240]}")  # fmt: skip
    passed = counts[Status.PASS]
    known = Known.TESTED if passed else Known.UNEXAMINED
    return Line(name=f"tests: {name}", says=says, known=known, evidence=said, inputs=passed)


def digest(file: str) -> str:
    """SHA-256 of a target's file, in short; empty where it has none that can be read."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""
    except OSError:
        return ""
