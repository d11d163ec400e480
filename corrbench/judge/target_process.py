"""The target's process from start to end: its environment, its limits, and what is said when it dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import site
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from corrbench.case import Case
from corrbench.judge import boundary, reach, supervisor
from corrbench.judge.folder import lend, remove
from corrbench.result import Status
from corrbench.target import Spec

WORKER = Path(__file__).with_name("worker")
FILES = (  # each after what it imports
    "residues", "library", "signs", "geometry", "shared_library", "program", "model", "artefacts", "sources",
    "extraction", "loading", "compiled", "channel", "operands", "listeners", "watched_names", "global_state", "poison",
    "signature", "expressions", "streams", "ways", "lives", "caller", "late_writes", "calls", "covered", "modules",
    "timed_calls", "field_operators", "field", "kept_state", "over_field", "marked", "serve",
)  # fmt: skip
# The target's interpreter makes modules of the files it is sent, in a package of a name that tells a target nothing.
START = """
import json, os, sys, types
texts = json.load(os.fdopen({source}))
for descriptor in ({read}, {write}):
    os.set_inheritable(descriptor, False)
def build(name, text, **more):
    module = sys.modules[name] = types.ModuleType(name)
    vars(module).update(more)
    exec(compile(text, name, 'exec'), vars(module))
build('process', '', __path__=[])
for name, text in texts.items():
    build('process.' + name, text, __package__='process')
del build, descriptor, name, text, texts
sys.modules['process.serve'].serve({read}, {write})
"""
FOREIGN = ("CORRBENCH", "PYTEST", "COV_", "GITHUB_", "ACTIONS_")  # variables that are no concern of a target's
CACHES = {"NUMBA_CACHE_DIR": "numba", "TRITON_CACHE_DIR": "triton", "TORCHINDUCTOR_CACHE_DIR": "inductor",
          "TORCH_EXTENSIONS_DIR": "extensions", "CUDA_CACHE_PATH": "cuda", "CUPY_CACHE_DIR": "cupy"}  # fmt: skip
POLL = 0.02  # seconds between two looks at the target's processes
LATE = 0.2  # seconds without a look, on a busy machine, after which it matters what was held in the meantime
SHARE = 30  # and at least so many times what one look takes
ROOM = 1 << 20  # bytes that the channel holds, the most that everybody may ask for
KILLED = "died of SIGKILL"
EXITED = "ended with exit status {} before answering"
PATIENCE = 1.0  # seconds that a process which closed its channel has to end


search: list[str] = []  # where targets import from; where this process does, if nothing is said


@dataclass(slots=True)
class Died(Exception):
    """The target's process ended, hung or outgrew its limit; `killed` where by SIGKILL, which may come from outside.

    `case` is that of the calls of the request that it did not answer, where they are of one.
    """

    status: Status
    message: str
    killed: bool = False
    case: Case | None = None


def environment(spec: Spec, folder: str) -> dict[str, str]:
    """The variables that the target's process starts with: nothing of the judge's, a home of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN) and k != "PYTHONSAFEPATH"}
    own = [spec.folder, os.path.join(spec.folder, "src")] if spec.folder else []
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep) if spec.python else search or sys.path
    if spec.python and spec.name:
        theirs = [lend(folder), *theirs]
    path = os.pathsep.join(p for p in (*own, *theirs) if p and os.path.isdir(p))
    # without a device kernels in Triton are run by its interpreter; read when Triton is imported
    own_variables = {"TRITON_INTERPRET": os.environ.get("TRITON_INTERPRET", "1")} if spec.device == "cpu" else {}
    # waiting threads sleep: those of several processes would take each other's time; what is timed divides not
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"} if spec.divided else {}
    tunables = [kept[name] for name in ("GLIBC_TUNABLES",) if kept.get(name)]
    return waiting | kept | own_variables | {
        "HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder,
        **{name: os.path.join(folder, place) for name, place in CACHES.items()},
        "PYTHONUSERBASE": site.getuserbase(), "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path,
        "MPLBACKEND": "Agg",  # a demonstration that runs as its file is imported waits for no window
        # glibc's cache of small blocks would bypass what `worker/poison.py` asks of malloc
        "GLIBC_TUNABLES": ":".join([*tunables, "glibc.malloc.tcache_count=0"]),
    }  # fmt: skip


