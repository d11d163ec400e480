"""How many instructions does a call take? The same on any machine, however busy: a step in these series is a change.

Counted by valgrind, which has none of the newest vector units, so libraries may take another path there than they do
outside; PyTorch's own convolution is counted beside ours, to show when it was not our code that changed. This file is
also the program that is counted: it imports nothing that the calls do not need.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import calls, cases

SMALL = "edges 64x64*3x3"
CALLS = (
    ("reference.corr2d", cases.ARTICLE, "forward"),
    ("reference.corr2d", SMALL, "forward"),
    ("reference.conv2d", SMALL, "backward"),
    ("reference.conv2d", "ResNet-50 1x1", "forward"),
    (calls.ORACLE, SMALL, "forward"),
    ("torch.conv2d", SMALL, "forward"),
)
NAMES = tuple(f"{implementation}, {shape}, {direction}" for implementation, shape, direction in CALLS)
WARM = 8  # calls, after which Python's interpreter specialises its code
ROUNDS, TIMES = 2, 8  # rounds, of which the least counts, since the first has more to do, and calls in each
PREFIX = "./vgdb"  # of the pipes to valgrind

# What zeroes the counters and what writes them down: two functions of the C library that nothing else here calls.
ZERO, WRITE = os.getppid, os.getpgrp


class Count:
    params = (NAMES,)
    param_names = ("call",)
    unit = "instructions"
    version = "1"

    def setup_cache(self) -> dict[str, float]:
        return counted()

    setup_cache.timeout = 300  # type: ignore[attr-defined]

    def setup(self, found: dict[str, float], name: str) -> None:
        if name not in found:
            raise NotImplementedError("this commit has no such call, or there is no valgrind (Debian: valgrind)")

    def track_instructions(self, found: dict[str, float], name: str) -> float:
        return found[name]


def counted() -> dict[str, float]:
    """Instructions of one call, for those that this commit has; empty where there is no valgrind."""
    if not all(map(shutil.which, ("valgrind", "callgrind_control"))):
        return {}
    package = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        words = (
            "valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--vgdb-prefix={PREFIX}",
            "--callgrind-out-file=counts", f"--zero-before={ZERO.__name__}", f"--dump-before={WRITE.__name__}",
            sys.executable, "-P", "-m", f"{package.name}.{Path(__file__).stem}",
        )  # fmt: skip
        # Nothing but this, and no name that changes: what a program is told moves addresses, and addresses are hashed.
        fixed = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package.parent), "PYTHONHASHSEED": "0",
                 "OMP_NUM_THREADS": "1"}  # fmt: skip
        done = subprocess.run(words, cwd=folder, env=fixed, capture_output=True, text=True, check=True)
        names = done.stdout.splitlines()
        totals = [_total(Path(folder, f"counts.{part}")) for part in range(1, 1 + ROUNDS * len(names))]
    return {name: min(totals[ROUNDS * k : ROUNDS * (k + 1)]) / TIMES for k, name in enumerate(names)}


def _total(file: Path) -> int:
    found = re.search(r"^totals: (\d+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"callgrind wrote no total into {file.name}"
    return int(found[1])


def run(say: Callable[[str], object]) -> None:
    """Make the calls between marks, and name those that this commit has, in order."""
    gc.disable()
    for name, (implementation, shape, direction) in zip(NAMES, CALLS, strict=True):
        try:
            call = calls.prepare(implementation, shape, direction=direction)
        except NotImplementedError:
            continue
        for _ in range(WARM):
            call()
        for _ in range(ROUNDS):
            ZERO()
            for _ in range(TIMES):
                call()
            WRITE()
        say(f"{name}\n")


if __name__ == "__main__":
    # Counting from the start would take a minute for the imports alone.
    subprocess.run(("callgrind_control", f"--vgdb-prefix={PREFIX}", "-i", "on", str(os.getpid())),
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    run(sys.stdout.write)
