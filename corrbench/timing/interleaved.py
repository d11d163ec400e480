"""An interleaved measurement: several targets timed in turn, sample by sample, each block in fresh processes.

What two programs have to themselves of a noisy machine differs by tens of percent from minute to minute; the ratio of
two samples taken one after the other hardly does. So processes alternate every millisecond or so, on one core.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.target_process import Died
from corrbench.target import Spec
from corrbench.timing.stopwatch import Stopwatch, Unmeasurable, opened

SAMPLE = 1e-3  # seconds that a sample takes, about
FEWEST = 5  # samples of each target in one block, however long they are


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one block of one case is measured.

    Attributes:
        samples: of each target at the most; fewer where they are long.
        patience: seconds that the samples of all should take together.
        longest: seconds of one call, beyond which there is no measurement; of a pair, the first one's call counts.
        checked: share of samples whose result is compared with the exact one.
        paired: whether all make as many calls in a sample as the first, and one that fails ends the case for all;
            else only the one that fails is left out.
    """

    samples: int
    patience: float
    longest: float
    checked: float
    paired: bool


PAIRED = Policy(samples=60, patience=3.0, longest=0.25, checked=0.03, paired=True)
SIDE_BY_SIDE = Policy(samples=20, patience=1.5, longest=2.0, checked=0.0, paired=False)


@dataclass(frozen=True, slots=True)
class Task:
    """One case to be timed, and whether gradients are."""

    case: Case
    mode: str = "forward"

    def __str__(self) -> str:
        return f"{self.case}{' (backward)' if self.mode == 'backward' else ''}"


@dataclass(slots=True)
class Samples:
    """What one block gave of one target on one case.

    Attributes:
        seconds: of a call, sample by sample.
        calls: how many were timed.
        checked: of how many the result was compared with the exact one.
        wrong: what was wrong with one; empty if nothing.
        memory: bytes at the peak of a call beyond what its process held before; NaN if not known.
        failed: why it was not timed, or not to the end.
    """

    seconds: list[float] = field(default_factory=list)
    calls: int = 0
    checked: int = 0
    wrong: str = ""
    memory: float = math.nan
    failed: Unmeasurable | Died | None = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What a target raises or dies of is noted, and ends the attempt only."""
        try:
            yield
        except (Unmeasurable, Died) as error:
            self.failed = error


@contextmanager
def fresh(targets: Mapping[str, Spec]) -> Iterator[dict[str, Remote]]:
    """A new process for each target, started when it is first needed."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Remote(spec)) for name, spec in targets.items()}


@contextmanager
def one_core(remotes: Iterable[Remote]) -> Iterator[None]:
    """All targets on the last core, this process on the others; nothing where there is only one."""
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        yield
        return
    core = max(mine)
    for remote in remotes:
        for thread in remote.threads():
            with suppress(ProcessLookupError, PermissionError):
                os.sched_setaffinity(thread, {core})
    os.sched_setaffinity(0, mine - {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def block(
    remotes: Mapping[str, Remote],
    task: Task,
    chance: random.Random,
    policy: Policy,
    *,
    check: bool = False,
    weigh: bool = False,
) -> dict[str, Samples]:
    """One block of one case, by target.

    Args:
        remotes: the targets' processes; of a pair, the first is what the others are compared with.
        task: the case and mode.
        chance: the source of data, of addresses and of the order within a round.
        policy: how many samples, and what a failure means.
        check: whether a result is checked even if the policy's share gives none.
        weigh: whether the memory of a call is measured as well.

    Raises:
        NotLoaded: a target cannot be loaded.
    """
    with ThreadPoolExecutor(len(remotes)) as crew:  # those that died of the last case start anew
        list(crew.map(Remote.load, remotes.values()))
    found = {name: Samples() for name in remotes}
    with one_core(remotes.values()):
        watches, number, count = _prepared(remotes, task, chance, policy, found)
        checks = {name: {k for k in range(count) if chance.random() < policy.checked} for name in watches}
        for name in watches if check else ():
            checks[name] = checks[name] or {chance.randrange(count)}
        order = list(watches)
        for index in range(count):
            chance.shuffle(order)
            by = chance.randrange(1, 1 << 20)
            for name in order:
                if not _over(found, policy, name):
                    with found[name].attempt():
                        _sample(watches[name], by, number[name], found[name], check=index in checks[name])
        for name in order if weigh else ():
            if not _over(found, policy, name):
                with found[name].attempt():
                    found[name].memory = watches[name].memory()
    return found


def _over(found: Mapping[str, Samples], policy: Policy, name: str) -> bool:
    """Whether a target is not timed any more."""
    return any(one.failed for one in found.values()) if policy.paired else found[name].failed is not None


def _prepared(
    remotes: Mapping[str, Remote], task: Task, chance: random.Random, policy: Policy, found: Mapping[str, Samples]
) -> tuple[dict[str, Stopwatch], dict[str, int], int]:
    """Stopwatches for those that can be timed, calls in a sample of each, and the number of samples."""
    seed, first = chance.getrandbits(40), next(iter(remotes))
    watches: dict[str, Stopwatch] = {}
    number: dict[str, int] = {}
    one: dict[str, float] = {}  # seconds of a call
    for name in chance.sample(list(remotes), len(remotes)):  # all are treated alike, whoever comes first
        with found[name].attempt():
            watches[name] = watch = opened(remotes[name], task.case, task.mode, seed, chance)
            one[name], number[name] = watch.run(1), 1
            if one[name] <= policy.longest:
                number[name] = watch.calls_for(SAMPLE)
                one[name] = watch.run(number[name]) / number[name]
    for name in [first] if policy.paired else remotes:
        if not _over(found, policy, name) and one[name] > policy.longest:
            said = f"one call takes {one[name]:.2g} s; more than {policy.longest:g} s are not waited for"
            found[name].failed = Unmeasurable(said)
    left = [name for name in remotes if not _over(found, policy, name)]
    if not left:
        return {}, {}, 0
    if policy.paired:
        most = int(policy.patience / FEWEST / sum(one.values()))
        number = dict.fromkeys(left, max(1, min(number[first], most)))
    cost = sum(number[name] * one[name] for name in left)
    count = max(FEWEST, min(policy.samples, int(policy.patience / cost)))
    return {name: watches[name] for name in left}, number, count


def _sample(watch: Stopwatch, by: int, number: int, found: Samples, *, check: bool) -> None:
    """One sample on numbers of its own; what it gave may be checked."""
    watch.turn(by)
    found.seconds.append(watch.run(number) / number)
    found.calls += number
    if check:
        said = watch.check()
        found.checked += 1
        found.wrong = found.wrong or said
