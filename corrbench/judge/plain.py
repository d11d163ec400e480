"""A plain process: the target called by an ordinary script, in an ordinary process, with nothing of ours in it.

No guard pages, no poisoned memory, no frames of the judge's: a folder with a script, and arrays in .npy files.
The process is started, watched and ended from outside. What it answers is judged like any other answer.
"""

from __future__ import annotations

import contextlib
import os
import site
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corrbench.judge import boundary, supervisor
from corrbench.judge.folder import remove
from corrbench.judge.protocol import narrow, widen
from corrbench.judge.reach import program
from corrbench.judge.target_process import CACHES, FOREIGN, POLL, Died, behind, search
from corrbench.numerics.problem import Array
from corrbench.result import Status
from corrbench.target import Spec, artefact


@dataclass(slots=True)
class Script:
    """A program of several calls, and what it reads; `lines` are its text."""

    spec: Spec
    form: str
    lines: list[str] = field(default_factory=list)
    reads: dict[str, Array] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)  # name -> element type

    @staticmethod
    def writable(spec: Spec, form: str) -> str:
        """Why a target cannot be called by a script; empty if it can."""
        if artefact(spec.target) or spec.target.partition(":")[0].endswith(".ipynb"):
            return "it is no module"
        if spec.compile or spec.sanitize or spec.device != "cpu" or form not in ("corr2d", "conv2d", "module"):
            return "it is called in a way of its own"
        if spec.call or spec.layer or spec.backward or spec.arrays == "list":
            return "it is called by an expression"
        return ""

    def __post_init__(self) -> None:
        """Begin with the import of the target."""
        place, _, attribute = self.spec.target.rpartition(":")
        self.lines += ["import sys", "", "import numpy as np"]
        for assignment in self.spec.environ.split():
            name, _, value = assignment.partition("=")
            self.lines += ["import os", f"os.environ[{name!r}] = {value!r}"]
        if self.spec.arrays == "torch":
            self.lines.append("import torch")
        if place.endswith(".py"):
            self.lines += of_file(Path(self.spec.folder, place).resolve())
        else:
            self.lines += [f"import {place}", f"module = sys.modules[{place!r}]"]
        self.lines += [f"f = module.{attribute}", ""]

    def call(self, number: int, arrays: dict[str, Array], dtype: str, config: dict[str, Any], bias: str = "") -> None:
        """One call on operands x, w and b, the last by its name `bias` or as third argument, and its gradients for the
        cotangent g where there is one.
        """
        gradients = "g" in arrays
        torch, names = self.spec.arrays == "torch", {}
        for name, array in arrays.items():
            names[name] = f"{name}{number}"
            self.reads[names[name]] = narrow(array) if dtype == "bfloat16" else np.ascontiguousarray(array)
            loaded = f"np.load('{names[name]}.npy')"
            if torch:
                view = ".view(torch.bfloat16)" if dtype == "bfloat16" else ""
                grad = ".requires_grad_()" if gradients and name != "g" else ""
                loaded = f"torch.from_numpy({loaded}){view}{grad}"
            self.lines.append(f"{names[name]} = {loaded}")
        y, x, w, b = f"y{number}", names["x"], names["w"], names.get("b")
        if self.form == "module":
            self.lines.append(f"layer = f(tuple({w}.shape), {w + '.detach()' if torch else w})")
            if b and torch:
                self.lines.append(f"layer.bias.data.copy_({b}.detach().reshape(layer.bias.shape))")
            elif b:
                self.lines.append(f"layer.bias[...] = {b}.reshape(layer.bias.shape)")
            self.lines.append(f"{y} = layer({x})")
        else:
            spelled = {key: tuple(value) if isinstance(value, list) else value for key, value in config.items()}
            words = [
                x,
                w,
                *([f"{bias}={b}" if bias else b] if b else []),
                *(f"{key}={value!r}" for key, value in spelled.items()),
            ]
            self.lines.append(f"{y} = f({', '.join(words)})")
        self._save(y, y, dtype)
        if gradients:
            self.lines.append(f"{y}.backward({names['g']})")
            owners = {"x": x, "w": w, "b": b} if self.form != "module" else {"x": x}
            for name, owner in owners.items():
                if owner:
                    self._save(f"g{name}{number}", f"{owner}.grad", dtype)
        self.lines.append("")

    def _save(self, name: str, value: str, dtype: str) -> None:
        if self.spec.arrays == "torch":
            view = ".contiguous().view(torch.int16)" if dtype == "bfloat16" else ""
            value = f"{value}.detach(){view}.numpy()"
        self.lines.append(f"np.save('{name}.npy', {value})")
        self.writes[name] = dtype

    # ---- the process

    def run(self, patience: float) -> dict[str, Array]:
        """What the calls returned, by name, bfloat16 as float32; without those that are no arrays.

        Raises:
            Died: the process failed, hung or outgrew its limit; the message ends with what it last printed.
        """
        folder = tempfile.mkdtemp(prefix="project-")
        try:
            for name, array in self.reads.items():
                np.save(f"{folder}/{name}.npy", array)
            Path(folder, "main.py").write_text("\n".join(self.lines), encoding="utf-8")
            self._process(folder, patience)
            found = {}
            for name, dtype in self.writes.items():
                with contextlib.suppress(OSError, ValueError):
                    found[name] = self._read(Path(folder, f"{name}.npy"), dtype)
            return found
        finally:
            remove(folder)

    def _read(self, path: Path, dtype: str) -> Array:
        """An array of a file that the target may have written."""
        if path.is_symlink() or path.stat().st_size > self.spec.memory * 2**30:
            raise ValueError("not a file that the script writes")
        values: Array = np.load(path, allow_pickle=False)
        return widen(values) if dtype == "bfloat16" and values.dtype == np.int16 else values

    def _process(self, folder: str, patience: float) -> None:
        python = program(self.spec)
        life, ours = os.pipe()
        with tempfile.TemporaryFile() as printed:
            level, path = boundary.level(self.spec), variables(self.spec, folder)
            for place in (Path(path["HOME"]), Path(path["TMPDIR"])):
                place.mkdir()
                place.chmod(0o777)  # it may run as another user; nobody else comes this far
            process = behind(level, self.spec, [python, "main.py"], folder, printed, path, life, (life,), folder)
            os.close(life)
            try:
                self._watch(process, time.monotonic() + patience)
            finally:
                supervisor.end(process.pid)
                process.kill()
                process.wait()
                os.close(ours)
            if process.returncode:
                printed.seek(0)
                words = printed.read().decode(errors="replace").strip().splitlines()
                last = "".join(char if char.isprintable() else "?" for char in words[-1][:200]) if words else ""
                raise Died(Status.CRASH, f"an ordinary script that makes the same calls fails; it last printed: {last}")

    def _watch(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise Died(Status.TIMEOUT, "an ordinary script that makes the same calls does not end")
            if supervisor.outgrown(process.pid, self.spec.memory * 2**30):
                raise Died(Status.MEMORY, f"an ordinary script held more than {self.spec.memory:g} GiB (--memory)")
            time.sleep(POLL)


def of_file(path: Path) -> list[str]:
    """The lines that make `module` of a file: as its package's if it is in one, as the target's process has it too, so
    that its relative imports work; where that fails the file alone.
    """
    top, names = path.parent, [path.stem]
    while (top / "__init__.py").is_file() and top.name.isidentifier():
        names.insert(0, top.name)
        top = top.parent
    alone = [
        f"sys.path.insert(0, {str(path.parent)!r})",
        f"spec = importlib.util.spec_from_file_location({path.stem!r}, {str(path)!r})",
        "module = importlib.util.module_from_spec(spec)", "sys.modules[spec.name] = module",
        "spec.loader.exec_module(module)",
    ]  # fmt: skip
    if len(names) == 1 or not path.stem.isidentifier() or path.stem == "__init__":
        return ["import importlib.util", "", *alone]
    return [
        "import importlib", "import importlib.util", "", f"sys.path.insert(0, {str(top)!r})", "try:",
        f"    module = importlib.import_module({'.'.join(names)!r})", "except Exception:",
        *(f"    {line}" for line in alone),
    ]  # fmt: skip


def variables(spec: Spec, folder: str) -> dict[str, str]:
    """The variables of a user's process: nothing of the judge's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    own = [spec.folder, f"{spec.folder}/src"] if spec.folder else [str(Path.cwd())]
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep) if spec.python else search or sys.path
    paths = [str(Path(path).resolve()) for path in (*own, *theirs) if path and Path(path).is_dir()]
    home, temporary = f"{folder}/home", f"{folder}/tmp"  # not one and the same, as they are in a process that is judged
    own_places = {"HOME": home, "TMPDIR": temporary, "XDG_CACHE_HOME": f"{home}/.cache",
                  "PYTHONUSERBASE": site.getuserbase()}  # fmt: skip
    caches = {name: str(Path(folder, place)) for name, place in CACHES.items()}
    return kept | own_places | caches | {"MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(paths)}
