"""The score of the gate counts what it says it counts."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import gate_report, gate_score


def outcome(tool: str, plant: int, *named: int, unsure: bool = False) -> dict[str, Any]:
    return {"tool": tool, "plant": plant, "index": 0, "named": list(named), "unsure": unsure, "seconds": 3.0}


OUTCOMES = [
    outcome("gate", 0), outcome("gate", 0, 9), outcome("gate", 0, unsure=True), outcome("gate", 5, 16),
    outcome("gate", 5), outcome("gate", 5, 9, 16), outcome("gate", 5, 21), outcome("asv continuous", 5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "plant", "found"), [("gate", 0, (1, 3)), ("gate", 5, (2, 4)), ("asv continuous", 5, (0, 1))]
)
def test_found_is_the_slowed_case_and_no_other(tool: str, plant: int, found: tuple[int, int]) -> None:
    assert gate_report.hits(OUTCOMES, tool, plant, 16) == found


def test_the_report_has_a_row_for_each_question() -> None:
    text = gate_report.markdown(OUTCOMES, 16, 1)
    assert "| nothing, false alarms | 1 of 3 (1% to 91%) |  |" in text
    assert "| 5 %, found | 2 of 4 (7% to 93%) | 0 of 1 (0% to 98%) |" in text
    assert "| another case slowed, false alarms | 2 of 4" in text
    assert "| cannot tell (exit code 3) | 1 of 7" in text


def test_all_tools_are_asked_in_an_order_that_mixes_them() -> None:
    todo = gate_score.planned(1.0)
    assert len(todo) == len(set(todo))
    assert {tool for tool, _, _ in todo[:20]} == set(gate_score.TOOLS)
    assert sum(tool == "gate" and plant == 0 for tool, plant, _ in todo) == 50
    assert todo == gate_score.planned(1.0)


def test_a_slowdown_is_of_one_case_only() -> None:
    space: dict[str, Any] = {}
    source = gate_score.OPS.format(passes=3, usual=2, slowed=16)
    exec(source.replace("Y = np.zeros", "made.append(1); Y = np.zeros"), space)
    for rows, times in ((16, 3), (12, 2)):
        space["made"] = made = []
        np = space["np"]
        y = space["corr2d"](np.ones((rows, rows + 1)), np.ones((3, 2)))
        assert (y == 6).all()
        assert len(made) == times
