"""A campaign: random cases of everything crossed with everything, for as long as wanted, and every cause told once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from corrbench.case import INTEGERS, Case
from corrbench.checks.campaign import NAME
from corrbench.numerics.inputs import REAL, WHOLE
from corrbench.result import DEATHS, Result
from corrbench.runner.executors import Done, Start, ask, execute
from corrbench.runner.plan import Job
from corrbench.runner.search import Search, kind, run_search
from corrbench.runner.shrinking import within
from corrbench.runner.store import Store
from corrbench.runner.traces import LOGS
from corrbench.suites.hidden import draw
from corrbench.support import Support, with_fixed
from corrbench.target import Spec

SIZE = 48  # cases in one request
MOST = 1e5  # multiply-accumulates of a case
OFTEN = 3  # times that a cause is met before cases like it are stepped around
THIN = 0.05  # share of such cases that are asked all the same
KEPT = 40  # cases remembered for each implementation
STEERED = 0.25  # share of cases that are made from those which a rare implementation ran for
WEIGHTS = {"float32": 12, "float64": 4, "bfloat16": 3, "float16": 3}  # element types that people use most, more often


@dataclass(slots=True)
class Cause:
    """Failures that come down to the same smallest case."""

    smallest: Result
    met: int = 1
    first: float = 0.0  # seconds into the campaign

    @property
    def key(self) -> tuple[tuple[str, ...], Case]:
        return kind(self.smallest), self.smallest.case

    def covers(self, result: Result) -> bool:
        """Whether a failure is most likely this one."""
        how = self.key[0]
        return kind(result) == how and (bool(how[-1]) or within(result.case, self.smallest.case))


@dataclass(slots=True)
class Campaign:
    """What a campaign has found of one target.

    Attributes:
        target, seed: of whom, and what the cases are drawn from.
        asked: cases whose result and gradients were judged.
        seconds: how long it has run, interruptions left out.
        newest: when the last new cause was found, in those seconds.
        causes: each with its smallest case.
        known: failures that the baseline of the target records, by name; they are not made small.
        ran: how often each implementation of the library beneath ran, where it tells.
        unsupported: cases that the target refused.
        stopped: why it ended.
    """

    target: str
    seed: int
    asked: int = 0
    batches: int = 0
    seconds: float = 0.0
    newest: float = 0.0
    causes: list[Cause] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    unsupported: int = 0
    stopped: str = ""
    examples: dict[str, list[Case]] = field(default_factory=dict)

    def take(self, done: Done) -> None:
        """The results of a batch; after the cases that were drawn come the smallest of those that failed."""
        for _, results in done:
            self.asked += 1
            self.unsupported += any(one.status.value == "unsupported" for one in results)
            for result in results:
                if result.finding:
                    self.note(result)
                self.log(result)

    @property
    def fresh(self) -> list[Cause]:
        """The causes that no baseline records."""
        return [cause for cause in self.causes if not cause.smallest.numbers.known]

    def note(self, result: Result) -> None:
        """Count a failure to its cause; a smaller one than was known stands for it from then on. Only one that has been
        made small begins a new cause.
        """
        for cause in self.causes:
            if cause.covers(result):
                cause.met += 1
                return
        if result.numbers.known and result.status not in DEATHS:
            self.known[result.numbers.known] += 1
        if not result.numbers.own.get("smallest"):
            return
        for cause in self.causes:
            if kind(result) == cause.key[0] and within(cause.smallest.case, result.case):
                cause.smallest, cause.met = result, cause.met + 1
                self.merge(cause)
                return
        self.causes.append(Cause(result, first=self.seconds))
        self.newest = self.seconds

    def merge(self, cause: Cause) -> None:
        """Take into a cause those which its smaller case covers."""
        for other in [one for one in self.causes if one is not cause and cause.covers(one.smallest)]:
            cause.met += other.met
            cause.first = min(cause.first, other.first)
            self.causes.remove(other)

    def log(self, result: Result) -> None:
        """Which implementations ran in the batch that a result stands for."""
        ran = result.numbers.own.get("ran", {})
        self.ran.update(ran)
        for name in ran:
            held = self.examples.setdefault(name, [])
            held.append(result.case)
            del held[:-KEPT]

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.asked / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "target": self.target, "seed": self.seed, "asked": self.asked, "seconds": round(self.seconds, 1),
            "unsupported": self.unsupported, "newest": round(self.newest, 1), "stopped": self.stopped,
            "ran": dict(self.ran.most_common()), "known": dict(self.known.most_common()),
            "causes": [
                {"met": one.met, "first": round(one.first, 1), **one.smallest.to_json()} for one in self.causes
            ],
        }  # fmt: skip


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
    spec = replace(spec, environ=f"{spec.environ} {LOGS}".strip())
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


def fitted(case: Case, support: Support) -> Case | None:
    """The part of a case that a call of the target can express; None if it takes none of it."""
    found = support.convention.fit(case)
    found = with_fixed(found, support.fixed) if found is not None else None
    return found if found is not None and support.all_of(found) else None


def dressed(rng: random.Random, case: Case, support: Support) -> Case:
    """A case in a random element type, on random data; most on whole numbers, where every bit is known."""
    types = [name for name in support.takes if name in (*WEIGHTS, *INTEGERS, "complex64", "complex128")]
    types.sort()
    dtype = rng.choices(types, [WEIGHTS.get(name, 1) for name in types])[0] if types else "float32"
    data = "small" if rng.random() < 0.6 else rng.choice(WHOLE if dtype in INTEGERS else (*WHOLE, *REAL))
    return case.but(dtype=dtype, data=data)


def steered(rng: random.Random, found: Campaign) -> Case | None:
    """A case near one that was asked when a seldom implementation ran: it has the batch, a side or the like of another."""
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
