"""What a library beneath a target gets wrong to the same bits is the library's, and nothing else is."""

from __future__ import annotations

import math

from corrbench.case import Case
from corrbench.result import Figures, Result, Status
from corrbench.runner.inherited import alike

CASE = Case.parse("x=4,64,2,2 w=1,64,2,2 stride=3 padding=1 bias dtype=bfloat16 data=unit")


def finding(**figures: object) -> Result:
    return Result(check="gradients.first", case=CASE, status=Status.FAIL, message="wrong", numbers=Figures(**figures))  # type: ignore[arg-type]


def test_the_same_wrong_numbers_are_alike_where_they_are_not_numbers() -> None:
    assert alike(finding(got="nan", off=math.nan, own={"seen": 1}), finding(got="nan", off=math.nan))
    assert not alike(finding(got="nan", off=math.nan), finding(got="inf", off=math.inf))
    assert not alike(finding(got=1.0, off=0.5), finding(got=1.5, off=1.0))
