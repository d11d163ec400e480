"""Late writes: threads, and forked copies that share memory, may still write after a call has returned."""

from __future__ import annotations

import os
import time

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
