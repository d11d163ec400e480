"""A run of one seed says the same, whichever judge is the first to answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from corrbench.result import Result, Status
from corrbench.runner import executors, verify
from corrbench.support import Support
from corrbench.target import Spec

SUPPORT = Support(frozenset({"float32", "float64"}), {}, "corr2d")


class Scheduled(Executor):
    """Judges that never start: of the answers that are awaited, `pick` names the one that comes next."""

    def __init__(self, pick: Callable[[int], int], wrong_from: int) -> None:
        self.pick = pick
        self.wrong_from = wrong_from
        self.asked = 0
        self.awaited: list[tuple[Future[Any], Any]] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if function is executors.run_probe:
            future.set_result(SUPPORT)
        elif function is executors.run_batch:
            status = Status.PASS if self.asked < self.wrong_from else Status.FAIL
            self.asked += 1
            done = [(j, [Result(check=j.check, case=j.case, status=status, message="m")]) for j in args[0].jobs]
            future.set_running_or_notify_cancel()
            self.awaited.append((future, done))
            threading.Timer(0.01, self.answer).start()
        return future

    def answer(self) -> None:
        future, done = self.awaited.pop(self.pick(len(self.awaited)))
        future.set_result(done)


ORDERS = {"first come": lambda _: 0, "last come": lambda _: -1, "the middle one": lambda n: n // 2}


def found(pick: Callable[[int], int], wrong_from: int) -> tuple[list[tuple[str, str, Status]], int, str]:
    options = verify.Options(
        profile="quick", check="values.exact", suites=("article",), seed=1, fail_fast=True, workers=4
    )
    judges = Scheduled(pick, wrong_from)
    run = verify.verify(Spec(target="a.py:f", arrays="numpy"), options, lambda: judges)
    return [(one.check, str(one.case), one.status) for one in run.results], run.judged, run.stopped


@pytest.mark.parametrize("wrong_from", [0, 1, 3])
def test_the_first_finding_does_not_depend_on_who_answers_first(wrong_from: int) -> None:
    runs = [found(pick, wrong_from) for pick in ORDERS.values()]
    assert runs[0] == runs[1] == runs[2]
    results, judged, stopped = runs[0]
    assert len(results) == judged
    assert {status for _, _, status in results} == {Status.FAIL} | ({Status.PASS} if wrong_from else set())
    assert stopped == "the first finding (--fail-fast)"