@cache
def programs() -> bytes:
    """The files of the target's process, as they are sent."""
    return json.dumps({name: (WORKER / f"{name}.py").read_text(encoding="utf-8") for name in FILES}).encode()


def started(
    argv: list[str], folder: str, printed: IO[bytes], variables: dict[str, str], passed: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """A process in a session of its own."""
    return subprocess.Popen(
        argv, cwd=folder or None, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT, env=variables,
        pass_fds=passed, start_new_session=True,
    )  # fmt: skip


def behind(
    level: boundary.Level, spec: Spec, argv: list[str], folder: str, printed: IO[bytes], variables: dict[str, str],
    life: int, passed: tuple[int, ...], where: str = "",
) -> subprocess.Popen[bytes]:  # fmt: skip
    """A program behind the boundary, which may write `folder`, with a guard that stays until `life` is closed. It runs
    in `where`, or in the target's folder.
    """
    boundary.close()
    python = reach.program(spec)
    rules = reach.rules(spec, python, folder, variables["PYTHONPATH"])
    if level.other:
        os.chown(folder, boundary.NOBODY, boundary.NOBODY)
    with tempfile.TemporaryFile() as source:
        source.write(boundary.words(level, rules, argv, life, tuple(one for one in passed if one != life)))
        source.seek(0)
        command = boundary.command(level, python, source.fileno(), folder)
        return started(command, where or spec.folder, printed, variables, (source.fileno(), *passed))


class Child:
    """The target's process with its guard, from start to end."""

    def __init__(self, spec: Spec, before: tuple[str, ...] = ()) -> None:
        """Start it, under the command `before` if one is given. compute-sanitizer has no guard: what it starts would
        count as left behind.
        """
        self.spec = spec
        self.level = boundary.Level() if before else boundary.level(spec)
        self.broken, self.divided = False, 0  # whether its channel is in order; processes that it has divided into
        self.division = ""  # under which nonce it has divided, if it outlives the other
        self.folder = tempfile.mkdtemp(prefix="run-")
        self.printed: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open as long as the child is
        reads, self.requests = os.pipe()
        self.answers, writes = os.pipe()
        life, self.life = os.pipe()
        theirs = (reads, writes, life)
        for end in (self.requests, self.answers):  # most frames then travel in one piece
            with contextlib.suppress(OSError):
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, ROOM)
        try:
            with tempfile.TemporaryFile() as source:
                source.write(programs())
                source.seek(0)
                start = START.format(source=source.fileno(), read=reads, write=writes)
                argv = [*before, reach.program(spec), "-c", start]
                path, passed = environment(spec, self.folder), (source.fileno(), *theirs)
                if spec.sanitize:
                    self.process = started(argv, spec.folder, self.printed, path, passed)
                else:
                    self.process = behind(self.level, spec, argv, self.folder, self.printed, path, life, passed)
        except OSError as error:
            self._forget()
            raise Died(Status.CRASH, f"its process cannot be started: {error}") from None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.writable, self.readable = select.poll(), select.poll()
        self.writable.register(self.requests, select.POLLOUT)
        self.readable.register(self.answers, select.POLLIN)
        for descriptor in (self.requests, self.answers):
            os.set_blocking(descriptor, False)
        self.begin(spec.timeout)

    # ---- one exchange

    def begin(self, timeout: float) -> None:
        """From now on a request and its answer may take `timeout` seconds."""
        self.timeout, self.deadline = timeout, time.monotonic() + timeout
        self.next_look = time.monotonic() + POLL

    def write(self, parts: list[bytes]) -> None:
        """Send all of a request."""
        for part in parts:
            view = memoryview(part)
            while view:
                self._wait(self.writable)
                with contextlib.suppress(BlockingIOError):
                    try:
                        view = view[os.write(self.requests, view) :]
                    except BrokenPipeError:
                        raise self._death() from None

    def read(self, size: int) -> bytearray:
        """The next `size` bytes of an answer."""
        data = bytearray(size)
        view = memoryview(data)
        while view:
            self._wait(self.readable)
            with contextlib.suppress(BlockingIOError):
                count = os.readv(self.answers, [view])
                if not count:
                    raise self._death()
                view = view[count:]
        return data

    def must_run(self) -> None:
        """Raise `Died` where the process or its guard has ended, or the guard was stopped."""
        if self._state() is not None:
            raise self._death()

    def _wait(self, ready: select.poll) -> None:
        """Until the channel is ready; the clock is read each time, the processes are looked at every so often."""
        while True:
            now = time.monotonic()
            if now > self.deadline:
                self.end()
                raise Died(Status.TIMEOUT, f"no answer within {self.timeout:g} s (--timeout)")
            if now > self.next_look:
                self.must_run()
                self._weigh()
                self.next_look = time.monotonic() + max(POLL, SHARE * (time.monotonic() - now))
            if ready.poll(POLL * 1000):
                return self._weigh(late=True) if time.monotonic() > self.next_look + LATE else None

    def _weigh(self, *, late: bool = False) -> None:
        """Raise `Died` where the target and all that it started hold too much memory; `late`, or have held."""
        if (supervisor.peaked if late else supervisor.outgrown)(self.process.pid, self.spec.memory * 2**30):
            self.end()
            raise Died(Status.MEMORY, f"the target held more than {self.spec.memory:g} GiB (--memory) and was ended")

    # ---- its end

    def _state(self) -> str | None:
        """How the guard has ended, as words; None while it runs. It is not reaped, so that its number stays its own."""
        options = os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT
        try:
            found = os.waitid(os.P_PID, self.process.pid, options)
        except ChildProcessError:
            return "was reaped by somebody else"
        if found is None:
            return None
        if found.si_code == os.CLD_STOPPED:
            return "stopped its guard"
        if found.si_code == os.CLD_EXITED:
            number = found.si_status - supervisor.SIGNALLED
            if not (self.level.separated and number in set(signal.Signals)):
                return EXITED.format(found.si_status)
            found_signal = number  # its guard is the first of a namespace, and passes on what it ended of
        else:
            found_signal = found.si_status
        return supervisor.killed_by(found_signal)

    def leftovers(self) -> int:
        """How many processes run that the target started, and libraries do not keep for it. A target that is a program
        is started by the worker, and runs from call to call.
        """
        if self.spec.target.startswith("cmd:"):
            return 0
        return supervisor.leftovers(self.process.pid, (2 if self.level.separated else 1) + self.divided)

    def _death(self) -> Died:
        """What to raise for a process that ended; it is cleared away."""
        limit = time.monotonic() + PATIENCE
        while (how := self._state()) is None and time.monotonic() < limit:
            time.sleep(0.002)
        last = self._last_words()
        self.end()
        said = f"; it last printed: {last}" if last else ""
        return Died(Status.CRASH, f"the target's process {how or 'closed its channel'}{said}", how == KILLED)

    def ended_by(self, number: int) -> Died:
        """What to raise where the process that it had divided into died of a signal, or ended: less its exit status."""
        how = supervisor.killed_by(number) if number > 0 else EXITED.format(-number)
        last, self.divided, self.division = self._last_words(), 0, ""
        said = f"; it last printed: {last}" if last else ""
        return Died(Status.CRASH, f"the target's process {how}{said}", how == KILLED)

    def said(self) -> str:
        """All that was printed, up to a megabyte."""
        return os.pread(self.printed.fileno(), ROOM, 0).decode(errors="replace")

    def drained(self) -> str:
        """All that was printed since the last time, which is forgotten; up to a megabyte of it."""
        descriptor = self.printed.fileno()
        text = os.pread(descriptor, ROOM, 0).decode(errors="replace")
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)  # the target writes through the same description
        return text

    def _last_words(self) -> str:
        """The last line that was printed. Read from the open file: its name is the target's to change."""
        size = os.fstat(self.printed.fileno()).st_size
        text = os.pread(self.printed.fileno(), 4000, max(0, size - 4000)).decode(errors="replace").strip()
        last = text.splitlines()[-1][:200] if text else ""
        return "".join(char if char.isprintable() else "?" for char in last)

    def end(self) -> None:
        """Kill the target, all that it started and the guard, in that order; asked twice, it does nothing more."""
        if self.life < 0:
            return
        lost = self._state() is not None  # then there may be some that are nobody's descendants
        supervisor.end(self.process.pid, mark=f"HOME={self.folder}\0" if lost else "")
        self.process.kill()
        self.process.wait()
        self._forget()

    def _forget(self) -> None:
        for descriptor in (self.requests, self.answers, self.life):
            os.close(descriptor)
        self.life = -1
        self.printed.close()
        remove(self.folder)
