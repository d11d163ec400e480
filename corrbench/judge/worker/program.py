"""``cmd:PROGRAM``: a program that is kept running and answers frames on its standard input and output.

The frames are those of this process itself, ``length:8 | JSON | arrays``; docs/protocol.md says what is in them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import shlex
import signal
import stat
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .geometry import Failed, geometry, planes_too
from .library import Array, Unloadable, Words

VERSION = 1
LONGEST = 1 << 20  # bytes of JSON in an answer
SILENT = 20.0  # seconds that a program may take to say its first word: some languages compile first
BEGUN = 0.5  # seconds that the rest of its greeting may take
ENDING = 1.0  # seconds that a program which closed its output has to end
ALLOWED = "a program answers the frames of docs/protocol.md, for example cmd:'node docs/clients/conv2d.js'"


class Ended(Exception):
    """The program closed its output; what it had said of a frame by then."""


class Misspoke(Failed):
    """The program said what is no frame, or not the one agreed upon."""


class Program:
    """A running program, started anew where it was ended for what it said."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.start()

    def start(self) -> None:
        """Start it; what it prints on standard error goes where this process's does."""
        import subprocess

        pipe = subprocess.PIPE
        self.process: Any = subprocess.Popen(self.words, stdin=pipe, stdout=pipe, bufsize=0)
        self.ended = False
        self.dtypes: list[str] | None = None

    def send(self, head: Words, arrays: tuple[Array, ...] = ()) -> None:
        """One frame."""
        text = json.dumps(head, separators=(",", ":")).encode()
        parts = [len(text).to_bytes(8, "little") + text, *(np.ascontiguousarray(one).tobytes() for one in arrays)]
        try:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[os.write(self.process.stdin.fileno(), view) :]
        except BrokenPipeError:
            raise Ended(b"") from None

    def read(self, size: int, until: float = math.inf) -> bytes:
        """The next bytes of an answer; fewer if the time is over."""
        data, source = bytearray(), self.process.stdout.fileno()
        while len(data) < size:
            left = until - time.monotonic()
            if left < math.inf and not select.select([source], [], [], max(0.0, left))[0]:
                break
            some = os.read(source, min(1 << 20, size - len(data)))
            if not some:
                raise Ended(bytes(data[:60]))
            data += some
        return bytes(data)

    def receive(self, patience: float = math.inf) -> Words:
        """The words of a frame. With `patience` its first byte must come in that time, the rest soon after.

        Raises:
            Misspoke: it is none.
        """
        limited = patience < math.inf
        head = self.read(1, time.monotonic() + patience)
        if not head:
            raise Misspoke(f"it said nothing for {patience:g} s")
        soon = time.monotonic() + BEGUN if limited else math.inf
        try:
            head += self.read(7, soon)
        except Ended as ended:
            raise Ended(head + ended.args[0]) from None
        length = int.from_bytes(head, "little")
        if len(head) < 8 or length > LONGEST:
            more = self.read(60, time.monotonic() + 0.05) if len(head) == 8 else b""
            raise Misspoke(f"it said {head + more!r}, where a frame begins with the eight bytes of its length")
        text = self.read(length, soon)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Misspoke(f"it said {text[:60]!r}, where a frame has a JSON object")
        return found

    def end(self) -> int:
        """End it, if it has not; how it ended, as `subprocess` counts."""
        limit = time.monotonic() + ENDING
        self.process.stdin.close()
        while self.process.poll() is None and time.monotonic() < limit:
            time.sleep(0.005)
        self.process.kill()
        self.process.stdout.close()
        self.ended = True
        return int(self.process.wait())

    def greet(self) -> None:
        """Exchange the first frames.

        Raises:
            Misspoke, Ended: it speaks otherwise, or not at all.
        """
        self.send({"hello": "corrbench", "protocol": VERSION})
        said = self.receive(SILENT)
        if said.get("protocol") != VERSION or "hello" in said:
            raise Misspoke(f"it greets with {json.dumps(said)[:80]}, not with protocol {VERSION}")
        dtypes = said.get("dtypes")
        self.dtypes = [str(name) for name in dtypes] if isinstance(dtypes, list) else None

    def conv2d(self, x: Array, w: Array, b: Array | None, arguments: tuple[Any, Any, Any, int]) -> Array:
        """One call.

        Raises:
            NotImplementedError: the program says that it does not do this.
            Failed: it says that it failed, or something else than was agreed upon.
        """
        how = geometry(x, w, b, *arguments)
        if self.dtypes is not None and x.dtype.name not in self.dtypes:
            raise NotImplementedError(f"the program declares {', '.join(self.dtypes)}, and no {x.dtype.name}")
        operands = (x, w) if b is None else (x, w, b)
        shapes = {name: list(one.shape) for name, one in zip("xwb", operands, strict=False)}
        told = {
            "call": "conv2d", "dtype": x.dtype.name, **shapes, "y": list(how.out), "stride": how.stride,
            "padding": how.padding, "dilation": how.dilation, "groups": how.groups,
            "bytes": sum(one.nbytes for one in operands),
        }  # fmt: skip
        try:
            if self.ended:  # for what it said last
                self.start()
                self.greet()
            self.send(told, operands)
            said = self.receive()
            if said.keys() & {"unsupported", "error"}:
                kind = NotImplementedError if "unsupported" in said else Failed
                raise kind(str(said.get("unsupported", said.get("error")))[:200])
            if said.get("y") != list(how.out) or said.get("dtype", x.dtype.name) != x.dtype.name:
                raise Misspoke(f"it answered {json.dumps(said)[:120]}, where y is {list(how.out)} of {x.dtype.name}")
            data = self.read(math.prod(how.out) * x.itemsize)
        except Ended:
            follow(self.end())
        except Misspoke:  # whatever it says next is said of this call
            self.process.kill()
            self.end()
            raise
        return np.frombuffer(bytearray(data), x.dtype).reshape(how.out)


