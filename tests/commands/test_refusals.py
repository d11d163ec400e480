"""What only needs parsing is refused before anything runs: in one line, with exit code 2, and soon."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from corrbench.result import SCHEMA
from tests.support import small_targets

ROOT = Path(__file__).parents[2]
SOONEST = 2.0  # seconds of processor: what a clock shows depends on what else runs
TORCH = 4.0  # the same where the catalogue of defects is needed, whose files import torch


def typed(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "corrbench", *shlex.split(words)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def refused(words: str, folder: Path) -> tuple[str, float]:
    """What the command says, and the processor's seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = typed(words, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("corrbench: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A file, a baseline of another target, and a record of another command."""
    (tmp_path / "file").touch()
    baseline = json.dumps({"schema": "corrbench-baseline/1", "target": "other", "known": []})
    (tmp_path / "b.json").write_text(baseline)
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "scipy.correlate2d.json").write_text(baseline)
    (tmp_path / "r.jsonl").write_text(json.dumps({"schema": SCHEMA, "header": {"profile": "deep", "seed": 1}}) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("verify nonsense", "'nonsense' is not a registered target"),
        ("verify torch --check value", "no check or family named 'value'"),
        ("verify torch --suite hand", "no suite named 'hand'"),
        ("verify torch --suite artcle", "no suite named 'artcle'; did you mean article? There are: "),
        ("bench torch --suite artcle", "did you mean article?"),
        ("verify torch --case x=1", "case 'x=1': "),
        ("verify torch --case 'x=1,1,3,3 w=1,1,2,2 data=smal'", "no data named 'smal'; did you mean small or "),
        ("verify torch --case 'x=1,1,3,3 w=1,1,2,2' --suite article", "--case names the one case"),
        ("verify torch --html a --markdown ./a", "--markdown and --html would write the same file, a: "),
        ("verify torch --report a --markdown a/correctness.md", "--markdown and --report would write the same file"),
        ("verify torch --reason why", "--reason is written by --record-baseline FILE alone"),
        ("verify torch --strict-baseline", "--strict-baseline needs a --baseline FILE"),
        ("verify torch --baseline b.json --no-baseline", "--baseline and --no-baseline contradict each other"),
        ("verify torch -q -v", "--quiet and --verbose contradict each other"),
        ("verify torch --executor slurm", "unknown executor 'slurm'"),
        ("verify torch --budget soon", "--budget 'soon' is no time"),
        ("verify torch --baseline b.json", "this baseline was recorded for other, not for torch"),
        ("verify torch --baseline none.json", "cannot read the baseline none.json"),
        ("verify torch --resume --store r.jsonl", "r.jsonl belongs to another command: "),
        ("verify torch --resume --store none.jsonl", "nothing to resume: none.jsonl"),
        ("verify torch --store file/r.jsonl", "cannot write file/r.jsonl: Not a directory"),
        ("verify torch --json file/below", "cannot write file/below: Not a directory"),
        ("verify torch --junit none/x", "cannot write none/x: no such folder"),
        ("verify torch --markdown file/below", "cannot write file/below: Not a directory"),
        ("verify torch --html file/below", "cannot write file/below: Not a directory"),
        ("verify torch --report file/below", "cannot write file/below: Not a directory"),
        ("verify torch --record-baseline file/below --reason why", "cannot write file/below: Not a directory"),
        ("peers fortran", "no library or target named 'fortran'"),
        ("peers scipy --check value", "no check or family named 'value'"),
        ("peers scipy --suite hand", "no suite named 'hand'"),
        ("peers scipy --baselines known", "this baseline was recorded for other, not for scipy.correlate2d"),
        ("peers scipy --report file/below", "cannot write file/below: Not a directory"),
        ("peers scipy --resume", "nothing to resume: "),
        ("audit --json file/below", "cannot write file/below: Not a directory"),
        ("report none.json", "cannot read none.json"),
        ("doctor --json file/below", "cannot write file/below: Not a directory"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_runs(folder: Path, words: str, said: str) -> None:
    message, seconds = refused(words, folder)
    assert said in message
    assert seconds < SOONEST
    assert not (folder / ".corrbench").exists()


@pytest.mark.parametrize(
    ("words", "said"), [("--only upwards", "no mutant is called 'upwards'"), ("--resume", "nothing to resume: ")]
)
def test_an_audit_of_what_is_not_there_is_refused(folder: Path, words: str, said: str) -> None:
    message, seconds = refused(f"audit {words}", folder)
    assert said in message
    assert seconds < TORCH
    assert not (folder / ".corrbench").exists()


@pytest.mark.parametrize("command", ["verify", "bench", "compare", "gate --base main"])
def test_a_name_that_is_not_in_its_file_is_refused_at_once(folder: Path, command: str) -> None:
    (folder / "ops.py").write_text("raise SystemExit\nclass Conv2D: ...\ndef load(path): ...\n")
    message, seconds = refused(f"{command} ops.py:Conv2d" + " torch" * (command == "compare"), folder)
    assert "ops.py has no 'Conv2d'; did you mean 'Conv2D'? It has: Conv2D, load" in message
    assert seconds < SOONEST


def test_a_file_without_a_name_is_answered_with_what_it_has(folder: Path) -> None:
    (folder / "ops.py").write_text("raise SystemExit\ndef corr2d(X, K): ...\ndef conv2d(x, w): ...\n")
    for words in ("ops.py", "ops.py:"):
        done = typed(f"verify {words}", folder)
        assert done.returncode == 2
        assert done.stderr.endswith("verify ops.py:corr2d\nIt has:\n  corr2d(X, K)\n  conv2d(x, w)\n"), done.stderr


@pytest.mark.slow
def test_the_one_that_looks_like_a_convolution_is_judged_and_the_report_says_how(folder: Path) -> None:
    (folder / "ops.py").write_text(f"import none\n{small_targets.RIGHT}\ndef main(): ...\nmain(none.data)\n")
    words = "--arrays numpy --check values --markdown r.md --html r.html --json r.json --seed 1 --case "
    words += "'x=1,1,4,5 w=1,1,2,3 dtype=float64 data=small'"
    done = typed(f"verify ops.py {words}", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == "corrbench: ops.py:corr2d is what looks like a convolution there\n"
    note = "ops.py was not run: importing it raised ModuleNotFoundError (No module named 'none'); "
    note += "corr2d was taken out of it"
    assert done.stdout.splitlines()[1] == note
    assert json.loads((folder / "r.json").read_text())["notes"] == [note]
    assert f"*{note}.*" in (folder / "r.md").read_text()
    assert note.replace("'", "&#39;") + "." in (folder / "r.html").read_text()
    done = typed("report r.json", folder)
    assert note in done.stdout
