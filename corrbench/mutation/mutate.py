"""The mutants of a target, judged: the share that was noticed, and those that survive."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from corrbench.judge.client import NotLoaded
from corrbench.mutation import copies, judging
from corrbench.mutation.judging import Bench, Fate
from corrbench.mutation.mutants import Mutant, mutants
from corrbench.runner import executors, plan, secret_seed, verify
from corrbench.runner.signature import summary_environment
from corrbench.runner.store import FOLDER, Store, digest
from corrbench.target import Spec

SCHEMA = "corrbench-mutants/1"
ENDLESS = float("inf")


@dataclass(slots=True, kw_only=True)
class Mutation:
    """The fates of a target's mutants.

    Attributes:
        target, profile, seed: what was judged, and how.
        source, name: the text that was changed, and its file's name.
        made: how many mutants there are.
        mutants: those that were judged, by their keys.
        fates: what became of them.
        stopped: why not all were judged; empty if they were.
        seconds: wall time.
    """

    target: str
    profile: str
    seed: int
    name: str
    source: bytes = field(repr=False)
    made: int = 0
    mutants: dict[str, Mutant] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)
    stopped: str = ""
    seconds: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)

    def of(self, outcome: str) -> list[Fate]:
        """The fates of one outcome, in the order of the text."""
        return sorted((one for one in self.fates if one.outcome == outcome), key=lambda one: (one.line, one.key))

    @property
    def share(self) -> float:
        """Of the mutants that are not equivalent, the share that was noticed."""
        noticed, survived = len(self.of("noticed")), len(self.of("survived"))
        return noticed / (noticed + survived) if noticed + survived else 0.0

    @property
    def median(self) -> float:
        """Seconds that a mutant took, the median."""
        return statistics.median([one.seconds for one in self.fates]) if self.fates else 0.0

    def diff(self, fate: Fate) -> str:
        """A mutant as a unified diff of the source."""
        return self.mutants[fate.key].diff(self.source, self.name)

    def to_json(self) -> dict[str, Any]:
        """The object of the file."""
        counts = {name: len(self.of(name)) for name in ("noticed", "equivalent", "survived")}
        fates = [asdict(one) | {"diff": self.diff(one)} for one in self.fates]
        return {"schema": SCHEMA, "target": self.target, "profile": self.profile, "seed": self.seed, "made": self.made,
                "counts": counts, "share": self.share, "median_seconds": self.median, "stopped": self.stopped,
                "seconds": self.seconds, "environment": self.environment, "mutants": fates}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How mutants are judged.

    Attributes:
        profile: of the verification.
        seed: of its data and of the order of mutants; None for a secret one.
        sample: so many mutants at most; 0 for all.
        limit: seconds after which no more are begun; 0 for none.
        workers: mutants at a time.
        resume: go on with what is recorded.
    """

    profile: str = "standard"
    seed: int | None = None
    sample: int = 0
    limit: float = 0.0
    workers: int = 1
    resume: bool = False


Watch = Callable[[Fate, Mutation, int], None]


def mutate(spec: Spec, options: Options, watch: Watch = lambda fate, made, total: None) -> Mutation:
    """Judge the mutants of a target.

    Raises:
        ValueError: there is no source, or the original does not pass, or a record that cannot be gone on with.
    """
    began = time.monotonic()
    origin = copies.original(spec)
    source = origin.source
    header = {"mutants of": spec.target, "source": digest(source), "profile": options.profile, "spec": asdict(spec)}
    path = Path(FOLDER, digest(repr(header).encode()) + ".mutants.jsonl")
    if options.resume:
        store = Store.resume(path, header, options.seed)
    else:
        seed = secret_seed() if options.seed is None else options.seed
        store = Store.create(path, header | {"seed": seed})
    seed = int(store.header["seed"])
    try:
        every = mutants(source, origin.attribute, seed)
    except SyntaxError as error:
        raise ValueError(f"{origin.file.name} does not parse: line {error.lineno}: {error.msg}") from None
    wanted = every[: options.sample] if options.sample else every
    if not wanted:
        raise ValueError(f"{origin.file.name}:{origin.attribute} has nothing that could be changed")
    made = Mutation(
        target=spec.name or spec.target, profile=options.profile, seed=seed, name=origin.file.name, source=source,
        made=len(every), mutants={one.key: one for one in wanted}, environment=summary_environment(),
    )  # fmt: skip
    deadline = began + options.limit if options.limit else ENDLESS
    with bench(spec, origin, options.profile, seed) as ready:
        for fate in judging.judged(ready, wanted, options.workers, store, deadline):
            made.fates.append(fate)
            watch(fate, made, len(wanted))
    if len(made.fates) < len(wanted):
        made.stopped = f"the limit of {options.limit:g} s"
    made.seconds = round(time.monotonic() - began, 2)
    return made


@contextlib.contextmanager
def bench(spec: Spec, origin: copies.Original, profile: str, seed: int) -> Iterator[Bench]:
    """The original in a copy, probed and found right by the first questions, and what its mutants are asked.

    Raises:
        ValueError: it cannot be loaded from a copy, or it does not pass.
    """
    with tempfile.TemporaryDirectory(prefix="mutants-") as name, executors.opened("local", 1) as start:
        folder = Path(name)
        target = origin.copy(folder / "original", origin.source)
        copy = replace(spec, target=target, name="", folder=name, divided=not spec.compile)
        try:
            support = executors.ask(copy, start)
        except NotLoaded as error:
            raise ValueError(f"a copy of {origin.file.name} does not load: {error}") from None
        copy = replace(copy, **{key: value for key, value in support.adopted.items() if key not in LAID})
        shape = plan.outline(copy, support, profile, seed)
        jobs = plan.jobs(shape)
        if not jobs:
            raise ValueError("nothing can be asked of the original: it takes nothing that the suites ask")
        run = verify.verify(copy, verify.Options(profile="quick", seed=seed, fail_fast=True), start)
        if run.verdict != "pass":
            found = next(iter(run.findings), None)
            said = f"{found.check}: {found.message[:200]}" if found else run.problem or run.verdict
            raise ValueError(f"the original does not pass, so its mutants say nothing: {said}")
        yield Bench(
            original=origin, spec=copy, folder=folder, support=support, jobs=jobs, profile=profile, seed=seed
        )  # fmt: skip


LAID = ("target", "name", "folder", "divided")  # of a copy's spec, whatever convention is adopted
