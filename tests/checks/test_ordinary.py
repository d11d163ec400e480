"""Is what people do asked for: modes, objects, threads, data, sizes, scripts, a layer's life?"""

from __future__ import annotations

import pytest

from tests.support.judging import judged

PLACE = "tests/support/ordinary.py"
WRONG = [
    ("without_grad", "use.ways"),
    ("of_parameters", "use.ways"),
    ("later_layers", "use.ways"),
    ("by_keyword", "use.ways"),
    ("outside_of_a_judge", "use.script"),
    ("shared_scratch", "use.threads"),
    ("graph_of_no_grad", "state.modes"),
    ("on_flat_kernels", "values.natural"),
    ("Layer", "module.life"),
]
RIGHT = ["use.ways", "use.threads", "use.script", "use.fork", "state.modes", "state.gradients", "gradients.alone"]


@pytest.mark.parametrize(
    ("name", "check"), [pytest.param(*one, marks=pytest.mark.slow if one in WRONG[2:] else ()) for one in WRONG]
)
def test_what_is_wrong_in_one_way_of_use_is_found(name: str, check: str) -> None:
    data = " data=photo+ones" if check == "values.natural" else ""
    case = "" if name == "Layer" else f"x=2,3,8,9 w=4,3,3,2 bias{data}"
    found = judged(f"{PLACE}:{name}", check=check, case=case)
    assert {result.check for result in found.findings} == {check}, found.problem


@pytest.mark.slow
def test_what_is_right_however_it_is_called_has_no_finding() -> None:
    for check in RIGHT:
        found = judged(f"{PLACE}:right", check=check, case="x=2,3,8,9 w=4,3,3,2 bias")
        assert not found.findings
        assert any(result.status == "pass" for result in found.results), check


WINOGRAD = "corrbench.defects.honest_conv2d:winograd_four"


@pytest.mark.parametrize(
    ("check", "case"),
    [
        ("gradients.samples", "x=17,3,3,8 w=17,3,3,3 dtype=float32 data=small layout=w:channels_last"),
        ("gradients.alone", "x=1,4,10,13 w=7,4,3,5 padding=3,1 bias dtype=float32 data=small"),
        ("use.ways", "x=1,1,300,9 w=2,1,3,3 padding=1 dtype=float32 data=planes+trained"),
    ],
)
def test_a_transform_keeps_its_bound_in_every_way_of_calling(check: str, case: str) -> None:
    found = judged(WINOGRAD, check=check, case=case, accuracy="winograd")
    assert found.results
    assert not found.findings
