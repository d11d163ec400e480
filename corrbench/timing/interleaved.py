"""Which of them is faster? Several targets timed in turn, sample by sample, in one fresh process each a block.

What two programs have to themselves of a noisy machine differs by tens of percent from minute to minute; the ratio of
two samples taken one after the other hardly does. So processes alternate every millisecond or so, on one core.
"""

from __future__ import annotations

import math
import os
import random
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.sandbox import Died
from corrbench.target import Spec
from corrbench.timing.stopwatch import Stopwatch, Unmeasurable, opened

PAIRS, FEWEST = 60, 5  # samples of each in one block; fewer where they are long
SAMPLE = 1e-3  # seconds that a sample of the first takes, about
PATIENCE = 3.0  # seconds that the samples of one case in one block should take together
LONGEST = 0.25  # seconds of one call of the first, beyond which a case is left out
CHECKED = 0.03  # share of samples whose result is compared with the exact one


@dataclass(frozen=True, slots=True)
class Task:
    """One case to be timed, and whether gradients are."""

    case: Case
    mode: str = "forward"

    def __str__(self) -> str:
        return f"{self.case}{' (backward)' if self.mode == 'backward' else ''}"


@dataclass(slots=True)
class Record:
    """What was seen of one task: block by block, for each rival the median seconds of a call and its difference.

    Attributes:
        seconds: by rival.
        differences: by rival but the first, the median of log(t / t of the first).
        refused: why it could not be timed; empty if it was.
        refuser: the rival that does not manage it, if others do.
        wrong: what is wrong with a result that was timed, by rival.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, list[float]] = field(default_factory=dict)
    refused: str = ""
    refuser: str = ""
    wrong: dict[str, str] = field(default_factory=dict)


Records = dict[Task, Record]
Step = Callable[[str], None]


def blocks(
    rivals: Mapping[str, Spec], records: Records, count: int, chance: random.Random, step: Step, tasks: Sequence[Task]
) -> Iterator[int]:
    """Time `tasks` in so many blocks, adding to `records`; yields after each block.

    Args:
        rivals: the targets by name; the first is what the others are measured against.
        records: added to.
        count: of blocks.
        chance: the source of data and of the order within a pair.
        step: told what is being done.
        tasks: of those in `records`, the ones to be timed now.

    Raises:
        Died, NotLoaded: a target's process.
    """
    for index in range(count):
        with ExitStack() as stack:
            remotes = {name: stack.enter_context(Remote(spec)) for name, spec in rivals.items()}
            for task in tasks:
                if not records[task].refused:
                    step(str(task))
                    with ThreadPoolExecutor(len(remotes)) as crew:  # those that died of the last task start anew
                        list(crew.map(Remote.load, remotes.values()))
                    with one_core(remotes.values()):
                        contest(remotes, task, records[task], chance)
        yield index


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


def contest(remotes: Mapping[str, Remote], task: Task, record: Record, chance: random.Random) -> None:
    """One block of one task, added to its record; or why there is none, and because of whom."""
    seed, base = chance.getrandbits(40), next(iter(remotes))
    watches: dict[str, Stopwatch] = {}
    ones: dict[str, float] = {}
    numbers: dict[str, int] = {}
    for name in chance.sample(list(remotes), len(remotes)):  # all are treated alike, whoever comes first
        with _refusing(record, name):
            watches[name] = opened(remotes[name], task.case, task.mode, seed, chance)
            ones[name] = watches[name].run(1)
            numbers[name] = watches[name].calls_for(SAMPLE) if ones[name] <= LONGEST else 1
    if not record.refused and ones[base] > LONGEST:
        record.refused = f"one call takes {ones[base]:.2g} s; cases of more than {LONGEST:g} s are left out"
    if record.refused:
        return
    number = max(1, min(numbers[base], int(PATIENCE / FEWEST / sum(ones.values()))))
    pairs = max(FEWEST, min(PAIRS, int(PATIENCE / number / sum(ones.values()))))
    _samples({name: watches[name] for name in remotes}, number, pairs, chance, record)


def _samples(watches: Mapping[str, Stopwatch], number: int, pairs: int, chance: random.Random, record: Record) -> None:
    times: dict[str, list[float]] = {name: [] for name in watches}
    order = list(watches)
    for _ in range(pairs):
        chance.shuffle(order)
        by = chance.randrange(1, 1 << 20)
        for name in order:
            with _refusing(record, name):
                times[name].append(sample(watches[name], by, number, chance, record, name))
            if record.refused:
                return
    base = next(iter(times))
    for name, found in times.items():
        record.seconds.setdefault(name, []).append(statistics.median(found) / number)
        if name != base:
            both = zip(found, times[base], strict=True)
            record.differences.setdefault(name, []).append(statistics.median(math.log(b / a) for b, a in both))


@contextmanager
def _refusing(record: Record, name: str) -> Iterator[None]:
    """What a target raises or dies of ends its case, not the run; several that do so are nobody's fault."""
    try:
        yield
    except (Unmeasurable, Died) as error:
        said = error.message if isinstance(error, Died) else str(error)
        record.refuser = "" if record.refused else name
        record.refused = record.refused or f"{name}: {said}"


def sample(watch: Stopwatch, by: int, number: int, chance: random.Random, record: Record, name: str) -> float:
    """Seconds of one sample on numbers of its own; now and then what it gave is checked."""
    watch.turn(by)
    taken = watch.run(number)
    if chance.random() < CHECKED and (said := watch.check()):
        record.wrong.setdefault(name, said)
    return taken
