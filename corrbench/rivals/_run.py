"""Other suites run on all seeded implementations, each pair in a process of its own; and their scores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from corrbench.defects import Mutant
from corrbench.runner.store import Store

PATIENCE = 300.0  # seconds for one suite on one implementation
READY = ["corrbench.rivals._run", "corrbench.rivals._ready"]  # what the processes have loaded when they begin
ROOM = 8 << 30  # bytes of address space


@dataclass(slots=True)
class Score:
    """How one suite did.

    Attributes:
        name, about: the suite's own words.
        missing: why it could not be run; empty where it was.
        killed: wrong implementations that it has something against, with what it says.
        alarms: honest ones that it has something against.
        planted, honest: how many of each there were.
        idle: of these, how many it has no case for.
        seconds: of all its runs added up.
    """

    name: str
    about: str
    missing: str = ""
    killed: dict[str, str] = field(default_factory=dict)
    alarms: dict[str, str] = field(default_factory=dict)
    planted: int = 0
    honest: int = 0
    idle: int = 0
    seconds: float = 0.0

    def count(self, one: Mutant, said: str | None, seconds: float) -> None:
        """Add what the suite had against one implementation: empty for nothing, None where it had no case for it."""
        self.seconds += seconds
        self.planted += one.kind != "honest"
        self.honest += one.kind == "honest"
        self.idle += said is None
        if said:
            (self.alarms if one.kind == "honest" else self.killed)[one.name] = said


def scores(everything: Iterable[Mutant], workers: int, record: Store | None = None) -> Iterator[Score]:
    """Run every suite on every implementation, and yield a suite's score when it is done with all.

    Args:
        everything: the implementations.
        workers: how many run at a time.
        record: where scores are kept, and those of an earlier, interrupted run taken from.
    """
    from corrbench.rivals import rivals

    everything = list(everything)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(READY)
    with ThreadPoolExecutor(workers) as crew:
        for name, suite in rivals().items():
            key = f"suite {name}"
            if record is not None and key in record.done:
                yield Score(**record.done[key][0])
                continue
            score = Score(name, suite.ABOUT, missing=_missing(suite))
            waiting = [crew.submit(_ask, context, name, one) for one in everything if not score.missing]
            for future in as_completed(waiting):
                one, said, seconds = future.result()
                score.count(one, said, seconds)
            if record is not None:
                record.append([(key, [asdict(score)])])
            yield score


def _missing(suite: Any) -> str:
    """What a suite lacks to be run; empty if nothing. It is asked of an implementation that takes no case."""
    from corrbench.numerics.external_cases import Missing

    try:
        suite.complaint(_nothing)
    except Missing as error:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it has against an implementation that takes nothing
        return ""
    return ""


def _nothing(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


def _ask(context: Any, suite: str, one: Mutant) -> tuple[Mutant, str | None, float]:
    """What a suite has against an implementation, as `Score.count` takes it."""
    began = time.perf_counter()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, suite, one), daemon=True)
    process.start()
    theirs.close()
    said: str | None = f"no verdict within {PATIENCE:g} s"
    with contextlib.suppress(EOFError, OSError):
        if ours.poll(PATIENCE):
            said = "the process ended without a verdict"
            said = ours.recv()
    process.kill()
    process.join()
    ours.close()
    return one, said, time.perf_counter() - began


def _child(connection: Connection, suite: str, one: Mutant) -> None:
    """In the child: one suite on one implementation."""
    import corrbench.rivals as suites

    os.setpgid(0, 0)
    for descriptor in (1, 2):  # what an implementation prints is its own affair
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    try:
        said = suites.rivals()[suite].complaint(suites.as_conv2d(one)) or ""
    except suites.Inapplicable:
        said = None
    except BaseException as error:  # noqa: BLE001 - an exception out of the target is what the suite would report
        said = f"{type(error).__name__}: {error}"[:200]
    connection.send(said)
