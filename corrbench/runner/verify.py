"""The verification of a target, from a Spec to a Run: probe, plan, execute, record."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from corrbench.analysis import refusals
from corrbench.judge.client import NotLoaded
from corrbench.judge.divided import dividing
from corrbench.result import DEATHS, Result, Run, Status
from corrbench.runner import coverage, explain, localise, plan, secret_seed, source_reading
from corrbench.runner.executors import Done, Start, ask, execute
from corrbench.runner.signature import signed
from corrbench.runner.store import Store, digest
from corrbench.suites._constants import Constants
from corrbench.support import FEATURES, Support
from corrbench.target import Spec

INTERRUPTED = "an interrupt"  # what a run was stopped at whose user wanted no more; what there is is reported
START = 2.0  # seconds, about, that a new process for the target takes
LOST = 180.0  # seconds a worker that the target's deaths may cost before the run is ended
OFTEN = 12  # deaths after which a run is ended if more than half of the questions ended so
LOOK = 1.2  # growth of what is judged after which refusals are looked at again
Progress = Callable[[Run], None]  # the run so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How thoroughly to verify, and what to keep.

    Attributes:
        profile: ``quick``, ``standard`` or ``deep``.
        check, case: only this check or family, and only this case; empty for all.
        seed: of data and hidden cases; None for a secret one.
        suites: names of the suites that cases come from.
        sources: files beside the target's own whose constants become cases.
        fail_fast: the first finding ends the run.
        max_findings: so many of them end it; 0 for any number.
        once: a check that has found something asks no more.
        budget: seconds to go on with new hidden cases for; 0 for none.
        limit: seconds after which no more is asked; 0 for none.
        store: the file that results are recorded in; None for none.
        resume: go on with what is recorded there.
        coverage: whether it is seen, in a pass of its own after that, what ran of the target's own files.
        explain: seconds that experiments on the causes of findings may take, see `corrbench.runner.explain`.
        every: of the planned questions one in so many is asked.
        workers: judges at a time.
    """

    profile: str = "standard"
    check: str = ""
    case: str = ""
    seed: int | None = None
    suites: tuple[str, ...] = plan.SUITES
    sources: tuple[Path, ...] = ()
    fail_fast: bool = False
    max_findings: int = 0
    once: bool = False
    budget: float = 0.0
    limit: float = 0.0
    store: Path | None = None
    resume: bool = False
    explain: float = 0.0  # seconds for experiments on the causes of findings; 0 for none
    coverage: bool = False
    every: int = 1  # of the planned questions one in so many is asked
    workers: int = field(default_factory=lambda: max(1, len(os.sched_getaffinity(0))))


@dataclass(slots=True)
class Deaths:
    """How often the target's process died, of how many jobs, and what that has cost."""

    judged: int = 0
    number: int = 0
    lost: float = 0.0  # seconds

    def count(self, done: Done) -> None:
        """Add those among the results of a batch."""
        costs = [result.seconds + START for _, results in done for result in results if result.status in DEATHS]
        self.judged += len(done)
        self.number, self.lost = self.number + len(costs), self.lost + sum(costs)

    def reason(self, workers: int) -> str:
        """Why no more is asked; empty if there is no reason."""
        if self.lost > LOST * workers or (self.number >= OFTEN and 2 * self.number > self.judged):
            return f"{self.number} deaths of the target's process"
        return ""


def open_to(sandbox: dict[str, Any]) -> str:
    """What a target could do that its judge cannot rule out, as a sentence; empty where it is nothing."""
    if sandbox.get("level") == "off":
        return "the target was not confined (--sandbox off): it could do whatever you can"
    could = ", ".join(sandbox.get("could", ()))
    return f"the target was confined in part: it could {could} (corrbench doctor says what to install)" if could else ""


def default_store(spec: Spec, options: Options) -> Path:
    """Where a run is recorded unless told otherwise: one file for each command."""
    said = [asdict(spec), options.profile, options.check, options.case, options.suites]
    words = json.dumps([*said, *map(str, options.sources)])
    return Path(".corrbench", digest(words.encode()) + ".jsonl")


def started(spec: Spec, profile: str, seed: int, form: str = "") -> Run:
    """A run of which nothing is judged yet."""
    return Run(
        target=spec.name or spec.target, form=form or spec.form, seed=seed, profile=profile, arrays=spec.arrays,
        accuracy=spec.accuracy, device=spec.device,
    )  # fmt: skip


