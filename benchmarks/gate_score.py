"""The error rates of the gate, of asv and of pytest-benchmark, on the same slowdowns in the same hours.

A small repository is made, in which one revision differs from another by a planted slowdown of one of four cases: a
target that does its work a hundred times over does it, say, 103 times on images of one size. Every tool is asked
whether the later revision is slower, again and again, in an order drawn by lot, so that all of them see the same
machine. A slowdown counts as found only if the tool names the slowed case; a case named that is not slowed is a false
alarm. Interrupted, the same command goes on.
"""

from __future__ import annotations

import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from benchmarks import gate_report
from corrbench.commands.bench import draw

PASSES = 100  # of the work in one call; a planted slowdown adds so many per cent
SIZES = (9, 12, 16, 21)  # rows of the images, one more column; kernels of 3x2
SLOWED = 16  # the size that is slowed
TOLERANCE = 1  # per cent, the gate's own, given to the others as well
PLANTS = {0: 50, 2: 6, 3: 20, 5: 20, 10: 6}  # per cent, and how often each tool is asked
SHARE = {"gate": 1.0, "asv continuous": 0.4, "pytest-benchmark": 0.3}  # of these runs, to have them in an hour
OPS = '''"""A right correlation that does its work more than once."""
import numpy as np


def corr2d(X, K):
    kh, kw = K.shape
    rows, columns = X.shape[0] - kh + 1, X.shape[1] - kw + 1
    for _ in range({passes} if X.shape[0] == {slowed} else {usual}):
        Y = np.zeros((rows, columns), np.result_type(X, K))
        for i in range(kh):
            for j in range(kw):
                Y += X[i : i + rows, j : j + columns] * K[i, j]
    return Y
'''
FILES = {
    "bench/__init__.py": "",
    "bench/forward.py": """import numpy as np
from ops import corr2d


class Time:
    params = SIZES

    def setup(self, size):
        rng = np.random.default_rng(size)
        self.X, self.K = rng.random((size, size + 1)), rng.random((3, 2))

    def time_corr2d(self, size):
        corr2d(self.X, self.K)
""",
    "test_ops.py": """import numpy as np
import pytest
from ops import corr2d


@pytest.mark.parametrize("size", SIZES)
def test_corr2d(benchmark, size):
    rng = np.random.default_rng(size)
    benchmark(corr2d, rng.random((size, size + 1)), rng.random((3, 2)))
""",
    "asv.conf.json": json.dumps({
        "version": 1, "project": "ops", "repo": ".", "branches": ["main"], "environment_type": "virtualenv",
        "benchmark_dir": "bench", "matrix": {"req": {"numpy": ["NUMPY"], "pip+asv_runner": ["0.2.5"]}},
        "build_command": [], "uninstall_command": [],
        # nothing to build: the one file is copied
        "install_command": [
            "in-dir={build_dir} python -c \"import shutil, site; shutil.copy('ops.py', site.getsitepackages()[0])\""
        ],
    }),
    ".gitignore": ".asv*\n*.out\nresults\n__pycache__\n",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tool said of one planted slowdown.

    Attributes:
        tool, plant, index: which run it is; the slowdown in per cent.
        named: sizes that it called slower.
        unsure: whether it said that it cannot tell.
        seconds: that it took.
    """

    tool: str
    plant: int
    index: int
    named: list[int] = field(default_factory=list)
    unsure: bool = False
    seconds: float = 0.0


def run(words: list[str], folder: Path, core: int, **more: str) -> tuple[int, str]:
    """Exit code and output of a command on one core."""
    variables = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"} | more
    done = subprocess.run(
        words, cwd=folder, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def repository(folder: Path) -> Path:
    """A repository with the branches ``main`` and ``slow0`` to ``slow10``; ``slow0`` differs by a comment only."""
    import numpy as np

    def git(*words: str) -> None:
        words = ("git", "-c", "user.name=score", "-c", "user.email=score@example.com", *words)
        subprocess.run(words, cwd=folder, check=True, capture_output=True)

    folder.mkdir(parents=True)
    git("init", "-q", "-b", "main")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace("SIZES", repr(SIZES)).replace("NUMPY", np.__version__))
    for branch, extra in (("main", 0), *((f"slow{plant}", plant) for plant in PLANTS)):
        if branch != "main":
            git("checkout", "-q", "-b", branch, "main")
        text = OPS.format(passes=PASSES + extra, usual=PASSES, slowed=SLOWED)
        (folder / "ops.py").write_text(f"{text}# {branch}\n")
        git("add", "-A")
        git("commit", "-qm", branch)
    return folder


def gate(repo: Path, plant: int, core: int) -> tuple[list[int], bool]:
    """What `corrbench gate` says by time alone."""
    run(["git", "checkout", "-q", f"slow{plant}"], repo, core)
    cases = [
        word for size in SIZES for word in ("--case", f"x=1,1,{size},{size + 1} w=1,1,3,2 dtype=float64 data=unit")
    ]
    words = [sys.executable, "-m", "corrbench", "gate", "ops.py:corr2d", "--base", "main", "--arrays", "numpy",
             "--no-correctness", "--no-counts", "--json", "gate.out", *cases]  # fmt: skip
    (repo / "gate.out").unlink(missing_ok=True)
    code, said = run(words, repo, core)
    if code not in (0, 1, 3):
        raise RuntimeError(f"gate: {said[-2000:]}")
    found = json.loads((repo / "gate.out").read_text())["speed"]["cases"]
    (repo / "gate.out").unlink()
    named = [int(one["case"].split(",")[2]) for one in found if one["verdict"] == "slower"]
    return (named if code == 1 else []), code == 3


def asv(repo: Path, plant: int, core: int) -> tuple[list[int], bool]:
    """What `asv continuous` says at the gate's tolerance, with rounds that alternate between the revisions."""
    words = [sys.executable, "-m", "asv", "continuous", "main", f"slow{plant}", "--factor", str(1 + TOLERANCE / 100),
             "--interleave-rounds", "--machine", "score"]  # fmt: skip
    code, said = run(words, repo, core, HOME=str(repo))
    shutil.rmtree(repo / "results", ignore_errors=True)
    if code not in (0, 1) or not re.search("BENCHMARKS (NOT|HAVE) ", said):
        raise RuntimeError(f"asv: {said[-2000:]}")
    return [int(size) for size in re.findall(r"^\|? *\+.*time_corr2d\((\d+)\)", said, re.MULTILINE)], False


def pytest_benchmark(repo: Path, plant: int, core: int) -> tuple[list[int], bool]:
    """What `pytest --benchmark-compare-fail` says of the medians at the gate's tolerance."""
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "test_ops.py"]
    with tempfile.TemporaryDirectory() as kept:
        words.append(f"--benchmark-storage=file://{kept}")
        run(["git", "checkout", "-q", "main"], repo, core)
        code, said = run([*words, "--benchmark-save=base"], repo, core)
        if not code:
            run(["git", "checkout", "-q", f"slow{plant}"], repo, core)
            more = ["--benchmark-compare=0001", f"--benchmark-compare-fail=median:{TOLERANCE}%"]
            code, said = run([*words, *more], repo, core)
    if code and "Performance has regressed" not in said:
        raise RuntimeError(f"pytest-benchmark: {said[-2000:]}")
    return [int(size) for size in re.findall(r"test_corr2d\[(\d+)\] \(\S+\) - Field 'median'", said)], False


