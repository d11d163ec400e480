"""The index of the reports is what the reports say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import report_index


def test_the_index_is_that_of_the_reports() -> None:
    written = (report_index.REPORTS / "README.md").read_text(encoding="utf-8")
    assert written == report_index.write(report_index.REPORTS), "make index"


def test_a_report_without_a_conclusion_is_told(tmp_path: Path) -> None:
    (tmp_path / "correctness.md").write_text("# Correctness report\n")
    with pytest.raises(ValueError, match="no line like"):
        report_index.write(tmp_path)
    assert report_index.conclusion("- **PASS** a\n- **FAIL** b\n", r"^- (\*\*\w+\*\* .*)$") == [
        "**PASS** a",
        "**FAIL** b",
    ]
