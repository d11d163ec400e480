"""Plans are the same for the same seed, ask only what the target takes, and lose nothing on the way into batches."""

from __future__ import annotations

import pickle
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrbench.case import DTYPES, Case
from corrbench.runner import plan
from corrbench.runner.plan import Job
from corrbench.support import BASES, Pace, Support, features
from corrbench.target import Spec

SPEC = Spec(target="t.py:f")
FULL = Support(frozenset({*features(BASES[0]), *DTYPES, "backward", "double", "jvp", "vmap"}), {}, "conv2d")
PLAIN = Support(frozenset({"float32", "float64"}), {}, "corr2d")
MODULE = Support(frozenset({"float32", "float64", "bias", "backward"}), {}, "module")


def jobs(support: Support = FULL, seed: int = 7, profile: str = "quick", only: str = "", case: str = "") -> list[Job]:
    return plan.jobs(plan.outline(SPEC, support, profile, seed), only, case)


@pytest.mark.parametrize("support", [FULL, PLAIN, MODULE], ids=["conv2d", "corr2d", "module"])
def test_a_plan_asks_each_job_once_and_only_what_is_taken(support: Support) -> None:
    todo = jobs(support)
    assert len({job.key for job in todo}) == len(todo) > 50
    assert all(support.all_of(job.case) for job in todo)
    assert {job.seed for job in todo} == {7}
    assert jobs(support) == todo


def test_the_seed_changes_hidden_cases_only() -> None:
    one, other = ({job.key for job in jobs(seed=seed, only="values.exact")} for seed in (7, 8))
    assert one != other
    narrow = [plan.jobs(plan.outline(SPEC, FULL, "quick", seed, ("handpicked",)), "values.exact") for seed in (7, 8)]
    assert [job.case for job in narrow[0]] == [job.case for job in narrow[1]]


def test_profiles_grow() -> None:
    quick, standard = (jobs(profile=name, only="values") for name in ("quick", "standard"))
    assert len(quick) < len(standard)


def test_large_cases_come_last_and_checks_take_turns() -> None:
    todo = jobs()
    heavy = [job.case.macs > plan.checks.LIGHT for job in todo]
    assert heavy == sorted(heavy)
    assert len({job.check for job in todo[:400]}) > 8
    assert {job.check for job in todo[:6]} == set(plan.FIRST)


def test_every_dtype_and_every_check_is_asked() -> None:
    todo = jobs()
    assert {job.case.dtype for job in todo} == set(DTYPES)
    unasked = plan.checks.registry().keys() - {job.check for job in todo}
    # of devices, later profiles, a source, arrays
    others = {"state.graph", "use.checkpoint", "source.cases", "source.calls", "memory.byte_order"}
    others |= {"gradients.gradcheck"}
    assert unasked == {name for name in plan.checks.registry() if name.startswith("module.")} | others
    assert {job.check for job in jobs(MODULE)} >= unasked - others


def test_gradcheck_is_asked_from_standard_on() -> None:
    assert [job.check for job in jobs(only="gradients.gradcheck", profile="standard")]


def test_what_loads_much_is_asked_by_one_judge_as_far_as_it_goes() -> None:
    light = [job for job in jobs() if job.case.macs <= plan.checks.LIGHT]
    places = [place for place, job in enumerate(light) if job.check == "campaign.case"]
    assert len(places) > 2
    assert places == list(range(places[0], places[-1] + 1))


def test_a_large_case_ends_its_batch() -> None:
    todo = [job for job in jobs() if job.case.macs > plan.checks.LIGHT]
    assert {len(batch.jobs) for batch in plan.batches(SPEC, FULL, todo)} == {1}


def test_one_case_is_asked_of_each_chosen_check() -> None:
    text = "w=1,1,2,3 x=1,1,5,6 dtype=float64 data=small"
    todo = jobs(only="values", case=text)
    assert {job.case for job in todo} == {Case.parse(text)}
    assert (
        {"values.bound", "values.exact"}
        <= {job.check for job in todo}
        <= plan.checks.registry().keys() - {"values.natural"}
    )
    assert [job.check for job in jobs(only="values.exact", case=text)] == ["values.exact"]


@pytest.mark.parametrize("name", ["value", "values.", "values.exac", "no.such", "values.exact.more"])
def test_an_unknown_check_is_refused_and_the_known_listed(name: str) -> None:
    with pytest.raises(ValueError, match="no check or family named") as caught:
        plan.select(name)
    assert "values.exact" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x=1,1,5,6 w=1,1,2,3 data=nothing", "no data named 'nothing'; there are: small"),
        ("x=1,1,5,6 w=1,1,2,3 layout=x:twisted", "no layout x:twisted"),
        ("x=1,1,5,6 w=1,1,2,3 layout=y:step", "no layout y:step"),
        ("x=1,1,5,6 w=1,1,2,3 layout=step", "no layout step:"),
        ("nonsense", "'nonsense' is not one of"),
    ],
)
def test_an_impossible_case_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^case|^no ") as caught:
        jobs(case=text)
    assert said in str(caught.value)


