"""A batch of a campaign, in the judge's process: many cases in one request, and each wrong one made small."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from corrbench.analysis.campaigns import kind
from corrbench.analysis.shrinking import shrunk, within
from corrbench.case import Case
from corrbench.checks._together import ALONE, NAME, together
from corrbench.judge.client import Remote
from corrbench.judge.trial import Trial
from corrbench.result import DEATHS, Result
from corrbench.runner.executors import Done, kept
from corrbench.runner.inherited import entries
from corrbench.runner.plan import Batch, Job
from corrbench.runner.traces import HEADS, implementations

AT_ONCE = 16  # smaller cases that are asked in one request
PATIENCE = 20.0  # seconds that making one case small may take
SHRUNK = 2  # cases of a batch that are made small


@dataclass(frozen=True, slots=True, kw_only=True)
class Search(Batch):
    """Cases of a campaign.

    Attributes:
        known: the smallest case of every cause that has been met often enough, and how it fails.
    """

    known: tuple[tuple[tuple[str, ...], Case], ...] = ()


def run_search(batch: Batch) -> Done:
    """All jobs of a batch together, and after them the smallest cases of those that failed for no known reason."""
    assert isinstance(batch, Search)
    remote = kept(Remote, batch.spec)
    trials = [Trial(NAME, job.case, job.seed, batch.spec, batch.support, remote) for job in batch.jobs]
    found = list(zip(batch.jobs, together(trials), strict=True))
    ran = implementations(remote)
    if ran and found and found[0][1]:
        found[0][1][0].numbers.own["ran"] = dict(ran)
    small: Done = []
    for job, results in found:
        failed = [labelled(one, batch.spec.name) for one in results if one.finding]
        first = next((one for one in failed if one.status in DEATHS or not one.numbers.known), None)
        if first is None or len(small) >= SHRUNK or explained(first, batch.known):
            continue
        made = first if first.message.endswith(ALONE) else smallest(job, first, batch, remote)
        small.append((replace(job, case=made.case), [marked(labelled(made, batch.spec.name))]))
    return found + small


def labelled(result: Result, target: str) -> Result:
    """The same result, with the name under which it is known of a registered target, and no log of the library's."""
    result.message = result.message.partition(f"; it last printed: {HEADS[0]}")[0]
    for one in entries(target) if target else ():
        if one.covers(result) and result.status.value in one.statuses:
            result.numbers.known = one.finding or one.reason
    return result


def explained(result: Result, known: tuple[tuple[tuple[str, ...], Case], ...]) -> bool:
    """Whether a failure is most likely one of a known cause."""
    return any(kind(result) == how and within(result.case, small) for how, small in known)


def marked(result: Result) -> Result:
    """A copy that is known as the smallest of its kind."""
    return replace(result, numbers=replace(result.numbers, own=result.numbers.own | {"smallest": True}))


def smallest(job: Job, result: Result, batch: Batch, remote: Remote) -> Result:
    """The same failure on the smallest case that is found."""
    how, held, until = kind(result), {job.case: result}, time.monotonic() + PATIENCE
    size = 1 if result.status in DEATHS else AT_ONCE  # each death costs a process: those are asked one by one

    def fails(cases: list[Case]) -> Case | None:
        fitting = [case for case in cases if batch.support.convention.expresses(case) and batch.support.all_of(case)]
        for begin in range(0, len(fitting), size):
            if time.monotonic() > until:
                return None
            part = fitting[begin : begin + size]
            trials = [Trial(NAME, case, job.seed, batch.spec, batch.support, remote) for case in part]
            for case, results in zip(part, together(trials), strict=True):
                same = next((one for one in results if one.finding and kind(one) == how), None)
                if same is not None:
                    held[case] = same
                    return case
        return None

    return held[shrunk(job.case, fails)]
