"""A benchmark: the times of targets beside each other, PyTorch's conv2d and what the machine can do."""

from __future__ import annotations

import math
import os
import random
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.judge.target_process import Died
from corrbench.runner import Step
from corrbench.target import Spec
from corrbench.timing import interleaved, roofline
from corrbench.timing.interleaved import Samples, Task
from corrbench.timing.minimum_work import Work, work
from corrbench.timing.roofline import Machine

BASELINE = "torch"  # torch.nn.functional.conv2d, which is always measured along
NOISY = 0.5  # spread of a row, beyond which its time is little more than an order of magnitude
BLOCKS = 3  # times that every target gets a fresh process
HEAVY = 10_000_000  # products from which a case is compared with the exact answer in one block only, not in each
SCHEMA = "corrbench-bench/1"


@dataclass(slots=True, kw_only=True)
class Timing:
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

    def add(self, block: Samples, baseline: Samples | None) -> None:
        """Add what one block gave of the target, and of the baseline if that was among those that were timed."""
        self.samples += block.seconds
        self.calls += block.calls
        self.checked += block.checked
        self.wrong = self.wrong or block.wrong
        if block.failed:
            died = f"{block.failed.status.value}: {block.failed.message}" if isinstance(block.failed, Died) else ""
            self.note = died or str(block.failed).removeprefix(f"{self.task.case}: ")
            return
        pairs = list(zip(block.seconds, baseline.seconds if baseline else (), strict=False))
        if pairs:
            self.ratios.append(statistics.median(mine / base for mine, base in pairs))
        if not math.isnan(block.memory):
            self.memory = block.memory

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
        figures = {
            "seconds": self.seconds, "lower_quartile": low, "upper_quartile": high, "gflops": self.rate / 1e9,
            "fraction": self.fraction, "ratio": self.ratio, "memory_bytes": self.memory,
        }  # fmt: skip
        finite = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        others = {name: getattr(self, name) for name in ("calls", "checked", "wrong", "impossible", "note")}
        return {"target": self.target} | finite | {"samples": len(self.samples)} | others


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
    rows: dict[Task, dict[str, Timing]] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    blocks: int = BLOCKS
    seconds: float = 0.0

    @property
    def all_rows(self) -> list[Timing]:
        return [row for rows in self.rows.values() for row in rows.values()]

    @property
    def asked(self) -> list[Timing]:
        """The rows of the targets that were asked for."""
        return [row for row in self.all_rows if row.target in self.targets]

    @property
    def verdict(self) -> str:
        """``wrong`` or ``impossible`` if one of the targets was so anywhere, ``unjudged`` if none was timed."""
        for verdict in ("wrong", "impossible"):
            if any(getattr(row, verdict) for row in self.asked):
                return verdict
        return "passed" if any(row.samples for row in self.asked) else "unjudged"

    @property
    def noisy(self) -> list[Timing]:
        """The rows of the asked targets whose middle half of samples spreads over more than half of the median."""
        return [row for row in self.asked if row.samples and row.spread > NOISY]

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
        noisy = sorted({row.target for row in self.noisy})
        return {"schema": SCHEMA, "verdict": self.verdict, "noisy": noisy, "targets": list(self.targets),
                "baseline": BASELINE,
                "blocks": self.blocks, "seconds": round(self.seconds, 1), "machine": self.machine.to_json(),
                "cases": cases}  # fmt: skip


def measure(
    targets: Mapping[str, Spec],
    asked: Sequence[str],
    tasks: Sequence[Task],
    seed: int,
    step: Step,
    blocks: int = 0,
    limit: float = 0.0,
) -> Bench:
    """Time all targets on all tasks, in turn, sample by sample, on one core.

    Args:
        targets: by name, the baseline among them.
        asked: the names of those that were asked for.
        tasks: the cases.
        seed: of data and of the order of samples.
        step: told of progress.
        blocks: times that every target gets a fresh process, at most; 0 for `BLOCKS`.
        limit: seconds after which no other block is begun, nor another case of the first one; 0 for none.

    Raises:
        NotLoaded: a target cannot be loaded.
        Unmeasured: the machine could not be measured.
    """
    began = time.monotonic()
    chance = random.Random(seed)
    bench = Bench(targets=tuple(asked), blocks=blocks or BLOCKS)
    bench.rows = {task: {name: Timing(target=name, task=task) for name in targets} for task in tasks}
    sure = 1 if limit else bench.blocks  # blocks that there will be
    checking = {task: chance.randrange(sure) if task.case.macs > HEAVY else -1 for task in tasks}
    cores = os.sched_getaffinity(0)
    for index in range(bench.blocks):
        spent = time.monotonic() - began
        if limit and index and spent * (index + 1) / index > limit:
            bench.blocks = index
            break
        done = index * len(tasks)
        if all(spec.device == "cpu" for spec in targets.values()):
            step(done, bench.blocks * len(tasks), "the machine")
            bench.machine = bench.machine.best_of(roofline.measure(max(cores) if len(cores) > 1 else -1))
        with interleaved.fresh(targets) as remotes:
            for number, task in enumerate(tasks, done):
                step(number, bench.blocks * len(tasks), str(task))
                if limit and not index and number and time.monotonic() - began > limit:
                    for row in bench.rows[task].values():
                        row.note = "not timed: its turn did not come within the limit"
                timed = {name: remotes[name] for name, row in bench.rows[task].items() if not row.note}
                if not timed:
                    continue
                check = checking[task] in (-1, index)
                block = interleaved.block(timed, task, chance, interleaved.SIDE_BY_SIDE, check=check, weigh=index == 0)
                for name, samples in block.items():
                    bench.rows[task][name].add(samples, block.get(BASELINE))
    for task, by_name in bench.rows.items():
        apply_roofline(by_name.values(), bench.machine, work(task.case, task.mode))
    bench.seconds = time.monotonic() - began
    return bench


def apply_roofline(rows: Iterable[Timing], machine: Machine, needed: Work) -> None:
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
