"""A finding in a convention of the target's own is shown by its command, and by no lines that cannot be true."""

from __future__ import annotations

from corrbench.case import Case
from corrbench.render import snippet
from corrbench.result import Result, Status


def test_a_convention_of_its_own_is_named_and_a_device_is_none() -> None:
    result = Result(check="values.exact", case=Case(x=(1, 1, 3, 3), w=(1, 1, 2, 2)), status=Status.FAIL)
    result.reproduce = "corrbench verify a.py:f --layout NHWC,HWIO --flip --device cuda --check values.exact"
    assert snippet.convention(result) == "--layout --flip"
