"""Instructions of a call, counted by valgrind: the same on any machine, however busy.

A program of which each sample takes a millisecond is told apart from one that takes a hundredth more only by many
samples; their instructions differ at once. But valgrind runs a processor of its own, without the newest vector units,
so libraries may choose another path there than they do outside: a count never passes a change alone.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from corrbench.judge import supervisor
from corrbench.judge.client import Remote
from corrbench.target import Spec
from corrbench.timing.interleaved import Task
from corrbench.timing.stopwatch import Stopwatch, Unmeasurable

CALLS = 4  # that are counted, beyond one
SLOWNESS = 60.0  # times that a program runs slower under valgrind
SEED = 20  # of the numbers: counts of the same program are to be the same


def missing() -> str:
    """Why nothing can be counted here; empty if it can."""
    absent = [name for name in ("valgrind", "callgrind_control") if shutil.which(name) is None]
    return f"{absent[0]} is not installed (Debian: apt install valgrind)" if absent else ""


class Meter:
    """A process that was started under `under(prefix)`, and whose instructions are counted while an action lasts."""

    def __init__(self, pid: int, prefix: str) -> None:
        self.words = ("callgrind_control", f"--vgdb-prefix={prefix}")
        self.pid = str(pid)

    def count(self, action: Callable[[], object]) -> int:
        """Instructions of all threads of the process meanwhile.

        Raises:
            Unmeasurable: callgrind says no count.
        """
        self.tell("-i", "on")
        self.tell("-z")
        action()
        said = self.tell("-e")
        self.tell("-i", "off")
        totals = re.findall(r"^\s+Th\s+\d+\s+([\d,]+)", said, re.MULTILINE)
        if not totals:
            raise Unmeasurable(f"callgrind_control says no count: {said[-200:]}")
        return sum(int(one.replace(",", "")) for one in totals)

    def tell(self, *words: str) -> str:
        done = subprocess.run([*self.words, *words, self.pid], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


def under(prefix: str) -> tuple[str, ...]:
    """The words before a command that let a `Meter` count it; it does not count from the start, which takes long."""
    return (
        "env", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1", "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
        "--callgrind-out-file=/dev/null", f"--vgdb-prefix={prefix}",
    )  # fmt: skip


def counts(spec: Spec, tasks: Iterable[Task]) -> dict[Task, float]:
    """Instructions of one call for each task; NaN where the target does not manage it.

    Raises:
        Died, NotLoaded: the target's process.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder, "vgdb"))
        slow = replace(spec, timeout=spec.timeout * SLOWNESS, memory=2 * spec.memory)
        found = {}
        with Remote(slow, under(prefix)) as remote:
            convention = spec.convention(remote.load()["form"])
            for task in tasks:
                watch = Stopwatch(remote, task.case, task.mode, SEED, convention)
                try:
                    watch.prepare()
                    found[task] = _counted(watch, prefix)
                except Unmeasurable:
                    found[task] = math.nan
    return found


def _counted(watch: Stopwatch, prefix: str) -> float:
    """The difference between many calls and one is that of the calls alone."""
    guarded = [*supervisor.family(watch.remote.pid)]
    meter = Meter(guarded[-1] if guarded else watch.remote.pid, prefix)
    meter.count(lambda: watch.run(1))  # what is translated once
    few, many = (meter.count(partial(watch.run, number)) for number in (1, 1 + CALLS))
    return (many - few) / CALLS
