"""The rules of the design hold: who imports whom, who touches the world, and how long a file may be."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import corrbench
from corrbench.checks import registry

PACKAGE = Path(corrbench.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 320
HEAVY = {
    "torch",
    "numpy",
    "scipy",
    "rich",
    "hypothesis",
    "distributed",
    "jinja2",
    "junitparser",
    "psutil",
    "matplotlib",
}


def name_of(path: Path) -> str:
    """``corrbench.checks.values`` for its file, ``corrbench.checks`` for the package's."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in FILES}


def imported(path: Path, *, lazy: bool = True) -> set[str]:
    """Full names of the modules that a file imports; without `lazy` only those it imports when it is imported."""
    found: set[str] = set()
    for node in walk(ast.parse(path.read_text(encoding="utf-8")), lazy=lazy):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:  # the worker's files know each other whatever their package is called
                assert node.level == 1, f"{path.name}: relative import"
                assert path.parent.name == "worker", f"{path.name}: relative import"
                continue
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if f"{module}.{alias.name}" in NAMES else module for alias in node.names}
    return found


def walk(node: ast.AST, *, lazy: bool) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not lazy and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if not lazy and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield from walk(child, lazy=lazy)


IMPORTS = {name: imported(path) for name, path in NAMES.items()}


def ours(name: str) -> set[str]:
    """First words after ``corrbench.`` of what a module imports."""
    return {(m + ".").split(".")[1] for m in IMPORTS[name] if m == "corrbench" or m.startswith("corrbench.")} - {""}


def inside(*folders: str) -> list[str]:
    return [name for name in NAMES if name.split(".")[1:2] and name.split(".")[1] in folders]


def closure(name: str) -> set[str]:
    """All of our modules that come along when a module is imported, functions not run."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in seen or module not in NAMES:
            continue
        seen.add(module)
        waiting += imported(NAMES[module], lazy=False)
        waiting.append(module.rpartition(".")[0])
    return seen


# ---- who imports whom


OPEN = ("checks", "suites", "targets", "defects", "rivals", "render", "commands")  # adding to one is one new file


class Room(NamedTuple):
    """A row of the table."""

    may: set[str]  # rooms that it may import
    world: bool
    but: set[str]  # its files for which the contrary holds


def rooms() -> dict[str, Room]:
    """The table of ARCHITECTURE.md."""
    names = re.compile(r"`([a-z_0-9]+)/?`")
    rows = [line.split("|")[1:-1] for line in (ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()]
    return {
        room: Room(set(names.findall(row[2])), row[3].strip().startswith("yes"), set(names.findall(row[3])))
        for row in rows
        if len(row) == 4
        for room in names.findall(row[0])
    }


ROOMS = rooms()


def room_of(name: str) -> str:
    """The first word after ``corrbench.``: a folder, or a file at the top."""
    return (name + ".").split(".")[1]


def test_the_table_names_every_room() -> None:
    assert {room_of(name) for name in NAMES} - {""} == ROOMS.keys() | {"__main__"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_room_imports_what_the_table_says(name: str) -> None:
    room = room_of(name)
    if room in ("", "__main__"):
        return
    assert ours(name) - {room} <= ROOMS[room].may


def test_imports_have_one_direction() -> None:
    """No room may be reached from itself; but for the two that discover the members of an open set when asked."""
    discovering = {("target", "targets"), ("cli", "commands")}
    graph = {room: {r for r in may if (room, r) not in discovering} for room, (may, _, _) in ROOMS.items()}
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("leaf", ["case", "result"])
def test_the_vocabulary_imports_the_standard_library_only(leaf: str) -> None:
    roots = {m.partition(".")[0] for m in IMPORTS[f"corrbench.{leaf}"]} - {"corrbench"}
    assert not roots - sys.stdlib_module_names - {"__future__"}


@pytest.mark.parametrize("module", [*inside("numerics")])
def test_the_oracle_and_the_bounds_do_not_use_torch(module: str) -> None:
    if module.endswith("external_cases"):  # it reads the cases of PyTorch's own tests
        return
    assert not any(m.partition(".")[0] == "torch" for m in IMPORTS[module])


@pytest.mark.parametrize("module", inside("checks"))
def test_checks_load_no_library_under_test(module: str) -> None:
    assert not any(m.partition(".")[0] in ("torch", "scipy") for m in imported(NAMES[module], lazy=False))


def test_the_supervisor_needs_nothing_but_the_standard_library() -> None:
    """It is sent as text to whatever interpreter is to run the target."""
    roots = {m.partition(".")[0] for m in IMPORTS["corrbench.judge.supervisor"]}
    assert roots <= sys.stdlib_module_names | {"__future__"}


def test_the_process_of_the_target_gets_nothing_of_ours() -> None:
    workers = [name for name in NAMES if name.startswith("corrbench.judge.worker")]
    assert workers
    for name in workers:
        assert ours(name) == set(), name
    for name in NAMES.keys() - set(workers):
        assert not IMPORTS[name] & set(workers), f"{name} imports the worker, which is only ever sent as text"


@pytest.mark.parametrize("folder", OPEN)
def test_nobody_names_a_member_of_an_open_set(folder: str) -> None:
    """Adding one is one new file and no edit elsewhere; renderers are chosen by options, hence by name."""
    members = {name for name in NAMES if name.startswith(f"corrbench.{folder}.")}
    assert members
    if folder != "render":
        shared = {name for name in members if name.rpartition(".")[2].startswith("_")}
        for name in NAMES.keys() - members:
            assert not IMPORTS[name] & (members - shared), name


# ---- what an import costs, and who touches the world


LIGHT = ("corrbench", "corrbench.cli", "corrbench.__main__", "corrbench.pytest_plugin", "corrbench.testing")


@pytest.mark.parametrize("module", [*LIGHT, *inside("commands")])
def test_the_top_level_imports_nothing_heavy(module: str) -> None:
    for name in closure(module):
        roots = {m.partition(".")[0] for m in imported(NAMES[name], lazy=False)}
        assert not roots & HEAVY, name


WORLD = {"open", "print", "input", "exec", "eval"}
METHODS = {"write_text", "write_bytes", "read_text", "read_bytes", "mkdir", "unlink", "touch", "open"}
OUTSIDE = {"os", "pathlib", "shutil", "subprocess", "socket", "tempfile", "io"}


def aloof(name: str) -> bool:
    """Whether the table says that a module does not touch the world."""
    room = ROOMS.get(room_of(name))
    return room is not None and room.world == (name.rpartition(".")[2] in room.but)


@pytest.mark.parametrize("module", sorted(filter(aloof, NAMES)))
def test_rooms_that_do_not_touch_the_world_do_not(module: str) -> None:
    assert not {m.partition(".")[0] for m in IMPORTS[module]} & OUTSIDE
    for node in ast.walk(ast.parse(NAMES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            assert not (isinstance(called, ast.Name) and called.id in WORLD), ast.unparse(node)
            assert not (isinstance(called, ast.Attribute) and called.attr in METHODS), ast.unparse(node)


# ---- shape


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text)), "a module's docstring is the one question that it answers"
    assert not {"utils", "helpers", "base", "manager", "common_utils"} & {path.stem}


def test_every_check_asks_a_question() -> None:
    checks = registry()
    assert checks
    for name, check in checks.items():
        family, _, what = name.partition(".")
        assert family
        assert what
        assert "?" in check.about, f"{name}: {check.about}"
        assert check.run.__module__.startswith("corrbench.checks."), name


def test_the_record_of_types_is_shipped() -> None:
    assert (PACKAGE / "py.typed").exists()
