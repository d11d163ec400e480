"""What a pass is worth: trigger faults that are read or named, what is certified, and the mutants noticed.

Each part is recorded as it comes in `.corrbench/worth.jsonl`; interrupted, the same command goes on. Nothing wrong
may be certified for a case on which it is planted wrong.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.worth_report import Kept, Record, page
from corrbench.case import Case
from corrbench.certificate import certify, white_box
from corrbench.certificate.lines import NEEDED, PROVED, Known, Line
from corrbench.convention import options as conventions
from corrbench.defects import Mutant, absent, catalogue
from corrbench.judge import client
from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.judge.worker import library, serve
from corrbench.judge.worker.caller import Caller
from corrbench.mutation import mutate
from corrbench.runner import executors, verify
from corrbench.runner.store import BadStore
from corrbench.support import Support
from corrbench.target import Spec

CASES = {
    "conv2d": "x=2,3,9,8 w=4,3,3,3 padding=1 bias", "corr2d": "x=1,1,9,8 w=1,1,3,2",
    "module": "x=1,1,9,8 w=1,1,3,2 bias",
}  # fmt: skip
MUTATED = (  # honest implementations whose text is their own, the quick ones first
    "corrbench.defects.honest_numpy:numpy_shift_and_add", "corrbench.defects.honest_numpy:plain_numpy_windows",
    "corrbench.defects.honest_numpy:numpy_windows", "corrbench.defects.honest_article:plain_shift_and_add",
    "corrbench.defects.honest_article:plain_rows", "corrbench.defects.honest_conv2d:shift_and_add",
    "corrbench.defects.honest_conv2d:einsum_over_windows", "corrbench.defects.honest_conv2d:padding_skipped",
    "corrbench.reference:corr2d", "corrbench.reference:conv2d",
)  # fmt: skip
PARTS = ("read", "triggers", "honest", "tested", "wrong", "mutants")
SEED = 20
PATIENCE = 60.0  # seconds of the processor that a program may take here


def spec_of(one: Mutant) -> Spec:
    """How one of the catalogue is called, in a process that divides."""
    return Spec(target=one.target, form=one.form, arrays=one.arrays, accuracy=one.accuracy, divided=True)


def certified(one: Mutant, case: str, start: executors.Start, memcheck: str, *, test: bool) -> Record:
    """The certificate of one of the catalogue, in short."""
    try:
        asked = certify.Options(case=case, seed=SEED, memcheck=memcheck, test=test, fail_fast=True)
        made = certify.certify(spec_of(one), asked, start=start)
    except (ValueError, NotLoaded, Died) as error:
        return {"case": case, "verdict": "open", "reason": str(error)[:200], "places": []}
    known = {name: str(made.line(name).known) for name in ("machine code", "footprint", "rounding")}
    places = [*made.line("control flow").places, *made.line("machine code").places]
    return {"case": case, "verdict": made.verdict, "reason": made.reason[:300], "costs": made.seconds,
            "places": places, "known": known}  # fmt: skip


class Here:
    """The target's side of a certificate in this very process, so that none is started for each of hundreds."""

    def __init__(self, spec: Spec) -> None:
        self.spec, self.caller = spec, Caller(client.told(spec), [])

    def examined(self, request: Record, arrays: list[Any], _dtype: str, parse: Callable[..., Any]) -> Any:
        """As `Remote.examined`."""
        answer, blobs = serve.ANSWERS[request["op"]](request, arrays, self.caller)
        rest = BytesIO(b"".join(blobs))
        return parse(json.loads(json.dumps(answer)), float("inf"), lambda size: bytearray(rest.read(size)))


def by_program(one: Mutant, case: str) -> list[Line]:
    """What the program alone says: the lines on it, and on its state; no more than is needed to see that one fails."""
    spec = spec_of(one)
    support = Support(frozenset(), {}, one.form, said=conventions.of(one.form))
    remote: Any = Here(spec)
    trial = Trial("certify", Case.parse(case).but(data="unit"), SEED, spec, support, remote)
    lines = white_box.examine(trial, np.random.default_rng(SEED))
    return lines + certify.state(trial) if lacking(lines) is None else lines


def divided(work: Callable[[], Record]) -> Record:
    """What a copy of this process finds, which nothing that it does outlives; that it failed where it dies."""
    read, write = os.pipe()
    if not (child := os.fork()):
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        try:
            made = work()
        except BaseException as error:  # noqa: BLE001 - whatever a target raises
            made = {"failed": f"{type(error).__name__}: {error}"[:200]}
        os.write(write, json.dumps(made).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"failed": "the process died"}


def lacking(lines: list[Line]) -> Line | None:
    """The first line that is needed and not shown."""
    return next((line for line in lines if line.name in NEEDED and line.known not in PROVED), None)


def looked(one: Mutant, case: str) -> Record:
    """Why one gets no certificate by what its program says; empty where it may get one."""
    line = lacking(by_program(one, case))
    return {} if line is None else {
        "case": case, "verdict": "refuted" if line.known is Known.REFUTED else "open", "places": list(line.places),
        "reason": f"{line.name}: {line.evidence}"[:300], "program": True}  # fmt: skip


