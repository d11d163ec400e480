"""The causes of a run's findings are followed, told apart, and told once; nothing is asked of a right target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from corrbench.analysis import causes
from corrbench.case import Case
from corrbench.defects import holds
from corrbench.result import Figures, Result, Run, Status
from corrbench.runner import explain, plan
from corrbench.suites import handpicked, pairwise
from corrbench.support import FEATURES, Support
from corrbench.target import Spec

SUPPORT = Support(frozenset({"float32", "float64", *FEATURES}), {}, "conv2d")
SPEC = Spec(target="a.py:f")
CASES = [
    case.but(data="small", dtype="float32", layout="")
    for case in (*handpicked.cases(0, 0), *pairwise.cases(0, 0))
    if case.macs < 1e5 and case.x[0]
]


def results(check: str, case: Case, region: str, array: str = "y") -> list[Result]:
    if not holds(region, case):
        return [Result(check=check, case=case, status=Status.PASS)]
    numbers = Figures(array=array, pattern="only the last row")
    return [Result(check=check, case=case, status=Status.FAIL, message="m", numbers=numbers, resembles="a story")]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[plan.Job]:
    """What was asked of a target that is wrong in the region that is its name."""
    asked: list[plan.Job] = []

    def execute(batches: Iterator[plan.Batch], *_: Any) -> Iterator[Any]:
        for batch in batches:
            asked.extend(batch.jobs)
            array = {"gradients.first": "gx"}
            yield [(j, results(j.check, j.case, batch.spec.name, array.get(j.check, "y"))) for j in batch.jobs]

    monkeypatch.setattr(explain, "execute", execute)
    return asked


def run(region: str, *more: Result) -> Run:
    made = [one for case in CASES for one in results("values.exact", case, region)]
    return Run(target="t", form="conv2d", seed=1, results=[*made, *more])


def explained(made: Run, region: str) -> list[causes.Group]:
    explain.explain(made, replace(SPEC, name=region), SUPPORT, lambda lost=None: None, seconds=1e6)  # type: ignore[arg-type, return-value]
    return causes.groups(made, made.findings)


def test_a_cause_is_told_with_its_evidence(judged: list[plan.Job]) -> None:
    [group] = explained(run("sh > 1"), "sh > 1")
    assert group.where.startswith("wrong where the stride of the rows is above 1 (fails for all ")
    assert "passes for all " in group.where
    assert group.remarks[1:] == ["looks as if a story", "mostly only the last row"]
    assert 100 < len(judged) < 400


def test_two_causes_are_told_apart(judged: list[plan.Job]) -> None:
    groups = explained(run("bias or dw > 1"), "bias or dw > 1")
    assert {group.where.partition(" (")[0] for group in groups} == {
        "wrong where there is a bias",
        "wrong where the dilation of the columns is above 1",
    }


def test_what_follows_from_wrong_values_is_told_with_them(judged: list[plan.Job]) -> None:
    strided = next(case for case in CASES if case.stride[0] > 1)
    other = next(case for case in CASES if case.stride[0] == 1)
    gradient = Result(check="gradients.first", case=strided, status=Status.FAIL, numbers=Figures(array="gx"))
    law = Result(
        check="relations.laws", case=other, status=Status.FAIL, message="linearity: broken",
        reproduce="corrbench verify t --check relations.laws --case x --seed 1",
    )  # fmt: skip
    [group] = explained(run("sh > 1", gradient, law), "sh > 1")
    assert {gradient.check, law.check} < set(group.checks)
    assert group.smallest.check == "values.exact"


def test_a_gradient_that_is_wrong_elsewhere_is_a_cause_of_its_own(judged: list[plan.Job]) -> None:
    plain = [case for case in CASES if case.stride[0] == 1]
    wrong = [Result(check="gradients.first", case=case, status=Status.FAIL, numbers=Figures(array="gw"))
             for case in plain[:2]]  # fmt: skip
    first, second = explained(run("sh > 1", *wrong), "sh > 1")
    assert first.cause == ("values",)
    assert {one.case for one in second.members} == set(plain[:2])


def test_nothing_is_asked_of_a_right_target(judged: list[plan.Job]) -> None:
    made = run("False")
    assert explained(made, "False") == []
    assert judged == []
    assert made.explained == []


def test_what_was_told_comes_back_from_the_file(judged: list[plan.Job]) -> None:
    made = run("sh > 1")
    before = [group.where for group in explained(made, "sh > 1")]
    again = Run.from_json(made.to_json())
    assert [group.where for group in causes.groups(again, again.findings)] == before


def test_the_smallest_case_is_none_of_nothing(judged: list[plan.Job]) -> None:
    empty = Case.parse("x=0,1,5,5 w=1,1,3,3 stride=2 dtype=float32 data=small")
    found = Result(check="values.exact", case=empty, status=Status.FAIL, numbers=Figures(array="y"))
    [group] = explained(run("sh > 1", found), "sh > 1")
    assert group.smallest.case.x[0] > 0
