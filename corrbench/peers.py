"""The conformance table: the libraries that are here, what each gets wrong, and how fast it is."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from corrbench.analysis.baseline import Baseline
from corrbench.analysis.conformance import Peer, peer
from corrbench.case import Case
from corrbench.fingerprint import words
from corrbench.fingerprint.exploration import survey
from corrbench.fingerprint.found import Kind
from corrbench.fingerprint.survey import Point
from corrbench.judge.client import NotLoaded
from corrbench.judge.target_process import Died
from corrbench.runner import Step, session, verify
from corrbench.runner.pool import many
from corrbench.runner.store import Store
from corrbench.target import find, registered
from corrbench.timing import bench, interleaved

SCHEMA = "corrbench-conformance/1"
SUITES = ("sample", "hidden")  # what is asked of each: with all suites, the table would take an hour
OURS = ("reference.corr2d", "reference.Conv2D")  # the reference is a peer once
ASK = """
import importlib.util, json, sys
print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name) is not None]))
"""
TIMED = {  # what is timed, by the name of its column
    "256² by 5²": Case(x=(1, 1, 256, 256), w=(1, 1, 5, 5)),
    "256² by 31²": Case(x=(1, 1, 256, 256), w=(1, 1, 31, 31)),
    "32 × 56² by 3²": Case(x=(1, 32, 56, 56), w=(32, 32, 3, 3), padding=(1, 1, 1, 1)),
}
SUMMED = (Case(x=(1, 16, 10, 11), w=(16, 16, 3, 3)), Case(x=(1, 1, 10, 11), w=(1, 1, 3, 3)))  # whose order is told
TOGETHER = 5  # libraries that are timed side by side, each in a process of its own, with PyTorch among them


@dataclass(slots=True, kw_only=True)
class Conformance:
    """The table: a row for each library or way of calling it.

    Attributes:
        profile, seed: of every run.
        narrow: what was asked, if not everything.
        wanted: whether the libraries were asked for by name.
        seconds: wall time of the whole.
    """

    profile: str
    seed: int
    narrow: str = ""
    wanted: bool = False
    peers: list[Peer] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def judged(self) -> list[Peer]:
        return [one for one in self.peers if one.state == "judged"]

    @property
    def verdict(self) -> str:
        """``fail`` with a finding that no baseline records; ``error`` where nothing was judged, a run was not whole, a
        library that is there could not be judged or one that was asked for is not there; else ``pass``.
        """
        if any(one.fresh for one in self.peers):
            return "fail"
        wanting = [one for one in self.peers if one.state != "judged" and (self.wanted or one.state != "not installed")]
        whole = self.judged and all(one.verdict == "pass" for one in self.judged)
        return "pass" if whole and not wanting else "error"

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes; numbers that are not finite as text."""
        from corrbench.result import finite

        made = {"schema": SCHEMA, "verdict": self.verdict, "profile": self.profile, "seed": self.seed,
                "narrow": self.narrow, "seconds": round(self.seconds, 1), "environment": self.environment,
                "peers": [one.to_json() for one in self.peers]}  # fmt: skip
        whole: dict[str, Any] = finite(made)
        return whole


def names(wanted: Sequence[str] = ()) -> list[str]:
    """The registered targets on the CPU that are peers, or those of the wanted names and libraries.

    Raises:
        ValueError: a wanted name is neither; the message lists what there is.
    """
    known = [name for name in sorted(registered()) if name not in OURS]
    libraries = sorted({name.partition(".")[0] for name in known})
    for word in wanted:
        if word not in (*known, *libraries):
            raise ValueError(f"no library or target named {word!r}; there are: {', '.join(libraries)}")
    if not wanted:
        return [name for name in known if registered()[name][1].device == "cpu"]
    return [name for name in known if {name, name.partition(".")[0]} & set(wanted)]


def baselines(chosen: Sequence[str], folder: str) -> dict[str, Baseline | None]:
    """What is known of each name, from the file of its name in a folder, nothing where there is none; None for what
    corrbench knows itself, where no folder is given.

    Raises:
        corrbench.analysis.baseline.BadBaseline: a file cannot be read, or was recorded for another target.
    """
    if not folder:
        return dict.fromkeys(chosen)
    files = {name: Path(folder, f"{name}.json") for name in chosen}
    known = {name: Baseline.load(file) for name, file in files.items() if file.exists()}
    for name, baseline in known.items():
        baseline.meant_for(name)
    return {name: known.get(name, Baseline()) for name in chosen}


