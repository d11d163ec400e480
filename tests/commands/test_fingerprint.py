"""`corrbench fingerprint` as it is typed: what it says, its exit codes, its files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.cli import main
from corrbench.fingerprint.found import Kind
from corrbench.fingerprint.survey import Survey
from corrbench.render import fingerprint as render

CASE = ("--case", "x=1,1,6,7 w=1,1,3,3")
TARGETS = """
import numpy as np

def terms(X, K):
    rows, columns = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    return [X[a : a + rows, b : b + columns] * K[a, b] for a in range(K.shape[0]) for b in range(K.shape[1])]

def corr2d(X, K):
    return sum(terms(X, K)[1:], start=terms(X, K)[0])

def tail(X, K):
    Y = corr2d(X, K)
    Y[:, -1] = sum(terms(X, K)[::-1], start=np.float32(0))[:, -1]
    return Y

CALLS = []

def racing(X, K):
    CALLS.append(None)
    return sum(terms(X, K)[:: 1 if len(CALLS) % 2 else -1], start=np.float32(0))

def refusing(X, K):
    raise NotImplementedError("not on Fridays")
"""


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["fingerprint", *words], catch_exceptions=False)
    return done.exit_code, done.output


def letters(page: str) -> list[list[str]]:
    """The classes of equal bits that a page shows, row by row."""
    rows = re.findall(r"<tr><td><code>[^<]*</code>(<td class=\"box\".*)</tr>", page)
    return [re.findall(r">([A-Z]*)(?=<|$)", row) for row in rows]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.py").write_text(TARGETS)
    return tmp_path


def test_a_fingerprint_is_told_kept_and_expected(here: Path) -> None:
    code, said = run("ops.py:corr2d", "--arrays", "numpy", *CASE, "--json", "bits.json", "--html", "page.html")
    assert code == 0, said
    assert "chain kh,kw · product rounded, then added · accumulator 24 bits" in said
    assert "1 of 1 cell predicted to the bit" in said
    made = json.loads(Path("bits.json").read_text())
    assert made["schema"] == "corrbench-fingerprint/1"
    [cell] = made["cells"].values()
    assert cell["classes"][0]["model"]["tree"] == "[0..8]"
    assert "<svg" in Path("page.html").read_text()

    code, said = run("ops.py:corr2d", "--arrays", "numpy", "--expect", "bits.json", "--quiet")
    assert (code, said.splitlines()[-1][:9]) == (0, "SAME BITS")

    code, said = run("ops.py:tail", "--arrays", "numpy", "--expect", "bits.json", "--html", "both.html")
    assert code == 1, said
    assert "column 4: " in said
    assert "chain −kh,−kw" in said
    assert letters(Path("both.html").read_text()) == [["A", "B"]]


@pytest.mark.slow
def test_what_is_no_function_or_refuses_is_not_judged(here: Path) -> None:
    code, said = run("ops.py:racing", "--arrays", "numpy", *CASE)
    assert code == 2
    assert "not a function" in said
    assert "the same call gave" in said
    code, said = run("ops.py:refusing", "--arrays", "numpy", "--no-guess", *CASE)
    assert code == 2
    assert "not on Fridays" in said or "refused" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a TARGET"),
        (["torch", "--diff", "a.json", "b.json"], "give a TARGET"),
        (["torch", "--expect", "no.json"], "cannot read no.json"),
        (["torch", "--expect", "text.json"], "is no JSON"),
        (["torch", "--expect", "list.json"], "no fingerprint"),
        (["torch", "--expect", "other.json"], "its schema is not"),
        (["torch", "--expect", "cut.json"], "no whole fingerprint"),
        (["--diff", "torch@/no/python", "torch"], "no interpreter"),
        (["torch", "--case", "x=1,1"], "needs 4 numbers"),
        (["torch", "--case", "x=1,1,6,7 w=1,1,3,3 dtype=int64"], "int64"),
        (["torhc"], "did you mean torch"),
        (["torch", "--json", "no/such/folder/f.json"], "cannot write"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(here: Path, words: list[str], said: str) -> None:
    Path("text.json").write_text("bits")
    Path("list.json").write_text("[]")
    Path("other.json").write_text("{}")
    Path("cut.json").write_text('{"schema": "corrbench-fingerprint/1", "cells": {"x": 1}}')
    code, output = run(*words)
    assert code == 2
    assert said in output
    assert not Path(".corrbench").exists()


@pytest.mark.slow
def test_two_files_are_compared_without_a_target(here: Path) -> None:
    run("ops.py:corr2d", "--arrays", "numpy", *CASE, "--json", "a.json", "--quiet")
    text = Path("a.json").read_text()
    Path("b.json").write_text(text.replace("[0..8]", "[8..0/-1]"))
    code, said = run("--diff", "a.json", "a.json")
    assert code == 0, said
    code, said = run("--diff", "a.json", "b.json", "--json", "d.json")
    assert code == 1
    assert "chain kh,kw → chain −kh,−kw" in said
    same, other = (Survey.from_json(json.loads(Path(name).read_text())) for name in ("a.json", "b.json"))
    partial = replace(same, cells={name: replace(cell, kind=Kind.PARTIAL) for name, cell in same.cells.items()})
    assert letters(render.together([other, same, partial, same])) == [["B", "A", "", "A"]]
    assert json.loads(Path("d.json").read_text())["verdict"] == "different"


@pytest.mark.slow
def test_an_interrupted_run_is_gone_on_with(here: Path) -> None:
    words = ["ops.py:corr2d", "--arrays", "numpy", *CASE, "--case", "x=1,1,6,7 w=1,1,2,2", "--json", "a.json"]
    assert run(*words)[0] == 0
    [record] = Path(".corrbench").glob("fingerprint-*.jsonl")
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:2]))  # the header and one cell
    code, said = run(*words, "--resume")
    assert code == 0, said
    assert "2 of 2 cells predicted" in said
    assert len(record.read_text().splitlines()) == 3
