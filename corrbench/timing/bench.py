"""How fast are these targets, each beside the others, PyTorch's conv2d and what the machine can do?"""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from corrbench.judge.client import Remote
from corrbench.judge.sandbox import Died
from corrbench.target import Spec
from corrbench.timing import roofline as machines
from corrbench.timing.interleaved import Task, one_core
from corrbench.timing.minimum_work import Work, work
from corrbench.timing.roofline import Machine
from corrbench.timing.stopwatch import Stopwatch, Unmeasurable, opened

BASELINE = "torch"  # torch.nn.functional.conv2d, which is always measured along
BLOCKS = 3  # times that every target gets a fresh process
ROUNDS, FEWEST = 20, 5  # samples of each target in one block: as many as there is patience for
PATIENCE = 1.5  # seconds that the samples of one case in one block should take together
SAMPLE = 1e-3  # seconds that a sample takes, about
LONGEST = 2.0  # seconds of one call, beyond which a case is left out for a target
HEAVY = 10_000_000  # products from which a case is compared with the exact answer in one block only, not in each
SCHEMA = "corrbench-bench/1"
Step = Callable[[int, int, str], None]  # cases done, cases planned, what is being timed


@dataclass(slots=True, kw_only=True)
class Row:
    """One target on one case.

    Attributes:
        target: its name.
        task: the case and mode.
        samples: seconds of a call in each sample, over all blocks.
        ratios: by block, the median of its time over the baseline's in the same round.
        memory: bytes at the peak of a call beyond what its process held before; NaN if not known.
        calls: how many were timed.
        checked: of how many the result was compared with the exact one.
        wrong: what was wrong with one; empty if nothing.
        impossible: why its time cannot be true; empty if it can.
        note: why it was not timed; empty if it was.
        least: seconds that the machine would take for the least work.
        limit: what takes them, ``memory`` or ``arithmetic``.
    """

    target: str
    task: Task
    samples: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    memory: float = math.nan
    calls: int = 0
    checked: int = 0
    wrong: str = ""
    impossible: str = ""
    note: str = ""
    least: float = math.nan
    limit: str = ""

    @property
    def seconds(self) -> float:
        """Median over samples; NaN if there is none."""
        return statistics.median(self.samples) if self.samples else math.nan

    @property
    def quartiles(self) -> tuple[float, float]:
        """A quarter of the samples are below the first, a quarter above the second."""
        if len(self.samples) < 2:
            return self.seconds, self.seconds
        low, _, high = statistics.quantiles(self.samples, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """The distance of the quartiles over the median."""
        low, high = self.quartiles
        return (high - low) / self.seconds

    @property
    def operations(self) -> int:
        """Of the direct sum, zeros of the padding included: two a product, eight for complex numbers; three times as
        many with the gradients.
        """
        each = 8 if self.task.case.dtype.startswith("complex") else 2
        return each * self.task.case.macs * (3 if self.task.mode == "backward" else 1)

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    @property
    def fraction(self) -> float:
        """The least time over the time: how much of what the machine can do it does."""
        return self.least / self.seconds

    @property
    def ratio(self) -> float:
        """Its time over the baseline's; NaN if one of them was not timed."""
        return statistics.median(self.ratios) if self.ratios else math.nan

    def to_json(self) -> dict[str, Any]:
        low, high = self.quartiles
        numbers = {
            "seconds": self.seconds, "lower_quartile": low, "upper_quartile": high, "gflops": self.rate / 1e9,
            "fraction": self.fraction, "ratio": self.ratio, "memory_bytes": self.memory,
        }  # fmt: skip
        return {
            "target": self.target, **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
            "samples": len(self.samples), "calls": self.calls, "checked": self.checked, "wrong": self.wrong,
            "impossible": self.impossible, "note": self.note,
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Bench:
    """Targets timed side by side.

    Attributes:
        targets: their names, as they were asked for.
        rows: by case, then by target; the baseline is among them.
        machine: the best of what was measured in the same run.
        blocks: times that every target had a fresh process.
        seconds: of the whole.
    """

    targets: tuple[str, ...]
    rows: dict[Task, dict[str, Row]] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    blocks: int = BLOCKS
    seconds: float = 0.0

    @property
    def all_rows(self) -> list[Row]:
        return [row for rows in self.rows.values() for row in rows.values()]

    @property
    def asked(self) -> list[Row]:
        """The rows of the targets that were asked for."""
        return [row for row in self.all_rows if row.target in self.targets]

    @property
    def verdict(self) -> str:
        """``wrong`` or ``impossible`` if one of the targets was so anywhere, ``unjudged`` if none was timed."""
        for verdict in ("wrong", "impossible"):
            if any(getattr(row, verdict) for row in self.asked):
                return verdict
        return "passed" if any(row.samples for row in self.asked) else "unjudged"

    def mean_ratio(self, target: str) -> float:
        """Geometric mean of its ratios; NaN if it has none."""
        found = [rows[target].ratio for rows in self.rows.values() if not math.isnan(rows[target].ratio)]
        return statistics.geometric_mean(found) if found else math.nan

    def to_json(self) -> dict[str, Any]:
        cases = []
        for task, rows in self.rows.items():
            first, least = next(iter(rows.values())), work(task.case, task.mode)
            cases.append({
                "case": str(task.case), "mode": task.mode, "operations": first.operations, "products": least.products,
                "bytes": least.moved, "least_seconds": first.least if math.isfinite(first.least) else None,
                "limit": first.limit, "targets": [row.to_json() for row in rows.values()],
            })  # fmt: skip
        return {"schema": SCHEMA, "verdict": self.verdict, "targets": list(self.targets), "baseline": BASELINE,
                "blocks": self.blocks, "seconds": round(self.seconds, 1), "machine": self.machine.to_json(),
                "cases": cases}  # fmt: skip


def measure(
    rivals: Mapping[str, Spec],
    targets: Sequence[str],
    tasks: Sequence[Task],
    seed: int,
    step: Step,
    blocks: int = 0,
) -> Bench:
    """Time all rivals on all tasks, in turn, sample by sample, on one core.

    Args:
        rivals: by name, the baseline among them.
        targets: the names of those that were asked for.
        tasks: the cases.
        seed: of data and of the order of samples.
        step: told of progress.
        blocks: times that every target gets a fresh process; 0 for `BLOCKS`.

    Raises:
        NotLoaded: a target cannot be loaded.
        Unmeasured: the machine could not be measured.
    """
    began = time.monotonic()
    chance = random.Random(seed)
    bench = Bench(targets=tuple(targets), blocks=blocks or BLOCKS)
    bench.rows = {task: {name: Row(target=name, task=task) for name in rivals} for task in tasks}
    checking = {task: chance.randrange(bench.blocks) if task.case.macs > HEAVY else -1 for task in tasks}
    cores = os.sched_getaffinity(0)
    for block in range(bench.blocks):
        with ExitStack() as stack:
            remotes = {name: stack.enter_context(Remote(spec)) for name, spec in rivals.items()}
            with ThreadPoolExecutor(len(remotes)) as crew:
                list(crew.map(Remote.load, remotes.values()))
            if all(spec.device == "cpu" for spec in rivals.values()):
                step(block * len(tasks), bench.blocks * len(tasks), "the machine")
                bench.machine = bench.machine.best_of(machines.measure(max(cores) if len(cores) > 1 else -1))
            for index, task in enumerate(tasks):
                step(block * len(tasks) + index, bench.blocks * len(tasks), str(task))
                rows = {name: row for name, row in bench.rows[task].items() if not row.note}
                for name in rows:
                    remotes[name].load()  # one that died before is started anew
                with one_core(remotes.values()):
                    rounds(remotes, task, rows, chance, check=checking[task] in (-1, block), weigh=block == 0)
    for task, by_name in bench.rows.items():
        judge(by_name.values(), bench.machine, work(task.case, task.mode))
    bench.seconds = time.monotonic() - began
    return bench


def rounds(
    remotes: Mapping[str, Remote],
    task: Task,
    rows: Mapping[str, Row],
    chance: random.Random,
    *,
    check: bool,
    weigh: bool,
) -> None:
    """One block of one task, added to its rows; whoever cannot be timed is left out, with a note."""
    seed = chance.getrandbits(40)
    running: dict[str, tuple[Stopwatch, int]] = {}
    cost = 0.0
    for name, row in rows.items():
        if (found := _attempt(row, partial(start, remotes[name], task, seed))) is not None:
            watch, number, one = found
            running[name] = watch, number
            cost += number * one
    count = max(FEWEST, min(ROUNDS, int(PATIENCE / cost))) if running else 0
    looked_at = {name: chance.randrange(count) if check else -1 for name in running}
    times: dict[str, list[float]] = {name: [] for name in running}
    order = list(running)
    for index in range(count):
        chance.shuffle(order)
        by = chance.randrange(1, 1 << 20)
        for name in [one for one in order if not rows[one].note]:
            watch, number = running[name]
            if (taken := _attempt(rows[name], partial(turned, watch, by, number))) is None:
                continue
            times[name].append(taken / number)
            rows[name].calls += number
            if looked_at[name] == index and (said := _attempt(rows[name], watch.check)) is not None:
                rows[name].checked += 1
                rows[name].wrong = rows[name].wrong or said
    for name, found in times.items():
        rows[name].samples += found
        pairs = list(zip(found, times.get(BASELINE, ()), strict=False))
        if pairs and not rows[name].note:
            rows[name].ratios.append(statistics.median(mine / base for mine, base in pairs))
        if weigh and not rows[name].note:
            memory = _attempt(rows[name], running[name][0].memory)
            rows[name].memory = math.nan if memory is None else memory


def start(remote: Remote, task: Task, seed: int) -> tuple[Stopwatch, int, float]:
    """A stopwatch, the number of calls in a sample, and the seconds of one.

    Raises:
        Unmeasurable, Died, NotLoaded: as `opened`, or a call takes too long.
    """
    watch = opened(remote, task.case, task.mode, seed)
    if (one := watch.run(1)) > LONGEST:
        raise Unmeasurable(f"one call takes {one:.2g} s; more than {LONGEST:g} s are not waited for")
    number = watch.calls_for(SAMPLE)
    return watch, number, watch.run(number) / number


def turned(watch: Stopwatch, by: int, number: int) -> float:
    """Seconds of one sample on numbers of its own."""
    watch.turn(by)
    return watch.run(number)


def judge(rows: Iterable[Row], machine: Machine, needed: Work) -> None:
    """Note what the machine would take, and whose time is impossible beside it."""
    for row in rows:
        dtype = row.task.case.dtype
        row.least, row.limit = machine.least(needed, dtype)
        floor = machine.floor(needed, dtype)
        if row.seconds < floor:
            row.impossible = (
                f"a call seems to take {row.seconds:.3g} s, and touching {needed.moved} bytes and multiplying "
                f"{needed.fewest:.0f} times cannot take less than {floor:.3g} s on this machine: it was not computed "
                "in the calls that were timed"
            )


def _attempt(row: Row, action: Callable[[], Any]) -> Any:
    """What the action returns; None if the target did not manage it, with a note in the row."""
    try:
        return action()
    except Unmeasurable as error:
        row.note = str(error).removeprefix(f"{row.task.case}: ")
    except Died as death:
        row.note = f"{death.status.value}: {death.message}"
    return None
