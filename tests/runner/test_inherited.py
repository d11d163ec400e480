"""What a library beneath a target gets wrong to the same bits is the library's, and nothing else is."""

from __future__ import annotations

import math
from typing import Any

from corrbench.case import Case
from corrbench.result import Figures, Result, Status
from corrbench.runner.inherited import alike

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
