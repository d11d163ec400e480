"""Completion: right in each place, without importing torch or the user's files, and soon."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete, get_completion_class
from click.testing import CliRunner

from corrbench import checks, suites
from corrbench.case import DTYPES
from corrbench.cli import main
from corrbench.commands import _completion
from corrbench.numerics import inputs
from corrbench.target import registered

ROOT = Path(__file__).parents[2]
SOONEST = 0.6  # seconds of processor that an answer may take


def offered(*words: str) -> list[str]:
    """What is offered for the last word, by click's own interface."""
    shell = ShellComplete(main, {}, "corrbench", "_CORRBENCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1]) if item.type == "plain"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pkg" / "deep"
    folder.mkdir(parents=True)
    (folder / "ops.py").write_text("raise SystemExit\nasync def one(X, K): ...\nclass Two: ...\ndef _three(): ...\n")
    (folder / "book.ipynb").write_text('{"cells": [{"cell_type": "code", "source": ["%x\\n", "def one(): ..."]}]}')
    (folder / "notes.txt").touch()


def test_commands_and_options() -> None:
    assert {"verify", "gate", "completion"} <= set(offered(""))
    assert "--github" in offered("verify", "--git")
    assert offered("verify", "--profile", "") == ["quick", "standard", "deep"]
    assert offered("completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("before", [["verify"], ["gate", "--base", "main"], ["compare"], ["compare", "torch"],
                                    ["bench"], ["bench", "torch", "torch.corr2d"]])  # fmt: skip
def test_targets(before: list[str]) -> None:
    assert set(offered(*before, "")) >= set(registered())
    assert offered(*before, "scipy.c") == [name for name in registered() if name.startswith("scipy.c")]
    assert offered(*before, "pkg/deep/ops.py:") == ["pkg/deep/ops.py:one", "pkg/deep/ops.py:Two"]
    assert offered(*before, "pkg.deep.ops:o") == ["pkg.deep.ops:one"]
    assert offered(*before, "pk") == ["pkg/"]
    assert offered(*before, "pkg/deep/o") == ["pkg/deep/ops.py"]
    assert offered(*before, "pkg/deep/b") == ["pkg/deep/book.ipynb"]
    assert offered(*before, "pkg/deep/book.ipynb:") == ["pkg/deep/book.ipynb:one"]


def test_files_beside_each_other_are_offered_as_files(tmp_path: Path) -> None:
    (tmp_path / "pkg" / "more.py").touch()
    (tmp_path / "pkg" / "_private").mkdir()
    assert offered("verify", "pkg/") == ["pkg/deep/", "pkg/more.py"]
    assert offered("verify", str(tmp_path / "pkg" / "d")) == [f"{tmp_path}/pkg/deep/"]


@pytest.mark.parametrize("before", [["report"], ["report", "run.json"]])
def test_runs(before: list[str], tmp_path: Path) -> None:
    (tmp_path / ".corrbench").mkdir()
    for name in (".corrbench/1a.jsonl", "run.json", "run.md", "pkg/old.json"):
        (tmp_path / name).touch()
    assert offered(*before, "") == [".corrbench/1a.jsonl", "pkg/", "run.json"]
    assert offered(*before, "r") == ["run.json"]
    assert offered(*before, "pkg/") == ["pkg/deep/", "pkg/old.json"]
    assert offered(*before, ".corrbench/") == [".corrbench/1a.jsonl"]


@pytest.mark.parametrize("place", ["none.py:", "none/", "pkg:", "broken.py:", ":", "\0:"])
def test_what_is_not_there_offers_nothing(place: str, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    assert offered("verify", place) == []


def test_names_of_checks_and_suites_are_those_there_are() -> None:
    names = offered("verify", "torch", "--check", "")
    assert [name for name in names if "." in name] == list(checks.registry())
    assert {name for name in names if "." not in name} == {name.partition(".")[0] for name in checks.registry()}
    assert offered("verify", "--suite", "") == list(suites.registry())
    assert set(offered("audit", "--only", "defect,")) > {"defect,cheat", "defect,values"}


def test_cases() -> None:
    ask = ("verify", "torch", "--case")
    assert set(offered(*ask, "x=1,1,5,6 data=")) == {f"x=1,1,5,6 data={name}" for name in inputs.FILLS}
    assert offered(*ask, "dtype=") == [f"dtype={name}" for name in DTYPES]
    assert offered(*ask, "x=1,1,5,6 dty")[0] == f"x=1,1,5,6 dtype={DTYPES[0]}", "the only key is gone into"
    assert "x=1,1,5,6 w=" in offered(*ask, "x=1,1,5,6 ")
    assert not [text for text in offered(*ask, "x=1,1,5,6 ") if text.endswith(" x=")], "each key once"
    assert offered(*ask, "layout=x:rev") == ["layout=x:reversed"]


# ---- in the shells


def asked(line: list[str], at: int, *, shell: str = "bash") -> tuple[list[str], float]:
    """The lines that the shell gets, and the processor's seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COMP_WORDS": "\n".join(line), "COMP_CWORD": str(at),
                   "_CORRBENCH_COMPLETE": f"{shell}_complete"}  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = (
        "import sys\nfrom corrbench.cli import main\n"
        "try:\n    main(prog_name='corrbench')\nfinally:\n    assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert not done.stderr, done.stderr
    return done.stdout.splitlines(), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("line", "at", "answer"),
    [
        (["corrbench", "verify", "pkg/deep/ops.py", ":", "o"], 4, ["plain,one"]),
        (["corrbench", "verify", "pkg/deep/ops.py", ":"], 3, ["plain,one", "plain,Two"]),
        (["corrbench", "compare", "pkg/deep/ops.py", ":", "one", "torch.corr"], 5, ["plain,torch.corr2d"]),
        (["corrbench", "verify", "torch", "--check", "=", "values.b"], 5, ["plain,values.bound"]),
        (["corrbench", "verify", "--case", "'x=1,1,5,6 data=sma"], 3, ["plain,x=1,1,5,6 data=small"]),
    ],
)
def test_bash_gets_what_follows_the_colon_and_soon(line: list[str], at: int, answer: list[str]) -> None:
    found, seconds = asked(line, at)
    assert found == answer
    assert seconds < SOONEST


def test_zsh_gets_whole_words() -> None:
    found, _ = asked(["corrbench", "verify", "pkg/deep/ops.py:o"], 2, shell="zsh")
    assert found == ["plain", "pkg/deep/ops.py:one", "_"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_clicks_own(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"_CORRBENCH_COMPLETE={shell}_complete" in done.stdout
    if shell == "bash":
        assert get_completion_class("bash") is _completion.Bash
        assert "compopt -o nospace" in done.stdout
        assert subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False).returncode == 0
