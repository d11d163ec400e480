"""A slow target is left alone with large cases; one that hangs is not taken for slow."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given

from corrbench import checks
from corrbench.case import Case
from corrbench.judge import supervisor, target_process
from corrbench.judge.client import Remote
from corrbench.judge.time_limit import SURE, Shown, simplest
from corrbench.judge.trial import Trial, conclude
from corrbench.result import Result, Status
from corrbench.support import Support, fit
from corrbench.target import Spec
from tests.support import small_targets
from tests.test_case import cases

SMALL = Case(x=(1, 1, 12, 13), w=(1, 1, 3, 2), dtype="float64", data="small")
LARGE = Case(x=(1, 1, 130, 120), w=(1, 1, 5, 4), dtype="float64", data="small")
HUGE = Case(x=(1, 1, 190, 180), w=(1, 1, 5, 4), dtype="float64", data="small")
SLOW = small_targets.RIGHT.replace("import numpy as np", "import time\nimport numpy as np").replace(
    "    Y = ", "    time.sleep((X.size * K.size > 100_000) * 30)\n    Y = "
)
STUCK = SLOW.replace("X.size * K.size > 100_000", "h == 5")
HUNGRY = SLOW.replace("time.sleep", "held = np.ones").replace("* 30)", "* (1 << 27) + 1)")


def asked(folder: Path, source: str, *several: Case, timeout: float = 0.8) -> list[Result]:
    spec = Spec(target=small_targets.write(folder, source), arrays="numpy", timeout=timeout, memory=0.5)
    support = Support(frozenset({"float64"}), {}, "corr2d")
    found = []
    with Remote(spec) as remote:
        for case in several:
            trial = Trial("values.exact", case, 5, spec, support, remote)
            found += conclude(trial, checks.registry()["values.exact"].run)
    return found


def test_too_slow_for_large_cases_is_no_finding_and_is_found_out_once(tmp_path: Path) -> None:
    small, large, huge, again = asked(tmp_path, SLOW, SMALL, LARGE, HUGE, SMALL)
    assert [r.status for r in (small, large, huge, again)] == ["pass", "skipped", "skipped", "pass"]
    assert "nor does it manage a plain case of this size" in large.message
    assert huge.message == "too large for the target's speed or memory"
    assert huge.seconds < 0.5


def test_a_hang_is_a_finding_where_a_simple_case_of_the_size_works(tmp_path: Path) -> None:
    small, large = asked(tmp_path, STUCK, SMALL, LARGE)
    assert (small.status, large.status) == (Status.PASS, Status.TIMEOUT)


def test_a_hang_on_a_small_case_is_a_finding_whatever_else_works(tmp_path: Path) -> None:
    (result,) = asked(tmp_path, STUCK.replace("h == 5", "True"), SMALL)
    assert result.status is Status.TIMEOUT


def test_the_same_goes_for_memory(tmp_path: Path) -> None:
    small, large = asked(tmp_path, HUNGRY, SMALL, LARGE, timeout=40)  # a busy machine is slow to fill memory
    assert (small.status, large.status) == (Status.PASS, Status.SKIPPED)
    (result,) = asked(tmp_path, HUNGRY.replace("X.size * K.size > 100_000", "h == 5"), LARGE, timeout=40)
    assert result.status is Status.MEMORY


def test_memory_that_was_held_while_nobody_looked_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "outgrown", lambda root, limit: False)
    monkeypatch.setattr(target_process, "LATE", -60.0)  # as on a machine so busy that no look was possible
    small, large = asked(tmp_path, HUNGRY, SMALL, LARGE, timeout=40)
    assert (small.status, large.status) == (Status.PASS, Status.SKIPPED)


@given(cases())
def test_a_simple_case_is_of_the_same_size_and_every_form_takes_it(case: Case) -> None:
    same = simplest(case)
    assert math.prod(case.out) <= math.prod(same.out) <= math.prod(case.out) + 2 * math.isqrt(math.prod(case.out)) + 1
    assert same.terms <= case.terms
    assert fit(same, "corr2d") == same


@pytest.mark.parametrize(("seconds", "fine"), [(1.0, True), (20.0, False)])
def test_only_what_took_a_part_of_the_limit_shows_that_a_size_is_fine(seconds: float, fine: bool) -> None:
    shown = Shown()
    shown.done("forward", LARGE, seconds, 30.0)
    assert shown.in_time("forward", LARGE) is fine
    assert not shown.in_time("backward", LARGE)
    assert shown.in_time("backward", SMALL)
    assert SMALL.macs < SURE < LARGE.macs
    assert not shown.too_slow("forward", LARGE)