def answered(
    run: Run, batches: Iterable[plan.Batch], start: Start, ahead: int, deaths: Deaths, *, ordered: bool = False
) -> Generator[Done, None, None]:
    """Have batches judged, `ahead` of them at a time; each one comes once its results are in the run, if `ordered` in
    the order of the plan.
    """
    with contextlib.closing((_in_order if ordered else execute)(batches, start, ahead)) as flow:
        for done in flow:
            run.results += [result for _, results in done for result in results]
            run.judged += len(done)
            deaths.count(done)
            yield done


def verify(
    spec: Spec, options: Options, start: Start, progress: Progress | None = None, support: Support | None = None,
    resumed: Store | None = None, constants: Constants | None = None,
) -> Run:  # fmt: skip
    """Ask a target every planned question; first what it takes, unless `support` says it. The record is `resumed`, if
    that has been opened. The `constants` are those of its source, unless they are given.

    Raises:
        corrbench.runner.store.BadStore: the record cannot be read or written.
        ValueError: no such check, family or case.
    """
    began = time.monotonic()
    asked, spec = spec, dividing(spec)
    seed = secret_seed() if options.seed is None else options.seed
    run = started(spec, options.profile, seed)
    own = source_reading.read(spec)  # before the target runs, which might change them
    constants = source_reading.constants(own, options.sources) if constants is None else constants
    if support is None:
        try:
            prepare = partial(plan.prepare, options.profile, seed, options.suites)
            support = ask(spec, start, 1 if options.case else options.workers, prepare)
        except NotLoaded as error:
            run.problem = str(error)
            return run
    store = resumed or record(asked, options, seed)
    spec = replace(spec, **support.adopted)
    run.form, run.arrays, run.unsupported = support.form, spec.arrays, dict(support.refuses)
    own, elsewhere = source_reading.loaded(own, support.file)
    run.notes = [note for note in (support.note, elsewhere) if note]
    run.sandbox = support.sandbox
    if said := open_to(support.sandbox):
        run.notes.append(said)
    means = ", ".join([run.sandbox.get("level", ""), *run.sandbox.get("by", ())])
    environment = {
        "target version": support.version, "called under": "torch.compile" if spec.compile else "",
        "sandbox": means,
    }  # fmt: skip
    known = {name: said for name, said in environment.items() if said}
    if store is not None:
        run.seed = store.header["seed"]
        support = replace(support, pace=store.pace(support.pace))  # what is planned follows from it
    shape = plan.outline(spec, support, options.profile, run.seed, options.suites, constants)
    todo = plan.jobs(shape, options.check, options.case)[:: options.every]
    run.planned = len(todo)
    if options.case:
        case = plan.fitting(plan.known(options.case), support)
        run.results += [
            Result(check=name, case=case, status=Status.SKIPPED, message=f"not asked of this case: {said}")
            for name, said in plan.unfit(case, shape, options.check).items()
        ]
    if store is not None:
        done = recorded(store, todo)
        run.results += [result for results in done.values() for result in results]
        todo = [job for job in todo if job not in done]
    run.judged = run.planned - len(todo)
    sources = _rounds(spec, support, options, run, todo) if options.budget else iter([todo])
    most = options.budget or options.limit
    deadline = began + most if most else float("inf")
    _recorded(run, _asked(spec, support, options, run, sources, start), options, store, progress, deadline)
    if not spec.name and not options.case:
        refusals.settle(run)
    if not (options.case or options.check or run.stopped):
        run.little = refusals.extent(run, support.takes & set(FEATURES))
    run.sort()
    if options.explain and not (options.case or options.fail_fast or run.stopped == INTERRUPTED):
        tried = explain.explain(run, spec, support, start, options.workers, options.explain)
        localise.localise(run, spec, support, own, start, tried)
    run.seconds = round(time.monotonic() - began, 3)
    run.environment = signed(asked, options, run.seed, support.file) | known
    if options.coverage and not (options.case or run.stopped == INTERRUPTED):
        found = coverage.measure(run, spec, support, own, start)
        run.coverage = found.to_json() if found is not None else {}
    if store is not None:
        store.close(run.summary())
    return run


