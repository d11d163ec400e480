"""Findings with one cause stand together, with what they have in common."""

from __future__ import annotations

from dataclasses import asdict, replace

from corrbench.analysis import causes
from corrbench.analysis.predicates import describe
from corrbench.case import Case
from corrbench.result import Explained, Figures, Result, Run, Status

OTHERS = [Case(x=(1, 1, 9, n), w=(1, 1, 3, 3)) for n in range(10, 40)]
STRIDED = [case.but(stride=(2, 2), padding=(1, 1, 1, 1)) for case in OTHERS[:10]]


def finding(case: Case, pattern: str = "") -> Result:
    numbers = Figures(array="y", pattern=pattern)
    return Result(check="values.bound", case=case, status=Status.FAIL, message="wrong", numbers=numbers)


def passed(case: Case) -> Result:
    return Result(check="values.bound", case=case, status=Status.PASS)


def test_a_region_that_right_cases_share_in_part_is_told_as_such() -> None:
    bad, good = STRIDED[:8], [*STRIDED[8:], *OTHERS]
    run = Run(target="t", form="conv2d", seed=1, results=[*map(finding, bad), *map(passed, good)])
    [group] = causes.groups(run, run.findings)
    assert group.region == ""
    assert group.common.endswith("(all 8 such cases that were wrong; 2 of 32 right ones)")
    [few] = causes.groups(run, run.findings[:7])
    assert few.common == "", "seven cases may have it in common by chance"


def test_the_strictest_level_that_is_reached_counts() -> None:
    bad, good = STRIDED[:8], [*STRIDED[8:], *OTHERS]
    assert describe(bad, good) == ""
    assert describe(bad, good, (0.99, 0.9)) == describe(bad, good, (0.9,)) != ""


def test_another_cause_among_the_findings_is_parted_from_the_main_one() -> None:
    halves = [case.but(dtype="float16", bias=True) for case in OTHERS[:2]]
    run = Run(target="t", form="conv2d", seed=1, results=[*map(finding, STRIDED + halves), *map(passed, OTHERS)])
    main, other = causes.groups(run, run.findings)
    assert {member.case for member in main.members} == set(STRIDED)
    assert main.where.startswith("wrong where the stride")
    assert [member.case for member in other.members] == halves
    mixed = Run(
        target="t", form="conv2d", seed=1, results=[*map(finding, STRIDED[:5] + OTHERS[:5]), *map(passed, OTHERS[5:])]
    )
    assert len(causes.groups(mixed, mixed.findings)) == 1, "no property tells most of them"


def test_known_findings_are_told_apart_by_what_they_are_known_as() -> None:
    names = ["bias-half", "bias-half", "dilated", ""]
    known = [replace(finding(case), status=Status.KNOWN) for case in OTHERS[: len(names)]]
    for one, name in zip(known, names, strict=True):
        one.numbers.known = name or None
    run = Run(target="t", form="conv2d", seed=1, results=known)
    assert [[one.case for one in group.members] for group in causes.groups(run, known)] == [
        OTHERS[:2],
        OTHERS[2:3],
        OTHERS[3:4],
    ]


def test_errors_are_told_apart_by_their_first_words() -> None:
    said = ["the judge was lost 3 times", "the judge was lost 4 times", "MemoryError: cannot hold 12 GiB"]
    errors = [replace(finding(OTHERS[0]), status=Status.ERROR, message=text) for text in said]
    run = Run(target="t", form="conv2d", seed=1, results=errors)
    assert [len(group.members) for group in causes.groups(run, errors)] == [2, 1]


def test_what_is_wrong_with_the_parameters_of_a_layer_is_told_beside_wrong_values() -> None:
    told = Explained(kind=["values"], where=[], evidence="tried", base=str(OTHERS[0]), check="values.bound")
    said = Result(check="module.parameters", case=OTHERS[0], status=Status.FAIL, message="no weight")
    wrong = [finding(OTHERS[0]), said]
    run = Run(target="t", form="module", seed=1, results=wrong, explained=[asdict(told)])
    [group] = causes.groups(run, run.findings)
    assert group.smallest is wrong[0]
    assert "module.parameters: no weight" in group.remarks
    [alone] = causes.groups(run, [said])
    assert "module.parameters: no weight" not in alone.remarks
