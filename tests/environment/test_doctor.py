"""What a doctor says of facts, and that facts are what they are."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
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
WELL: Facts = {
    "Installed": {"corrbench": "0.1.0", "system": "Linux", "python": "3.11.7, /usr/bin/python",
                  **dict.fromkeys(NEEDS, "1.0"), "torch": "2.13.0, built for CUDA 13.0"},
    "Extras": {"complete": "plot"},
    "Processor": {"model": "A processor", "cores": "8 of 8 usable", "load": "0.1 a core"},
    "Torch": {"processor": "AVX512", "device": "no NVIDIA driver is loaded", "subnormals": "kept",
              "default dtype": "torch.float32", "float32 products": "highest", "fp32_precision": "none",
              "mkldnn.is_available": "True", "mkldnn.enabled": "True", "mkldnn.conv.fp32_precision": "none",
              "cudnn.benchmark": "False"},
    "Variables": {"OMP_NUM_THREADS": "1", "NVIDIA_TF32_OVERRIDE": "0", "ONEDNN_DEFAULT_FPMATH_MODE": "STRICT",
                  "CUDA_VISIBLE_DEVICES": "0", "ATEN_CPU_CAPABILITY": ""},
    "Programs": {"git": "runs", "valgrind": "runs"},
}  # fmt: skip


def but(topic: str, name: str, found: str) -> Facts:
    """A good machine but for one thing."""
    changed = copy.deepcopy(WELL)
    changed[topic][name] = found
    return changed


def named(found: Facts, name: str) -> Line:
    [line] = [line for line in examine(found) if line.name == name]
    return line


def test_a_good_machine_has_nothing_to_look_at() -> None:
    lines = examine(WELL)
    assert works(lines)
    assert {line.mark for line in lines} == {GOOD, NONE}
    assert not [line for line in lines if line.todo]
    assert render.last(lines).plain == "READY nothing stands in the way"


# ---- what corrbench cannot work with


@pytest.mark.parametrize(
    ("name", "found", "todo"),
    [
        *((name, "", f"pip install {name}") for name in NEEDS),
        ("torch", "cannot be imported: ImportError: libcudart.so", "pip install --force-reinstall torch"),
        ("python", "3.10.4, /usr/bin/python", "python3.11 -m venv .venv"),
        ("python", "3.9.18, /usr/bin/python", "python3.11 -m venv .venv"),
        ("system", "Darwin", "run corrbench on Linux, or in a Linux container"),
    ],
)
def test_what_stops_corrbench(name: str, found: str, todo: str) -> None:
    ill = but("Installed", name, found)
    lines = examine(ill)
    line = named(ill, name)
    assert (line.mark, line.fatal, line.todo) == (LOOK, True, todo)
    assert not works(lines)
    assert render.last(lines).plain == f"CANNOT WORK because of {name}"
    assert to_json(ill, lines)["verdict"] == "cannot work"


@pytest.mark.parametrize("version", ["3.11.0, /a", "3.12.1, /a", "3.14.0, /a", "4.0.0, /a"])
def test_a_python_that_is_not_too_old(version: str) -> None:
    assert named(but("Installed", "python", version), "python").mark == GOOD


def test_nothing_else_is_needed() -> None:
    assert sorted(NEEDED) == sorted(NEEDS)


# ---- what changes results


@pytest.mark.parametrize(
    ("topic", "name", "found", "words"),
    [
        ("Torch", "subnormals", "taken for zero once torch is imported", "taken for zero once"),
        ("Torch", "float32 products", "high", "high: float32 may be computed with fewer bits"),
        ("Torch", "mkldnn.conv.fp32_precision", "bf16", "fewer bits"),
        ("Torch", "fp32_precision", "tf32", "fewer bits"),
        ("Torch", "default dtype", "torch.float64", "torch.float64: torch itself has float32"),
        ("Torch", "mkldnn.enabled", "False", "slower and other ways"),
        ("Torch", "mkldnn.is_available", "False", "slower and other ways"),
        ("Torch", "cudnn.benchmark", "True", "another one each run"),
        ("Torch", "cudnn.conv.fp32_precision", "tf32", "TF32"),
        ("Torch", "cudnn.allow_tf32", "True", "TF32"),
        ("Processor", "cores", "1 of 8 usable", "judge and target share one"),
        ("Processor", "cores", "8 of 8 usable, time for 1.5 of them", "judge and target share one"),
        ("Processor", "load", "0.9 a core", "times will be noisy"),
        ("Processor", "load", "12.0 a core", "times will be noisy"),
        ("Variables", "NVIDIA_TF32_OVERRIDE", "1", "1: float32 on the GPU"),
        ("Variables", "ONEDNN_DEFAULT_FPMATH_MODE", "BF16", "fewer bits"),
        ("Variables", "ATEN_CPU_CAPABILITY", "default", "other sums"),
        ("Variables", "MKL_CBWR", "AVX2", "order of sums"),
        ("Programs", "valgrind", "does not run: Illegal instruction", "Illegal instruction"),
    ],
)
def test_what_is_worth_a_look(topic: str, name: str, found: str, words: str) -> None:
    ill = but(topic, name, found)
    line = named(ill, name)
    assert line.mark == LOOK
    assert words in line.said
    assert line.todo, "what to type"
    assert not line.fatal
    assert works(examine(ill))


@pytest.mark.parametrize("found", ["16 of 16 usable", "8 of 8 usable, time for 2 of them", "11 of 12 usable"])
def test_cores_that_are_enough(found: str) -> None:
    assert named(but("Processor", "cores", found), "cores").mark == GOOD


@pytest.mark.parametrize("name", WELL["Variables"])
def test_other_values_of_variables_are_only_shown(name: str) -> None:
    line = named(WELL, name)
    assert (line.mark, line.said, line.todo) == (NONE, WELL["Variables"][name], "")


@pytest.mark.parametrize(
    ("topic", "name", "found", "todo"),
    [
        ("Extras", "plot", "without matplotlib", "pip install 'corrbench[plot]'"),
        ("Programs", "valgrind", "not installed", "apt install valgrind"),
    ],
)
def test_what_is_missing_and_not_needed(topic: str, name: str, found: str, todo: str) -> None:
    line = named(but(topic, name, found), name)
    assert (line.mark, line.todo) == (NONE, todo)
    assert line.said.startswith(found)


# ---- the device


class Torch(SimpleNamespace):
    """As much of torch as is asked about its devices."""

    def __init__(self, cuda: str = "13.0", problem: str = "", count: int = 0, total: float = 2.0) -> None:
        properties = SimpleNamespace(name="H100", major=9, minor=0, total_memory=80 << 30)
        devices = SimpleNamespace(device_count=lambda: count, get_device_properties=lambda _: properties)
        super().__init__(version=SimpleNamespace(cuda=cuda, hip=None), cuda=devices, problem=problem, total=total)

    def zeros(self, *_: int, device: str) -> None:
        if self.problem:
            raise RuntimeError(f"{self.problem}\non {device}")

    def ones(self, *_: int, device: str) -> Any:
        return SimpleNamespace(sum=lambda: self.total, device=device)


@pytest.mark.parametrize(
    ("torch", "driver", "mark", "words"),
    [
        (Torch(cuda="", problem="not compiled"), False, NONE, "no NVIDIA driver is loaded: targets run on the CPU"),
        (Torch(problem="Found no NVIDIA driver on your system."), False, NONE, "no NVIDIA driver is loaded"),
        (Torch(cuda="", problem="not compiled"), True, LOOK, "built for the CPU only"),
        (Torch(problem="driver too old"), True, LOOK, "torch cannot use it: driver too old"),
        (Torch(problem="no kernel image is available", count=1), False, LOOK, "no kernel image"),
        (Torch(count=1), True, GOOD, "H100, capability 9.0, 80 GiB"),
        (Torch(count=2), True, GOOD, "H100, capability 9.0, 80 GiB; H100, capability 9.0, 80 GiB"),
        (Torch(count=1, total=3.0), True, LOOK, "1 + 1 is not 2"),
    ],
)
def test_why_there_is_no_gpu(torch: Torch, driver: bool, mark: str, words: str) -> None:
    line = named(but("Torch", "device", facts.gpu(torch, driver=driver)), "device")
    assert line.mark == mark
    assert words in line.said


# ---- the facts


def test_the_facts_of_this_machine() -> None:
    found = facts.gather()
    assert facts._version("torch").split("+")[0] == found["Installed"]["torch"].split("+")[0]
    assert found["Processor"]["cores"].startswith(f"{len(os.sched_getaffinity(0))} of ")
    assert found["Torch"]["subnormals"] == "kept"
    assert {"git", "valgrind"} == set(found["Programs"])
    assert found["Processor"]["model"]
    lines = examine(found)
    assert works(lines)
    assert not {name for name in WELL["Torch"] if name != "fp32_precision"} - set(found["Torch"])
    json.dumps(to_json(found, lines), allow_nan=False)


def test_flushing_is_measured() -> None:
    code = (
        "import torch\nfrom corrbench.environment import facts\nassert not facts.flushed()\n"
        "assert torch.set_flush_denormal(True)\nassert facts.flushed()\n"
        "assert facts.told()['Torch']['subnormals'].startswith('taken for zero from the start')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if "set_flush_denormal" in done.stderr:
        pytest.skip("this processor cannot flush")
    assert done.returncode == 0, done.stderr


def test_a_torch_that_cannot_be_imported_or_kills_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "torch.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')\n")
    assert "libcudart" in facts._of_torch()["Installed"]["torch"]
    (tmp_path / "torch.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    said = "cannot be imported: its process ended with exit code -9"
    assert facts._of_torch() == {"Installed": {"torch": said}}
    monkeypatch.setattr(facts, "_version", lambda _: "")
    assert facts._of_torch() == {"Installed": {}}, "what is not installed is said already"


def test_variables_that_matter_are_told_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_of_torch", lambda: {"Installed": {"torch": "not asked"}})
    monkeypatch.setattr(facts, "PROGRAMS", {})
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    monkeypatch.setenv("TORCH_LOGS", "x")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    found = facts.gather()["Variables"]
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
    ill = but("Variables", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")
    ill["Extras"]["plot"] = "without matplotlib"
    console = Console(width=width, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    render.show(console, examine(ill))
    console.file.close()
    text = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in text) <= width
    assert len(text) <= 50
    assert sum("unset TORCH_ALLOW" in line for line in text) == 1 or width == 60


def test_the_command_is_there() -> None:
    assert "doctor" in main.list_commands(click.Context(main))
