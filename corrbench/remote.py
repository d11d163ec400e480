"""How does the judge reach the target? The parent's end of `corrbench.worker`: start, ask, time out, replace."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import site
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from corrbench.result import Status
from corrbench.target import Spec

WORKER = Path(__file__).with_name("worker")
FILES = (
    "library",
    "loading",
    "channel",
    "operands",
    "world",
    "calls",
    "modules",
    "serve",
)  # each after what it imports
# The child makes modules of the files it is sent, in a package of a name that tells a target nothing.
START = """
import json, os, sys, types
def build(name, text, **more):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(more)
    exec(compile(text, name, 'exec'), vars(module))
build('process', '', __path__=[])
for name, text in json.load(os.fdopen({source})):
    build('process.' + name, text, __package__='process')
del build, name, text
sys.modules['process.serve'].serve({read}, {write})
"""
POLL = 0.02  # seconds between two looks at the child's memory


@dataclass(slots=True)
class Died(Exception):
    """The target's process ended, hung or outgrew its limit."""

    status: Status
    message: str


class NotLoaded(Exception):
    """The target cannot be loaded; the message says why."""


@dataclass(slots=True)
class Output:
    """One array that the target gave back: what it is, and its values (bfloat16 as float32)."""

    type: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    device: str = "cpu"
    requires_grad: bool = False
    values: np.ndarray | None = None


@dataclass(slots=True)
class Reply:
    """What one call did."""

    outputs: dict[str, Output] = field(default_factory=dict)
    raised: dict[str, Any] | None = None
    changed: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    globals: list[str] = field(default_factory=list)


