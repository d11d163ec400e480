"""Facts about this machine and environment, which `doctor` has rules for; nothing is changed by looking.

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
from collections.abc import Sequence
from importlib import metadata
from itertools import compress
from operator import attrgetter
from pathlib import Path
from typing import Any

from corrbench.environment.doctor import NEEDED, Facts

PATIENCE = 120.0  # seconds for torch to be imported
WATCHED = re.compile(r"(ONEDNN|DNNL|MKL|OMP|KMP|GOMP|OPENBLAS|NUMEXPR|ATEN|NVIDIA|TORCH|PYTORCH|CUDA|CUBLAS|CUDNN)_\w+")
BACKENDS = ("fp32_precision", "mkldnn.is_available", "mkldnn.enabled", "mkldnn.conv.fp32_precision",
            "mkldnn.matmul.fp32_precision", "cudnn.benchmark")  # fmt: skip
GPU = ("cudnn.conv.fp32_precision", "cudnn.allow_tf32")  # torch's defaults, that matter where there is a GPU
INSTRUCTIONS = ("asimd", "sve", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512_bf16",
                "avx512_fp16", "amx_bf16")  # fmt: skip
PROGRAMS = {
    "git": ("git", "--version"),
    "valgrind": ("valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=/dev/null", "true"),
}


def gather() -> Facts:
    """All of it; takes as long as importing torch."""
    torch = _of_torch()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {
        "Installed": {
            "corrbench": _version("corrbench") or "from a checkout, not installed",
            "system": platform.system(),
            "python": f"{platform.python_version()}, {sys.executable}",
            **_packages(),
            **torch.pop("Installed"),
        },
        "Extras": _extras(),
        "Processor": {"model": processor(), "cores": _cores(cores), "load": f"{os.getloadavg()[0] / cores:.1f} a core"},
        **torch,
        "Variables": {name: value for name, value in sorted(os.environ.items()) if WATCHED.fullmatch(name)},
        "Programs": {name: _trouble(*words) or "runs" for name, words in PROGRAMS.items()},
    }


def _trouble(*command: str) -> str:
    """Why a program does not run; empty if it does."""
    if shutil.which(command[0]) is None:
        return "not installed"
    _, problem = _run(command, 60)
    return f"does not run: {problem[:120]}" if problem else ""


def _run(command: Sequence[str], seconds: float, **variables: str) -> tuple[str, str]:
    """What a program prints, and why it failed; that is empty if it did not."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=seconds, env=os.environ | variables
        )
    except subprocess.TimeoutExpired:
        return "", f"it takes more than {seconds:.0f} s"
    except OSError as error:
        return "", str(error)
    last = (done.stderr.strip().splitlines() or [f"its process ended with exit code {done.returncode}"])[-1]
    return done.stdout, last if done.returncode else ""


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _packages() -> dict[str, str]:
    """What corrbench needs: those whose versions matter for results, and those that are missing."""
    found = {name: _version(name) for name in NEEDED}
    return {name: version for name, version in found.items() if name in ("torch", "numpy", "scipy") or not version}


def _extras() -> dict[str, str]:
    """For each extra of corrbench what is missing of it."""
    found: dict[str, list[str]] = {}
    for line in (metadata.requires("corrbench") or []) if _version("corrbench") else []:
        match = re.match(r"([A-Za-z0-9._-]+).*;.*\bextra == ['\"]([\w-]+)['\"]", line)
        if match and match[1] != "corrbench":
            found.setdefault(match[2], []).extend([] if _version(match[1]) else [match[1]])
    complete = ", ".join(sorted(extra for extra, missing in found.items() if not missing))
    lacking = {extra: f"without {', '.join(missing)}" for extra, missing in found.items() if missing}
    return ({"complete": complete} if complete else {}) | lacking


