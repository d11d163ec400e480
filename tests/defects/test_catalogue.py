"""Is every mutant wrong where it says, and right everywhere else?"""

from __future__ import annotations

import functools
import random
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
import torch

from corrbench.case import Case
from corrbench.checks import registry
from corrbench.defects import Mutant, absent, catalogue
from tests.support.defect_judge import JUDGES, UNIT, backward, call, forward, judge, load

ALL = catalogue()
torch.set_num_threads(1)  # the cases are small
WRONG = {"value", "gradient", "double", "jvp", "vmap", "raises", "silent", "special", "state", "memory", "contract",
         "module", "crash", "timeout", "appetite", "leftover", "relation", "use"}  # fmt: skip
CHECKS = {name.partition(".")[0] for name in registry()}


def wanted(*kinds: str) -> list[Any]:
    return [pytest.param(one, id=one.name) for one in ALL if one.kind in kinds and not absent(one)]


# ---- cases


def small_case(rng: random.Random, form: str) -> Case:
    """A random case: mostly small, now and then one long axis."""
    if form != "conv2d":
        kh, kw = rng.randint(1, 5), rng.randint(1, 5)
        if rng.random() < 0.3:
            kh = kw = rng.choice((1, 3))
        x = (1, 1, kh + rng.choice((0, 1, 3, 7, 12, 35)), kw + rng.choice((0, 2, 5, 8, 30, 70)))
        if rng.random() < 0.3:
            x = (1, 1, kh + x[3] - kw, x[3])
        return Case(x=x, w=(1, 1, kh, kw), dtype=rng.choice(("float32", "float32", "float64", "bfloat16")),
                    bias=form == "module" and rng.random() < 0.5)  # fmt: skip
    any_size = lambda most: (rng.randint(1, most), rng.randint(1, most))  # noqa: E731
    kh, kw = rng.choice(((1, 1), (3, 3), any_size(4), any_size(5)))
    groups = rng.choice((1, 1, 1, 2, 3))
    each, kernels = rng.choice((1, 2, 3, 4)), groups * rng.choice((1, 2, 3, 5))
    if groups == 1 and rng.random() < 0.2:
        each, kernels = rng.choice(((19, 3), (33, 2), (2, 21), (17, 40), (4, 4)))
    stride = rng.choice(((1, 1), (1, 1), (2, 2), (rng.randint(1, 4), rng.randint(1, 4))))
    dilation = rng.choice(((1, 1), (1, 1), (2, 2), (rng.randint(1, 3), rng.randint(1, 3))))
    padding: Any = rng.choice(((0,) * 4, (1,) * 4, (rng.randint(0, 4),) * 2 + (rng.randint(0, 3),) * 2))
    if stride == (1, 1) and rng.random() < 0.3:
        padding = rng.choice(("same", "valid"))
    height, width = (d * (k - 1) + 1 for d, k in zip(dilation, (kh, kw), strict=True))
    height, width = height + rng.choice((0, 1, 4, 7, 9)), width + rng.choice((0, 2, 3, 8, 10))
    x = (rng.choice((1, 2, 3, 3, 4)), each * groups, height, width)
    if rng.random() < 0.15:
        x = rng.choice(((19, *x[1:]), (*x[:2], 44, x[3]), (*x[:3], 81)))
    dtype = rng.choice(("float32",) * 5 + ("float64", "bfloat16", "float16", "int32"))
    return Case(x=x, w=(kernels, each, kh, kw), stride=stride, padding=padding, dilation=dilation, groups=groups,
                bias=rng.random() < 0.4, dtype=dtype)  # fmt: skip


@functools.cache
def pool(form: str, count: int) -> tuple[Case, ...]:
    rng = random.Random(f"{form} {count}")
    return tuple(small_case(rng, form) for _ in range(count))


def differentiable(mutant: Mutant, case: Case) -> Case:
    if mutant.wrong == "special":
        return case.but(dtype=case.dtype if case.dtype == "float64" else "float32")
    narrow = mutant.wrong == "gradient" and case.dtype in UNIT
    return case.but(dtype="float64") if mutant.wrong in ("gradient", "double", "jvp", "vmap") and not narrow else case


def outside_cases(mutant: Mutant, count: int) -> list[Case]:
    cases = (differentiable(mutant, case) for case in pool(mutant.form, 5 * count))
    cases = (case for case in cases if mutant.arrays == "torch" or case.dtype != "bfloat16")
    return [case for case in cases if mutant.right_on(case)][:count]


# ---- tests


def test_the_catalogue_is_whole() -> None:
    names = Counter(one.name for one in ALL)
    assert max(names.values()) == 1
    assert len([one for one in ALL if one.kind == "defect"]) >= 90
    assert len([one for one in ALL if one.kind == "honest"]) >= 15


