"""What ran of a target's own files is told as it is: what never ran, what only a refusal runs, what nobody sees."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.analysis.causes import Digest
from corrbench.analysis.coverage import Coverage, Seen, share
from corrbench.cli import main
from corrbench.environment import sources
from corrbench.render import html, source_view
from corrbench.result import Run
from corrbench.runner.coverage import combined, measure
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import small_targets

TEXT = """
def f(x, w, groups=1):
    if groups != 1:
        raise NotImplementedError("groups")
    if x.shape[0] == 4711:
        return x * 0
    y = helper(x)
    return y

def helper(x):
    return x

@njit
def compiled(x):
    return f(x, x)

def g(x, w):
    return compiled(f(x, w))
"""
THROUGH = [(0, 3), (3, 5), (5, 7), (7, 8), (8, -1), (0, 11), (11, -1)]
REFUSED = [(0, 3), (3, 4)]


def told(tmp_path: Path, name: str = "f", **steps: list[tuple[int, int]]) -> Coverage:
    path = tmp_path / "kernel.py"
    path.write_text(TEXT)
    found = sources.of_target(f"{path}:{name}", tmp_path)
    seen = Seen()
    for mode, arcs in steps.items():
        seen.note("backward" if mode == "backward" else "forward", arcs, refused=mode == "refused")
    return combined(found, {str(one.path): seen for one in found})


def test_a_line_that_never_ran_is_a_gap_and_one_that_refuses_is_none(tmp_path: Path) -> None:
    for steps in ({"forward": THROUGH}, {"forward": THROUGH, "refused": REFUSED}):
        found = told(tmp_path, **steps)
        [file] = found.files
        assert (file.ran, file.refused, file.never) == ((3, 5, 7, 8, 11), (4,), (6,))
        assert (file.taken, file.untaken) == ((3, 5), (5,))
        assert not found.complete
        assert found.sentence == "5 of 6 lines, 2 of 3 branches of kernel.py ran"
        assert found.gaps == ["kernel.py:6 never ran"]


def test_all_is_said_where_all_ran(tmp_path: Path) -> None:
    found = told(tmp_path, forward=THROUGH, backward=[(0, 3), (3, 5), (5, 6), (6, -1)])
    assert found.complete
    assert found.gaps == []
    assert found.files[0].backward == (6,)
    assert found.sentence == "all 6 lines and all 3 branches of kernel.py ran"
    assert share(1, 1, "line") == "1 of 1 line"
    assert share(2, 2, "branch") == "all 2 branches"


def test_what_is_compiled_is_named_and_not_counted(tmp_path: Path) -> None:
    found = told(tmp_path, "g", forward=[*THROUGH, (0, 18), (18, -1)])
    assert found.compiled == ("compiled",)
    assert 15 not in {*found.files[0].ran, *found.files[0].never}


def test_a_record_is_read_back_and_shown(tmp_path: Path) -> None:
    found = told(tmp_path, forward=THROUGH)
    assert Coverage.from_json(json.loads(json.dumps(found.to_json()))) == found
    lines = [line for piece in source_view.pieces(found.files[0], {}) for line in piece]
    assert {line.number: line.said for line in lines if line.kind in ("never", "refused")} == {
        6: "never ran", 4: "refuses, or ran for what is refused",
    }  # fmt: skip
    assert next(line for line in lines if line.number == 5).said == "never into what it holds"
    assert lines[0].text == ""
    assert all(TEXT.splitlines()[line.number - 1] == line.text for line in lines)


def test_nothing_seen_is_no_complete_coverage() -> None:
    assert not Coverage(problem="its process died").complete
    assert Coverage(problem="its process died").sentence == "coverage unknown: its process died"


GAP = small_targets.RIGHT.replace("    return Y", "    if X.shape == (4711, 3):\n        Y += 1\n    return Y")
ASKED = ["--arrays", "numpy", "--suite", "article", "--profile", "quick", "--check", "values.exact", "--seed", "1"]


@pytest.mark.parametrize(("source", "code"), [(GAP, 1), (small_targets.RIGHT, 0)], ids=["gap", "whole"])
def test_a_gap_is_told_everywhere_and_fails_where_coverage_is_required(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    target = small_targets.write(tmp_path, source)
    words = ["verify", target, *ASKED, "--require-coverage", "--json", "run.json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == code, done.output
    record = json.loads(Path("run.json").read_text())
    assert record["verdict"] == "pass"
    assert record["coverage"]["complete"] == (code == 0)
    page = html.write([Digest(Run.from_json(record))])
    assert ('class="line c-never"' in page) == (code == 1)
    said = "7 of 8 lines, 5 of 6 branches" if code else "all 6 lines and all 4 branches"
    assert f"{said} of target.py ran" in " ".join(done.output.split())
    assert ("target.py:11 never ran" in done.output) == (code == 1)


def test_coverage_of_a_registered_target_cannot_be_required() -> None:
    done = CliRunner().invoke(main, ["verify", "torch", "--require-coverage"])
    assert done.exit_code == 2
    assert "--require-coverage is for a function or class in a file of yours" in done.output


def test_the_cells_of_a_notebook_are_not_followed_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "kernel.ipynb"
    cells = [{"cell_type": "code", "source": ["def f(x, w):\n", "    return x\n"]}]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}))
    spec, run = Spec(target=f"{path}:f", form="conv2d"), Run(target="kernel.ipynb:f", form="conv2d", seed=1)
    support = Support(frozenset({"float32"}), {}, "conv2d")
    found = measure(run, spec, support, sources.of_target(f"{path}:f", tmp_path), pytest.fail)
    assert found is not None
    assert "notebook" in found.sentence
    assert not found.complete