TOOLS: dict[str, Callable[[Path, int, int], tuple[list[int], bool]]] = {
    "gate": gate, "asv continuous": asv, "pytest-benchmark": pytest_benchmark,
}  # fmt: skip


def planned(share: float) -> list[tuple[str, int, int]]:
    """All runs in an order drawn by lot, the same each time."""
    todo = [
        (tool, plant, index)
        for tool in TOOLS
        for plant, count in PLANTS.items()
        for index in range(max(1, round(count * SHARE[tool] * share)))
    ]
    random.Random(5).shuffle(todo)
    return todo


def measured(folder: Path, record: Path, share: float) -> list[Outcome]:
    """Make all runs that are not on record, one a core at a time, and give the whole record."""
    lines = record.read_text().splitlines() if record.exists() else []
    outcomes = [Outcome(**json.loads(line)) for line in lines]
    done = {(one.tool, one.plant, one.index) for one in outcomes}
    todo = [key for key in planned(share) if key not in done]
    total = len(outcomes) + len(todo)
    places: queue.Queue[tuple[Path, int]] = queue.Queue()
    for core in sorted(os.sched_getaffinity(0)):
        repo = repository(folder / f"core{core}")
        run([sys.executable, "-m", "asv", "machine", "--yes", "--machine", "score"], repo, core, HOME=str(repo))
        places.put((repo, core))
    lock = threading.Lock()

    def one(key: tuple[str, int, int]) -> None:
        tool, plant, index = key
        repo, core = places.get()
        try:
            began = time.monotonic()
            named, unsure = TOOLS[tool](repo, plant, core)
            found = Outcome(tool, plant, index, sorted(named), unsure, round(time.monotonic() - began, 1))
        finally:
            places.put((repo, core))
        with lock:
            outcomes.append(found)
            with record.open("a") as file:
                file.write(json.dumps(asdict(found)) + "\n")
            what = f"{found.named}{' unsure' if unsure else ''}"
            click.echo(f"{len(outcomes)} of {total}: {tool} {plant} %: {what}, {found.seconds} s")

    with ThreadPoolExecutor(places.qsize()) as crew:
        list(crew.map(one, todo))
    return outcomes


@click.command()
@click.option("--record", default=".corrbench/gate-score.jsonl", type=click.Path(path_type=Path), show_default=True)
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), help="Write gate.md into this folder.")
@click.option("--share", default=1.0, help="Make only so large a part of the runs.")
def main(record: Path, report: Path | None, share: float) -> None:
    """Score the gate, asv and pytest-benchmark."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = measured(Path(folder), record, share)
    text = gate_report.markdown([asdict(one) for one in outcomes], SLOWED, TOLERANCE)
    click.echo(text)
    if report:
        report.mkdir(parents=True, exist_ok=True)
        (report / "gate.md").write_text(text, encoding="utf-8")
        draw(gate_report.figure([asdict(one) for one in outcomes], SLOWED), str(report / "gate.svg"))


if __name__ == "__main__":
    main()
