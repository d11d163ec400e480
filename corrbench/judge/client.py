"""The judge's end of the wire to the target's process: a request, its answer, and a new process where one is needed."""

from __future__ import annotations

import contextlib
import json
import secrets
import struct
import time
from collections.abc import Callable
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from corrbench.convention import options
from corrbench.judge import boundary, divided, protocol, reach, sanitizer, supervisor
from corrbench.judge.calls import misconduct
from corrbench.judge.compiling import COMPILING, Compilations
from corrbench.judge.protocol import Broken, Reply, narrow
from corrbench.judge.target_process import Child, Died
from corrbench.judge.time_limit import Shown
from corrbench.result import Status
from corrbench.target import Spec, artefact

Answer = TypeVar("Answer")
LEAST = 1.0  # seconds that one which hangs again and again is given; each time in a row it is given half as many
MANY = 16  # calls in one request that double the time they may take together
LOADING = 120.0  # seconds that loading may take at least


TOLD = (  # of a spec, to the target's process
    "target", "name", "form", "arrays", "device", "needs", "environ", "call", "layer", "params", "backward", "lenient",
    "compile",
)  # fmt: skip


def told(spec: Spec) -> dict[str, Any]:
    """What the target's process is told of a spec."""
    found = {key: getattr(spec, key) for key in TOLD}
    return found | {"backward": options.attributes(spec.backward)}


def disagree(step: dict[str, Any], reply: Reply, sent: list[np.ndarray]) -> None:
    """Note the operands that are said to be unchanged, and no longer hold the numbers that were sent."""
    if reply.raised:
        return
    for name, place in step["arrays"].items():
        if name not in reply.changed and reply.after.get(name) != crc32(np.ascontiguousarray(sent[place]).tobytes()):
            reply.changed.append(name)
            reply.tried.append(f"told its watcher that operand {name} was as before, which it was not")


class Outlived(Exception):
    """A process that was divided from the child has died, and the child goes on."""

    def __init__(self, death: Died) -> None:
        super().__init__(death.message)
        self.death = death


class NotLoaded(Exception):
    """The target cannot be loaded; the message says why."""


