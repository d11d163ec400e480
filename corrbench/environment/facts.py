"""What is this machine and environment like? What `doctor` judges, gathered; nothing is changed by looking.

Run as a program it imports torch and writes what that says of itself, as one line of JSON: in a process of its own,
because a torch that does not fit the machine may end the process.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from corrbench.environment.doctor import NEEDED, Facts

PATIENCE = 120.0  # seconds for torch to be imported
WATCHED = re.compile(r"(ONEDNN|DNNL|MKL|OMP|KMP|GOMP|OPENBLAS|NUMEXPR|ATEN|NVIDIA|TORCH|PYTORCH|CUDA|CUBLAS|CUDNN)_\w+")
BACKENDS = (
    "fp32_precision", "cuda.matmul.fp32_precision", "cuda.matmul.allow_tf32", "cudnn.conv.fp32_precision",
    "cudnn.allow_tf32", "cudnn.benchmark", "cudnn.deterministic", "mkldnn.enabled", "mkldnn.conv.fp32_precision",
    "mkldnn.matmul.fp32_precision", "mkl.is_available", "mkldnn.is_available",
)  # fmt: skip


def gather() -> Facts:
    """All of it; takes as long as importing torch."""
    steal = _ticks()
    torch = _of_torch()
    governor = _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    flags, model = _processor()
    return Facts(
        system=platform.system(), python=platform.python_version(), executable=sys.executable,
        versions={name: _version(name) for name in ("corrbench", *NEEDED)}, extras=_extras(), model=model,
        flags=flags, usable=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        cores=os.cpu_count() or 1, quota=_quota(), torch=torch,
        variables={name: value for name, value in sorted(os.environ.items()) if WATCHED.fullmatch(name)},
        driver=_driver(), programs={name: _trouble(*words) for name, words in PROGRAMS.items()}, governor=governor,
        turbo=_turbo(), load=os.getloadavg()[0], steal=_share(steal, _ticks()), virtual="hypervisor" in flags,
    )  # fmt: skip


PROGRAMS = {"git": ("git", "--version"), "valgrind": ("valgrind", "-q", "--tool=callgrind",
            "--callgrind-out-file=/dev/null", "true")}  # fmt: skip


def _trouble(*command: str) -> str:
    """Why a program does not run; empty if it does."""
    if shutil.which(command[0]) is None:
        return "not installed"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {error}"
    last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return f"does not run: {last[:120]}" if done.returncode else ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _extras() -> dict[str, list[str]]:
    """For each extra of corrbench the packages of it that are missing."""
    try:
        wanted = metadata.requires("corrbench") or []
    except metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for line in wanted:
        match = re.match(r"([A-Za-z0-9._-]+).*;.*\bextra == ['\"]([\w-]+)['\"]", line)
        if match and match[1] != "corrbench":
            missing = found.setdefault(match[2], [])
            missing += [] if _version(match[1]) else [match[1]]
    return found


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _processor() -> tuple[list[str], str]:
    """What it can do, and what it is called."""
    text = _read("/proc/cpuinfo")
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    model = re.search(r"^(?:model name|Hardware)\s*:\s*(.*)$", text, re.MULTILINE)
    return sorted(flags[1].split()) if flags else [], model[1] if model else platform.machine()


def _quota() -> float:
    """Cores' worth of time that a container may take; 0 where it is not limited."""
    words = _read("/sys/fs/cgroup/cpu.max").split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdigit() else 0.0


def _turbo() -> str:
    """``on`` or ``off``; empty if it is not known."""
    for name, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        if value := _read(f"/sys/devices/system/cpu/{name}"):
            return "on" if value == on else "off"
    return ""


def _driver() -> str:
    """Version of NVIDIA's driver; empty where there is none."""
    match = re.search(r"(?:Kernel Module|NVRM version:.*?)\s+(\d+\.\d+[\d.]*)", _read("/proc/driver/nvidia/version"))
    return match[1] if match else ""


def _ticks() -> tuple[float, list[int]]:
    words = _read("/proc/stat").partition("\n")[0].split()[1:9]
    return time.monotonic(), [int(word) for word in words]


def _share(before: tuple[float, list[int]], after: tuple[float, list[int]]) -> float:
    """Of the time between, the share that other machines on the same hardware took; the eighth of the counts."""
    past = [new - old for old, new in zip(before[1], after[1], strict=True)]
    total = sum(past)
    return past[7] / total if len(past) == 8 and total else 0.0


# ---- torch, in a process of its own


def _of_torch() -> dict[str, Any]:
    """What torch says of itself, or ``{"problem": ...}``."""
    command = [sys.executable, "-m", "corrbench.environment.facts"]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    variables = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE, env=variables)
    except subprocess.TimeoutExpired:
        return {"problem": f"importing it takes more than {PATIENCE:.0f} s"}
    try:
        found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines() or [f"its process ended with exit code {done.returncode}"]
        return {"problem": said[-1][:200]}
    return found


def flushed() -> bool:
    """Whether this thread takes subnormal numbers for zero, as operands or as results."""
    least, half = float("2.2250738585072014e-308"), float("0.5")
    return least * half == 0.0 or float("1e-310") + 0.0 == 0.0


def told() -> dict[str, Any]:
    """What torch says of itself after an import, with all at its defaults."""
    before = flushed()
    import torch

    many = torch.full((1 << 20,), 1e-40) * 1.0  # enough for all of its threads
    found: dict[str, Any] = {
        "version": torch.__version__, "cuda": torch.version.cuda or "", "hip": getattr(torch.version, "hip", "") or "",
        "capability": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(),
        "flushed_before": before, "flushed_after": flushed(), "flushed_threads": not bool(many.min() > 0),
        "default_dtype": str(torch.get_default_dtype()), "matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "backends": {name: value for name in BACKENDS if (value := _setting(torch.backends, name)) is not None},
        "unavailable": "", "count": torch.cuda.device_count(), "devices": [],
    }  # fmt: skip
    try:
        torch.zeros(1, device="cuda")
        for index in range(found["count"]):
            properties = torch.cuda.get_device_properties(index)
            works = float(torch.ones(2, device=f"cuda:{index}").sum()) == 2.0
            found["devices"].append({"name": properties.name, "capability": f"{properties.major}.{properties.minor}",
                                     "memory": properties.total_memory, "works": works})  # fmt: skip
    except (RuntimeError, AssertionError) as error:
        found["unavailable"] = str(error).partition("\n")[0][:200]
    return found


def _setting(backends: Any, name: str) -> Any:
    """One of the settings; None where this release has none of that name, or does not want to say."""
    value = backends
    try:
        for part in name.split("."):
            value = getattr(value, part)
        return value() if callable(value) else value
    except (AttributeError, RuntimeError):
        return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(told()) + "\n")
