"""Of code that does not claim complex numbers, plain signs that it is not made for them only warn."""

from __future__ import annotations

import pytest

from corrbench.result import Status
from tests.support.judging import judged

PLACE = "tests/support/complex_numbers.py"
CHECKS = ("values.exact", "gradients.first")


def statuses(name: str, check: str, **given: bool) -> set[str]:
    found = judged(f"{PLACE}:{name}", check=check, case="x=2,3,5,6 w=4,3,3,2 dtype=complex128", **given)
    return {result.status for result in found.results if result.check == check}


@pytest.mark.first(1)
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["real_parts", "real_sums", "conjugated"])
def test_what_is_not_made_for_complex_numbers_is_a_warning_unless_they_are_claimed(name: str, check: str) -> None:
    assert Status.WARN in statuses(name, check) <= {Status.WARN, Status.PASS}
    assert Status.FAIL in statuses(name, check, strict=True)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["imaginary_lost", "doubled"])
def test_another_error_fails(name: str, check: str) -> None:
    assert Status.FAIL in statuses(name, check)