class Remote:
    """A target in a child process. Started on first use, and anew after it died."""

    def __init__(self, spec: Spec, before: tuple[str, ...] = ()) -> None:
        """`before` is the command under which its process runs, such as valgrind; usually none.

        Raises:
            ValueError: the spec asks for compute-sanitizer, which is not there.
        """
        self.spec, self.before = spec, before or sanitizer.command(spec.sanitize)
        self.elapsed = 0.0  # seconds from the last question's first byte to its answer's
        self.pace = 0.0  # seconds that a call of the last request took
        self.child: Child | None = None
        self.loaded: dict[str, Any] = {}
        self.shown = Shown()
        self.hung = 0  # times in a row that it did not answer
        self.compilations = Compilations()
        self.conduct: dict[tuple[str, str], None] = {}  # what calls did to global state and the judge; some do it once

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
        limit = self.spec.memory * 2**30
        self._ready()
        patience = max(LEAST, self.spec.timeout / 2**self.hung) if self.hung else self.spec.timeout
        more, forget = self.compilations.ahead(steps, arrays) if self.spec.compile else (0.0, False)
        try:
            found = self._twice(
                lambda child: self._exchange(
                    child,
                    {"op": "steps", "steps": steps, "forget": forget, **options},
                    wire,
                    lambda answer: protocol.replies(answer, len(steps), limit, child.read),
                    patience * (1 + (len(steps) - 1) / MANY) + more,
                )
            )
        except Died as death:
            self.hung = self.hung + 1 if death.status is Status.TIMEOUT else 0
            raise
        self.hung, self.pace = 0, self.elapsed / len(steps)
        for step, reply in zip(steps, found, strict=True):
            disagree(step, reply, wire)
            if not reply.raised:
                self.conduct |= dict.fromkeys((violation.check, violation.message) for violation in misconduct(reply))
        if any(reply.raised for reply in found):  # then the target's process has forgotten what it compiled
            self.compilations = Compilations()
        return found

    def course(self, request: dict[str, Any], arrays: list[np.ndarray], dtype: str, patience: float = 0.0) -> Reply:
        """Calls against the clock: prepare, turn, run or show. `elapsed` then says how long it took.

        Raises:
            Died, NotLoaded: as `steps`.
        """
        wire = [narrow(a) if dtype == "bfloat16" else a for a in arrays]
        child, limit = self._ready(), self.spec.memory * 2**30
        parse = lambda answer: protocol.replies(answer, 1, limit, child.read)  # noqa: E731
        return self._exchange(child, request, wire, parse, self._patience(patience))[0]

    def module(self, arrays: list[np.ndarray], **options: Any) -> dict[str, Any]:
        """Facts that a module shows of itself."""
        return self._twice(
            lambda child: self._exchange(child, {"op": "module", **options}, arrays, protocol.facts, self._patience())
        )

    def covered(
        self, steps: list[dict[str, Any]], arrays: list[np.ndarray], dtypes: list[str], files: list[str],
        *, fine: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """How each of some calls goes through the target's files, see `corrbench.judge.protocol.covered`; `fine` where
        which instructions of a line ran is wanted as well.

        Raises:
            Died, NotLoaded: as `steps`.
        """
        wire = [narrow(a) if dtype == "bfloat16" else a for a, dtype in zip(arrays, dtypes, strict=True)]
        request = {"op": "covered", "steps": steps, "files": files, "fine": fine}
        return self._exchange(self._ready(), request, wire, protocol.covered, self._patience())

    def examined(
        self, request: dict[str, Any], arrays: list[np.ndarray], dtype: str,
        parse: Callable[[dict[str, Any], float, Callable[[int], bytearray]], Answer],
    ) -> Answer:  # fmt: skip
        """What a request finds that a certificate needs: ``field``, ``kept`` or ``marked``.

        Raises:
            Died, NotLoaded: as `steps`.
        """
        wire = [narrow(a) if dtype == "bfloat16" else a for a in arrays]
        child, limit = self._ready(), self.spec.memory * 2**30
        return self._exchange(child, request, wire, lambda said: parse(said, limit, child.read), self._patience())

    def load(self) -> dict[str, Any]:
        """Start the child and load the target. Returns its form, file, version and what loading changed globally."""
        self._ready()
        return self.loaded

    def adapt(self, spec: Spec) -> dict[str, Any]:
        """Let the loaded target be called in another convention from now on."""
        self._ready()
        assert self.child is not None
        self.spec, self.compilations = spec, Compilations()
        return self._exchange(self.child, {"op": "load", "spec": told(spec), "again": True}, [], protocol.loaded)

    def leftovers(self) -> int:
        """Number of processes that the target left running."""
        return self.child.leftovers() if self.child is not None else 0

    @property
    def pid(self) -> int:
        """Number of the process that was started: the target's guard, or the target itself where it has none."""
        return self.child.process.pid if self.child is not None else 0

    def threads(self) -> list[int]:
        """Numbers of all threads of the target's processes."""
        return supervisor.threads(self.child.process.pid) if self.child is not None else []

    def close(self) -> None:
        """End the child, whatever it does, and all that it started."""
        child, self.child = self.child, None
        if child is not None:
            if self.spec.divided and child.divided and not child.broken:
                divided.lay_by(self.spec, child, lambda: self._exchange(child, {"op": "end"}, [], protocol.done))
            else:
                child.end()

    def _twice(self, ask: Callable[[Child], Answer]) -> Answer:
        """What is answered. Where the process was killed it is asked once more of a new one: SIGKILL comes from outside
        as a rule, from a system that is short of memory or from a person, and a target that ends so does it again.
        """
        try:
            return ask(self._ready())
        except Died as death:
            if not death.killed:
                raise
            return ask(self._ready())

    def _patience(self, seconds: float = 0.0) -> float:
        """The limit of a request whose calls are not told apart here."""
        return (seconds or self.spec.timeout) + (COMPILING if self.spec.compile else 0.0)

    def _ready(self) -> Child:
        """The child, with the target loaded."""
        if self.child is not None and self.spec.divided and not self.child.divided:  # it outlived the other
            self._load_divided(told(self.spec))
        if self.child is None:
            if said := boundary.lacking(self.spec):
                raise NotLoaded(said)
            spec = told(self.spec)
            try:
                try:
                    found = self._load(spec)
                except Died as death:
                    if not death.killed:
                        raise
                    found = self._load(spec)
            except Died as death:
                found = self._without_running(spec, death)
            if "unloadable" in found:
                self.close()
                raise NotLoaded(found["unloadable"] + boundary.hint(self.spec, found["unloadable"]))
            self.loaded = found
        assert self.child is not None
        return self.child

    def _load(self, spec: dict[str, Any]) -> dict[str, Any]:
        self.child, self.compilations = divided.taken(self.spec) or Child(self.spec, self.before), Compilations()
        if self.spec.divided:
            return self._load_divided(spec)
        timeout = max(self.spec.timeout, LOADING)
        return self._exchange(self.child, {"op": "load", "spec": spec}, [], protocol.loaded, timeout)

    def _load_divided(self, spec: dict[str, Any]) -> dict[str, Any]:
        """What loading finds in a process that the child divides into."""
        assert self.child is not None
        timeout, child = max(self.spec.timeout, LOADING), self.child
        nonce = secrets.token_hex(8)
        request = {"op": "divide", "spec": spec, "outlive": self.spec.outlived}
        self._exchange(child, request, [], protocol.done, timeout, nonce)
        child.divided, child.division = 1, nonce if self.spec.outlived else ""
        return self._exchange(child, {"op": "load", "spec": spec}, [], protocol.loaded, timeout)

    def _without_running(self, spec: dict[str, Any], death: Died) -> dict[str, Any]:
        """What loading finds in a new process, which takes the target out of a file that ended the one before."""
        file = not artefact(self.spec.target) and self.spec.target.rpartition(":")[0].endswith(reach.FILES)
        if file and death.status is not Status.TIMEOUT:
            with contextlib.suppress(Died):
                found = self._load(spec | {"died": "importing it ended its process"})
                if "unloadable" not in found:
                    return found
            self.close()
        raise NotLoaded(f"loading {self.spec.target!r}: {death.message}")

    def _exchange(
        self,
        child: Child,
        request: dict[str, Any],
        arrays: list[np.ndarray],
        parse: Callable[[dict[str, Any]], Answer],
        timeout: float = 0.0,
        nonce: str = "",
    ) -> Answer:
        """One request, and its answer as `parse` takes it. A child that does not give one is ended, unless it outlives
        the process that was to.
        """
        nonce = nonce or secrets.token_hex(8)
        heads = [(str(a.dtype), a.shape) for a in arrays]
        text = json.dumps({**request, "nonce": nonce, "arrays": heads}).encode()
        try:
            parts = [struct.pack("<Q", len(text)) + text, *(np.ascontiguousarray(a).tobytes() for a in arrays)]
            child.begin(timeout or self.spec.timeout)
            began = time.perf_counter()
            child.write(parts)
            head = child.read(8)
            self.elapsed = time.perf_counter() - began
            length = struct.unpack("<Q", head)[0]
            if length > protocol.LONGEST:
                raise Broken(f"a frame of {length} bytes")
            said = protocol.words(child.read(length), nonce, child.division)
            if child.division and said.keys() == {"died"}:
                raise Outlived(child.ended_by(said["died"]))
            answer = parse(said)
            child.must_run()
            if self.spec.sanitize and (fault := sanitizer.first(child.said())):
                raise Died(Status.CRASH, f"compute-sanitizer, {self.spec.sanitize}: {fault}")
        except Outlived as end:
            raise end.death from None
        except Broken as error:
            child.broken = True
            self.close()
            raise Died(Status.CRASH, f"the target broke the channel to its process ({error})") from None
        except BaseException:  # an interrupt too leaves half an answer behind
            child.broken = True
            self.close()
            raise
        return answer
