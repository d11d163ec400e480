"""Judges: processes of their own that the user's process asks, one task at a time, and watches from outside.

A task goes to a judge as a pickle, for a judge trusts its user. What comes back is JSON (`wire`), since a judge talks
to programs that nobody trusts. A judge says every second that it is alive; one that is stopped, silent or dead is
replaced, and its task ends with `Lost`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import pickle
import queue
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from corrbench.judge import boundary, target_process
from corrbench.judge.client import NotLoaded
from corrbench.runner import wire

ROOT = Path(__file__).parents[1]
BEAT = 1.0  # seconds between two signs of life
SILENCE = 60  # such looks in a row without one after which a judge counts as lost; time in which nobody ran is none
MOST_MAPPED, TRIM_FROM = -4, -1  # of mallopt(3)
KEPT = 1 << 29  # bytes of memory that a judge does not use and has all the same, at most
LONGEST = 1 << 30  # bytes of one answer
ENDS = 5.0  # seconds that an idle judge has to end its target
# A judge's interpreter is isolated: only what is installed, and this very package, is ever imported there.
START = """
import importlib.util, sys
found = importlib.util.spec_from_file_location('corrbench', {init!r}, submodule_search_locations=[{root!r}])
sys.modules['corrbench'] = importlib.util.module_from_spec(found)
found.loader.exec_module(sys.modules['corrbench'])
sys.path += {path!r}
from corrbench.runner import judges
judges.serve({read}, {write}, {search!r})
"""
Answer = TypeVar("Answer")


class Lost(RuntimeError):
    """A judge was lost; the message says how."""


# ---- in the judge's process


def serve(read: int, write: int, search: list[str]) -> None:
    """Do tasks until no more can come. Targets import from `search`."""
    boundary.close()
    _keep_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the user's process ends a judge when it wants no more
    target_process.search[:] = search
    speaking = threading.Lock()
    threading.Thread(target=_live, args=(read, write, speaking), daemon=True).start()
    with os.fdopen(read, "rb") as tasks:
        while len(head := tasks.read(8)) == 8:
            function, arguments = pickle.loads(tasks.read(struct.unpack("<Q", head)[0]))
            text = _done(function, arguments)
            if not gc.get_freeze_count():
                gc.freeze()  # what was imported for the first task stays
            with speaking:
                _write(write, struct.pack("<Q", len(text)) + text)


def _keep_memory() -> None:
    """Use what large arrays leave for the next ones: the system would clear every page anew. See mallopt(3)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MOST_MAPPED, 0)
        mallopt(TRIM_FROM, KEPT)


