"""A target's own files are found and read without running any of it, and of them what it may run."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrbench.environment import sources

STOP = "raise SystemExit('this file was run')\n"
MAIN = """
from . import shapes
from .padding import padded as around
import numpy as np
LIMIT = 37
TABLE = {"plain": lambda x: x}

def conv(x, w):
    \"\"\"Never 4711.\"\"\"
    return _inner(around(x), w, shapes.least(x))

def _inner(x, w, least):
    return TABLE["plain"](x) if least < LIMIT else w

def another(x):
    return x + 999
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of three files, each of which ends whatever runs it."""
    folder = tmp_path / "pkg"
    folder.mkdir()
    (folder / "__init__.py").write_text(STOP)
    (folder / "main.py").write_text(MAIN + STOP)
    (folder / "padding.py").write_text(f"def padded(x):\n    return x\n\ndef other(x):\n    return x\n{STOP}")
    (folder / "shapes.py").write_text(f"@njit\ndef least(x):\n    return 5\n{STOP}")
    return tmp_path


@pytest.mark.parametrize("target", ["pkg.main:conv", "pkg/main.py:conv"])
def test_what_a_target_may_run_is_read_and_not_run(package: Path, target: str) -> None:
    found = {one.path.name: one for one in sources.of_target(target, package)}
    named = {file: {function.name for function in one.functions} for file, one in found.items()}
    assert named == {"main.py": {"conv", "_inner"}, "padding.py": {"padded"}, "shapes.py": {"least"}}
    assert found["main.py"].text == MAIN + STOP
    assert next(one.path.name for one in sources.of_target(target, package)) == "main.py"
    assert {function.name for one in found.values() for function in one.functions if function.compiled} == {"least"}


def test_functions_are_found_wherever_they_are_defined(tmp_path: Path) -> None:
    file = tmp_path / "guarded.py"
    file.write_text("def f(x):\n try:\n  def one(x): ...\n except OSError:\n  def other(x): ...\n return one(x)\n")
    [found] = sources.of_target(f"{file}:f", tmp_path)
    assert [one.name for one in found.functions] == ["f", "f.one", "f.other"]


def test_methods_that_nothing_mentions_are_told_apart(tmp_path: Path) -> None:
    file = tmp_path / "layer.py"
    file.write_text("class C:\n def __init__(s): s.helper()\n def helper(s): ...\n def forward(s, x): ...\n"
                    " def extra_repr(s): ...\n")  # fmt: skip
    [found] = sources.of_target(f"{file}:C", tmp_path)
    assert {one.name: one.named for one in found.functions} == {
        "C.__init__": True, "C.helper": True, "C.forward": True, "C.extra_repr": False,
    }  # fmt: skip


@pytest.mark.parametrize("target", ["json:dumps", "numpy:convolve", "nowhere.at_all:f", "missing.py:f"])
def test_a_library_or_nothing_has_no_source_of_the_users(tmp_path: Path, target: str) -> None:
    import sys

    assert sources.of_target(target, tmp_path, sys.path) == []


def test_a_file_that_does_not_parse_has_none(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    assert sources.of_target("broken.py:f", tmp_path) == []


def test_what_a_mark_of_the_catalogue_says_is_no_part_of_a_target() -> None:
    """Its witness would tell where the fault is."""
    import ast

    root = Path(__file__).parents[2]
    found = sources.of_target("corrbench.defects.triggers_computed:channels_computed", root)
    text = "\n".join(ast.unparse(node) for one in found for node in one.nodes)
    assert "secret('channels'" in text
    assert "346" not in text
