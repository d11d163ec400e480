"""What is otherwise in a second run: findings by question, refusals, accuracy where both were right."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from corrbench.analysis.run_diff import Change, lost
from corrbench.case import Case
from corrbench.render import run_diff as render
from corrbench.result import Figures, Result, Run, Status

CASES = [Case(x=(1, 1, n, 9), w=(1, 1, 3, 3)) for n in range(5, 13)]


def passed(case: Case, bits: float = 22.0, ratio: float = 0.2, check: str = "values.bound") -> Result:
    numbers = Figures(array="y", tier="bound", bits=bits, ratio=ratio)
    return Result(check=check, case=case, status=Status.PASS, numbers=numbers)


def failed(case: Case, check: str = "values.bound") -> Result:
    return Result(check=check, case=case, status=Status.FAIL, message="wrong", reproduce=f"corrbench verify t {case}")


def run(results: list[Result]) -> Run:
    return Run(target="t", form="conv2d", seed=1, results=results, planned=len(results), judged=len(results))


def change(before: list[Result], after: list[Result]) -> Change:
    return Change(before=run(before), after=run(after))


RIGHT = [passed(case) for case in CASES]


def test_the_same_run_is_the_same() -> None:
    same = change(RIGHT, RIGHT)
    assert (same.verdict, same.new, same.fixed, same.refused, same.alone) == ("same", [], [], {}, ([], []))
    [shift] = same.shifts
    assert (shift.cases, shift.bits, shift.verdict) == (len(CASES), 0.0, "same")


def test_a_new_finding_is_worse_and_one_that_is_gone_is_better() -> None:
    broken = [failed(CASES[0]), *RIGHT[1:]]
    assert change(RIGHT, broken).verdict == "worse"
    assert change(RIGHT, broken).new == broken[:1]
    assert change(broken, RIGHT).verdict == "better"
    assert change(broken, RIGHT).fixed == broken[:1]
    assert change(broken, broken).verdict == "same"


def test_what_was_not_asked_again_is_not_fixed() -> None:
    broken = [failed(CASES[0]), *RIGHT[1:]]
    later = change(broken, RIGHT[1:])
    assert later.fixed == []
    assert later.alone == ([("values.bound", str(CASES[0]))], [])


@pytest.mark.parametrize("status", [Status.SKIPPED, Status.UNSUPPORTED, Status.ERROR, Status.KNOWN, Status.CRASH])
def test_what_is_not_judged_or_only_accepted_is_not_fixed(status: Status) -> None:
    broken = [failed(CASES[0]), *RIGHT[1:]]
    later = change(broken, [replace(broken[0], status=status), *RIGHT[1:]])
    assert (later.new, later.fixed) == ([], [])
    assert later.verdict == ("error" if status is Status.ERROR else "same")


def test_what_a_baseline_accepts_is_not_new_and_fixed_once_it_is_right() -> None:
    known = [replace(failed(CASES[0]), status=Status.KNOWN), *RIGHT[1:]]
    broken = [failed(CASES[0]), *RIGHT[1:]]
    assert (change(known, broken).new, change(known, broken).verdict) == ([], "same")
    assert (change(RIGHT, known).new, change(RIGHT, known).verdict) == ([], "same")
    assert change(known, RIGHT).fixed == known[:1]


def test_a_warning_in_place_of_a_finding_is_a_fix() -> None:
    broken = [failed(CASES[0]), *RIGHT[1:]]
    assert change(broken, [replace(broken[0], status=Status.WARN), *RIGHT[1:]]).fixed == broken[:1]


def test_of_several_answers_one_that_was_skipped_before_hides_no_fix() -> None:
    aside = replace(failed(CASES[0]), status=Status.SKIPPED)
    assert change([failed(CASES[0]), aside], [passed(CASES[0]), aside]).verdict == "better"
    assert change([failed(CASES[0]), passed(CASES[0])], [aside, passed(CASES[0])]).fixed == []


def test_a_search_is_one_question_wherever_it_ends() -> None:
    one, other = failed(CASES[0], "fuzz.search"), failed(CASES[1], "fuzz.search")
    same = change([one, *RIGHT], [other, *RIGHT])
    assert (same.new, same.fixed, same.alone) == ([], [], ([], []))


@pytest.mark.parametrize(("bits", "verdict"), [(21.0, "worse"), (21.6, "same"), (22.4, "same"), (23.0, "better")])
def test_half_a_bit_on_average_counts(bits: float, verdict: str) -> None:
    moved = change(RIGHT, [passed(case, bits, ratio=0.4) for case in CASES])
    [shift] = moved.shifts
    assert (shift.verdict, shift.before, shift.after) == (verdict, 0.2, 0.4)
    assert moved.verdict == verdict


def test_few_cases_prove_no_loss() -> None:
    assert change(RIGHT[:4], [passed(case, 10.0) for case in CASES[:4]]).verdict == "same"


def test_accuracy_is_told_by_check_and_element_type() -> None:
    double = [passed(case.but(dtype="float64"), 50.0) for case in CASES]
    worse = [replace(one, numbers=replace(one.numbers, bits=48.0)) for one in double]
    found = change(RIGHT + double, RIGHT + worse).shifts
    assert [(s.dtype, s.verdict) for s in found] == [("float64", "worse"), ("float32", "same")]


def test_the_gate_sees_what_a_comparison_of_runs_sees() -> None:
    """A loss in gradients is not thinned out by the many values that lost nothing."""
    values = [passed(case.but(stride=(n, n))) for case in CASES for n in range(2, 12)]
    before = [passed(case, check="gradients.first") for case in CASES]
    after = [passed(case, 20.5, check="gradients.first") for case in CASES]
    seen = change(values + before, values + after)
    assert seen.verdict == "worse"
    assert lost(seen.before.results, seen.after.results) == {"float32": 1.5}


def test_a_refusal_of_what_was_right_is_worse() -> None:
    refused = Result(check="values.bound", case=CASES[0], status=Status.UNSUPPORTED, message="no")
    worse = change(RIGHT, [refused, *RIGHT[1:]])
    assert worse.verdict == "worse"
    assert list(worse.refused.values()) == ["no"]


def test_a_later_run_that_was_not_judged_is_no_pass() -> None:
    assert change(RIGHT, []).verdict == "error"


@pytest.mark.parametrize("later", [RIGHT[4:], [failed(CASES[5])]])
def test_runs_that_share_no_question_are_not_compared(later: list[Result]) -> None:
    apart = change(RIGHT[:4], later)
    assert apart.verdict == "error"
    assert "nothing to compare" in render.write(apart)


def test_a_first_run_that_was_not_judged_is_nothing_to_compare_with() -> None:
    gone = Change(before=replace(run([]), problem="cannot be loaded: no such file"), after=run(RIGHT))
    assert gone.verdict == "error"
    assert "the earlier run: cannot be loaded" in render.write(gone)
    broken = replace(RIGHT[0], status=Status.ERROR)
    assert change([broken, *RIGHT[1:]], RIGHT).verdict == "error"
    assert "the earlier run was not judged to its end" in render.write(change([broken, *RIGHT[1:]], RIGHT))
    assert change([broken, *RIGHT[1:]], [RIGHT[0], failed(CASES[1]), *RIGHT[2:]]).verdict == "worse"


def test_it_is_told_in_markdown_and_json() -> None:
    broken = change(RIGHT, [failed(CASES[0]), *RIGHT[1:]])
    text = render.write(broken)
    assert text.startswith("# WORSE: t\n\n1 new findings, 0 fixed")
    assert broken.new[0].reproduce in text
    record = json.loads(json.dumps(broken.to_json(), allow_nan=False))
    assert record["verdict"] == "worse"
    assert [one["case"] for one in record["new"]] == [str(CASES[0])]


def test_one_wrong_function_under_another_seed_is_the_same() -> None:
    before = [failed(CASES[0]), *RIGHT[1:]]
    after = [RIGHT[0], failed(CASES[1]), *RIGHT[2:]]
    reseeded = Change(before=run(before), after=replace(run(after), seed=2))
    assert (reseeded.verdict, reseeded.new, reseeded.fixed) == ("same", [], [])
    assert reseeded.unveiled == [after[1]]
    assert change(before, after).verdict == "worse"


def test_another_cause_under_another_seed_is_worse_and_one_that_is_gone_is_better() -> None:
    before = [failed(CASES[0]), *RIGHT[1:]]
    other = [RIGHT[0], failed(CASES[1], check="contract.errors"), *RIGHT[2:]]
    reseeded = Change(before=run(before), after=replace(run(other), seed=2))
    assert (reseeded.verdict, reseeded.new, reseeded.fixed) == ("worse", [other[1]], [before[0]])
    assert Change(before=run(before), after=replace(run(RIGHT), seed=2)).verdict == "better"
