"""Is the property that tells wrong cases from right ones found, and only when there is one?"""

from __future__ import annotations

from corrbench.analysis.predicates import describe, remainder
from corrbench.case import Case
from corrbench.suites import handpicked

ALL = handpicked.cases(1, 0)


def split(wrong: object) -> tuple[list[str], list[str]]:
    assert callable(wrong)
    return [str(c) for c in ALL if wrong(c)], [str(c) for c in ALL if not wrong(c)]


def test_one_property() -> None:
    assert describe(*split(lambda c: c.stride[0] != c.stride[1])).startswith("the strides differ (")


def test_two_properties_together() -> None:
    words = describe(*split(lambda c: c.groups > 1 and c.bias))
    assert "there are groups" in words
    assert "there is a bias" in words


def test_nothing_is_said_without_a_pattern_or_without_enough_cases() -> None:
    texts = [str(case) for case in ALL]
    assert describe(texts[::2], texts[1::2]) == ""
    assert describe(texts[:1], texts[1:]) == ""
    assert describe(texts[:9], texts[9:12]) == ""


def test_remainder() -> None:
    assert remainder(Case(x=(1, 1, 10, 11), w=(1, 1, 3, 2), stride=(4, 5))) == (3, 4)
