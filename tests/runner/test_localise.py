"""Lines that ran in wrong calls and not in right ones come first, and are named only where that tells something."""

from __future__ import annotations

from pathlib import Path

import pytest

from corrbench.analysis.causes import groups
from corrbench.case import Case
from corrbench.environment.sources import Source, of_target
from corrbench.render import source_view
from corrbench.result import Figures, Result, Run, Status
from corrbench.runner import coverage, localise
from corrbench.support import Support
from corrbench.target import Spec

TEXT = """
def f(x, s):
    y = x
    if s > 1:
        y = bent(x)
    return y if s < 9 else other(y)

def bent(x):
    return -x

def other(y):
    return y
"""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "kernel.py"
    path.write_text(TEXT)
    [found] = of_target(f"{path}:f", tmp_path)
    return found


def spectra(source: Source, *calls: set[int]) -> list[dict[str, set[tuple[int, int]]]]:
    return [{str(source.path): {(line, -1) for line in lines}} for lines in calls]


RIGHT, WRONG = {3, 4, 6}, {3, 4, 5, 6, 9}


def test_what_ran_in_wrong_calls_only_is_first(source: Source) -> None:
    found = localise.ranked([source], "f", spectra(source, WRONG, WRONG, WRONG), spectra(source, RIGHT, RIGHT, RIGHT))
    assert [(one.line, one.score) for one in found[:3]] == [(5, 1.0), (9, 1.0), (3, 0.7071)]
    assert [one.named for one in found] == [True, False, False, False, False]
    assert found[0].said == "ran in 3 of 3 wrong calls and in 0 of 3 right ones"


def test_where_all_lines_ran_alike_none_is_named(source: Source) -> None:
    found = localise.ranked([source], "f", spectra(source, RIGHT, RIGHT, RIGHT), spectra(source, RIGHT, RIGHT, RIGHT))
    assert not any(one.named for one in found)


def test_a_side_of_a_conditional_expression_counts_as_its_line(source: Source) -> None:
    line = TEXT.splitlines()[5]
    wrong = [{path: spots | {(6, line.index("other"))} for path, spots in call.items()}
             for call in spectra(source, *[RIGHT] * 3)]  # fmt: skip
    found = localise.ranked([source], "f", wrong, spectra(source, RIGHT, RIGHT, RIGHT))
    assert (found[0].line, found[0].score, found[0].named) == (6, 1.0, True)


def test_experiments_are_followed_and_their_line_is_told(source: Source) -> None:
    tried = {Case(x=(1, 2, 9, 9), w=(o, 2, 3, 3), stride=(s, 1)): s > 1 for o in (1, 2, 3) for s in (1, 2)}
    first = next(case for case, wrong in tried.items() if wrong)

    class Executor:
        def submit(self, _: object, asked: coverage.Follow) -> Executor:
            self.asked = asked
            return self

        def result(self) -> coverage.Answer:
            lines = [WRONG if case.stride[0] > 1 else RIGHT for case, _ in self.asked.calls]
            steps = [{str(source.path): [[0, line] for line in ran]} for ran in lines]
            return coverage.Answer(calls=[coverage.Followed(refused=False, arcs=arcs) for arcs in steps])

    told = {"kind": ["values"], "where": ["the stride of the rows is above 1"], "evidence": "e", "base": str(first),
            "check": "values.exact"}  # fmt: skip
    wrong = [Result(check="values.exact", case=first, status=Status.FAIL, message="m", numbers=Figures(array="y"))]
    run = Run(target="t", form="conv2d", seed=1, results=wrong, explained=[told])
    support = Support(frozenset({"float32"}), {}, "conv2d")
    localise.localise(run, Spec(target="kernel.py:f"), support, [source], Executor, [tried])  # type: ignore[arg-type]
    [group] = groups(run, run.findings)
    assert group.line == "look at kernel.py:5 first, which ran in 3 of 3 wrong calls and in 0 of 3 right ones"
    assert source_view.suspected(run).keys() == {(str(source.path), 5), (str(source.path), 9)}
