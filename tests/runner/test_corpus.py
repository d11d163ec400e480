"""A corpus keeps what failed, each case once, and refuses files that it does not understand."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import pytest

from corrbench.case import Case
from corrbench.result import Result, Status
from corrbench.runner.corpus import FILE, BadCorpus, add, read

CASE = Case.parse("x=1,1,3,3 w=1,1,2,2 data=small")


def finding(case: Case) -> Result:
    return Result(check="campaign.case", case=case, status=Status.FAIL, message="got 1,\nexact 2")


def test_what_is_added_is_read_and_nothing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "corpus"
    assert read(folder) == ()
    add(folder, "a.py:f", [finding(CASE)])
    add(folder, "b.py:f", [finding(CASE), finding(CASE.but(bias=True))])
    assert read(folder) == (CASE, CASE.but(bias=True))
    assert len((folder / FILE).read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("corrbench-corpus/9\ntarget,case,message\n", "begins with 'corrbench-corpus/9'"),
        ("corrbench-corpus/1\ntarget,case,message\na,x=1,\n", r"corpus\.csv:3: "),
        ("corrbench-corpus/1\nno,columns\n1,2\n", r"corpus\.csv:3: 'case'"),
    ],
)
def test_a_file_that_is_not_understood_is_left_as_it_is(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadCorpus, match=said):
        read(tmp_path)
    assert (tmp_path / FILE).read_text() == text


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadCorpus, match="give another folder"):
        read(tmp_path / "file")


def test_a_full_disk_is_said_and_what_was_there_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, "a.py:f", [finding(CASE)])
    before = (tmp_path / FILE).read_text()

    class Full(io.FileIO):
        def write(self, data: object) -> int:
            super().write(b"half a l")
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path: Path, mode: str = "r", **more: Any) -> Any:
        return io.TextIOWrapper(io.BufferedWriter(Full(path, "a"))) if mode == "a" else open(path, mode, **more)  # noqa: PTH123

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(BadCorpus, match="No space left on device; make room"):
            add(tmp_path, "b.py:f", [finding(CASE.but(bias=True))])
    assert (tmp_path / FILE).read_text() == before
