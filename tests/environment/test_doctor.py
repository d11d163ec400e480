"""What a doctor says of facts, and that facts are what they are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from rich.console import Console

from corrbench.cli import main
from corrbench.environment import facts
from corrbench.environment.doctor import GOOD, LOOK, NEEDED, NONE, Facts, Line, examine, to_json, works
from corrbench.render import doctor as render

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NEEDS = [re.split(r"[<>=!~ \[;]", line)[0] for line in PROJECT["dependencies"]]
TORCH: dict[str, Any] = {
    "version": "2.13.0", "cuda": "13.0", "hip": "", "capability": "AVX512", "threads": 8, "flushed_before": False,
    "flushed_after": False, "flushed_threads": False, "default_dtype": "torch.float32", "matmul_precision": "highest",
    "deterministic": False, "unavailable": "", "count": 0, "devices": [],
    "backends": {"fp32_precision": "none", "cudnn.conv.fp32_precision": "tf32", "cudnn.benchmark": False,
                 "mkldnn.enabled": True, "mkldnn.is_available": True},
}  # fmt: skip
WELL = Facts(
    system="Linux", python="3.11.7", executable="/usr/bin/python",
    versions=dict.fromkeys(("corrbench", *NEEDS), "1.0"), extras={"plot": []}, model="A processor",
    flags=["avx2", "avx512f"], usable=8, cores=8, torch=TORCH, programs={"git": "", "valgrind": ""},
    governor="performance", turbo="off", load=0.1,
)  # fmt: skip
CARD = {"name": "H100", "capability": "9.0", "memory": 80 << 30, "works": True}


def named(found: Facts, name: str) -> Line:
    [line] = [line for line in examine(found) if line.name == name]
    return line


def torch(**changes: Any) -> Facts:
    return replace(WELL, torch=TORCH | changes)


def test_a_good_machine_has_nothing_to_look_at() -> None:
    lines = examine(WELL)
    assert works(lines)
    assert {line.mark for line in lines} == {GOOD, NONE}
    assert not [line for line in lines if line.todo]
    assert render.last(lines).plain == "READY nothing stands in the way"


# ---- what corrbench cannot work with


@pytest.mark.parametrize(
    ("changes", "name", "todo"),
    [
        ({"versions": WELL.versions | {"torch": ""}, "torch": {"problem": "no module named torch"}}, "torch",
         "pip install torch"),
        ({"versions": WELL.versions | {"scipy": "", "rich": ""}}, "scipy, rich", "pip install scipy rich"),
        ({"torch": {"problem": "ImportError: libcudart.so"}}, "torch", "pip install --force-reinstall torch"),
        ({"python": "3.10.4"}, "python", "python3.11 -m venv .venv"),
        ({"system": "Darwin"}, "system", "run corrbench on Linux, or in a Linux container"),
    ],
)  # fmt: skip
def test_what_stops_corrbench(changes: dict[str, Any], name: str, todo: str) -> None:
    ill = replace(WELL, **changes)
    lines = examine(ill)
    line = named(ill, name)
    assert (line.mark, line.fatal, line.todo) == (LOOK, True, todo)
    assert not works(lines)
    assert render.last(lines).plain == f"CANNOT WORK because of {name}"
    assert to_json(ill, lines)["verdict"] == "cannot work"


@pytest.mark.parametrize("name", NEEDS)
def test_nothing_that_is_needed_may_lack(name: str) -> None:
    gone = {"problem": "no module named torch"} if name == "torch" else TORCH
    line = named(replace(WELL, versions=WELL.versions | {name: ""}, torch=gone), name)
    assert (line.fatal, line.todo) == (True, f"pip install {name}")


def test_nothing_else_is_needed() -> None:
    assert sorted(NEEDED) == sorted(NEEDS)


# ---- what changes results


@pytest.mark.parametrize(
    ("ill", "name", "words"),
    [
        (torch(flushed_after=True), "subnormals", "are taken for zero once torch is imported"),
        (torch(flushed_threads=True), "subnormals", "in torch's threads"),
        (torch(matmul_precision="high"), "float32", "precision of products is high"),
        (torch(backends=TORCH["backends"] | {"mkldnn.conv.fp32_precision": "bf16"}), "float32",
         "mkldnn.conv.fp32_precision is bf16"),
        (torch(default_dtype="torch.float64"), "default dtype", "torch.float64"),
        (torch(backends=TORCH["backends"] | {"mkldnn.enabled": False}), "oneDNN", "off"),
        (torch(backends=TORCH["backends"] | {"cudnn.benchmark": True}), "algorithms", "another one each run"),
        (torch(devices=[CARD], count=1), "float32, GPU", "TF32"),
        (torch(capability="DEFAULT"), "torch uses", "less than this processor can do"),
        (replace(WELL, usable=1), "cores", "judge and target share one"),
        (replace(WELL, quota=1.5), "cores", "time for 1.5 of them"),
        (replace(WELL, variables={"OMP_NUM_THREADS": "64"}), "threads", "more than there are cores"),
        (replace(WELL, variables={"NVIDIA_TF32_OVERRIDE": "1"}), "NVIDIA_TF32_OVERRIDE", "=1: float32 on the GPU"),
        (replace(WELL, variables={"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}), "ONEDNN_DEFAULT_FPMATH_MODE", "fewer bits"),
        (replace(WELL, programs={"valgrind": "does not run: Illegal instruction"}), "valgrind", "Illegal instruction"),
        (replace(WELL, load=7.9), "load", "times will be noisy"),
        (replace(WELL, steal=0.1), "steal", "10%"),
        (replace(WELL, governor="powersave"), "governor", "the clock follows the load"),
        (replace(WELL, turbo="on"), "turbo", "temperature"),
    ],
)  # fmt: skip
def test_what_is_worth_a_look(ill: Facts, name: str, words: str) -> None:
    line = named(ill, name)
    assert line.mark == LOOK
    assert words in line.said
    assert line.todo, "what to type"
    assert not line.fatal
    assert works(examine(ill))


@pytest.mark.parametrize("variables", [{"NVIDIA_TF32_OVERRIDE": "0"}, {"ONEDNN_DEFAULT_FPMATH_MODE": "STRICT"},
                                       {"CUDA_VISIBLE_DEVICES": "0"}])  # fmt: skip
def test_other_values_of_variables_are_only_shown(variables: dict[str, str]) -> None:
    [(name, value)] = variables.items()
    line = named(replace(WELL, variables=variables), name)
    assert (line.mark, line.said, line.todo) == (NONE, f"={value}", "")


@pytest.mark.parametrize(
    ("ill", "mark", "words"),
    [
        (torch(cuda=""), NONE, "no NVIDIA driver"),
        (torch(unavailable="Found no NVIDIA driver on your system."), NONE, "no NVIDIA driver is loaded"),
        (replace(torch(cuda="", unavailable="not compiled"), driver="580.1"), LOOK, "built for the CPU only"),
        (replace(torch(unavailable="driver too old"), driver="470.2"), LOOK, "driver 470.2, but torch cannot use it"),
        (torch(unavailable="no kernel image is available", count=1), LOOK, "no kernel image"),
        (replace(torch(devices=[CARD], count=1), driver="580.1"), GOOD, "H100, capability 9.0, 80 GiB, driver 580.1"),
        (torch(devices=[CARD | {"works": False}], count=1), LOOK, "1 + 1 is not 2"),
        (replace(WELL, torch={"problem": "gone"}, driver="580.1"), LOOK, "torch cannot use it"),
    ],
)
def test_why_there_is_no_gpu(ill: Facts, mark: str, words: str) -> None:
    line = named(ill, "device")
    assert line.mark == mark
    assert words in line.said


def test_missing_extras_are_not_needed() -> None:
    line = named(replace(WELL, extras={"plot": ["matplotlib"], "dask": []}), "extra plot")
    assert (line.mark, line.said, line.todo) == (NONE, "without matplotlib", "pip install 'corrbench[plot]'")


# ---- the facts


def test_the_facts_of_this_machine() -> None:
    found = facts.gather()
    assert found.torch["version"].split("+")[0] == found.versions["torch"].split("+")[0]
    assert found.usable == len(os.sched_getaffinity(0))
    assert not found.torch["flushed_after"]
    assert {"git", "valgrind"} == set(found.programs)
    assert found.model
    assert 0 <= found.steal <= 1
    lines = examine(found)
    assert works(lines)
    json.dumps(to_json(found, lines), allow_nan=False)


def test_flushing_is_measured() -> None:
    code = (
        "import torch\nfrom corrbench.environment import facts\nassert not facts.flushed()\n"
        "assert torch.set_flush_denormal(True)\nassert facts.flushed()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if "set_flush_denormal" in done.stderr:
        pytest.skip("this processor cannot flush")
    assert done.returncode == 0, done.stderr


def test_a_torch_that_cannot_be_imported_or_kills_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')\n")
    assert "libcudart" in facts._of_torch()["problem"]
    (tmp_path / "torch.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert facts._of_torch() == {"problem": "its process ended with exit code -9"}


def test_variables_that_matter_are_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_of_torch", lambda: {"problem": "not asked"})
    monkeypatch.setattr(facts, "PROGRAMS", {})
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    monkeypatch.setenv("TORCH_LOGS", "x")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    found = facts.gather().variables
    assert {"NVIDIA_TF32_OVERRIDE", "TORCH_LOGS"} <= set(found)
    assert "SECRET_TOKEN" not in found


# ---- the command


def typed(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "corrbench", "doctor", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    )  # fmt: skip


def test_exit_codes_and_json(tmp_path: Path) -> None:
    done = typed("--json", "-", NVIDIA_TF32_OVERRIDE="1")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["schema"], record["verdict"]) == ("corrbench-doctor/1", "ready")
    assert any(line["name"] == "NVIDIA_TF32_OVERRIDE" and line["mark"] == LOOK for line in record["lines"])
    (tmp_path / "torch.py").write_text("raise ImportError('broken')\n")
    done = typed("--quiet", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout.strip()) == (2, "CANNOT WORK because of torch")
    done = typed("--json", str(tmp_path / "none" / "a.json"))
    assert done.returncode == 2
    assert "no such folder" in done.stderr


@pytest.mark.parametrize("width", [60, 100])
def test_it_fits_a_screen(width: int) -> None:
    ill = replace(WELL, variables={"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}, extras={"plot": ["matplotlib"]}, load=9)
    console = Console(width=width, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    render.show(console, examine(ill))
    console.file.close()
    text = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in text) <= width
    assert len(text) <= (50 if width == 60 else 40)
    assert sum("unset TORCH_ALLOW" in line for line in text) == 1 or width == 60


def test_the_command_is_there() -> None:
    assert "doctor" in main.list_commands(click.Context(main))
