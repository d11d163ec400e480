"""How fast is the judge: the oracle, the bounds, a command's start, and whole verifications?

A verification is run as a user runs it, through the command line, so that any commit that has one can be measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from . import calls, cases
from .measured import bounds

QUICK = ("verify", "reference.conv2d", "--profile", "quick", "--seed", "1", "--workers", "1")
LOOK = 0.05  # seconds between two looks at the memory


class Judge:
    """Seconds for the exact answer to a problem, and for the error that it allows."""

    params = ((cases.ARTICLE, "edges 256x256*3x3", "edges 256x256*11x11", "ResNet-50 1x1", "MobileNet depthwise 3x3"),)
    param_names = ("shape",)
    sample_time = 0.01
    repeat = (3, 10, 0.3)
    rounds = 2
    warmup_time = 0.05
    version = "1"

    def setup(self, shape: str) -> None:
        self.exact = calls.prepare(calls.ORACLE, shape)
        self.truth = self.exact()
        self.problem = calls.problem_of(shape, *(operand.numpy() for operand in cases.operands(shape)))

    def time_exact(self, shape: str) -> None:
        self.exact()

    def time_bound(self, shape: str) -> None:
        bounds.bound(self.problem, self.truth, dtype="float32", accuracy="direct")


class Start:
    """Seconds until a command has told how it is used, and until it has judged one small case."""

    params = (("--help", "one case"),)
    param_names = ("command",)
    number = 1  # a call is a process: nothing to batch
    repeat = (2, 5, 4.0)
    rounds = 1
    warmup_time = 0.0
    version = "1"

    def setup(self, command: str) -> None:
        one = (*QUICK, "--check", "values", "--case", "x=1,1,5,5 w=1,1,3,3")
        self.words = ("--help",) if command == "--help" else one
        _call(*self.words)

    def time_start(self, command: str) -> None:
        _call(*self.words)


class Cost(NamedTuple):
    """Of one run: wall seconds a question, start included, and the most bytes that its processes held together."""

    seconds: float
    memory: int


SLICES = {
    "article": ("--suite", "article"),
    "values": ("--suite", "article", "--suite", "handpicked", "--check", "values"),
}


class Verify:
    """What a question costs, one judge at work: not questions a second, since asv takes smaller for better."""

    params = (tuple(SLICES),)
    param_names = ("slice",)
    version = "1"

    def setup_cache(self) -> dict[str, Cost | Exception]:
        found: dict[str, Cost | Exception] = {}
        for name, words in SLICES.items():
            try:
                found[name] = _cost(*QUICK, *words)
            except (NotImplementedError, ValueError) as error:
                found[name] = error
        return found

    setup_cache.timeout = 300  # type: ignore[attr-defined]

    def setup(self, costs: dict[str, Cost | Exception], name: str) -> None:
        found = costs[name]
        if isinstance(found, Exception):
            raise found
        self.cost = found

    def track_seconds_per_question(self, costs: dict[str, Cost | Exception], name: str) -> float:
        return self.cost.seconds

    def track_peak_memory(self, costs: dict[str, Cost | Exception], name: str) -> int:
        return self.cost.memory

    track_seconds_per_question.unit = "seconds"  # type: ignore[attr-defined]
    track_peak_memory.unit = "bytes"  # type: ignore[attr-defined]


def _cost(*words: str) -> Cost:
    """Make one verification and look at its processes meanwhile.

    Raises:
        NotImplementedError: this commit has no such command.
        ValueError: it did not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, start, memory = Path(folder, "run.json"), time.perf_counter(), 0
        with _started(folder, *words, "--json", str(file)) as process:
            while process.poll() is None:
                memory = max(memory, _held(process.pid))
                time.sleep(LOOK)
        seconds = time.perf_counter() - start
        _check(process)
        run = json.loads(file.read_text(encoding="utf-8"))
    if not 0 < run["judged"] == run["planned"]:
        raise ValueError(f"{run['judged']} of {run['planned']} questions were judged: {run['problem']}")
    return Cost(seconds / run["judged"], memory)


def _call(*words: str) -> None:
    with tempfile.TemporaryDirectory() as folder, _started(folder, *words) as process:
        process.wait()
    _check(process)


def _started(folder: str, *words: str) -> subprocess.Popen[bytes]:
    """The command of the commit that is installed, in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "corrbench", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _check(process: subprocess.Popen[bytes]) -> None:
    """Findings (1) are an answer too.

    Raises:
        NotImplementedError: the command does not start, or does not know its words.
    """
    if process.returncode not in (0, 1):
        raise NotImplementedError(f"{process.args} gives {process.returncode} at this commit")


def _held(pid: int) -> int:
    """Bytes held by a process and all that it started, what is shared counted once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for one in (top, *top.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += one.memory_full_info().pss
    return total