def _recorded(
    run: Run, answers: Iterable[Done], options: Options, store: Store | None, progress: Progress | None, deadline: float
) -> None:
    """Record the answers as they come, until the time is over or the user wants no more."""
    try:
        for done in answers:
            if store is not None:
                store.append((job.key, [result.to_json() for result in results]) for job, results in done)
            if progress:
                progress(run)
            if time.monotonic() > deadline and (options.budget or run.judged < run.planned):
                most = options.budget or options.limit
                run.stopped, run.budgeted = f"the {'budget' if options.budget else 'limit'} of {most:.3g} s", True
                break
    except KeyboardInterrupt:
        if not run.judged:
            raise
        run.stopped = INTERRUPTED


def _asked(
    spec: Spec, support: Support, options: Options, run: Run, sources: Iterable[list[plan.Job]], start: Start
) -> Iterator[Done]:
    """The answers, batch by batch; says in the run why it asks no more, if findings are the reason."""
    found = {result.check for result in run.findings}
    deaths, looked = Deaths(judged=run.judged), 0
    for jobs in sources:
        batches = plan.batches(spec, support, (job for job in jobs if not (options.once and job.check in found)))
        with contextlib.closing(
            answered(run, batches, start, options.workers + 1, deaths, ordered=options.fail_fast)
        ) as flow:
            for done in flow:
                came = [result for _, results in done for result in results]
                found |= {result.check for result in came if result.finding and not refusals.loud(result)}
                if not found and options.fail_fast and run.judged > looked * LOOK:
                    found, looked = refusals.unexcused(run), run.judged
                yield done
                if found and options.fail_fast:
                    run.stopped = "the first finding (--fail-fast)"
                elif options.max_findings and len(run.findings) >= options.max_findings:
                    run.stopped = f"{len(run.findings)} findings (--max-findings {options.max_findings})"
                elif reason := deaths.reason(options.workers):
                    run.stopped = f"{reason}; --check and --case ask the rest"
                if run.stopped:
                    return
    if found and options.once:
        run.stopped = "the first finding of each check"


def _in_order(batches: Iterable[plan.Batch], start: Start, ahead: int) -> Generator[Done, None, None]:
    """The answers in the order of the plan: which finding is the first then depends on the seed, not on scheduling."""
    handed: deque[plan.Batch] = deque()
    came: dict[plan.Job, list[Result]] = {}

    def noted() -> Iterator[plan.Batch]:
        for batch in batches:
            handed.append(batch)
            yield batch

    with contextlib.closing(execute(noted(), start, ahead)) as flow:
        for done in flow:
            came |= done
            while handed and all(job in came for job in handed[0].jobs):
                yield [(job, came[job]) for job in handed.popleft().jobs]


def _rounds(
    spec: Spec, support: Support, options: Options, run: Run, first: list[plan.Job]
) -> Iterator[list[plan.Job]]:
    """The planned jobs, then hidden cases from further seeds for as long as the budget lasts."""
    yield first
    extra = 1
    while True:
        shape = plan.outline(spec, support, options.profile, run.seed + extra, ("hidden",))
        jobs = plan.jobs(shape, options.check)
        if not jobs:
            return
        run.planned += len(jobs)
        yield jobs
        extra += 1


def recorded(store: Store, jobs: Iterable[plan.Job]) -> dict[plan.Job, list[Result]]:
    """The results that are recorded, of the jobs that have some; what is damaged there is forgotten, and done again."""
    found = {}
    for job in jobs:
        if job.key not in store.done:
            continue
        try:
            found[job] = [Result.from_json(result) for result in store.done[job.key]]
        except (TypeError, ValueError, KeyError, AttributeError):
            del store.done[job.key]
    return found


def record(spec: Spec, options: Options, seed: int) -> Store | None:
    """The file that a run is recorded in, begun anew or gone on with; None where none is kept.

    Raises:
        corrbench.runner.store.BadStore: it cannot be written, or what is there belongs to another run.
    """
    if options.store is None:
        return None
    header = {"spec": asdict(replace(spec, hides="")), "profile": options.profile, "check": options.check,
              "case": options.case, "suites": list(options.suites), "seed": seed}  # fmt: skip
    return Store.resume(options.store, header, options.seed) if options.resume else Store.create(options.store, header)
