"""The search finds what is wrong in a corner, makes it small, and what it finds can be had again from its text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from corrbench.case import Case
from corrbench.checks import registry
from corrbench.checks.fuzz import LARGEST, cases
from corrbench.judge.client import Remote
from corrbench.judge.probe import probe
from corrbench.judge.trial import Trial, conclude
from corrbench.result import Result, Status
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import small_targets

START = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), data="small")
# one that adds up 16-bit floats in 16 bits would be wrong
RIGHT = small_targets.RIGHT.replace(
    "    (h, w)", "    if X.dtype == np.float16:\n        raise NotImplementedError\n    (h, w)"
)
CORNER = RIGHT.replace("    return Y", "    if rows > 8 and w > 3:\n        Y[-1] += 1\n    return Y")


def search(folder: Path, source: str, *, seed: int = 3, start: Case = START) -> Result:
    spec = Spec(target=small_targets.write(folder, source), arrays="numpy")
    with Remote(spec) as remote:
        trial = Trial("fuzz.search", start, seed, spec, probe(spec, remote), remote)
        (result,) = conclude(trial, registry()["fuzz.search"].run)
    return result


def test_a_right_target_passes_and_says_how_many_cases_were_asked(tmp_path: Path) -> None:
    result = search(tmp_path, RIGHT)
    assert result.status is Status.PASS
    assert result.numbers.own["cases"] > 30


def test_a_corner_is_found_and_made_small(tmp_path: Path) -> None:
    result = search(tmp_path, CORNER)
    assert result.status is Status.FAIL
    case = result.case
    assert case.x[2:] == (9, 4), "no row and no column more than it takes"
    assert case.w[3] == 4
    assert f"'{case}'" in result.reproduce


def test_what_was_found_is_found_again_from_its_text(tmp_path: Path) -> None:
    first = search(tmp_path, CORNER)
    again = search(tmp_path, CORNER, start=Case.parse(str(first.case)))
    assert (again.case, again.message) == (first.case, first.message)


def test_the_same_seed_gives_the_same_search(tmp_path: Path) -> None:
    assert search(tmp_path, CORNER, seed=8).case == search(tmp_path, CORNER, seed=8).case


def test_a_death_is_found_as_well(tmp_path: Path) -> None:
    result = search(tmp_path, CORNER.replace("Y[-1] += 1", "import os; os.abort()"))
    assert result.status is Status.CRASH
    assert result.case.x[2] == 9


FEATURES = ("bias", "stride", "stride by axis", "padding", "dilation", "dilation by axis", "groups")
PLAIN, WHOLE = (Support(frozenset({"float32", "int64", *more}), {}, "conv2d") for more in ((), FEATURES))


@pytest.mark.first(2)
@pytest.mark.parametrize(
    "shows",
    [
        lambda case: case.stride[0] != case.stride[1],
        lambda case: case.sides[0] > 0,
        lambda case: case.dilation[1] > 1,
        lambda case: case.groups > 1,
        lambda case: case.bias,
        lambda case: case.dtype == "int64",
    ],
)
def test_what_a_target_takes_is_asked(shows: Callable[[Case], bool]) -> None:
    assert shows(find(cases(WHOLE, differentiate=False), shows))


@pytest.mark.parametrize("support", [PLAIN, WHOLE])
@given(st.data())
@settings(max_examples=30)
def test_nothing_else_is_asked(support: Support, data: st.DataObject) -> None:
    case = data.draw(cases(support, differentiate=False))
    assert support.all_of(case)
    assert case.macs <= LARGEST