def test_what_is_written_in_numpy_is_loaded_without_torch() -> None:
    """Else its machine code could not be examined in a minute. What is after reports may compare with torch."""
    modules = {one.target.partition(":")[0] for one in catalogue() if one.arrays == "numpy"
               and one.kind in ("honest", "trigger")}  # fmt: skip
    assert len(modules) >= 3
    text = f"import sys, {', '.join(sorted(modules))}; print({{'torch', 'scipy'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_unseen_are_after_reports_that_no_other_cites() -> None:
    unseen = [one for one in ALL if one.half == "unseen"]
    others = {report for one in ALL if one.half != "unseen" for report in one.cites}
    assert len(unseen) >= 35
    assert {one.half for one in ALL if ".reported_" in one.target} == {"seen", "unseen"}
    assert all(".reported_again_" in one.target and one.cites and others.isdisjoint(one.cites) for one in unseen)


@pytest.mark.parametrize("mutant", wanted("defect", "cheat", "honest"))
def test_every_entry_is_well_formed(mutant: Mutant) -> None:
    assert mutant.wrong in WRONG
    assert mutant.check in CHECKS
    assert callable(load(mutant))
    assert mutant.region
    for text in filter(None, (mutant.witness, mutant.near_miss)):
        assert str(Case.parse(text)) or mutant.name
        assert mutant.form == "conv2d" or Case.parse(text).single_channel
    if mutant.outside is not None and mutant.near_miss is not None:
        assert mutant.right_on(Case.parse(mutant.near_miss))
    if mutant.outside not in (None, "True") and mutant.witness is not None:
        assert not mutant.right_on(Case.parse(mutant.witness))
    if mutant.kind == "defect" and mutant.wrong in JUDGES:
        assert mutant.witness is not None


@pytest.mark.parametrize("mutant", [one for one in wanted("defect") if one.values[0].wrong in JUDGES])
def test_a_defect_is_wrong_on_its_witness(mutant: Mutant) -> None:
    case = Case.parse(mutant.witness or "")
    assert judge(mutant, case) is not None
    if mutant.wrong not in ("value", "contract", "raises"):
        assert forward(mutant, case, 1) is None, "wrong in the forward pass already"


@pytest.mark.parametrize("mutant", [one for one in wanted("defect") if one.values[0].near_miss])
def test_a_defect_is_right_just_outside(mutant: Mutant) -> None:
    assert mutant.wrong not in JUDGES or judge(mutant, Case.parse(mutant.near_miss or "")) is None


@pytest.mark.parametrize(
    "mutant", [one for one in wanted("defect") if one.values[0].outside and not one.values[0].half]
)
def test_a_defect_is_right_everywhere_else(mutant: Mutant) -> None:
    if mutant.wrong not in JUDGES:
        pytest.skip("not decided by the case")
    sweep(mutant, 40)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", [one for one in wanted("defect") if one.values[0].outside])
def test_a_defect_is_right_everywhere_else_at_length(mutant: Mutant) -> None:
    if mutant.wrong in JUDGES:
        sweep(mutant, 600)


def sweep(mutant: Mutant, count: int) -> None:
    cases = outside_cases(mutant, count)
    assert len(cases) >= count // 4
    for case in cases:
        try:
            said = judge(mutant, case)
        except NotImplementedError:
            continue
        assert said is None, f"{case}: {said}"


@pytest.mark.parametrize("mutant", wanted("honest"))
def test_an_honest_target_is_right(mutant: Mutant) -> None:
    judged = 0
    for case in pool(mutant.form, 400):
        if mutant.arrays == "numpy" and case.dtype == "bfloat16":
            continue
        try:
            said = forward(mutant, case, 1)
        except (NotImplementedError, TypeError) as error:
            if not any(word in str(error) for word in ("dtype", "groups", "stride", "padding", "dilation", "weight")):
                raise
            continue
        if said is None and mutant.arrays == "torch" and case.dtype in ("float32", "float64"):
            said = backward(mutant, case, 1)
        assert said is None, f"{case}: {said}"
        judged += 1
        if judged == 25:
            break
    assert judged >= 5


@pytest.mark.parametrize("mutant", wanted("honest"))
def test_an_honest_target_refuses_what_has_no_result(mutant: Mutant) -> None:
    x, w = torch.ones(1, 1, 3, 4), torch.ones(1, 1, 4, 5)
    case = Case(x=(1, 1, 9, 9), w=(1, 1, 4, 5))
    with pytest.raises((ValueError, RuntimeError, NotImplementedError)):
        call(mutant, case, x, w, None)
