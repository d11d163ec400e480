"""Are recorded findings accepted, new ones and lost accuracy not, and fixed ones told?"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from corrbench.analysis import baseline
from corrbench.analysis.baseline import ENOUGH, BadBaseline, Baseline, record
from corrbench.case import Case
from corrbench.result import Explained, Figures, Result, Run, Status
from corrbench.runner import session
from corrbench.target import find

CASE = Case(x=(1, 1, 5, 6), w=(1, 1, 2, 3))


def result(status: Status, dtype: str = "float32", ratio: float = 0.1) -> Result:
    numbers = Figures(tier="bound", ratio=ratio, array="y")
    return Result(check="values.bound", case=CASE.but(dtype=dtype), status=status, message="off", numbers=numbers)


def run(*results: Result) -> Run:
    return Run(target="t", form="corr2d", seed=1, results=list(results))


def load(tmp_path: Path, text: str) -> Baseline:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    return Baseline.load(path)


def test_what_was_recorded_is_known_and_what_was_not_is_found(tmp_path: Path) -> None:
    baseline = load(tmp_path, record(run(result(Status.FAIL, "bfloat16"), result(Status.PASS)), "rounds twice"))
    again = run(result(Status.FAIL, "bfloat16"), result(Status.PASS), result(Status.FAIL, "float64"))
    baseline.apply(again)
    assert [r.status for r in again.results] == [Status.KNOWN, Status.PASS, Status.FAIL]
    assert "rounds twice" in again.results[0].message
    assert not again.fixed


def test_a_finding_that_is_gone_is_told_as_fixed(tmp_path: Path) -> None:
    baseline = load(tmp_path, record(run(result(Status.FAIL)), "why"))
    better = run(result(Status.PASS))
    baseline.apply(better)
    assert [entry["check"] for entry in better.fixed] == ["values.bound"]
    unasked = run(result(Status.PASS, "float64"))
    baseline.apply(unasked)
    assert not unasked.fixed


def test_a_crash_is_not_covered_by_a_known_failure(tmp_path: Path) -> None:
    worse = run(result(Status.CRASH))
    load(tmp_path, record(run(result(Status.FAIL)), "why")).apply(worse)
    assert worse.findings


def test_another_fault_on_the_same_cases_is_not_covered(tmp_path: Path) -> None:
    raises = Result(check="values.bound", case=CASE, status=Status.FAIL, message="raised", numbers=Figures(raised="E"))
    worse = run(result(Status.FAIL))
    load(tmp_path, record(run(raises), "why")).apply(worse)
    assert worse.findings


def test_another_target_has_its_own_baseline(tmp_path: Path) -> None:
    baseline = load(tmp_path, record(run(result(Status.FAIL)), "why"))
    other = run(result(Status.FAIL))
    other.target = "another"
    with pytest.raises(BadBaseline, match=r"recorded for t, not for another: .*--record-baseline"):
        baseline.apply(other)


def test_another_check_that_meets_a_cause_which_experiments_told_is_known(tmp_path: Path) -> None:
    told = Explained(kind=["values"], where=["the dtype is float32"], evidence="tried", base=str(CASE), check="values")
    recorded = run(result(Status.FAIL))
    recorded.explained = [asdict(told)]
    baseline = load(tmp_path, record(recorded, "why"))
    numbers = Figures(array="y")
    other = Result(check="values.exact", case=CASE, status=Status.FAIL, message="off", numbers=numbers)
    elsewhere = replace(other, case=CASE.but(dtype="float64"))
    crash = replace(other, status=Status.CRASH)
    again = run(replace(other), elsewhere, crash)
    baseline.apply(again)
    assert [r.status for r in again.results] == [Status.KNOWN, Status.FAIL, Status.CRASH]
    assert not again.fixed
    mended = run(replace(other, status=Status.PASS))
    baseline.apply(mended)
    assert [entry["told"] for entry in mended.fixed] == [("values",)]
    unasked = run(replace(other, status=Status.PASS, check="contract.docs"))
    baseline.apply(unasked)
    assert not unasked.fixed


def test_what_no_property_tells_is_known_by_how_it_reads(tmp_path: Path) -> None:
    def said(message: str, size: int) -> Result:
        case = Case(x=(1, 1, size, 6), w=(1, 1, 2, 3))
        return Result(check="contract.result", case=case, status=Status.FAIL, message=message)

    baseline = load(tmp_path, record(run(said("y has dtype float64, not float32", 5)), "why"))
    assert not baseline.known[0].where
    again = run(said("y has dtype float16, not float64", 7), said("y has shape [1], not [2]", 7), result(Status.FAIL))
    baseline.apply(again)
    assert [r.status for r in again.results] == [Status.KNOWN, Status.FAIL, Status.FAIL]


def test_other_data_may_be_less_accurate_by_chance(tmp_path: Path) -> None:
    baseline = load(tmp_path, record(run(result(Status.PASS, ratio=0.1)), "why"))
    few, near, far = run(result(Status.PASS, ratio=0.9)), run(), run()
    near.results = [result(Status.PASS, ratio=0.39) for _ in range(ENOUGH)]
    far.results = [result(Status.PASS, ratio=0.41) for _ in range(ENOUGH)]
    for one, found in ((few, 0), (near, 0), (far, 1)):
        one.seed = 2
        baseline.apply(one)
        assert len(one.findings) == found


def test_lost_accuracy_is_a_finding(tmp_path: Path) -> None:
    baseline = load(tmp_path, record(run(result(Status.PASS, ratio=0.1)), "why"))
    same, worse = run(result(Status.PASS, ratio=0.19)), run(result(Status.PASS, ratio=0.21))
    baseline.apply(same)
    baseline.apply(worse)
    assert not same.findings
    assert "less accurate than recorded" in worse.findings[0].message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("{}", "does not say schema"),
        ('{"schema": "corrbench-baseline/1", "known": [{"check": "*", "reason": " "}]}', "needs a reason"),
        ('{"schema": "corrbench-baseline/1", "known": [{"check": "*", "reason": "r", "where": ["x"]}]}', "no property"),
        ('{"schema": "corrbench-baseline/1", "known": [{"chekc": "*", "reason": "r"}]}', "entry 1"),
    ],
)
def test_a_file_that_is_not_understood_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadBaseline, match=said):
        load(tmp_path, text)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadBaseline, match="cannot read"):
        Baseline.load(tmp_path / "absent.json")


RECORDED = sorted(Path(__file__).parents[2].glob("corrbench/baselines/*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.name)
def test_ours_are_understood_and_give_reasons(path: Path) -> None:
    assert Baseline.load(path).known
    assert json.loads(path.read_text())["target"]


def of_torch(version: str, device: str = "cpu") -> Run:
    """A run of torch with a finding that is known of it."""
    case = Case.parse("x=1,1,5,6 w=1,1,2,3 dtype=float16 data=small")
    found = Result(check="gradients.first", case=case, status=Status.FAIL, message="gx", numbers=Figures(array="gx"))
    return Run(target="torch", form="conv2d", seed=1, results=[found], planned=1, judged=1, device=device,
               environment={"target version": version})  # fmt: skip


@pytest.mark.parametrize(
    ("version", "device", "known"),
    [
        ("2.13.0+cpu", "cpu", True),
        ("2.13.0", "cpu", True),
        ("2.6.0+cpu", "cpu", False),
        ("2.13.0+cu130", "cuda:0", False),
    ],
)
def test_what_is_shipped_is_applied_to_the_release_and_device_that_it_is_of(
    version: str, device: str, *, known: bool
) -> None:
    run = of_torch(version, device)
    session.accept(None, find("torch"), run)
    assert (run.counts == {"known": 1}) == known
    assert bool(run.notes) != known, "another one is told"
    without = of_torch(version, device)
    session.accept(Baseline(), find("torch"), without)  # --no-baseline
    assert without.counts == {"fail": 1}
    own = of_torch(version, device)
    session.accept(None, find("ops.py:corr2d"), own)
    assert own.counts == {"fail": 1}, "only registered targets have one"


def test_all_that_is_shipped_says_of_which_release_it_is() -> None:
    files = sorted(baseline.SHIPPED.glob("*.json"))
    assert files
    for file in files:
        found = baseline.shipped(file.stem)
        assert found is not None
        assert (found.target, found.device, bool(found.version)) == (file.stem, find(file.stem).device, True), file