def _done(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """What came of a task, as JSON."""
    try:
        return json.dumps({"done": wire.encode(function(*arguments))}).encode()
    except NotLoaded as error:
        return json.dumps({"unloadable": str(error)}).encode()
    except Exception as error:  # noqa: BLE001 - the user's process says what is to be done about it
        return json.dumps({"failed": f"{type(error).__name__}: {error}"}).encode()


def _live(read: int, write: int, speaking: threading.Lock) -> None:
    """Say every second that this judge lives, and end with the process that it works for."""
    gone = select.poll()
    gone.register(write, 0)  # the end of a pipe whose other end is closed is always reported
    while not gone.poll(BEAT * 1000):
        with speaking, contextlib.suppress(OSError):
            _write(write, struct.pack("<Q", 0))
    os._exit(1)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


# ---- in the user's process


class Judge:
    """One judge's process, from start to end."""

    def __init__(self) -> None:
        boundary.close()
        reads, self.requests = os.pipe()
        self.answers, writes = os.pipe()
        here = {"", str(Path.cwd()), str(ROOT.parent)}
        path = [one for one in sys.path if one not in here]
        start = START.format(
            init=str(ROOT / "__init__.py"), root=str(ROOT), path=path, read=reads, write=writes, search=sys.path
        )
        alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # as there is a judge on each core
        variables = alone | {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        kept = {name: os.environ[name] for name in ("PYTHONPATH", "PYTHONHASHSEED") if name in os.environ}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", start], stdin=subprocess.DEVNULL, env=variables | kept,
                pass_fds=(reads, writes),
            )  # fmt: skip
        except OSError as error:
            os.close(self.requests)
            os.close(self.answers)
            raise Lost(f"no judge can be started: {error}") from None
        finally:
            os.close(reads)
            os.close(writes)

    def ask(self, function: Callable[..., Answer], arguments: tuple[Any, ...]) -> Answer:
        """What a task gives.

        Raises:
            Lost: the judge has died, was stopped, or gave no answer.
            NotLoaded: as the task.
        """
        text = pickle.dumps((function, arguments))
        try:
            _write(self.requests, struct.pack("<Q", len(text)) + text)
        except OSError:
            raise Lost(self._end()) from None
        length = 0
        while not length:
            length = struct.unpack("<Q", self._read(8))[0]
        if length > LONGEST:
            raise Lost(f"an answer of {length} bytes")
        try:
            said = json.loads(self._read(length))
        except (ValueError, RecursionError):
            raise Lost("an answer that is no JSON") from None
        if "unloadable" in said:
            raise NotLoaded(said["unloadable"])
        if "failed" in said:
            raise Failed(said["failed"])
        try:
            found: Answer = wire.decode(said.get("done"), get_type_hints(function).get("return", Any))
        except (NameError, TypeError):  # a builtin, or one whose types are for checkers only
            found = said.get("done")
        return found

    def _read(self, size: int) -> bytes:
        """The next bytes of an answer."""
        data, silent = b"", 0
        parts = []
        missing = size
        while missing:
            if not select.select([self.answers], [], [], BEAT)[0]:
                silent += 1
                if silent >= SILENCE:
                    raise Lost(f"it has given no sign of life for {SILENCE * BEAT:g} s")
                continue
            data, silent = os.read(self.answers, min(missing, 1 << 20)), 0
            if not data:
                raise Lost(self._end())
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def _end(self) -> str:
        """How the process ended, in words."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(ENDS)
            return f"its process died of {signal.Signals(-status).name}" if status < 0 else f"it ended with {status}"
        return "it closed its channel"

    def close(self, *, kill: bool = False) -> None:
        """End the process; with `kill` whatever it is at."""
        if self.requests < 0:
            return
        if kill:
            self.process.kill()
        os.close(self.requests)
        self.requests = -1
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDS)
        self.process.kill()
        self.process.wait()
        os.close(self.answers)


class Failed(RuntimeError):
    """A task raised an exception in the judge's process; the message names it."""


class Judges(Executor):
    """Some judges at a time. A task whose judge was lost raises `Lost`; the next one is asked of a new judge."""

    def __init__(self, workers: int) -> None:
        self.tasks: queue.SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]] | None]
        self.tasks = queue.SimpleQueue()
        self.judges: list[Judge | None] = [None] * workers
        self.waiting: set[Future[Any]] = set()
        self.ending = False
        self.threads: list[threading.Thread] = []

    @property
    def pids(self) -> list[int]:
        """Numbers of the judges' processes."""
        return [judge.process.pid for judge in self.judges if judge is not None]

    def submit(self, function: Callable[..., Answer], /, *arguments: Any, **_: Any) -> Future[Answer]:
        """Have a task done by the judge that is free next."""
        if self.ending:
            raise RuntimeError("the judges have been sent home")
        future: Future[Answer] = Future()
        self.tasks.put((future, function, arguments))
        if len(self.threads) < len(self.judges):
            thread = threading.Thread(target=self._work, args=(len(self.threads),), daemon=True)
            self.threads.append(thread)
            thread.start()
        return future

    def _work(self, place: int) -> None:
        """Ask one judge after another task; a lost one is replaced."""
        while (task := self.tasks.get()) is not None:
            future, function, arguments = task
            if self.ending or not future.set_running_or_notify_cancel():
                future.cancel()
                continue
            try:
                judge = self.judges[place] = self.judges[place] or Judge()
                future.set_result(judge.ask(function, arguments))
            except (NotLoaded, Failed) as error:
                future.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - a judge that is in the middle of anything is not asked again
                lost, self.judges[place] = self.judges[place], None
                if lost is not None:
                    lost.close(kill=True)
                future.set_exception(error)
        last, self.judges[place] = self.judges[place], None
        if last is not None:
            last.close(kill=self.ending)

    def kill(self) -> None:
        """End all judges, whatever they are at."""
        self.ending = True
        for judge in self.judges:
            if judge is not None:
                judge.process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the judges when they have done what they were asked."""
        self.ending = self.ending or cancel_futures
        for _ in self.threads:
            self.tasks.put(None)
        for thread in self.threads if wait else ():
            thread.join()