def read(one: Mutant, start: executors.Start) -> Record:
    """What `verify` finds of one whose constant its source has, first by the checks that are for that."""
    asked = verify.Options(profile="standard", seed=SEED, workers=1, fail_fast=True, check="source")
    run = verify.verify(spec_of(one), asked, start)
    if run.verdict != "fail":
        run = verify.verify(spec_of(one), replace(asked, check=""), start)
    first = next(iter(run.findings), None)
    case = {"by": first.check, "case": str(first.case)} if first else {"by": "", "case": ""}
    return {"verdict": run.verdict, "reason": run.problem, "questions": run.judged, **case} | about(one)


def mutated(target: str, sample: int, workers: int) -> Record:
    """The mutants of an honest implementation."""
    named = {one.target: one for one in catalogue()}
    known = named.get(target)
    spec = Spec(target=target, arrays=known.arrays if known else "torch", form=known.form if known else "")
    options = mutate.Options(seed=SEED, sample=sample, workers=workers, resume=True)
    try:
        made = mutate.mutate(spec, options)
    except BadStore:  # there is no record yet, or of another text
        made = mutate.mutate(spec, replace(options, resume=False))
    return {"verdict": f"{made.share:.3f}", "made": made.made, "times": [one.seconds for one in made.fates],
            **{name: len(made.of(name)) for name in ("noticed", "survived", "equivalent")},
            "survivors": [made.diff(one) for one in made.of("survived")]}  # fmt: skip


def here() -> list[Mutant]:
    """What of the catalogue can be judged here."""
    return [one for one in catalogue() if not absent(one)]


def fully(part: str, one: Mutant, case: str, start: executors.Start) -> Record:
    """The certificate of one, in short. Machine code is of interest where the program is right; there the tests, which
    take longest, are a part of their own. Outside of its region a trigger fault passes them.
    """
    test = part in ("tested", "wrong")
    return certified(one, case, start, "never" if test else "auto", test=test) | about(one)


def wanted(parts: tuple[str, ...]) -> Iterator[tuple[str, Mutant, str]]:
    """What is examined, in which part, and for which case."""
    for one in sorted(here(), key=lambda one: (one.kind != "trigger", one.kind != "honest")):
        if one.constant == "readable" and "read" in parts:
            yield "read", one, ""
        for part in {"trigger": ("triggers",), "honest": ("honest", "tested")}.get(one.kind, ()):
            if part in parts:
                yield part, one, CASES[one.form]
        if one.kind != "honest" and one.witness and "wrong" in parts:
            yield "wrong", one, one.witness


def missing(kept: Kept) -> dict[str, int]:
    """How many records of each part are not there."""
    every = [*((part, one.name) for part, one, _ in wanted(PARTS)), *(("mutants", target) for target in MUTATED)]
    return Counter(part for part, name in every if (part, name) not in kept.records)


def about(one: Mutant) -> Record:
    """What a record says of one of the catalogue."""
    return {"constant": one.constant, "wrong": one.wrong, "arrays": one.arrays}


def measure(kept: Kept, parts: tuple[str, ...], sample: int, workers: int) -> None:
    """All that is not recorded yet."""
    library.load_torch()
    by_program(next(one for one in here() if one.name == "columns"), CASES["conv2d"])  # what is imported on the way
    with executors.opened("local", 1) as start:
        for part, one, case in wanted(parts):
            if (part, one.name) not in kept.records and part in ("triggers", "wrong"):
                found = divided(partial(looked, one, case))
                if found and "failed" not in found:  # its program alone says why there is no certificate
                    kept.make(part, one.name, partial(dict, found | about(one)))
        for part, one, case in wanted(parts):
            work = partial(read, one, start) if part == "read" else partial(fully, part, one, case, start)
            kept.make(part, one.name, work)
    for target in MUTATED if "mutants" in parts else ():
        kept.make("mutants", target, partial(mutated, target, sample, workers))


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS))
@click.option(
    "--sample", default=60, show_default=True, type=click.IntRange(0), help="Mutants of each implementation; 0: all."
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Mutants at a time.")
@click.option("--so-far", is_flag=True, help="Measure nothing more: what is recorded, and how much is not.")
@click.option("--report", type=click.Path(file_okay=False), help="Write worth.md into this folder.")
def main(parts: tuple[str, ...], sample: int, workers: int, so_far: bool, report: str | None) -> None:
    """Measure; exit code 1 if something wrong was certified."""
    kept = Kept(Path(".corrbench", "worth.jsonl"))
    if not so_far:
        measure(kept, parts or PARTS, sample, workers)
    text = page(kept, missing(kept))
    click.echo(text)
    if report:
        Path(report).mkdir(parents=True, exist_ok=True)
        Path(report, "worth.md").write_text(text, encoding="utf-8")
    raise SystemExit(any(one["verdict"] == "certified" for one in kept.of("wrong")))


if __name__ == "__main__":
    main()
