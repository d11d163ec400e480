"""A campaign: random cases of everything crossed with everything, for as long as wanted, and every cause told once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from corrbench.analysis.campaigns import Campaign
from corrbench.analysis.shrinking import within
from corrbench.case import Case
from corrbench.checks._together import NAME
from corrbench.judge.divided import dividing
from corrbench.result import Result
from corrbench.runner.executors import Done, Start, ask, execute
from corrbench.runner.plan import Job
from corrbench.runner.search import Search, run_search
from corrbench.runner.store import Store
from corrbench.runner.traces import LOGS
from corrbench.suites import fitted
from corrbench.suites._random_cases import draw, dressed
from corrbench.support import Support
from corrbench.target import Spec

SIZE = 48  # cases in one request
MOST = 1e5  # multiply-accumulates of a case
OFTEN = 3  # times that a cause is met before cases like it are stepped around
THIN = 0.05  # share of such cases that are asked all the same
STEERED = 0.25  # share of cases that are made from those which a rare implementation ran for
SILENT = ("openvino",)  # whose own copy of oneDNN executes nothing in a confined process while it keeps a log


def campaign(
    spec: Spec, start: Start, found: Campaign, *, seconds: float, quiet: float = 0.0, workers: int = 1,
    before: tuple[Case, ...] = (), store: Store | None = None, progress: Callable[[Campaign], object] | None = None,
) -> Campaign:  # fmt: skip
    """Search for as long as wanted, going on from what has been `found`.

    Args:
        spec: the target.
        start: gives the executor.
        found: an empty campaign, or one that was interrupted.
        seconds: how long in all.
        quiet: seconds without a new cause after which it ends; 0 for none.
        workers: judges at a time.
        before: cases that are asked first, such as a corpus.
        store: where each batch is recorded.
        progress: told after each batch.

    Raises:
        corrbench.judge.client.NotLoaded: the target cannot be loaded.
        corrbench.runner.store.BadStore: the record cannot be written.
    """
    spec = logged(spec)
    support = ask(spec, start, workers)
    began = time.monotonic() - found.seconds
    cases = list(before) if not found.batches else []
    for done in execute(drawn(spec, support, found, cases), start, workers + 1, run_search):
        found.seconds = time.monotonic() - began
        found.take(done)
        found.batches += 1
        if store is not None:
            store.append([(f"{found.target} {found.batches}", [summary(found, done)])])
        if progress:
            progress(found)
        if found.seconds > seconds:
            found.stopped = f"its time, {seconds:g} s"
        elif quiet and found.seconds - found.newest > quiet:
            found.stopped = f"nothing new for {quiet:g} s"
        if found.stopped:
            break
    return found


def logged(spec: Spec) -> Spec:
    """The target, told to say which implementations run."""
    logs = LOGS if spec.needs not in SILENT else ""
    return replace(dividing(spec), environ=f"{spec.environ} {logs}".strip())


def summary(found: Campaign, done: Done) -> dict[str, Any]:
    """What is recorded of a batch: enough to go on from."""
    ran = [(str(job.case), result.numbers.own["ran"]) for job, results in done for result in results
           if "ran" in result.numbers.own]  # fmt: skip
    failed = [result.to_json() for _, results in done for result in results if result.finding]
    refused = sum(any(one.status.value == "unsupported" for one in results) for _, results in done)
    return {"asked": len(done), "seconds": found.seconds, "failed": failed, "unsupported": refused, "ran": ran}


def resumed(target: str, store: Store) -> Campaign:
    """The campaign of a target as its record tells it."""
    found = Campaign(target, store.header["seed"])
    for key, (batch, *_) in store.done.items():
        if not key.startswith(f"{target} "):
            continue
        found.seconds = batch["seconds"]
        found.asked += batch["asked"]
        found.unsupported += batch["unsupported"]
        found.batches = max(found.batches, int(key.rpartition(" ")[2]))
        for record in batch["failed"]:
            found.note(Result.from_json(record))
        for _, ran in batch["ran"]:
            found.ran.update(ran)
    return found


# ---- what is asked


def drawn(spec: Spec, support: Support, found: Campaign, first: list[Case]) -> Iterator[Search]:
    """Batches without end: the given cases, then random ones, drawn when they are asked for so that they know what has
    been found.
    """
    for number in range(found.batches, 1 << 60):
        rng = random.Random(f"campaign {found.seed} {number}")
        cases, first = first[:SIZE], first[SIZE:]
        cases = [case for one in cases if (case := fitted(one, support))]
        cases += [one(rng, support, found) for _ in range(SIZE - len(cases))]
        seeds = [rng.getrandbits(48) for _ in cases]
        jobs = tuple(Job(check=NAME, case=case, seed=seed) for case, seed in zip(cases, seeds, strict=True))
        known = tuple(cause.key for cause in found.causes if cause.met >= OFTEN)
        yield Search(spec=spec, support=support, jobs=jobs, known=known)


def one(rng: random.Random, support: Support, found: Campaign) -> Case:
    """A random case that the target takes; those like one that failed often are seldom."""
    known = [cause.smallest.case for cause in found.causes if cause.met >= OFTEN]
    while True:
        base = steered(rng, found) if rng.random() < STEERED else None
        case = fitted(base or dressed(rng, draw(rng, MOST), support), support)
        if case is None or (any(within(case, small) for small in known) and rng.random() > THIN):
            continue
        return case


def steered(rng: random.Random, found: Campaign) -> Case | None:
    """A case near one that was asked when a seldom implementation ran: it has a side or the like of another."""
    if not found.examples:
        return None
    names = sorted(found.examples)
    name = rng.choices(names, [1 / found.ran[name] for name in names])[0]
    case, other = rng.choice(found.examples[name]), draw(rng, MOST)
    changes: list[dict[str, Any]] = [
        {"x": (other.x[0], *case.x[1:])}, {"x": (*case.x[:2], other.x[2], case.x[3])},
        {"x": (*case.x[:3], other.x[3])}, {"stride": other.stride}, {"dilation": other.dilation},
        {"padding": other.sides}, {"layout": other.layout}, {"bias": not case.bias},
    ]  # fmt: skip
    try:
        near = case.but(**rng.choice(changes))
    except ValueError:
        return None
    return near if near.macs <= MOST else None
