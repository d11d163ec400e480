"""Results survive JSON, and a run passes only where something passed and nothing was wrong or left open."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrbench.case import DTYPES, Case
from corrbench.result import DEATHS, FINDINGS, SCHEMA, Figures, Result, Run, Status

CASE = Case(x=(1, 1, 5, 6), w=(1, 1, 2, 3))
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text()
NUMBERS = st.dictionaries(st.text(), SCALARS | st.lists(SCALARS, max_size=3), max_size=4)


def results() -> st.SearchStrategy[Result]:
    return st.builds(
        Result,
        check=st.text(),
        case=st.builds(
            CASE.but, dtype=st.sampled_from(DTYPES), bias=st.booleans(), layout=st.sampled_from(["", "x:rows"])
        ),
        status=st.sampled_from(list(Status)),
        message=st.text(),
        resembles=st.text(),
        reproduce=st.text(),
        numbers=NUMBERS.map(Figures.from_json),
        seconds=st.floats(0, 1e6),
    )


def made(*statuses: Status, **rest: Any) -> Run:
    count = len(statuses)
    answers = [Result(check="values.exact", case=CASE.but(x=(i, 1, 5, 6)), status=s) for i, s in enumerate(statuses)]
    return Run(target="t", form="corr2d", seed=1, results=answers, **{"planned": count, "judged": count, **rest})


@given(results())
def test_a_result_survives_json(result: Result) -> None:
    assert Result.from_json(json.loads(json.dumps(result.to_json()))) == result


def test_what_is_empty_is_left_out() -> None:
    result = Result(check="values.exact", case=CASE, status=Status.PASS)
    assert result.to_json() == {"check": "values.exact", "case": str(CASE), "status": "pass"}
    assert result.family == "values"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"check": "a", "case": "b", "status": "pass"},
        {"check": "a", "case": str(CASE), "status": "good"},
        {"check": "a", "case": 3, "status": "pass"},
        {"check": "a", "case": str(CASE), "status": "pass", "colour": "red"},
    ],
)
def test_what_is_no_result_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, AttributeError)):
        Result.from_json(record)


def test_findings_are_what_counts_against_a_target() -> None:
    assert {Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.MEMORY} == FINDINGS
    assert FINDINGS - {Status.FAIL} == DEATHS
    assert [s for s in Status if Result(check="a.b", case=CASE, status=s).finding] == [
        s for s in Status if s in FINDINGS
    ]


@given(
    st.lists(st.sampled_from(list(Status)), max_size=6), st.integers(0, 3), st.sampled_from(["", "the budget of 1 s"])
)
def test_the_verdict(statuses: list[Status], missing: int, stopped: str) -> None:
    run = made(*statuses, planned=len(statuses) + missing, stopped=stopped)
    if run.verdict == "pass":
        assert not FINDINGS & set(statuses)
        assert Status.ERROR not in statuses
        assert Status.PASS in statuses or Status.KNOWN in statuses
        assert stopped or not missing
    assert (run.verdict == "fail") == bool(FINDINGS & set(statuses))
    assert run.counts == {s.value: statuses.count(s) for s in Status if s in statuses}
    assert [r.status for r in run.findings] == [s for s in statuses if s in FINDINGS]


@pytest.mark.parametrize("status", [s for s in Status if s not in (Status.PASS, Status.KNOWN)])
def test_where_nothing_passed_there_is_no_pass(status: Status) -> None:
    assert made().verdict == "error"
    assert made(status, status).verdict in ("error", "fail")


def test_what_was_not_judged_is_no_pass() -> None:
    assert made(Status.PASS).verdict == "pass"
    assert made(Status.PASS, planned=2).verdict == "error"
    assert made(Status.PASS, planned=2, stopped="12 deaths of the target's process").verdict == "error"
    assert made(Status.PASS, planned=2, stopped="the budget of 9 s", budgeted=True).verdict == "pass"
    assert made(Status.KNOWN).verdict == "error", "what is accepted is no pass"
    assert made(Status.KNOWN, Status.PASS).verdict == "pass"
    assert made(Status.PASS, problem="cannot be loaded").verdict == "error"
    assert made(Status.PASS, Status.ERROR).verdict == "error"
    assert made(Status.FAIL, Status.ERROR, problem="and more").verdict == "fail"


@given(st.lists(results(), max_size=4))
def test_a_run_is_strict_json(found: list[Result]) -> None:
    run = Run(target="t", form="corr2d", seed=3, results=found)
    text = json.dumps(run.to_json(), allow_nan=False)
    read = json.loads(text)
    assert read["schema"] == SCHEMA
    assert read["verdict"] == run.verdict
    assert read["counts"] == run.counts
    assert {"target", "seed", "environment", "results"} <= read.keys()
    assert [(r["check"], r["case"], r["status"]) for r in read["results"]] == [
        (r.check, str(r.case), r.status) for r in found
    ]


def test_a_null_is_no_figure() -> None:
    with pytest.raises(TypeError):
        Figures.from_json({"ratio": None})


def test_infinities_are_text_in_json() -> None:
    numbers = Figures(off=float("nan"), own={"allowed": [float("inf")]}, ratio=0.5)
    run = Run(
        target="t", form="", seed=0, results=[Result(check="a.b", case=CASE, status=Status.FAIL, numbers=numbers)]
    )
    assert run.to_json()["results"][0]["numbers"] == {"allowed": ["inf"], "off": "nan", "ratio": 0.5}
    assert numbers.ratio == 0.5
