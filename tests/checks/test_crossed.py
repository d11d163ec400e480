"""Random cases in one request: what is wrong on some of them is told, each with its own case."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrbench.case import Case
from corrbench.checks import crossed, registry
from corrbench.judge.client import Remote
from corrbench.judge.probe import probe
from corrbench.judge.trial import Trial, conclude
from corrbench.result import Result, Status
from corrbench.target import Spec
from tests.support import small_targets

START = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), data="small")
RIGHT = small_targets.RIGHT.replace(
    "    (h, w)", "    if X.dtype == np.float16:\n        raise NotImplementedError\n    (h, w)"
)
NARROW = RIGHT.replace("    return Y", "    if h == 2 != w:\n        Y[-1] += 1\n    return Y")


def asked(folder: Path, source: str, *, seed: int = 3) -> list[Result]:
    spec = Spec(target=small_targets.write(folder, source), arrays="numpy")
    with Remote(spec) as remote:
        trial = Trial("fuzz.crossed", START, seed, spec, probe(spec, remote), remote)
        found = conclude(trial, registry()["fuzz.crossed"].run)
        for one in found:
            again = Trial("campaign.case", one.case, seed, spec, trial.support, remote)
            if one.finding:
                assert any(result.finding for result in conclude(again, registry()["campaign.case"].run))
    return found


def test_a_right_target_passes_and_says_how_many_cases_were_asked(tmp_path: Path) -> None:
    (result,) = asked(tmp_path, RIGHT)
    assert result.status is Status.PASS
    assert result.case == START
    assert 20 < result.numbers.own["cases"] <= crossed.SIZE


@pytest.mark.first(1)
@pytest.mark.parametrize(("does", "status"), [("Y[-1] += 1", Status.FAIL), ("import os; os.abort()", Status.CRASH)])
def test_each_wrong_case_is_a_finding_of_its_own(tmp_path: Path, does: str, status: Status) -> None:
    found = asked(tmp_path, NARROW.replace("Y[-1] += 1", does))
    assert {one.status for one in found} == {status}
    assert all(one.case.w[2] == 2 != one.case.w[3] for one in found)
    assert all(f"--check campaign.case --case '{one.case}'" in one.reproduce for one in found)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_cases(tmp_path: Path) -> None:
    first, again = (asked(tmp_path, NARROW) for _ in "ab")
    assert [one.case for one in first] == [one.case for one in again]


@pytest.mark.slow
def test_many_findings_are_told_by_the_smallest_of_a_kind(tmp_path: Path) -> None:
    found = asked(tmp_path, RIGHT.replace("    return Y", "    return Y + 1"))
    kinds = [(one.check, one.case.dtype) for one in found]
    assert 1 < len(kinds) == len(set(kinds))


def test_none_that_it_takes_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossed, "drawn", lambda _: [])
    (result,) = asked(tmp_path, RIGHT)
    assert result.status is Status.SKIPPED
