"""Do experiments find the region that a fault was planted in, and say nothing where there is none?"""

from __future__ import annotations

import itertools

import pytest

from corrbench.analysis import designs
from corrbench.analysis.experiments import Known, evidence, investigate
from corrbench.analysis.quantities import Rule, mirrored, predicate
from corrbench.analysis.rules import Table, learn, roundest
from corrbench.case import Case
from corrbench.defects import holds
from corrbench.suites import handpicked, pairwise

CASES = [case.but(data="small") for case in (*handpicked.cases(0, 0), *pairwise.cases(0, 0))]
LIGHT = [case for case in CASES if case.macs < 1e5 and case.x[0]]


def told(expression: str, first: str = "", cases: list[Case] = LIGHT) -> Rule | None:
    """The rule that experiments find where a target is wrong on just the cases of an expression."""
    wrong = sorted((case for case in cases if holds(expression, case)), key=lambda case: case.macs)
    right = [case for case in cases if not holds(expression, case)]
    if first:
        wrong.sort(key=lambda case: not holds(first, case))
    known = Known(wrong=wrong, right=right, dtypes=["float32", "float64", "int32"], views=[], takes=lambda case: True)
    clock = itertools.count()
    found = investigate(known, lambda asked: [holds(expression, case) for case in asked], 1, lambda: next(clock), 1e6)
    return None if found is None else found[0]


@pytest.mark.parametrize(
    "expression",
    [
        "sh > 1",
        "cols > 16",
        "dh != dw and kh > 1",
        "(kh, kw, sh, sw) == (3, 3, 1, 1) and I >= 4 and groups == 1",
        "groups > 1 and I == 1 and O % 4 == 2",
        "sw > 1 and (W + left + right - dw*(kw-1) - 1) % sw > 0",
    ],
)
def test_a_region_is_found(expression: str) -> None:
    rule = told(expression)
    assert rule is not None
    assert [case for case in LIGHT if rule.holds(case) != holds(expression, case)] == [], rule.text


def test_of_two_causes_the_one_that_the_first_case_shows_is_told() -> None:
    rule = told("bias or kh % 2 == 0", first="bias and kh % 2 == 1")
    assert rule == Rule(("there is a bias",), rule.cost if rule else 0)


def test_what_is_wrong_everywhere_has_no_property() -> None:
    rule = told("True")
    assert rule is not None
    assert rule.clauses == ()


def test_what_is_not_seen_again_is_not_explained() -> None:
    known = Known(wrong=LIGHT[:3], right=LIGHT[3:], dtypes=["float32"], views=[], takes=lambda case: True)
    assert investigate(known, lambda asked: [False for _ in asked], 1, lambda: 0.0, 1.0) is None


def test_the_same_seed_tells_the_same() -> None:
    assert told("O > 3 and sw == 2") == told("O > 3 and sw == 2")


def test_a_right_case_by_chance_does_not_change_the_rule() -> None:
    wrong = [case for case in LIGHT if case.stride[0] > 1]
    right = dict.fromkeys((case for case in LIGHT if case.stride[0] == 1), 1.0)
    lucky = wrong.pop()
    [rule] = learn(Table(LIGHT), wrong[0], wrong[1:], right | {lucky: 0.3})
    assert rule.clauses == ("the stride of the rows is above 1",)


def test_factors_are_those_of_the_case() -> None:
    for case in LIGHT:
        assert designs.case(designs.factors(case)) == case


def test_one_factor_is_changed_at_a_time() -> None:
    base = designs.case(designs.NEUTRAL | {"data": "full"})
    assert base is not None
    made = list(designs.alone(base, ["float64"], ["x:transposed"]))
    assert {case.dtype for case in made} == {"float32", "float64"}
    assert any(case.layout == "x:transposed" for case in made)
    assert all(designs.distance(designs.factors(base), case) <= 8 for case in made)


@pytest.mark.parametrize(
    ("clause", "yes", "no"),
    [
        ("the batch is above 2", "x=3,1,5,5 w=1,1,3,3", "x=2,1,5,5 w=1,1,3,3"),
        ("the kernel's height is odd", "x=1,1,5,5 w=1,1,3,2", "x=1,1,5,5 w=1,1,2,3"),
        ("the number of rows leaves 2 when divided by 4", "x=1,1,4,5 w=1,1,3,3", "x=1,1,5,5 w=1,1,3,3"),
        ("the kernel is laid out step", "x=1,1,5,5 w=1,1,3,3 layout=w:step", "x=1,1,5,5 w=1,1,3,3 layout=x:step"),
        ("the input is a view", "x=1,1,5,5 w=1,1,3,3 layout=x:step", "x=1,1,5,5 w=1,1,3,3"),
        ("the dtype is not float32", "x=1,1,5,5 w=1,1,3,3 dtype=int8", "x=1,1,5,5 w=1,1,3,3"),
        ("the output is not square", "x=1,1,5,6 w=1,1,3,3", "x=1,1,5,5 w=1,1,3,3"),
        ("there is padding", "x=1,1,5,6 w=1,1,3,3 padding=1", "x=1,1,5,5 w=1,1,3,3"),
    ],
)
def test_a_clause_is_read_back(clause: str, yes: str, no: str) -> None:
    has = predicate(clause)
    assert has is not None
    assert has(Case.parse(yes))
    assert not has(Case.parse(no))


def test_what_is_no_clause() -> None:
    assert predicate("the weather is above 3") is None
    assert predicate("nonsense") is None


def test_limits_are_round() -> None:
    assert [roundest(3, 4), roundest(50, 80), roundest(17, 23), roundest(1, 9)] == [3, 64, 20, 1]


def test_evidence_leaves_out_what_another_cause_spoils() -> None:
    first, other = Rule(("there is a bias",)), Rule(("the batch is above 1",))
    texts = {"x=1,1,5,5 w=1,1,3,3 bias": True, "x=2,1,5,5 w=1,1,3,3": True, "x=1,1,5,5 w=1,1,3,3": False}
    tried = {Case.parse(text): wrong for text, wrong in texts.items()}
    assert evidence(first, tried) == "fails for all 1 such cases tried, passes for 1 of 2 others"
    assert evidence(first, tried, [other]) == "fails for all 1 such cases tried, passes for all 1 others"


def test_clauses_of_which_one_holds_are_read_back() -> None:
    either = predicate("the dtype is int8 or the dtype is uint8")
    assert either is not None
    assert [either(LIGHT[0].but(dtype=dtype)) for dtype in ("int8", "uint8", "int16")] == [True, True, False]
    assert predicate("the dtype is int8 or the moon is full") is None
    mirror = mirrored("the padding above exceeds the input's height")
    assert mirror == "the padding at the left exceeds the input's width"
    assert predicate(mirror) is not None
    assert mirrored("the stride of the rows is above 1") == "the stride of the columns is above 1"


def test_two_element_types_are_one_clause() -> None:
    cases = {dtype: LIGHT[0].but(dtype=dtype) for dtype in ("float32", "float64", "int8", "uint8", "int16")}
    base, other = cases.pop("int8"), cases.pop("uint8")
    right = dict.fromkeys(cases.values(), 1.0)
    [rule] = learn(Table([base, other, *right]), base, [other], right)
    assert rule.text == "the dtype is int8 or the dtype is uint8"
