"""Whoever is killed, and whenever: nothing that was judged is lost, no verdict changes, and the run can go on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support import small_targets

WRONG = small_targets.RIGHT.replace("    return Y", "    return Y + (X.shape[0] == X.shape[1])")
COMMAND = (
    "verify", "target.py:corr2d", "--arrays", "numpy", "--check", "values.exact", "--suite", "article",
    "--profile", "quick", "--workers", "2", "--quiet", "--seed", "11", "--json", "run.json", "--store", "run.jsonl",
)  # fmt: skip


def started(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.Popen(
        [sys.executable, "-m", "corrbench", *COMMAND, *more], env=environment, cwd=folder, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def outcome(folder: Path) -> dict[tuple[str, str], str]:
    """The status of each result: what no kill may change. All that was planned is judged."""
    run: dict[str, Any] = json.loads((folder / "run.json").read_text())
    assert run["judged"] == run["planned"] <= len(run["results"])
    return {(one["check"], one["case"]): one["status"] for one in run["results"]}


def agree(one: dict[tuple[str, str], str], other: dict[tuple[str, str], str]) -> bool:
    """Whether two outcomes do. On a busy machine a run may find its target slow, and be planned with smaller cases."""
    shared = one.keys() & other.keys()
    return bool(shared) and all(one[key] == other[key] for key in shared)


def kills(folder: Path, count: int, chance: random.Random) -> list[str]:
    """Kill processes of runs at random moments, until so many were; whose process it was. Runs are gone on with."""
    whom: list[str] = []
    while len(whom) < count:
        run = started(folder, *(["--resume"] if (folder / "run.jsonl").exists() else []))
        while run.poll() is None and len(whom) < count:
            time.sleep(chance.uniform(0.0, 0.6))
            with contextlib.suppress(psutil.Error):
                user = psutil.Process(run.pid)
                judges = user.children()
                others = [one for judge in judges for one in judge.children(recursive=True)]
                groups = [("user", [user]), ("judge", judges), ("target", others)]
                name, some = chance.choice([group for group in groups if group[1]])
                os.kill(chance.choice(some).pid, signal.SIGKILL)
                whom.append(name)
        _, said = run.communicate(timeout=120)
        assert run.returncode in (0, 1, -9), said.decode()
        assert b"Traceback" not in said, said.decode()
    return whom


@pytest.mark.parametrize(
    ("count", "seed"), [(2, 1), pytest.param(100, 2, marks=pytest.mark.slow)], ids=["some", "a hundred"]
)
def test_killed_at_random_moments(tmp_path: Path, count: int, seed: int) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
        (folder / "target.py").write_text(WRONG)
    first = started(whole)
    first.communicate(timeout=120)
    assert first.returncode == 1
    kills(cut, count, random.Random(seed))
    last = started(cut, *(["--resume"] if (cut / "run.jsonl").exists() else []))
    _, said = last.communicate(timeout=120)
    assert last.returncode == 1, said.decode()
    assert agree(outcome(cut), outcome(whole))
    assert "fail" in outcome(whole).values()


@pytest.mark.slow
def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    (tmp_path / "target.py").write_text(WRONG)
    both = [started(tmp_path), started(tmp_path)]
    said = [run.communicate(timeout=120)[1].decode() for run in both]
    assert sorted(run.returncode for run in both) == [1, 2], said
    assert "is being written by another run" in "".join(said)
