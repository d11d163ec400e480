"""What a pass is worth: trigger faults that a certificate names, what it certifies, and the mutants noticed.

Each part is recorded as it comes in `.corrbench/worth.jsonl`; interrupted, the same command goes on. Nothing wrong
may be certified for a case on which it is planted wrong.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import click
import numpy as np

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
from corrbench.runner import executors
from corrbench.support import Support
from corrbench.target import Spec

CASES = {
    "conv2d": "x=2,3,9,8 w=4,3,3,3 padding=1 bias", "corr2d": "x=1,1,9,8 w=1,1,3,2",
    "module": "x=1,1,9,8 w=1,1,3,2 bias",
}  # fmt: skip
MUTATED = (  # honest implementations whose text is their own
    "corrbench.reference:corr2d", "corrbench.reference:conv2d", "corrbench.defects.honest_article:plain_shift_and_add",
    "corrbench.defects.honest_article:plain_rows", "corrbench.defects.honest_numpy:numpy_shift_and_add",
    "corrbench.defects.honest_numpy:plain_numpy_windows", "corrbench.defects.honest_conv2d:shift_and_add",
    "corrbench.defects.honest_conv2d:einsum_over_windows", "corrbench.defects.honest_numpy:numpy_windows",
    "corrbench.defects.honest_conv2d:padding_skipped",
)  # fmt: skip
SEED = 20
PATIENCE = 60.0  # seconds of the processor that a program may take here
Record = dict[str, Any]


class Kept:
    """The records that there are, by part and name; new ones are appended to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.records = {(one["part"], one["name"]): one for one in map(json.loads, lines)}

    def of(self, part: str) -> list[Record]:
        """The records of a part."""
        return [one for (which, _), one in self.records.items() if which == part]

    def make(self, part: str, name: str, work: Callable[[], Record]) -> None:
        """A record, unless it is there."""
        if (part, name) in self.records:
            return
        began = time.monotonic()
        made = {"part": part, "name": name, **work()} | {"seconds": round(time.monotonic() - began, 2)}
        self.records[part, name] = made
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(made) + "\n")
        said = f"{made.get('verdict', '')} {made['seconds']} s {str(made.get('reason', ''))[:100]}"
        click.echo(f"{part} {name}: {said}", err=True)


def spec_of(one: Mutant) -> Spec:
    """How one of the catalogue is called, in a process that divides."""
    return Spec(target=one.target, form=one.form, arrays=one.arrays, accuracy=one.accuracy, divided=True)


def certified(one: Mutant, case: str, start: executors.Start, memcheck: str = "auto") -> Record:
    """The certificate of one of the catalogue, in short."""
    try:
        asked = certify.Options(case=case, seed=SEED, memcheck=memcheck, fail_fast=one.kind != "honest")
        made = certify.certify(spec_of(one), asked, start=start)
    except (ValueError, NotLoaded, Died) as error:
        return {"case": case, "verdict": "open", "reason": str(error)[:200], "places": []}
    flow = made.line("control flow")
    return {"case": case, "verdict": made.verdict, "reason": made.reason[:300], "costs": made.seconds,
            "places": [*flow.places, *made.line("machine code").places], "arrays": one.arrays,
            "machine": str(made.line("machine code").known)}  # fmt: skip


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
        "reason": f"{line.name}: {line.evidence}"[:300], "arrays": one.arrays, "program": True}  # fmt: skip


def mutated(target: str, sample: int, workers: int) -> Record:
    """The mutants of an honest implementation."""
    named = {one.target: one for one in catalogue()}
    known = named.get(target)
    spec = Spec(target=target, arrays=known.arrays if known else "torch", form=known.form if known else "")
    made = mutate.mutate(spec, mutate.Options(seed=SEED, sample=sample, workers=workers))
    return {"verdict": f"{made.share:.3f}", "made": made.made, "times": [one.seconds for one in made.fates],
            **{name: len(made.of(name)) for name in ("noticed", "survived", "equivalent")},
            "survivors": [made.diff(one) for one in made.of("survived")]}  # fmt: skip


def here() -> list[Mutant]:
    """What of the catalogue can be judged here."""
    return [one for one in catalogue() if not absent(one)]


def fully(one: Mutant, case: str, start: executors.Start, memcheck: str) -> Record:
    """The whole certificate of one, in short."""
    return certified(one, case, start, memcheck) | about(one)


def wanted(parts: tuple[str, ...]) -> Iterator[tuple[str, Mutant, str]]:
    """What is examined, in which part, and for which case."""
    for one in sorted(here(), key=lambda one: (one.kind != "trigger", one.kind != "honest")):
        if one.kind in ("trigger", "honest") and (part := {"trigger": "triggers"}.get(one.kind, one.kind)) in parts:
            yield part, one, CASES[one.form]
        if one.kind != "honest" and one.witness and "wrong" in parts:
            yield "wrong", one, one.witness


def about(one: Mutant) -> Record:
    """What a record says of one of the catalogue."""
    return {"constant": one.constant, "wrong": one.wrong, "arrays": one.arrays}


