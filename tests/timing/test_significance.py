"""A slowdown is called one, noise is not, and what cannot be told is said to be so."""

from __future__ import annotations

import math

import numpy as np
import pytest

from corrbench.timing.significance import CaseComparison, Verdict, exceeds, interval, suspicious, verdicts

TOLERANCE, RESOLUTION = 0.01, 0.03


def blocks(change: float, spread: float, count: int, seed: int) -> list[float]:
    """Differences of blocks with a few outliers, as a shared machine gives them."""
    rng = np.random.default_rng(seed)
    found = math.log1p(change) + spread * rng.standard_normal(count)
    found[rng.random(count) < 0.05] -= 0.5
    return list(found)


def said(change: float, spread: float = 0.005, count: int = 20) -> list[Verdict]:
    return [verdicts([blocks(change, spread, count, seed)], TOLERANCE, RESOLUTION)[0][0] for seed in range(60)]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (0.0, Verdict.SAME),
        (0.05, Verdict.SLOWER),
        (0.03, Verdict.SLOWER),
        (-0.06, Verdict.FASTER),
        (0.005, Verdict.SAME),
    ],
)
def test_what_is_there_is_seen(change: float, verdict: Verdict) -> None:
    assert said(change).count(verdict) >= 57


def test_nothing_is_not_called_a_slowdown() -> None:
    assert Verdict.SLOWER not in said(0.0, spread=0.02)
    assert Verdict.SLOWER not in said(0.0, spread=0.1)


def test_in_noise_there_is_no_verdict() -> None:
    assert said(0.0, spread=0.2).count(Verdict.INCONCLUSIVE) >= 57


def test_many_cases_are_tested_together() -> None:
    """One in twenty of the tests on noise would be significant by itself; together none is."""
    found = verdicts([blocks(0.01, 0.01, 20, seed) for seed in range(100)], TOLERANCE, RESOLUTION)
    assert sum(verdict is Verdict.SLOWER for verdict, _ in found) <= 1
    assert verdicts([], TOLERANCE, RESOLUTION) == []


def test_the_interval_is_of_order_statistics() -> None:
    change, low, high = interval([math.log(1 + k / 100) for k in range(1, 21)])
    assert change == pytest.approx(0.105, abs=1e-3)
    assert (low, high) == (pytest.approx(0.06), pytest.approx(0.15))
    assert interval([0.01, 0.02])[1:] == (-1.0, math.inf), "two blocks say nothing"


def test_the_interval_holds_the_truth() -> None:
    held = [interval(blocks(0.04, 0.02, 20, seed)) for seed in range(200)]
    assert sum(low <= 0.04 <= high for _, low, high in held) >= 185


def test_p_is_small_only_beyond_the_tolerance() -> None:
    assert exceeds(blocks(0.05, 0.005, 20, 1), 0.01) < 1e-3
    assert exceeds(blocks(0.01, 0.005, 20, 2), 0.03) > 0.9


@pytest.mark.parametrize(
    ("differences", "open_"),
    [([0.0] * 8, False), ([0.02] * 8, True), ([-0.02] * 8, True), ([0.0] * 7 + [0.2], True), ([0.004] * 8, False)],
)
def test_a_first_look_leaves_open_what_it_cannot_close(differences: list[float], open_: bool) -> None:
    assert suspicious(differences, TOLERANCE, RESOLUTION) is open_


def test_json_has_no_nan() -> None:
    record = CaseComparison(case="x", mode="forward", verdict=Verdict.SKIPPED).to_json()
    assert record["a"] is None
    assert record["verdict"] == "skipped"
