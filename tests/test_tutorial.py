"""The tutorial does what it says: its files are written, its commands typed, and what it shows is what comes.

In ``docs/tutorial.md`` a block ``python title=ops.py`` is a file, ``diff title=ops.py`` an edit of it (every line with
its sign), and ``console`` a session: lines after ``$`` are typed, those below must come, in this order, but for the
numbers in them; ``...`` stands for anything. The last command of a session ends with the code of ``exit=1``, 0 if none
is given; with the second of ``exit=0,3`` it may say something else. The blocks of these kinds in ``docs/usage.md`` are
worked through in the same way, as those of ``docs/worth.md`` are, and every row of its table of conventions is typed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
WORTH = (ROOT / "docs" / "worth.md").read_text(encoding="utf-8")
USAGE = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
NUMBER = re.compile(r"\b[0-9a-f]{10}\b|[-+]?\d[\d.]*(?:e[-+]?\d+)?")  # commits among them


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is, what is said of it, its text, and the line that it begins at."""

    kind: str
    said: dict[str, str]
    text: str
    line: int


@dataclass
class Command:
    """What is typed, and the lines that are shown below it."""

    typed: str
    shown: list[str] = field(default_factory=list)


def blocks(page: str) -> Iterator[Block]:
    for match in BLOCK.finditer(page):
        said = dict(word.split("=", 1) for word in match[2].split())
        yield Block(match[1], said, match[3], page[: match.start()].count("\n") + 1)


def commands(text: str) -> list[Command]:
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:]))
        else:
            found[-1].shown.append(line)
    return found


def plain(text: str) -> str:
    """Without the numbers, and with single blanks: where a line breaks depends on the numbers in it."""
    return " ".join(NUMBER.sub("#", text).split())


def missing(shown: list[str], output: str) -> str:
    """The first passage that is shown and does not come, in this order; empty if all do."""
    rest = plain(output)
    for passage in map(plain, "\n".join(shown).split("...")):
        if passage not in rest:
            return f"{passage}\n-- is not in, or not in this order --\n{rest}"
        rest = rest[rest.index(passage) + len(passage) :]
    return ""


def edited(source: str, change: str) -> str:
    old = "".join(line[1:] for line in change.splitlines(keepends=True) if line[0] != "+")
    new = "".join(line[1:] for line in change.splitlines(keepends=True) if line[0] != "-")
    assert source.count(old) == 1, f"stands {source.count(old)} times in the file:\n{old}"
    return source.replace(old, new)


def environment(folder: Path) -> dict[str, str]:
    """That of a user who has installed corrbench and pytest, and told git their name; 80 columns."""
    programs = folder / "bin"
    programs.mkdir()
    for name, module in {"corrbench": "corrbench", "pytest": "pytest -p corrbench.pytest_plugin"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    hidden = ("GITHUB_", "RUNNER_", "PYTEST_", "GIT_", "CORRBENCH_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden) and key != "CI"}
    names = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    return kept | {f"GIT_{name}": "a@b.invalid" for name in names} | {
        "PATH": f"{programs}{os.pathsep}{kept['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "80", "NO_COLOR": "1",
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
    }  # fmt: skip


def typed(command: Command, folder: Path, known: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        ["bash", "-c", command.typed], cwd=folder, env=known, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def work_through(block: Block, folder: Path, known: dict[str, str]) -> None:
    """Do what a block says."""
    place = f"docs/tutorial.md:{block.line}"
    if block.kind == "python":
        (folder / block.said["title"]).write_text(block.text)
    elif block.kind == "diff":
        file = folder / block.said["title"]
        file.write_text(edited(file.read_text(), block.text))
    elif block.kind == "console":
        codes = [int(code) for code in block.said.get("exit", "0").split(",")]
        session = commands(block.text)
        for command in session:
            code, output = typed(command, folder, known)
            allowed = codes if command is session[-1] else [0]
            assert code in allowed, f"{place}: {command.typed}: exit code {code}, not {allowed}\n{output}"
            if code == allowed[0]:
                assert not missing(command.shown, output), f"{place}: {command.typed}\n{missing(command.shown, output)}"


@pytest.mark.slow
def test_the_tutorial_comes_true(tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "kernels"
    folder.mkdir()
    known = environment(tmp_path)
    for block in blocks(TUTORIAL):
        work_through(block, folder, known)


@pytest.mark.slow
def test_what_usage_says_of_conventions_comes_true(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    known = environment(tmp_path)
    for block in blocks(USAGE):
        work_through(block, folder, known)
    rows = re.findall(r"^\| .* \| `(conventions\.py:.*)` \|$", USAGE, re.MULTILINE)
    assert len(rows) > 15
    for row in rows:
        asked = "--check values.exact --profile quick --suite article --seed 1"
        code, output = typed(Command(f"corrbench verify {row} {asked}"), folder, known)
        assert code == 0, f"docs/usage.md: {row}: exit code {code}\n{output}"


@pytest.mark.slow
def test_what_a_pass_is_worth_comes_true(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    folder.mkdir()
    known = environment(tmp_path)
    for block in blocks(WORTH):
        work_through(block, folder, known)


def test_what_is_shown_of_the_action_is_what_it_takes() -> None:
    [workflow] = [yaml.safe_load(block.text) for block in blocks(TUTORIAL) if block.kind == "yaml"]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    given = {key for step in steps if "corrbench" in step["uses"] for key in step["with"]}
    assert given
    assert given <= set(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])


# ---- the reading of the page can fail


def test_every_block_is_one_that_is_worked_through() -> None:
    assert TUTORIAL.count("\n```") == 2 * len(list(blocks(TUTORIAL)))
    for block in blocks(TUTORIAL):
        assert block.kind in ("python", "diff", "console", "yaml"), block.line
        assert block.kind not in ("python", "diff") or "title" in block.said, block.line


def test_what_is_shown_must_come_in_order_numbers_aside() -> None:
    output = "check  pass\nvalues.exact  12\n  worst at [0, 1]: got 0, exact -1.5e-25\nFAIL 3 fail in 2.5 s\n"
    assert not missing(["check pass", "...", "worst at [0, 0]: got 7, exact 2", "FAIL 9 fail in 1 s"], output)
    assert not missing(["...", "values.exact 8", "..."], output)
    assert not missing([], output)
    assert "PASS" in missing(["check pass", "...", "PASS"], output)
    assert missing(["FAIL 3 fail", "...", "check"], output)


def test_an_edit_must_fit_once() -> None:
    assert edited("a\nb\nc\n", " a\n-b\n+d\n") == "a\nd\nc\n"
    with pytest.raises(AssertionError, match="stands 2 times"):
        edited("a\na\n", "-a\n+b\n")


def test_an_exit_code_that_is_not_announced_fails(tmp_path: Path) -> None:
    known = environment(tmp_path)
    work_through(Block("console", {"exit": "0,3"}, "$ exit 3\nsomething else\n", 1), tmp_path, known)
    with pytest.raises(AssertionError, match="exit code 1, not"):
        work_through(Block("console", {}, "$ exit 1\n", 1), tmp_path, known)
    with pytest.raises(AssertionError, match="not in this order"):
        work_through(Block("console", {}, "$ echo a\nb\n", 1), tmp_path, known)
