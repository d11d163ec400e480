"""Is the property that tells wrong cases from right ones found, and only when there is one?"""

from __future__ import annotations

from corrbench.analysis.predicates import describe, remainder
from corrbench.case import Case
from corrbench.suites import handpicked

ALL = handpicked.cases(1, 0)


def split(wrong: object) -> tuple[list[Case], list[Case]]:
    assert callable(wrong)
    return [c for c in ALL if wrong(c)], [c for c in ALL if not wrong(c)]


def test_one_property() -> None:
    assert describe(*split(lambda c: c.stride[0] != c.stride[1])).startswith("the strides differ (")


def test_two_properties_together() -> None:
    words = describe(*split(lambda c: c.groups > 1 and c.bias))
    assert "there are groups" in words
    assert "there is a bias" in words


def test_nothing_is_said_without_a_pattern_or_without_enough_cases() -> None:
    assert describe(ALL[::2], ALL[1::2]) == ""
    assert describe(ALL[:1], ALL[1:]) == ""
    assert describe(ALL[:9], ALL[9:12]) == ""


def test_remainder() -> None:
    assert remainder(Case(x=(1, 1, 10, 11), w=(1, 1, 3, 2), stride=(4, 5))) == (3, 4)
