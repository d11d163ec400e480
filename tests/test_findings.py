"""Findings about released libraries are written up, still show by their own reproducers, and are in a baseline."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from corrbench.analysis.baseline import KINDS, Baseline
from corrbench.target import registered

ROOT = Path(__file__).parents[1]
FINDINGS = {path.stem: path for path in sorted((ROOT / "reports" / "findings").glob("*.md"))}
BASELINES = {path.stem: path for path in sorted((ROOT / "corrbench" / "baselines").glob("*.json"))}
CPU = Path("/proc/cpuinfo")
PYTHONS = [Path(sys.executable), *sorted(ROOT.glob(".venv-*/bin/python"))]
FIELDS = ("library", "version", "class", "target", "upstream")
ENOUGH = 8  # findings


def field(name: str, key: str) -> str:
    """A line of the front block."""
    found = re.search(rf"^{key}: *(.+?) *$", FINDINGS[name].read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{name} does not say {key}:"
    return found[1]


def reproducer(name: str) -> str:
    (block,) = re.findall(
        r"^```python\n(.*?)^```", FINDINGS[name].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return str(block)


def modules(code: str) -> set[str]:
    """What it imports, beyond the standard library."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names


def test_there_are_enough() -> None:
    assert len(FINDINGS) >= ENOUGH


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_says_what_it_is(name: str) -> None:
    assert all(field(name, key) for key in FIELDS)
    assert field(name, "class") in KINDS
    for target in re.split(r"[, ]+", field(name, "target")):
        assert target in registered(), target
    code = reproducer(name)
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    assert "corrbench" not in modules(code)
    assert isinstance(ast.parse(code).body[-1], ast.Assert)
    assert field(name, "upstream").startswith(("https://", "not known to us"))


@pytest.mark.parametrize("name", FINDINGS)
def test_a_finding_is_known_to_the_baselines_of_its_targets(name: str) -> None:
    for target in re.split(r"[, ]+", field(name, "target")):
        known = [one for one in Baseline.load(BASELINES[target]).known if one.finding == name]
        assert known, target
        assert {one.kind for one in known} == {field(name, "class")}


@pytest.mark.parametrize("target", BASELINES)
def test_a_baseline_is_of_a_target_and_each_entry_is_written_up(target: str) -> None:
    assert target in registered()
    record = json.loads(BASELINES[target].read_text(encoding="utf-8"))
    assert record["target"] == target
    for one in Baseline.load(BASELINES[target]).known:
        assert one.finding in FINDINGS, one
        assert target in re.split(r"[, ]+", field(one.finding, "target"))
        assert one.where or one.cases or one.check != "*", "an entry that accepts everything"


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDINGS)
def test_a_reproducer_still_shows_it(name: str) -> None:
    """In the first environment that has the library; in another release it may have been mended."""
    code, version = reproducer(name), field(name, "version").split()[0]
    names = sorted(modules(code) - {"numpy"}) or ["numpy"]
    ask = f"import {', '.join(names)}, sys; print([getattr(sys.modules[n], '__version__', '') for n in {names}])"
    for python in PYTHONS:
        there = subprocess.run([python, "-c", ask], capture_output=True, text=True, timeout=120, check=False)
        if there.returncode == 0:
            break
    else:
        pytest.skip(f"{names} are not installed")
    if f"'{version}" not in there.stdout and "''" not in there.stdout:
        pytest.skip(f"{there.stdout.strip()} is another release than {version}")
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    if "No such file or directory: 'clang'" in done.stderr:
        pytest.skip("tinygrad compiles by clang, which is not installed")
    if done.returncode == 0 and "depends on the processor" in field(name, "version"):
        pytest.skip("this processor's kernels are right")
    lacks = re.search(r"CPU without ([\w-]+)", field(name, "version"))
    if done.returncode == 0 and lacks and lacks[1].lower().replace("-", "_") in CPU.read_text().split():
        pytest.skip(f"this processor has {lacks[1]}")
    assert done.returncode != 0, "it is right now"
    assert done.returncode < 0 or "AssertionError" in done.stderr or field(name, "class") == "crash", done.stderr
