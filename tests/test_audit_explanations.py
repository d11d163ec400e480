"""Is the measure of explanations itself right?"""

from __future__ import annotations

import pytest

from corrbench.audit_explanations import Explanations, Told, f1, half, planted, score
from corrbench.case import Case
from corrbench.defects import catalogue, holds
from corrbench.defects._composed import BENT, PLACES, REGIONS, SEPARATOR, combinations
from corrbench.defects._faulty_lines import faulty_lines
from corrbench.numerics.diagnose import pattern
from corrbench.render import explanations
from corrbench.result import Explained, Figures, Result, Run, Status

CASES = [
    Case(x=(n, 2, 6, 7), w=(3, 2, 3, 2), stride=(s, 1), bias=b)
    for n in (1, 2, 3)
    for s in (1, 2)
    for b in (False, True)
]


def run(*where: str) -> Run:
    """A run that told these causes."""
    told = [
        {"kind": ["values"], "where": [clause], "evidence": "", "base": "", "check": "values.exact"} for clause in where
    ]
    assert all(Explained(**one) for one in told)
    wrong = [Result(check="values.exact", case=case, status=Status.FAIL, numbers=Figures(array="y")) for case in CASES]
    return Run(target="t", form="conv2d", seed=1, results=wrong, explained=told)


@pytest.mark.parametrize(
    ("told", "true", "want"),
    [
        ([1, 1, 0, 0], [1, 1, 0, 0], 1.0), ([1, 1, 1, 1], [1, 0, 0, 0], 0.4), ([0], [1], 0.0), ([0], [0], 1.0),
    ],
)  # fmt: skip
def test_f1(told: list[bool], true: list[bool], want: float) -> None:
    assert f1(told, true) == pytest.approx(want)


def test_a_headline_is_compared_with_the_region() -> None:
    right = score(Told(name="a", half="tuned", planted=["sh > 1"]), run("the stride of the rows is above 1"), CASES)
    assert (right.scores, right.wrong, right.silent) == ([1.0], 6, False)
    wrong = score(Told(name="b", half="tuned", planted=["N > 2"]), run("the stride of the rows is above 1"), CASES)
    assert wrong.scores[0] < 0.5
    nothing = score(Told(name="c", half="tuned", planted=["N > 2"]), Run(target="t", form="conv2d", seed=1), CASES)
    assert nothing.silent
    made = Explanations(seed=1, told=[right, wrong, nothing])
    assert made.shares("tuned")["F1 at least 0.9"] == 0.5, "what was not found is not counted"
    assert made.shares("tuned")["misleading, F1 below 0.5"] == 0.5
    assert "| `b` |" in explanations.markdown(made)


def test_of_several_faults_each_is_looked_for_where_no_other_shows() -> None:
    both = run("there is a bias", "the stride of the rows is above 1")
    found = score(Told(name="a", half="composed", planted=["sh > 1", "bias"]), both, CASES)
    assert found.scores == [1.0, 1.0]
    one = score(Told(name="b", half="composed", planted=["sh > 1", "bias"]), run("there is a bias"), CASES)
    assert one.scores == [0.0, 1.0]
    assert Explanations(seed=1, told=[found, one]).apart == (1, 2)


def test_every_defect_with_a_region_is_planted_once() -> None:
    everything = planted()
    assert len({one.name for one in everything}) == len(everything) > 200
    assert {one.half for one in everything} == {"tuned", "unseen", "composed"}
    assert all(half(one) == {"seen": "tuned", "unseen": "unseen"}[one.half] for one in catalogue() if one.half)
    assert len(planted(2)) == 6


def test_combinations_are_of_different_faults() -> None:
    names = combinations(1, 40, 20)
    assert len(set(names)) == 60
    assert all(len(set(name.split(SEPARATOR))) in (2, 3) for name in names)
    assert BENT.keys() == REGIONS.keys()


@pytest.mark.parametrize("fault", sorted(REGIONS))
def test_a_composed_fault_shows_in_its_region_only(fault: str) -> None:
    import torch

    from corrbench.defects import _composed

    texts = [
        "x=3,12,20,40 w=9,12,4,3 stride=2 dilation=2 bias", "x=3,4,6,6 w=8,1,2,2 groups=4 dilation=2 padding=1",
        "x=1,1,7,8 w=1,1,1,1 dtype=float64", "x=1,2,7,8 w=2,2,3,3 dtype=float16", "x=1,2,9,9 w=2,2,3,3",
        "x=1,2,9,9 w=2,2,3,2", "x=1,2,16,9 w=2,2,3,3",
    ]  # fmt: skip
    shown = set()
    for case in map(Case.parse, texts):
        torch.manual_seed(0)
        dtype = getattr(torch, case.dtype)
        x, w = torch.randn(case.x).to(dtype), torch.randn(case.w).to(dtype)
        b = torch.randn(case.w[0]).to(dtype) if case.bias else None
        args = (x, w, b, case.stride, case.sides[0::2], case.dilation, case.groups)
        right = torch.nn.functional.conv2d(*args)
        alike = torch.allclose(getattr(_composed, fault)(*args), right, atol=1e-2 if case.dtype == "float16" else 1e-4)
        assert alike != holds(REGIONS[fault], case)
        if fault in PLACES and not alike and min(right.shape[2:]) > 1 and right.shape[0] > 3:
            wrong = (getattr(_composed, fault)(*args) != right).numpy()
            assert pattern(wrong) == PLACES[fault]
        shown.add(alike)
    assert shown == {True, False}


@pytest.mark.parametrize(
    ("body", "faulty"),
    [
        (["y = c.y()", "if c.sh == 1:", "    return y", "z = c.w * 2", "return c.but(w=z).y()"], {5, 6}),
        (["return c.y() if c.N < 2 else -c.y()"], {2}),
        (["y = c.y()", "if c.N > 2:", "    y = bent(y)", "return y"], {4, 8}),
        (["y = -c.y()", "return y"], {2, 3}),
        (["y = c.y()", "return y if c.N < 2 else bent(y)"], {3, 6}),
    ],
)
def test_faulty_lines_are_those_on_no_way_to_the_right_answer(body: list[str], faulty: set[int]) -> None:
    text = "\n".join(["def f(c):", *(f"    {line}" for line in body), "", "def bent(y):", "    return y * 2"])
    assert faulty_lines(text, "f").faulty == faulty
