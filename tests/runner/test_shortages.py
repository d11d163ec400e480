"""What runs short costs one result or nothing: descriptors, memory, and a clock that is set while a run goes on."""

from __future__ import annotations

import ast
import json
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import corrbench
from corrbench.result import Status
from tests.support.judging import judged
from tests.support.small_targets import RIGHT, write

LEAKY = """
import os
import torch.nn.functional as F

kept = []

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    while input.shape[1] == weight.shape[1]:
        try:
            kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            break
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
"""
GREEDY = """
import numpy as np
import torch.nn.functional as F

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kept = [np.ones(1 << 26) for _ in range(40)] if input.shape[1] == 3 else []
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
"""
CLOCKS = {"time", "time_ns"}  # of the module time: a clock that can be set


@pytest.mark.slow
def test_a_target_without_a_descriptor_left_is_judged_all_the_same(tmp_path: Path) -> None:
    found = judged(write(tmp_path, LEAKY, "conv2d"), check="values.exact")
    assert found.verdict == "pass", found.findings[:1]
    assert found.counts["pass"] > 40


@pytest.mark.slow
def test_a_user_with_few_descriptors_gets_a_run_or_a_reason(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, hard))
    try:
        found = judged(write(tmp_path, LEAKY, "conv2d"), check="values.exact", case="x=1,2,5,6 w=3,2,2,3 data=small")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [result.status for result in found.results] == [Status.PASS], found.problem


@pytest.mark.slow
def test_memory_without_end_costs_the_cases_that_want_it(tmp_path: Path) -> None:
    target = write(tmp_path, GREEDY, "conv2d")
    for channels, status in ((3, Status.MEMORY), (2, Status.PASS)):
        case = f"x=1,{channels},5,6 w=3,{channels},2,3 data=small"
        found = judged(target, check="values.exact", case=case, memory=1.0)
        assert [result.status for result in found.results] == [status]


def test_no_duration_depends_on_a_clock_that_can_be_set() -> None:
    for path in Path(corrbench.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "time":
                assert called.attr not in CLOCKS, f"{path}:{node.lineno}"


@pytest.mark.slow
def test_few_addresses_cost_the_case_that_wants_many(tmp_path: Path) -> None:
    """In a process of its own, for what limits a process limits all that it starts."""
    target = write(tmp_path, RIGHT)
    words = [
        target,
        "--arrays",
        "numpy",
        "--profile",
        "quick",
        "--suite",
        "article",
        "--check",
        "memory",
        "--seed",
        "1",
    ]
    command = shlex.join([sys.executable, "-P", "-m", "corrbench", "verify", *words, "--json", "run.json"])
    shell = ["bash", "-c", f"ulimit -v 4000000; {command}"]
    done = subprocess.run(shell, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "run.json").read_text())["results"]
    assert {one["status"] for one in results if one["check"] == "memory.far"} == {"skipped"}
    assert {one["status"] for one in results if one["check"] == "memory.views"} == {"pass"}
