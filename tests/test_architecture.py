"""The rules of the design hold: who imports whom, who touches the world, and how long a file may be."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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
JUDGES = {"oracle", "expansion", "bounds", "transforms", "compare", "diagnose"}  # who knows the expected value


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


@pytest.mark.parametrize("leaf", ["case", "result"])
def test_the_vocabulary_imports_nothing_of_ours(leaf: str) -> None:
    assert ours(f"corrbench.{leaf}") == set()
    assert not {m.partition(".")[0] for m in IMPORTS[f"corrbench.{leaf}"]} - sys.stdlib_module_names - {"__future__"}


@pytest.mark.parametrize("module", sorted(JUDGES | {"problem", "inputs"}))
def test_the_oracle_and_the_bounds_import_no_target_and_no_check(module: str) -> None:
    allowed = JUDGES | {"problem", "inputs", "case"}
    allowed |= {"corpora"} if module == "inputs" else set()  # operands that other suites bring, never an answer
    assert ours(f"corrbench.{module}") <= allowed
    assert not any(m.partition(".")[0] == "torch" for m in IMPORTS[f"corrbench.{module}"])


@pytest.mark.parametrize("module", inside("checks"))
def test_checks_import_no_target_and_no_defect(module: str) -> None:
    assert not ours(module) & {"targets", "defects", "reference"}
    assert not any(m.partition(".")[0] in ("torch", "scipy") for m in imported(NAMES[module], lazy=False))


@pytest.mark.parametrize("module", inside("targets", "defects", "reference"))
def test_targets_and_defects_import_no_oracle(module: str) -> None:
    allowed = {"targets", "defects", "reference", "target", "case"}
    assert ours(module) <= allowed, "a target that can reach the judge can copy from it"


def test_the_guard_needs_nothing_but_the_standard_library() -> None:
    """It is sent as text to whatever interpreter is to run the target."""
    assert {m.partition(".")[0] for m in IMPORTS["corrbench.guard"]} <= sys.stdlib_module_names | {"__future__"}


def test_the_process_of_the_target_gets_nothing_of_ours() -> None:
    workers = [name for name in NAMES if name.split(".")[1:2] and name.split(".")[1].startswith("worker")]
    assert workers
    for name in workers:
        assert ours(name) <= {w.split(".")[1] for w in workers}, name
    for name in NAMES.keys() - set(workers):
        assert not IMPORTS[name] & set(workers), f"{name} imports the worker, which is only ever sent as text"


@pytest.mark.parametrize("folder", ["checks", "suites", "targets", "defects", "render", "commands"])
def test_nobody_names_a_member_of_an_open_set(folder: str) -> None:
    """Adding one is one new file and no edit elsewhere; renderers are chosen by options, hence by name."""
    members = {name for name in NAMES if name.startswith(f"corrbench.{folder}.")}
    assert members
    if folder != "render":
        for name in NAMES.keys() - members:
            assert not IMPORTS[name] & members, name


def test_nothing_imports_the_command_line() -> None:
    for name, modules in IMPORTS.items():
        command = name.startswith("corrbench.commands.")
        assert "corrbench.cli" not in modules or name == "corrbench.__main__" or command
        assert "corrbench.session" not in modules or command


# ---- what an import costs, and who touches the world


LIGHT = ("corrbench", "corrbench.cli", "corrbench.__main__", "corrbench.pytest_plugin", "corrbench.testing")


@pytest.mark.parametrize("module", [*LIGHT, *inside("commands")])
def test_the_top_level_imports_nothing_heavy(module: str) -> None:
    for name in closure(module):
        roots = {m.partition(".")[0] for m in imported(NAMES[name], lazy=False)}
        assert not roots & HEAVY, name


WORLD = {"open", "print", "input", "exec", "eval"}
METHODS = {"write_text", "write_bytes", "read_text", "read_bytes", "mkdir", "unlink", "touch", "open"}


@pytest.mark.parametrize(
    "module",
    [
        *inside("render"),
        *(
            f"corrbench.{m}"
            for m in (
                "plan",
                "compare",
                "diagnose",
                "digest",
                "changes",
                "field",
                "doctor",
                "oracle",
                "bounds",
                "problem",
            )
        ),
    ],
)
def test_planning_comparing_and_rendering_touch_no_files(module: str) -> None:
    assert not {m.partition(".")[0] for m in IMPORTS[module]} & {
        "os",
        "pathlib",
        "shutil",
        "subprocess",
        "socket",
        "tempfile",
        "io",
    }
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


# ---- style and types


@pytest.mark.slow
@pytest.mark.parametrize("words", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join)
def test_style_and_types(words: list[str]) -> None:
    found = shutil.which(words[0], path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None or not (ROOT / "pyproject.toml").exists():
        pytest.skip(f"{words[0]} is not installed, or this is no checkout")
    done = subprocess.run([found, *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