def _read(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def processor() -> str:
    """The model of the processor, as the system calls it."""
    match = re.search(r"^(?:model name|Hardware)\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return match[1] if match else platform.machine()


def instruction_sets() -> str:
    """The sets of vector instructions of which libraries choose, as Linux calls them; empty where that is not known."""
    match = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", _read("/proc/cpuinfo"), re.MULTILINE)
    flags = set(match[1].split()) if match else set()
    return " ".join(name for name in INSTRUCTIONS if name in flags)


def _cores(usable: int) -> str:
    """How many there are, and for how many a container has time, where that is fewer."""
    said = f"{usable} of {os.cpu_count()} usable"
    words = _read("/sys/fs/cgroup/cpu.max").split()
    quota = int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdigit() else usable
    return f"{said}, time for {quota:g} of them" if quota < usable else said


# ---- torch, in a process of its own


def _of_torch() -> Facts:
    """What torch says of itself, or under ``Installed`` why it cannot be asked."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    said, problem = _run([sys.executable, "-m", "corrbench.environment.facts"], PATIENCE, PYTHONPATH=path)
    try:
        found: Facts = json.loads(said.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"Installed": {"torch": f"cannot be imported: {problem[:200]}"} if _version("torch") else {}}
    return found


def flushed() -> bool:
    """Whether this thread takes subnormal numbers for zero, as operands or as results."""
    least, half = float("2.2250738585072014e-308"), float("0.5")
    return least * half == 0.0 or float("1e-310") + 0.0 == 0.0


def told() -> Facts:
    """What torch says of itself after an import, with all at its defaults."""
    before = flushed()
    import torch

    many = torch.full((1 << 20,), 1e-40) * 1.0  # enough for all of its threads
    places = ("from the start", "once torch is imported", "in torch's threads")
    where = " and ".join(compress(places, (before, flushed(), not bool(many.min() > 0))))
    device = gpu(torch, driver=Path("/proc/driver/nvidia/version").exists())
    names = BACKENDS + GPU * torch.cuda.is_available()
    return {
        "Installed": {"torch": f"{torch.__version__}, built for {_build(torch) or 'CPU only'}"},
        "Torch": {
            "processor": torch.backends.cpu.get_cpu_capability(),
            "device": device,
            "subnormals": f"taken for zero {where}" if where else "kept",
            "default dtype": str(torch.get_default_dtype()),
            "float32 products": torch.get_float32_matmul_precision(),
            **{name: str(value) for name in names if (value := _setting(torch.backends, name)) is not None},
        },
    }


def _build(torch: Any) -> str:
    return f"CUDA {torch.version.cuda}" if torch.version.cuda else f"ROCm {hip}" if (hip := torch.version.hip) else ""


def gpu(torch: Any, *, driver: bool) -> str:
    """The devices, or why there is none."""
    found: list[str] = []
    why = "it does not say why not"
    try:
        torch.zeros(1, device="cuda")
        found += (_device(torch, index) for index in range(torch.cuda.device_count()))
    except (RuntimeError, AssertionError) as error:
        why = str(error).partition("\n")[0][:200]
    if found:
        return "; ".join(found)
    if not driver and not torch.cuda.device_count():
        return "no NVIDIA driver is loaded"
    of_no_use = "a driver is loaded, but this torch is built for the CPU only"
    return f"torch cannot use it: {why}" if _build(torch) else of_no_use


def _device(torch: Any, index: int) -> str:
    has = torch.cuda.get_device_properties(index)
    works = float(torch.ones(2, device=f"cuda:{index}").sum()) == 2.0
    said = f"{has.name}, capability {has.major}.{has.minor}, {has.total_memory / 2**30:.0f} GiB"
    return said if works else f"{said}: 1 + 1 is not 2 on it"


def _setting(backends: Any, name: str) -> Any:
    """One of the settings; None where this release has none of that name, or does not want to say."""
    try:
        value = attrgetter(name)(backends)
        return value() if callable(value) else value
    except (AttributeError, RuntimeError):
        return None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(told()) + "\n")
