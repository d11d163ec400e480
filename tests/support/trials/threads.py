"""Threads: Python's, several of them in one target at a time, and torch's own.

What is a race shows in some of the runs only: each of these trials runs more than once.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F

from tests.support.trials import graph, right, right_back, trial, whole

fresh, runs = itertools.count(17), itertools.count()


@contextmanager
def two_threads() -> Iterator[None]:
    """Of torch."""
    torch.set_num_threads(2)
    try:
        yield
    finally:
        torch.set_num_threads(1)


def at_once(count: int, work: Callable[[int], bool]) -> bool:
    """Whether `work` is done well by all of `count` threads, which begin together and dawdle so that others go on.

    Where there is but one core, hardly any thread would else be met in the middle of something.
    """
    gate = threading.Barrier(count)

    def run(number: int) -> bool:
        chance = random.Random(f"{number} of {next(runs)}")

        def dawdle(frame: object, event: str, arg: object) -> None:
            if event == "c_return" and chance.random() < 0.2:
                time.sleep(10 ** chance.uniform(-5, -3))

        gate.wait(10)
        sys.setprofile(dawdle)
        try:
            return work(number)
        finally:
            sys.setprofile(None)

    with ThreadPoolExecutor(count) as pool:
        return all(list(pool.map(run, range(count))))


@trial("use")
def answers_another_thread(f: Any) -> bool:
    x, w = whole(1, 2, 6, 7, seed=3), whole(3, 2, 3, 2, seed=1)
    with ThreadPoolExecutor(1) as other:
        return other.submit(right, f, x, w).result()


@trial("state", "use")
def answers_two_threads_at_once(f: Any) -> bool:
    """Equal sizes, other numbers."""

    def work(i: int) -> bool:
        x, w = whole(2, 3, 12, 12, seed=i), whole(4, 3, 3, 3, seed=i + 50)
        return all(right(f, x, w, padding=1) for _ in range(10))

    return at_once(3, work)


@trial("use")
def first_calls_at_once(f: Any) -> bool:
    """With a number of kernels that there never was."""
    good = True
    for kernels in itertools.islice(fresh, 5):
        x, w = whole(1, 2, 5, 5), whole(kernels, 2, 3, 3, seed=1)
        want = F.conv2d(x, w)
        good &= at_once(3, lambda _, x=x, w=w, want=want: torch.equal(f(x, w), want))  # type: ignore[misc]
    return good


@trial("use")
def goes_back_in_two_threads_at_once(f: Any) -> bool:
    def work(i: int) -> bool:
        x, w = whole(2, 3, 8, 8, seed=i), whole(4, 3, 3, 3, seed=i + 50).requires_grad_()
        return all(right_back(f, x, w) for _ in range(5))

    graph(f, whole(1, 1, 3, 3), whole(1, 1, 2, 2).requires_grad_())
    return at_once(2, work)


@trial("state", "use")
def right_with_two_threads_of_torch(f: Any) -> bool:
    """Rows and positions that two threads cannot share equally; weight gradients of batches that they share."""
    x, w = whole(9, 3, 7, 7), whole(4, 3, 1, 1, seed=1).requires_grad_()
    with two_threads():
        good = all(right(f, whole(1, 2, 5, cols), whole(3, 2, 3, 3, seed=1)) for cols in range(5, 14))
        graph(f, x, w)
        return good and all(right_back(f, x, w, stride=2) for _ in range(5))


@trial("state")
def same_every_time(f: Any) -> bool:
    x, w = torch.rand(2, 3, 9, 9), torch.rand(4, 3, 3, 2)
    with two_threads():
        first = f(x, w)
        return all(torch.equal(first, f(x, w)) for _ in range(40))
