"""However a call is followed, the same lines and branches of the target's files are seen to have run."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corrbench.environment import code_lines, sources
from corrbench.judge.worker import covered

TEXT = '''
def f(n):
    """A docstring is no line that runs."""
    total = 0
    for step in range(n):
        if step == 2:
            total += 10
        elif (step
              > 5):
            break
        total += 1
    while total > 100:
        total -= 1
    if n < 0:
        raise ValueError(
            "negative")
    if n == 4711:
        try:
            total = 7
        finally:
            total += 1
    return total
'''
BY = {
    "monitoring": covered.Monitored,
    "settrace": covered.Traced,
}  # fmt: skip


def there(means: str) -> None:
    """Skip where this interpreter has no such means."""
    if means == "monitoring" and not hasattr(sys, "monitoring"):
        pytest.skip("from Python 3.12 on")


def module(folder: Path) -> Any:
    path = folder / "followed.py"
    path.write_text(TEXT)
    spec = importlib.util.spec_from_file_location("followed", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("means", BY)
def test_lines_and_branches_that_ran_are_seen(means: str, tmp_path: Path) -> None:
    there(means)
    found = module(tmp_path)
    path = str(Path(found.__file__).resolve())
    before = sys.gettrace()
    arcs = followed(BY[means], path, lambda: found.f(4))
    assert sys.gettrace() is before
    [source] = sources.of_target(f"{path}:f", tmp_path)
    node = source.functions[0].node
    lines = {line for arc in arcs for line in arc}
    ran = {one.line: bool(lines & set(range(one.line, one.last + 1))) for one in code_lines.statements(node)}
    assert ran == {
        4: True, 5: True, 6: True, 7: True, 8: True, 10: False, 11: True, 12: True, 13: False, 14: True, 15: False,
        17: True, 19: False, 21: False, 22: True,
    }  # fmt: skip
    ways = {(one.condition[0], one.into): one.taken(arcs) for one in code_lines.branches(node)}
    assert ways == {
        (5, True): True, (5, False): True, (6, True): True, (6, False): True, (8, True): False, (8, False): True,
        (12, True): False, (12, False): True, (14, True): False, (14, False): True, (17, True): False,
        (17, False): True,
    }  # fmt: skip
    assert (8, 10) in followed(BY[means], path, lambda: found.f(9)) or (9, 10) in followed(
        BY[means], path, lambda: found.f(9)
    )


def followed(by: Any, path: str, call: Callable[[], object]) -> set[tuple[int, int]]:
    """The steps of a call in a file."""
    follower = by({path: path})
    with follower:
        call()
    found: set[tuple[int, int]] = follower.arcs()[path]
    return found


@pytest.mark.parametrize("means", BY)
def test_an_exception_is_no_way_past_a_condition(means: str, tmp_path: Path) -> None:
    there(means)
    path = tmp_path / "raising.py"
    path.write_text("def g(x):\n    if x.missing:\n        y = 1\n        return y\n")
    scope: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)

    def call() -> None:
        with pytest.raises(AttributeError):
            scope["g"](3)

    arcs = followed(BY[means], str(path), call)
    assert (1, 2) in arcs or (0, 2) in arcs
    [source] = sources.of_target(f"{path}:g", tmp_path)
    assert not any(one.taken(arcs) for one in code_lines.branches(source.functions[0].node))


@pytest.mark.parametrize("means", BY)
def test_frames_that_run_in_turn_are_told_apart(means: str, tmp_path: Path) -> None:
    """Two generators of one function, one that goes on behind its condition and one that does not."""
    there(means)
    path = tmp_path / "turns.py"
    path.write_text("def g(wanted):\n    yield 1\n    if wanted:\n        yield 2\n    yield 3\n")
    scope: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)

    def call() -> None:
        one, other = scope["g"](True), scope["g"](False)
        assert [next(each) for each in (one, other, one, other)] == [1, 1, 2, 3]

    arcs = followed(BY[means], str(path), call)
    assert {(3, 4), (3, 5)} <= arcs
    assert (4, 5) not in arcs


def test_blocks_that_end_in_raise_refuse(tmp_path: Path) -> None:
    path = tmp_path / "refusing.py"
    path.write_text(TEXT)
    [source] = sources.of_target(f"{path}:f", tmp_path)
    node = source.functions[0].node
    assert [one.line for one in code_lines.statements(node) if one.refuses] == [15]
    assert [(one.condition[0], one.into) for one in code_lines.branches(node) if one.refuses] == [(14, True)]


def test_of_a_conditional_expression_the_side_that_ran_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "sided.py"
    path.write_text("def g(x):\n    return abs(x) if x < 0 else int(x)\n")
    scope: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    columns = [
        {column for line, column in followed(covered.Fine, str(path), lambda x=x: scope["g"](x)) if line == -2}
        for x in (-1, 1)
    ]
    first, other = (path.read_text().splitlines()[1].index(word) for word in ("abs(x)", "int(x)"))
    assert [first in one for one in columns] == [True, False]
    assert [other in one for one in columns] == [False, True]