def measure(kept: Kept, parts: tuple[str, ...], sample: int, workers: int) -> None:
    """All that is not recorded yet."""
    library.load_torch()
    by_program(next(one for one in here() if one.name == "columns"), CASES["conv2d"])  # what is imported on the way
    with executors.opened("local", 1) as start:
        for part, one, case in wanted(parts):
            if (part, one.name) not in kept.records and part != "honest":
                found = divided(partial(looked, one, case))
                if found and "failed" not in found:
                    kept.make(part, one.name, partial(dict, found | about(one)))
        for part, one, case in wanted(parts):
            memcheck = "never" if part == "wrong" else "auto"
            kept.make(part, one.name, partial(fully, one, case, start, memcheck))
    for target in MUTATED if "mutants" in parts else ():
        kept.make("mutants", target, partial(mutated, target, sample, workers))


# ---- the page


def page(kept: Kept) -> str:
    """What is written of it."""
    return "\n".join([*triggers(kept), *honest(kept), *falsely(kept), *mutants(kept), *costs(kept)]).rstrip() + "\n"


def triggers(kept: Kept) -> Iterator[str]:
    found = kept.of("triggers")
    refused = [one for one in found if one["verdict"] != "certified"]
    data = [one for one in found if one["constant"] == "computed"]
    caught = [one for one in data if one["verdict"] != "certified"]
    yield from ["# What a pass is worth", ""]
    yield (f"**{len(caught)} of {len(data)} trigger faults with computed constants get no certificate, "
           f"{len(refused)} of {len(found)} of all.**")  # fmt: skip
    yield from ["", "## Trigger faults", "", "Each is examined for an ordinary case, outside its region.", "",
                 "| fault | constant | certificate | where, or why |", "|---|---|---|---|"]  # fmt: skip
    for one in found:
        yield f"| {one['name']} | {one['constant']} | {one['verdict']} | {cell(one['reason'])} |"
    yield ""


def honest(kept: Kept) -> Iterator[str]:
    found = kept.of("honest")
    done = [one for one in found if one["verdict"] == "certified"]
    yield from ["## Honest implementations", "", f"{len(done)} of {len(found)} certified.", ""]
    yield from ["| implementation | certificate | why not |", "|---|---|---|"]
    for one in found:
        yield f"| {one['name']} | {one['verdict']} | {cell(one['reason'])} |"
    yield ""


def falsely(kept: Kept) -> Iterator[str]:
    found = kept.of("wrong")
    bad = [one for one in found if one["verdict"] == "certified"]
    asked = Counter(bool(one.get("program")) for one in found)
    yield from ["## Certified though wrong", ""]
    yield (f"{len(bad)} of {len(found)} wrong implementations are certified for a case of their region: "
           f"{asked[True]} fail by their program, the others by the tests of the case.")  # fmt: skip
    yield ""
    for one in bad:
        yield f"- {one['name']} ({one['wrong']}): {one['case']}"
    if bad:
        yield ""


def mutants(kept: Kept) -> Iterator[str]:
    found = kept.of("mutants")
    noticed, survived = (sum(one[name] for one in found) for name in ("noticed", "survived"))
    times = [second for one in found for second in one["times"]]
    yield from ["## Mutants", ""]
    if found:
        yield (f"{noticed} of {noticed + survived} mutants that are not equivalent noticed, "
               f"{noticed / max(1, noticed + survived):.1%}; median {statistics.median(times):.2f} s.")  # fmt: skip
    yield from ["", "| implementation | judged of | noticed | survived | equivalent |", "|---|---:|---:|---:|---:|"]
    for one in found:
        judged = one["noticed"] + one["survived"] + one["equivalent"]
        counts = " | ".join(str(one[name]) for name in ("noticed", "survived", "equivalent"))
        yield f"| {one['name']} | {judged} of {one['made']} | {counts} |"
    for one in found:
        for diff in one["survivors"]:
            yield from ["", f"Survivor of {one['name']}:", "", "```diff", diff.rstrip(), "```"]
    yield ""


def costs(kept: Kept) -> Iterator[str]:
    yield from ["## Costs", "", "Seconds of a certificate by its parts: the median, and the most.", "",
                "| part | torch | NumPy |", "|---|---|---|"]  # fmt: skip
    every = [one for part in ("triggers", "honest") for one in kept.of(part) if "costs" in one]
    for name in ("loading", "white box", "exact integers", "state", "black box", "tests"):
        row = []
        for arrays in ("torch", "numpy"):
            spent = [one["costs"].get(name, 0.0) for one in every if one["arrays"] == arrays]
            row.append(f"{statistics.median(spent):.1f}, {max(spent):.1f}" if spent else "")
        yield f"| {name} | {row[0]} | {row[1]} |"


def cell(text: str) -> str:
    """A text in a table."""
    return " ".join(text.split()).replace("|", "\\|")[:200]


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(("triggers", "honest", "wrong", "mutants")))
@click.option(
    "--sample", default=60, show_default=True, type=click.IntRange(0), help="Mutants of each implementation; 0: all."
)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Mutants at a time.")
@click.option("--report", type=click.Path(file_okay=False), help="Write worth.md into this folder.")
def main(parts: tuple[str, ...], sample: int, workers: int, report: str | None) -> None:
    """Measure; exit code 1 if something wrong was certified."""
    kept = Kept(Path(".corrbench", "worth.jsonl"))
    measure(kept, parts or ("triggers", "honest", "wrong", "mutants"), sample, workers)
    text = page(kept)
    click.echo(text)
    if report:
        Path(report).mkdir(parents=True, exist_ok=True)
        Path(report, "worth.md").write_text(text, encoding="utf-8")
    raise SystemExit(any(one["verdict"] == "certified" for one in kept.of("wrong")))


if __name__ == "__main__":
    main()