def widen(bits: np.ndarray) -> np.ndarray:
    """bfloat16 bits (int16 or uint16, any shape) as the float32 values they stand for."""
    return (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def narrow(values: np.ndarray) -> np.ndarray:
    """float32 values that bfloat16 can represent, as bfloat16 bits (int16)."""
    return np.ascontiguousarray(
        (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    ).view(np.int16)


class Remote:
    """A target in a child process. Started on first use, and anew after it died."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.process: subprocess.Popen[bytes] | None = None
        self.loaded: dict[str, Any] = {}
        self.folder = ""

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def steps(
        self, steps: list[dict[str, Any]], arrays: list[np.ndarray], dtypes: list[str], **options: Any
    ) -> list[Reply]:
        """Make the calls of one request, in order, their results held until all are made.

        Raises:
            Died: the process crashed, hung or outgrew its limit.
            NotLoaded: the target cannot be loaded.
        """
        wire = [narrow(a) if dtype == "bfloat16" else a for a, dtype in zip(arrays, dtypes, strict=True)]
        answer, blobs = self.ask({"op": "steps", "steps": steps, **options}, wire)
        return [reply(words, blobs) for words in answer["steps"]]

    def module(self, arrays: list[np.ndarray], **options: Any) -> dict[str, Any]:
        """Facts that a module shows of itself."""
        answer, _ = self.ask({"op": "module", **options}, arrays)
        facts: dict[str, Any] = answer["facts"]
        return facts

    def load(self) -> dict[str, Any]:
        """Start the child and load the target. Returns its form, version and what loading changed globally."""
        if self.process is None:
            self._start()
            spec = {key: getattr(self.spec, key) for key in ("target", "form", "arrays", "device")}
            try:
                answer, _ = self._exchange({"op": "load", "spec": spec}, [], timeout=max(self.spec.timeout, 120.0))
            except Died as death:
                raise NotLoaded(f"loading {self.spec.target!r}: {death.message}") from None
            if "unloadable" in answer:
                self.close()
                raise NotLoaded(answer["unloadable"])
            self.loaded = answer
        return self.loaded

    def ask(self, request: dict[str, Any], arrays: list[np.ndarray]) -> tuple[dict[str, Any], list[bytes]]:
        """One request and its answer, from a child that has the target loaded."""
        self.load()
        return self._exchange(request, arrays, timeout=self.spec.timeout)

    def leftovers(self) -> int:
        """Number of forked copies that the target left running."""
        if self.process is None:
            return 0
        answer, _ = self._exchange({"op": "children"}, [], timeout=self.spec.timeout)
        return int(answer["children"])

    def close(self) -> None:
        """End the child, whatever it does, and all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            for descriptor in (self.to_child, self.from_child):
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the child

    def _start(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="run-")
        source = os.open(self.folder, os.O_TMPFILE | os.O_RDWR)
        os.write(
            source, json.dumps([(name, (WORKER / f"{name}.py").read_text(encoding="utf-8")) for name in FILES]).encode()
        )
        os.lseek(source, 0, os.SEEK_SET)
        child_reads, self.to_child = os.pipe()
        self.from_child, child_writes = os.pipe()
        os.set_blocking(self.from_child, False)
        os.set_blocking(self.to_child, False)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("CORRBENCH", "PYTEST", "COV_"))}
        environment |= {
            "HOME": self.folder, "TMPDIR": self.folder, "XDG_CACHE_HOME": self.folder,
            "PYTHONUSERBASE": site.getuserbase(),
            "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p and os.path.isdir(p))
            if not self.spec.python else os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip
        start = START.format(source=source, read=child_reads, write=child_writes)
        with open(Path(self.folder, "output"), "wb") as self.output:
            self.process = subprocess.Popen(
                [self.spec.python or sys.executable, "-c", start],
                stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, env=environment,
                pass_fds=(source, child_reads, child_writes), start_new_session=True,
            )  # fmt: skip
        for descriptor in (source, child_reads, child_writes):
            os.close(descriptor)

    def _exchange(
        self, request: dict[str, Any], arrays: list[np.ndarray], *, timeout: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        nonce = secrets.token_hex(8)
        heads = [(str(a.dtype), a.shape) for a in arrays]
        text = json.dumps({**request, "nonce": nonce, "arrays": heads}).encode()
        deadline = time.monotonic() + timeout
        self._write(
            [struct.pack("<Q", len(text)) + text, *(np.ascontiguousarray(a).tobytes() for a in arrays)], deadline
        )
        try:
            answer = json.loads(self._read(struct.unpack("<Q", self._read(8, deadline))[0], deadline))
            if answer.get("nonce") != nonce:
                raise ValueError("the answer is not to this question")
            outputs = [o for step in answer.get("steps", ()) for o in step["outputs"].values() if "blob" in o]
            blobs = [b""] * len(outputs)
            for info in sorted(outputs, key=lambda info: info["blob"]):
                size = int(np.prod(info["shape"], dtype=np.int64)) * np.dtype(info["wire"]).itemsize
                blobs[info["blob"]] = self._read(size, deadline)
        except (ValueError, KeyError, TypeError, IndexError, struct.error) as error:
            self.close()
            raise Died(Status.CRASH, f"the target broke the channel to its process ({error})") from None
        return answer, blobs

    def _write(self, parts: list[bytes], deadline: float) -> None:
        for part in parts:
            view = memoryview(part)
            while view:
                self._wait(deadline, writing=True)
                try:
                    view = view[os.write(self.to_child, view) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise self._death() from None

    def _read(self, size: int, deadline: float) -> bytes:
        if not 0 <= size <= 1 << 34:
            raise ValueError(f"a frame of {size} bytes")
        parts: list[bytes] = []
        while size:
            self._wait(deadline, writing=False)
            try:
                part = os.read(self.from_child, min(size, 1 << 20))
            except BlockingIOError:
                continue
            if not part:
                raise self._death()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, deadline: float, *, writing: bool) -> None:
        """Until the channel is ready; watches the clock, the child's life and its memory."""
        assert self.process is not None
        while True:
            reads, writes = ([], [self.to_child]) if writing else ([self.from_child], [])
            ready = select.select(reads, writes, [], POLL)
            if ready[0] or ready[1]:
                return
            if self.process.poll() is not None:
                raise self._death()
            if self._resident() > self.spec.memory:
                self.close()
                raise Died(
                    Status.MEMORY, f"the target held more than {self.spec.memory:g} GiB (--memory) and was ended"
                )
            if time.monotonic() > deadline:
                self.close()
                raise Died(Status.TIMEOUT, f"no answer within {self.spec.timeout:g} s (--timeout)")

    def _resident(self) -> float:
        assert self.process is not None
        try:
            with open(f"/proc/{self.process.pid}/statm") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**30
        except (OSError, IndexError, ValueError):
            return 0.0

    def _death(self) -> Died:
        assert self.process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        code = self.process.poll()
        said = ""
        with contextlib.suppress(OSError), open(Path(self.folder, "output"), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4000))
            said = file.read().decode(errors="replace").strip()
        self.close()
        if code is None:
            how = "closed its channel"
        elif code < 0:
            how = f"died of {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"died of signal {-code}"
        else:
            how = f"ended with exit status {code} before answering"
        last = said.splitlines()[-1][:200] if said else ""
        return Died(Status.CRASH, f"the target's process {how}" + (f"; it last printed: {last}" if last else ""))


def reply(words: dict[str, Any], blobs: list[bytes]) -> Reply:
    """The child's words about one call, with the arrays in place."""
    outputs = {}
    for name, info in words["outputs"].items():
        values = None
        if "blob" in info:
            values = np.frombuffer(blobs[info["blob"]], info["wire"]).reshape(info["shape"])
            if info["dtype"] == "bfloat16":
                values = widen(values)
        outputs[name] = Output(
            info["type"], info.get("dtype", ""), tuple(info.get("shape", ())), info.get("device", "cpu"),
            info.get("requires_grad", False), values,
        )  # fmt: skip
    listed = {key: words.get(key, []) for key in ("changed", "aliases", "late", "globals")}
    return Reply(outputs=outputs, raised=words.get("raised"), **listed)