def places(chosen: Sequence[str], pythons: Sequence[str]) -> dict[str, str | None]:
    """For each name the interpreter that has its library, empty for this one; None where it is not installed.

    Raises:
        ValueError: an interpreter does not run.
    """
    modules = {name: registered()[name][1].needs.partition(".")[0] or "torch" for name in chosen}
    found: dict[str, str | None] = dict.fromkeys(chosen)
    for python in ("", *pythons):
        try:
            command = [python or sys.executable, "-I", "-c", ASK, *sorted(set(modules.values()))]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
            there = set(json.loads(done.stdout))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise ValueError(f"--python {python} cannot say what it has installed: {error}") from None
        for name in chosen:
            if found[name] is None and modules[name] in there:
                found[name] = python
    return found


def rows(
    options: verify.Options, where: Mapping[str, str | None], known: Mapping[str, Baseline | None], record: Store
) -> Iterator[Peer]:
    """Judge every library that is there, one on each core, and yield its row as it comes.

    Args:
        options: of every run.
        where: see `places`.
        known: see `baselines`.
        record: where rows are kept, and those of an interrupted command taken from.
    """
    for name, python in where.items():
        if python is None:
            needs = registered()[name][1].needs
            yield Peer(name=name, about=registered()[name][1].about, state="not installed", problem=f"no {needs} here")
        elif name in record.done:
            yield Peer.from_json(record.done[name][0])
    waiting = [name for name, python in where.items() if python is not None and name not in record.done]

    def one(name: str, start: Any) -> Peer:
        spec = find(name, python=where[name])
        run = verify.verify(spec, replace(options, workers=1), start)
        session.accept(known[name], spec, run)
        return peer(run, registered()[name][1].about)

    for name, row in many(waiting, one, options.workers):
        if row.state == "judged":
            record.append([(name, [row.to_json()])])
        yield row


def time_them(rows: Sequence[Peer], where: Mapping[str, str | None], seed: int, step: Step) -> None:
    """Note in each row its time over PyTorch's on one thread, by case; a case that it does not take is left out."""
    groups = []
    for form in ("conv2d", "corr2d"):
        mine = [row for row in rows if row.form == form and row.name != bench.BASELINE]
        groups += [(form, mine[i : i + TOGETHER]) for i in range(0, len(mine), TOGETHER)]
    for number, (form, group) in enumerate(groups):
        step(number, len(groups), ", ".join(row.name for row in group))
        chosen = {name: case for name, case in TIMED.items() if form == "conv2d" or case.single_channel}
        for name, ratios in _ratios(group, where, list(chosen.values()), seed).items():
            row = next(row for row in group if row.name == name)
            row.speed = {column: ratios[case] for column, case in chosen.items() if case in ratios}
    for row in rows:
        if row.name == bench.BASELINE:
            row.speed = dict.fromkeys(TIMED, 1.0)


def fingerprint_them(rows: Sequence[Peer], where: Mapping[str, str | None], seed: int, step: Step) -> None:
    """Note in each row how it sums: of a layer of 16 channels, or of a plane where that is all that it takes. What
    cannot be asked is left out.
    """
    for number, row in enumerate(rows):
        step(number, len(rows), row.name)
        for case in SUMMED:
            try:
                made = survey(
                    find(row.name, python=where[row.name]), row.name, profile="quick", dtype=case.dtype, seed=seed,
                    limit=math.inf, step=lambda *_: None, points=[Point(case)], invariant=True,
                )  # fmt: skip
            except (NotLoaded, Died):
                break
            found = next((one for one in made.cells.values() if one.kind is not Kind.REFUSED), None)
            if found is not None:
                row.arithmetic = words.columns(found, made.matrix)
                break


def _ratios(
    group: Sequence[Peer], where: Mapping[str, str | None], cases: Sequence[Case], seed: int
) -> dict[str, dict[Case, float]]:
    """By name and case; where one of the group cannot be loaded any more, the others are timed one by one."""
    rivals = {bench.BASELINE: find(bench.BASELINE)} | {
        row.name: find(row.name, python=where[row.name]) for row in group
    }
    tasks = [interleaved.Task(case) for case in cases]
    try:
        made = bench.measure(rivals, [row.name for row in group], tasks, seed, lambda *_: None, blocks=1)
    except (NotLoaded, Died):
        return {} if len(group) == 1 else {k: v for row in group for k, v in _ratios([row], where, cases, seed).items()}
    return {
        row.name: {
            task.case: statistics.median(found[row.name].ratios)
            for task, found in made.rows.items()
            if found[row.name].ratios
            and not (found[row.name].note or found[row.name].wrong or found[row.name].impossible)
        }
        for row in group
    }
