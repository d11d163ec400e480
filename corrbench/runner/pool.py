"""A pool of judges for many targets: several at a time, one on a core, each answer handed over as it comes."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from typing import TypeVar

from corrbench.runner import executors

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Stopped(Exception):
    """The command was interrupted."""


def many(
    items: Sequence[Item], ask: Callable[[Item, executors.Start], Answer], workers: int
) -> Iterator[tuple[Item, Answer]]:
    """Every item with what `ask` makes of it, as they come; each has an executor of one worker to itself.

    Where the caller stops taking answers, what has not begun is not begun, and lost executors are not replaced.
    """
    stopped = threading.Event()
    with contextlib.ExitStack() as stack:
        workers = max(1, min(workers, len(items)))
        crew = stack.enter_context(ThreadPoolExecutor(workers))  # left last: it waits for what the executors are at
        free: queue.Queue[executors.Start] = queue.Queue()
        for _ in range(workers):
            free.put(_guarded(stack.enter_context(executors.opened("local", 1)), stopped))

        def one(item: Item) -> Answer:
            start = free.get()
            try:
                return ask(item, start)
            finally:
                free.put(start)

        running = {crew.submit(one, item): item for item in items}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BaseException:
            stopped.set()
            for future in running:
                future.cancel()
            raise


def _guarded(start: executors.Start, stopped: threading.Event) -> executors.Start:
    def again() -> Executor:
        if stopped.is_set():
            raise Stopped
        return start()

    return again
