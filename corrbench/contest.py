"""How do other suites do on what is planted? Each of them on each implementation, in a process of its own."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from corrbench.defects import Planted

PATIENCE = 300.0  # seconds for one suite on one implementation
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


def contest(everything: Iterable[Planted], workers: int) -> Iterator[Score]:
    """Run every suite on every implementation, and yield a suite's score when it is done with all."""
    from corrbench.rivals import Missing, rivals

    everything = list(everything)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["corrbench.contest", "corrbench.rivals._ready"])
    with ThreadPoolExecutor(workers) as crew:
        for name, suite in rivals().items():
            score = Score(name, suite.ABOUT)
            try:
                suite.complaint(_nothing)
            except Missing as error:
                score.missing = str(error)
            except Exception:  # noqa: BLE001 - whatever it says of an implementation that takes nothing
                pass
            for future in as_completed(
                crew.submit(_ask, context, name, one) for one in everything if not score.missing
            ):
                one, said, seconds = future.result()
                score.seconds += seconds
                score.planted += one.kind != "honest"
                score.honest += one.kind == "honest"
                score.idle += said is None
                if said:
                    (score.alarms if one.kind == "honest" else score.killed)[one.name] = said
            yield score


def _nothing(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


def _ask(context: Any, suite: str, one: Planted) -> tuple[Planted, str | None, float]:
    """What a suite has against an implementation: empty for nothing, None where it has no case for it."""
    began = time.perf_counter()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_judge, args=(theirs, suite, one), daemon=True)
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


def _judge(connection: Connection, suite: str, one: Planted) -> None:
    """In the child: one suite on one implementation."""
    import corrbench.rivals as suites

    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))
    try:
        said = suites.rivals()[suite].complaint(suites.as_conv2d(one)) or ""
    except suites.Inapplicable:
        said = None
    except BaseException as error:  # noqa: BLE001 - an exception out of the target is what the suite would report
        said = f"{type(error).__name__}: {error}"[:200]
    connection.send(said)
