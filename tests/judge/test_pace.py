"""The pace of a target is its own, whatever else the machine does."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any

import pytest

from corrbench.case import Case
from corrbench.convention import options
from corrbench.judge import probe
from corrbench.judge.trial import Trial
from corrbench.support import Support
from corrbench.target import Spec

BASE = Case.parse("x=1,1,5,6 w=1,1,2,3")


class Remote:
    """Of a target whose calls take these times."""

    def __init__(self, times: Any) -> None:
        self.times, self.asked = iter(times), 0
        self.elapsed = 0.0

    def call(self) -> bool:
        self.asked += 1
        self.elapsed = next(self.times)
        return True


@pytest.mark.parametrize(
    ("times", "slow", "most"),
    [
        (chain([0.04, 0.09, 0.05, 0.06], repeat(0.001)), False, 15),
        (repeat(0.001), False, 12),
        (repeat(0.04), True, 24),
        (repeat(2.0), True, 4),
    ],
    ids=["busy machine", "quick", "slow", "very slow"],
)
def test_calls_that_take_long_now_and_then_are_no_slow_target(
    monkeypatch: pytest.MonkeyPatch, times: Any, slow: bool, most: int
) -> None:
    remote: Any = Remote(times)
    support = Support(frozenset(), {}, "corr2d", said=options.of("corr2d"))
    answers = probe.Answers(Trial("probe", BASE, 0, Spec(target="none:none", form="corr2d"), support, remote))
    answers.takes |= {"float32"}
    monkeypatch.setattr(probe.Answers, "call", lambda self, call: remote.call())
    assert answers.pace(BASE).slow is slow
    assert remote.asked <= most
