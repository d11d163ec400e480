"""What a library beneath a target gets wrong to the same bits is the library's, and nothing else is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.trial import Trial
from corrbench.result import Figures, Result, Status
from corrbench.runner import inherited
from corrbench.runner.inherited import alike
from corrbench.support import Support
from corrbench.target import find

CASE = Case.parse("x=4,64,2,2 w=1,64,2,2 stride=3 padding=1 bias dtype=bfloat16 data=unit")


def finding(message: str = "wrong", **figures: Any) -> Result:
    return Result(check="gradients.first", case=CASE, status=Status.FAIL, message=message, numbers=Figures(**figures))


def test_the_same_wrong_numbers_are_alike_where_they_are_not_numbers() -> None:
    nan = {"array": "gw", "got": "nan", "off": math.nan}
    assert alike(finding(**nan, own={"seen": 1}), finding(**nan))
    assert alike(finding(**nan), finding("wrong; called with a weight that is a torch.nn.Parameter", **nan))
    assert not alike(finding(**nan), finding(**nan | {"got": "inf"}))
    assert not alike(finding(array="y", got=1.0, off=0.5), finding(array="y", got=1.5, off=1.0))


def test_where_nothing_was_compared_the_words_decide() -> None:
    assert alike(finding("raised TypeError"), finding("raised TypeError"))
    assert not alike(finding("raised TypeError"), finding("raised ValueError"))


@pytest.mark.parametrize(("calm", "status"), [(2, Status.WARN), (9, Status.CRASH)])
def test_a_library_that_does_not_die_each_time_is_asked_again(
    calm: int, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case.parse("x=1,2,2,5 w=65535,2,1,4 stride=2 dtype=float32 data=small")
    died = Result(check="gradients.second", case=case, status=Status.CRASH, message="died")
    answers = iter([replace(died, status=Status.PASS)] * calm + [died])
    monkeypatch.setattr(inherited, "conclude", lambda *_: [next(answers)])
    spec = find("anything.py:conv2d")
    trial = Trial("gradients.second", case, 1, spec, Support(frozenset(), {}, "conv2d"), Remote(spec))
    [told] = inherited.Libraries(spec).told(trial, [died])
    assert told.status is status
