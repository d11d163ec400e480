"""What the source's constants make wrong is found, and what reads them is told from what computes them."""

from __future__ import annotations

from pathlib import Path

from tests.support import small_targets
from tests.support.judging import judged

WRONG = small_targets.RIGHT.replace("    return Y", "    if X.flat[0] == 31337.0:\n        Y[0] = 0\n    return Y")
COUNTS = small_targets.RIGHT.replace("    return Y", "    CALLS.append(1)\n    return Y * (len(CALLS) != 260)")
LINE = "x=1,1,4,5 w=1,1,2,3 data=small"


def test_a_number_that_marks_something_is_met(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, WRONG)
    found = judged(target, check="source.cases", case=f"{LINE}@x.first=31337.0", arrays="numpy")
    assert found.verdict == "fail"
    assert {one.check for one in found.findings} == {"source.cases"}
    assert judged(target, check="source.cases", case=f"{LINE}@x.first=31338.0", arrays="numpy").verdict == "pass"


def test_the_call_that_a_counter_spoils_is_found(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, "CALLS = []\n" + COUNTS)
    found = judged(target, check="source.calls", case=f"{LINE}@calls.row=300", arrays="numpy")
    [one] = found.findings
    assert "of a row" in one.message
    few = judged(target, check="source.calls", case=f"{LINE}@calls.row=60", arrays="numpy")
    assert few.verdict == "pass"
