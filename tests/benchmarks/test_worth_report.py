"""The report on what a pass is worth says what its records say, and what is recorded is not measured again."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.worth_report import Kept, page


def filled(path: Path) -> Kept:
    kept = Kept(path)
    trigger = {"arrays": "torch", "reason": "control flow: eq (k.py:3)", "wrong": "use", "case": "x=1,1,2,2 w=1,1,1,1"}
    costs = {"costs": {"white box": 0.5}}
    sure = {"verdict": "certified", "reason": "", "known": {"machine code": "shown", "rounding": "predicted"}} | costs
    kept.make("triggers", "size", lambda: trigger | sure | {"constant": "readable"})
    kept.make("triggers", "value", lambda: trigger | {"constant": "computed", "verdict": "open"})
    kept.make("triggers", "missed", lambda: trigger | sure | {"constant": "readable"})
    kept.make("read", "size", lambda: {"verdict": "fail", "by": "source.sizes", "case": "x=1", "constant": "readable"})
    kept.make("read", "missed", lambda: {"verdict": "pass", "by": "", "case": "", "constant": "readable"})
    kept.make("honest", "plain", lambda: trigger | sure)
    kept.make("honest", "chance", lambda: trigger | sure)
    kept.make("tested", "chance", lambda: trigger | sure | {"verdict": "refuted", "reason": "tests: values: 1 fail"})
    kept.make("wrong", "bad", lambda: trigger | sure)
    kept.make("wrong", "told", lambda: trigger | {"verdict": "open", "program": True})
    counts = {
        "noticed": 30,
        "survived": 1,
        "equivalent": 2,
        "made": 60,
        "times": [1.0, 2.0, 9.0],
        "survivors": ["-a\n+b"],
    }
    kept.make("mutants", "pkg:conv", lambda: {"verdict": "0.968"} | counts)
    return kept


def test_the_page_counts_what_is_recorded(tmp_path: Path) -> None:
    text = page(filled(tmp_path / "kept" / "worth.jsonl"), {"wrong": 7})
    for said in (
        "**2 of 3 trigger faults are told: 1 of 2 with readable constants are found by `verify`, and 1 of 3 get no",
        "| size | readable | source.sizes: x=1 | certified |  |",
        "| missed | readable | pass | certified |  |",
        "1 of 2 certified; 2 have a model that predicts every bit. The tests of the case were made of 1, and 1 fail.",
        "| chance | certified | shown | predicted | fail | tests: values: 1 fail |",
        "1 of 2 wrong implementations are certified for a case of their region: 1 fail by their program",
        "- bad (use): x=1,1,2,2 w=1,1,1,1",
        "30 of 31 mutants that are not equivalent noticed, 96.8%; median 2.00 s.",
        "Not examined yet: 7 of the part wrong.",
        "Survivor of pkg:conv",
        "| white box | 0.5, 0.5 |  |",
    ):
        assert said in text, said


def test_what_is_recorded_is_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "worth.jsonl"
    before = page(filled(path), {})
    again = Kept(path)
    again.make("honest", "plain", lambda: pytest.fail("measured again"))
    assert page(again, {}) == before
    assert "Not examined" not in before
