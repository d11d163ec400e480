"""How many instructions does a call take? Counted by valgrind: the same on any machine, however busy.

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
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from corrbench.duel import Task
from corrbench.remote import Remote
from corrbench.stopwatch import Stopwatch, Unmeasurable
from corrbench.target import Spec

CALLS = 4  # that are counted, beyond one
SLOWNESS = 60.0  # times that a program runs slower under valgrind
SEED = 20  # of the numbers: counts of the same program are to be the same


def missing() -> str:
    """Why nothing can be counted here; empty if it can."""
    absent = [name for name in ("valgrind", "callgrind_control") if shutil.which(name) is None]
    return f"{absent[0]} is not installed (Debian: apt install valgrind)" if absent else ""


def counts(spec: Spec, tasks: Iterable[Task]) -> dict[Task, float]:
    """Instructions of one call for each task; NaN where the target does not manage it.

    Raises:
        Died, NotLoaded: the target's process.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder, "vgdb"))
        before = (
            "env", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1", "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no",
            "--callgrind-out-file=/dev/null", f"--vgdb-prefix={prefix}",
        )  # fmt: skip
        slow = replace(spec, timeout=spec.timeout * SLOWNESS, memory=2 * spec.memory)
        found = {}
        with Remote(slow, before) as remote:
            form = remote.load()["form"]
            for task in tasks:
                watch = Stopwatch(remote, task.case, task.mode, SEED, form)
                try:
                    watch.prepare()
                    found[task] = _counted(watch, prefix)
                except Unmeasurable:
                    found[task] = math.nan
    return found


def _counted(watch: Stopwatch, prefix: str) -> float:
    """The difference between many calls and one is that of the calls alone."""
    pid = watch.remote.pid
    _control(prefix, pid, "-i", "on")
    watch.run(1)  # what is translated once
    few, many = (_one(watch, prefix, pid, number) for number in (1, 1 + CALLS))
    _control(prefix, pid, "-i", "off")
    return (many - few) / CALLS


def _one(watch: Stopwatch, prefix: str, pid: int, number: int) -> int:
    _control(prefix, pid, "-z")
    watch.run(number)
    said = _control(prefix, pid, "-e")
    totals = re.findall(r"^\s+Th\s+\d+\s+([\d,]+)", said, re.MULTILINE)
    if not totals:
        raise Unmeasurable(f"callgrind_control says no count: {said[-200:]}")
    return sum(int(one.replace(",", "")) for one in totals)


def _control(prefix: str, pid: int, *words: str) -> str:
    done = subprocess.run(
        ["callgrind_control", f"--vgdb-prefix={prefix}", *words, str(pid)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
