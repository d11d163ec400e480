"""Late writes: threads, and forked copies that share memory, may still write after a call has returned."""

from __future__ import annotations

import math
import os
import time
from typing import Any

from .caller import Caller
from .library import Words
from .operands import look

KEPT = 1 << 16  # elements of a result that is kept from one request to the next
WAIT = 0.2  # seconds in which a late writer shows itself

stat, sleep = os.stat, time.sleep  # as they are before any target is loaded
forked: list[None] = []  # one entry a fork
os.register_at_fork(after_in_parent=lambda: forked.append(None))


def crowd() -> tuple[int, int]:
    """Threads that run in this process (and two more: each has a folder there), and forks so far."""
    return stat("/proc/self/task").st_nlink, len(forked)


def wait_for_late_writers(before: tuple[int, int]) -> None:
    """Give those who were not there before their chance to be seen. Pools of threads grow once, and cost one wait."""
    if any(now > was for now, was in zip(crowd(), before, strict=True)):
        sleep(WAIT)


def keep(caller: Caller, said: list[Words], held: list[dict[str, Any]]) -> None:
    """Keep the results of a request until the next one comes: when that is nobody in this process knows."""
    caller.kept = [
        (name, live["outputs"][name], look(live["outputs"][name]))
        for words, live in zip(said, held, strict=True)
        for name, index in live.get("blobs", {}).items()
        if index is not None and name not in words["late"] and math.prod(words["outputs"][name]["shape"]) <= KEPT
    ] if caller.device == "cpu" else []  # fmt: skip


def spoiled(caller: Caller) -> list[str]:
    """Results of the request before that no longer hold what they held at its end."""
    kept, caller.kept = caller.kept, []
    return list(dict.fromkeys(f"{name} of the calls before" for name, value, was in kept if look(value) != was))