def follow(status: int) -> NoReturn:
    """End as the program ended: its death is the target's, and is told as one."""
    if status < 0:
        with contextlib.suppress(OSError):  # SIGKILL needs no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(max(0, status))


def load_program(spec: str) -> Callable[..., Any]:
    """The program as a function of Python's, over numpy arrays.

    Raises:
        Unloadable: it cannot be started, or does not greet.
    """
    try:
        words = shlex.split(spec.partition(":")[2])
    except ValueError as error:
        raise Unloadable(f"{spec!r} cannot be split into words as a shell does it: {error}") from None
    if not words:
        raise Unloadable(f"{spec!r} names no program; {ALLOWED}")
    before = printed()
    try:
        program = Program(words)
    except OSError as error:
        kind = error.strerror or error
        raise Unloadable(f"{words[0]} cannot be started: {kind}; try it in a shell: {spec.partition(':')[2]}") from None
    try:
        program.greet()
    except Ended as ended:
        status = program.end()
        last = printed()[len(before) :].strip().splitlines() or [ended.args[0]]
        said = f" after it had said {last[-1][:120]!r}" if last[-1] else ""
        how = f"died of {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
        raise Unloadable(f"{words[0]} {how}{said}, before it had greeted; {ALLOWED}") from None
    except Misspoke as error:
        program.process.kill()
        program.end()
        raise Unloadable(f"{words[0]} speaks otherwise: {error}; {ALLOWED}") from None

    one_at_a_time = threading.Lock()

    @planes_too
    def conv2d(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        with one_at_a_time:  # a program has one channel, whoever calls
            return program.conv2d(input, weight, bias, (stride, padding, dilation, groups))

    return conv2d


def printed() -> str:
    """What has been printed on standard error, where that goes to a file that can be read."""
    try:
        known = os.fstat(2)
        return os.pread(2, known.st_size, 0).decode(errors="replace") if stat.S_ISREG(known.st_mode) else ""
    except OSError:
        return ""
