"""Where are things: the interpreter with torch and what it has, the wheels, the commit; and a step run there."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import zipfile
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.cuda.steps import Step

ROOT = Path(__file__).parents[2]
GRACE = 15.0  # seconds that a step has to end after it was told to
LOOK = """
import importlib.util as u, json, platform, sys
found = {"python": platform.python_version(), "modules": [m for m in sys.argv[1:] if u.find_spec(m)], "devices": []}
try:
    import numpy, torch
    found |= {"numpy": numpy.__version__, "torch": torch.__version__, "cuda": torch.version.cuda or ""}
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        p = torch.cuda.get_device_properties(i)
        found["devices"].append(f"{p.name}, capability {p.major}.{p.minor}, {p.total_memory / 2**30:.0f} GiB")
    if found["devices"]:
        found["cudnn"] = torch.backends.cudnn.version()
        found["driver"] = open("/proc/driver/nvidia/version").readline().strip()
except Exception as error:
    found["problem"] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""
NEEDED = ("numpy", "torch", "scipy", "click", "hypothesis", "jinja2", "junitparser", "rich")
ASKED = (*NEEDED, "pytest", "xdist", "asv", "asv_runner", "psutil", "cupy", "jax", "triton")


class Unusable(Exception):
    """It cannot be done here; the message says what was looked for, and what to type."""


@dataclass(frozen=True)
class Place:
    """Where steps run.

    Attributes:
        python: the interpreter that has torch.
        device: ``cuda`` or ``cpu``.
        variables: the environment of every step.
        facts: what the interpreter said of itself.
        commit: that is measured; empty if nobody knows.
        machine: name under which asv records.
        sandbox: what targets are confined by, see `corrbench verify --help`.
        report, scratch: folders, of the record and for what is thrown away.
    """

    python: str
    device: str
    variables: dict[str, str]
    facts: dict[str, Any]
    commit: str
    machine: str
    sandbox: str
    report: Path
    scratch: Path

    def has(self, *modules: str) -> bool:
        return set(modules) <= set(self.facts["modules"])


def found(given: Namespace, scratch: Path) -> Place:
    """What is there.

    Raises:
        Unusable: no such interpreter, no torch, no device, or a package that corrbench needs is missing.
    """
    python = shutil.which(given.python)
    if python is None:
        raise Unusable(f"no interpreter {given.python!r}: name the one that has torch, --python PATH")
    folders = [str(ROOT)]
    if given.wheels:
        folders.append(str(unpacked(given.wheels, scratch / "site")))
    variables = os.environ | {
        "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_MODULE_LOADING": "LAZY",
    }  # fmt: skip
    facts = looked(python, variables)
    if "torch" not in facts:
        why = facts.get("problem", "no torch")
        raise Unusable(f"looked for torch in {given.python}: {why}. Name an interpreter that has it: --python PATH")
    if given.device == "cuda" and not facts["devices"]:
        built = f"for CUDA {facts['cuda']}" if facts["cuda"] else "for the CPU only"
        raise Unusable(
            f"looked for a CUDA device through torch {facts['torch']}, built {built}, in {given.python}: "
            "it sees none. See what the driver says: nvidia-smi. "
            "To rehearse without a device: --device cpu"
        )
    if missing := [name for name in NEEDED if name not in facts["modules"]]:
        version = ".".join(facts["python"].split(".")[:2])
        raise Unusable(
            f"looked for {', '.join(missing)} in {given.python}, which has not got them. On a machine with network: "
            f"make wheels PYTHON_VERSION={version}; then here: make cuda WHEELS=FOLDER"
        )
    return Place(
        python=python, device=given.device, variables=variables, facts=facts, machine=given.machine,
        sandbox=given.sandbox,
        commit=given.commit or commit(given.wheels), report=given.report.resolve(), scratch=scratch,
    )  # fmt: skip


def looked(python: str, variables: dict[str, str]) -> dict[str, Any]:
    """What an interpreter says of itself."""
    try:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", LOOK, *ASKED], env=variables, capture_output=True, text=True, timeout=180,
            check=False,
        )  # fmt: skip
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"{python} does not run: {error}") from None
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Unusable(f"{python} cannot say what it has: {last}") from None
    return facts


def unpacked(wheels: Path, folder: Path) -> Path:
    """The packages of a folder of wheels, in one folder for the path of imports.

    Raises:
        Unusable: there is no wheel.
    """
    files = sorted(wheels.glob("*.whl"))
    if not files:
        raise Unusable(f"no wheels in {wheels}: collect them on a machine with network, make wheels")
    folder.mkdir(parents=True)
    for file in files:
        with zipfile.ZipFile(file) as archive:
            archive.extractall(folder)
    for data in folder.glob("*.data"):
        for kind in ("purelib", "platlib"):
            if (data / kind).exists():
                shutil.copytree(data / kind, folder, dirs_exist_ok=True)
    return folder


def commit(wheels: Path | None) -> str:
    """The commit of the checkout if nothing in it was changed, else the one that was noted beside the wheels; empty if
    neither is there.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    note = wheels / "COMMIT" if wheels else None
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        if not note or not git("status", "--porcelain", "--untracked-files=no"):
            return git("rev-parse", "HEAD")
    return note.read_text(encoding="utf-8").strip() if note and note.exists() else ""


@dataclass(frozen=True)
class Outcome:
    """What became of a step: its exit code, None if it did not end in time; what it printed; how long it took."""

    code: int | None
    printed: str
    seconds: float


def run(step: Step, there: Place, limit: float) -> Outcome:
    """Make a step: it is told how long it has, interrupted a little after that, and killed if it does not heed that."""
    began = time.monotonic()
    words = [word.replace("{limit}", f"{max(5.0, limit - step.tail):.0f}") for word in step.words]
    with (there.scratch / f"{step.name}.printed").open("w+b") as printed:
        process = subprocess.Popen(
            words, cwd=ROOT, env=there.variables | step.variables, stdin=subprocess.DEVNULL, stdout=printed,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        code: int | None = None
        for signal_, patience in ((signal.SIGINT, limit), (signal.SIGKILL, GRACE), (None, GRACE)):
            try:
                code = process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                if signal_ is not None:
                    os.killpg(process.pid, signal_)
        taken = time.monotonic() - began
        printed.seek(0)
        text = printed.read().decode(errors="replace")
    return Outcome(None if taken > limit else code, text, taken)