def test_all_layouts_that_checks_plan_are_known() -> None:
    for support in (FULL, PLAIN):
        for job in jobs(support, profile="standard", only="memory.views"):
            assert plan.known(str(job.case)) == job.case


@given(st.integers(0, 400), st.integers(4, 30))
def test_batches_lose_nothing(count: int, size: int) -> None:
    todo = [Job(check="values.exact", case=BASES[i % 4], seed=i) for i in range(count)]
    batches = list(plan.batches(SPEC, PLAIN, todo, size))
    assert [job for batch in batches for job in batch.jobs] == todo
    assert all(0 < len(batch.jobs) <= size for batch in batches)


def test_a_batch_crosses_processes() -> None:
    batch = next(plan.batches(SPEC, PLAIN, jobs(PLAIN, only="values.exact")))
    assert pickle.loads(pickle.dumps(batch)) == batch
    assert len({job.key for job in batch.jobs}) == len(batch.jobs)


def test_every_element_type_has_its_place() -> None:
    assert sorted(plan.ORDER) == sorted(DTYPES)


def test_planning_does_not_touch_the_global_generator() -> None:
    random.seed(3)
    expected = random.Random(3).random()
    jobs(only="values.exact")
    assert random.random() == expected


def test_a_case_that_the_form_cannot_express_is_refused_with_the_part_that_it_can() -> None:
    with pytest.raises(ValueError, match=r"no bias; ask --case 'x=1,1,10,11 w=1,1,3,2 "):
        jobs(PLAIN, case="x=2,3,8,9 w=4,3,3,2 padding=1 bias")
    with pytest.raises(ValueError, match="the form module cannot express"):
        jobs(MODULE, case="x=0,3,8,9 w=4,3,3,2")
    assert {str(job.case) for job in jobs(PLAIN, case="x=1,1,8,9 w=1,1,3,2")} == {
        "x=1,1,8,9 w=1,1,3,2 dtype=float32 data=unit"
    }
    assert jobs(MODULE, case="x=1,1,8,9 w=1,1,3,2 bias") != jobs(MODULE, case="x=1,1,8,9 w=1,1,3,2")


def test_one_case_is_asked_by_every_check_that_has_something_to_ask_of_such_a_target() -> None:
    case = "x=1,1,5,6 w=1,1,2,3 dtype=float32 data=unit"
    asked = {job.check for job in jobs(PLAIN, case=case)}
    assert {"values.bound", "contract.result"} <= asked
    assert not {check for check in asked if check.startswith(("gradients", "module"))}
    assert {job.check for job in jobs(PLAIN, case=case, only="gradients.first")} == {"gradients.first"}
    assert "gradients.first" in {job.check for job in jobs(FULL, case=case)}


LOOPS = Pace(element=1e-5, product=1e-6, backward=1e-4)


@pytest.mark.parametrize("text", ["x=4,6,40,37 w=8,3,3,2 stride=2,3 padding=1,2 dilation=1,2 groups=2 bias",
                                  "x=1,1,60,50 w=1,1,5,5", "x=9,12,9,9 w=12,1,3,3 groups=12 padding=same"])  # fmt: skip
def test_a_case_for_a_slow_target_keeps_its_features_and_costs_less(text: str) -> None:
    case, support = Case.parse(f"{text} data=small"), replace(FULL, pace=LOOPS)
    made = plan.smaller(case, support)
    assert (made.stride, made.padding, made.dilation, made.bias) == (
        case.stride,
        case.padding,
        case.dilation,
        case.bias,
    )
    assert made.w[2:] == case.w[2:]
    assert (made.groups > 1) == (case.groups > 1)
    assert LOOPS.seconds(made, backward=True) < LOOPS.seconds(case, backward=True) / 4
    assert plan.smaller(made.but(x=made.x), replace(FULL, pace=Pace())) == made


def test_a_slow_target_is_asked_what_it_can_answer_in_time() -> None:
    support = replace(FULL, pace=LOOPS)
    todo = plan.jobs(plan.outline(SPEC, support, "quick", 3))
    costs = [plan.calls_of(job.check) * LOOPS.seconds(job.case, backward=job.check.startswith("grad")) for job in todo]
    assert sum(costs) < 2 * plan.PATIENCE[0]
    assert {job.check for job in todo} >= set(plan.FIRST)
    assert len(todo) > 1000
