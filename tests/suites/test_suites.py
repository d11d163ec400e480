"""The suites ask what they promise: all pairs, real layers with sources, hidden cases that follow from the seed."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from importlib.resources import files
from typing import Any

import pytest

from corrbench import suites
from corrbench.case import Case
from corrbench.checks import LIGHT
from corrbench.numerics.external_cases import CORPORA
from corrbench.runner.plan import SUITES
from corrbench.suites import _designs, dispatch, ordinary
from corrbench.suites.pairwise import SHAPES, STEPS, cover
from corrbench.support import BASES, Support, features

ALL = suites.registry()


def test_every_file_is_a_suite_and_the_default_ones_are_there() -> None:
    files_of_suites = [path for path in files("corrbench.suites").iterdir() if path.name.endswith(".py")]
    assert len(ALL) == len([path for path in files_of_suites if not path.name.startswith("_")])
    assert ALL.keys() >= {*SUITES, *CORPORA}


@pytest.mark.parametrize("name", sorted(ALL.keys() - CORPORA.keys() - {"source"}))
@pytest.mark.parametrize("thorough", [0, 1, 2])
def test_every_suite_speaks_conv2d_float32_and_most_of_them_small_and_contiguous(name: str, thorough: int) -> None:
    cases = ALL[name](thorough, 3)
    assert cases
    data = "unit" if name in ("speed", "kernels") else "small"  # what is timed has full mantissas
    own = name in ("large", "regressions")  # which bring data of their own, the latter everything
    assert {c.dtype for c in cases} == {"float32"} or name == "regressions"
    assert {c.data for c in cases} == {data} or own
    assert {c.layout for c in cases} == {""} or name in ("dispatch", "ordinary", "hidden", "regressions")
    assert all(Case.parse(str(c)) == c for c in cases)
    if name in ("article", "handpicked", "kernels", "networks", "planes", "speed"):
        assert len(set(cases)) == len(cases)
    assert set(ALL[name](0, 3)) <= set(ALL[name](2, 3))


@pytest.mark.slow
@pytest.mark.parametrize("suite", [dispatch, ordinary], ids=["dispatch", "ordinary"])
def test_the_design_is_what_its_parameters_give(suite: Any) -> None:
    """Every three values that go together are in a row of the table, which is the one that is computed."""
    text = files("corrbench.suites").joinpath(f"{suite.__name__.rpartition('.')[2]}.csv").read_text(encoding="utf-8")
    rows = [_designs.parsed(row, suite.PARAMETERS) for row in csv.DictReader(text.splitlines())]
    assert rows == suite.design()
    assert all(suite.build(row) is not None for row in rows)


# ---- pairs


def shown(case: Case) -> dict[str, Any]:
    """The values of the design's parameters that a case really has."""
    rest = [
        (case.x[2 + i] + sum(case.sides[2 * i : 2 * i + 2]) - case.dilation[i] * (case.w[2 + i] - 1) - 1)
        % case.stride[i]
        for i in (0, 1)
    ]
    return {
        "batch": case.x[0],
        "groups": case.groups,
        "channels": case.x[1] // case.groups,
        "kernels": case.w[0] // case.groups,
        "kh": case.w[2],
        "kw": case.w[3],
        "sh": case.stride[0],
        "sw": case.stride[1],
        "ph": case.sides[0],
        "pw": case.sides[2],
        "dh": case.dilation[0],
        "dw": case.dilation[1],
        "rest_h": rest[0] > 0,
        "rest_w": rest[1] > 0,
        "rows": case.out[2],
        "cols": case.out[3],
        "bias": case.bias,
    }


def missing(cases: list[Case], parameters: dict[str, tuple[Any, ...]]) -> list[tuple[str, Any, str, Any]]:
    """Pairs of values that no case shows, of those that one can show: stride 1 leaves nothing over."""
    rows = [shown(case) for case in cases]
    return [
        (a, u, b, v)
        for a, b in itertools.combinations(parameters, 2)
        for u, v in itertools.product(parameters[a], parameters[b])
        if (a[0] + b[0] != "sr" or a[1] != b[-1] or u > 1 or not v)
        and not any(row[a] == u and row[b] == v for row in rows)
    ]


def test_every_possible_pair_of_values_is_in_some_case() -> None:
    cases = ALL["pairwise"](1, 0)
    assert missing([case for case in cases if case.padding != "same"], SHAPES | STEPS) == []
    assert missing([case for case in cases if case.padding == "same"], SHAPES) == []
    assert len(cases) < 80


def test_the_design_is_the_same_every_time() -> None:
    design = ALL["pairwise"](1, 0)
    assert design == ALL["pairwise"](1, 99) == ALL["pairwise"](2, 0)
    assert all(case.macs < LIGHT for case in design)


def test_the_coverage_of_a_design_of_strength_three() -> None:
    parameters = {"a": (1, 2, 3), "b": "xyz", "c": (False, True), "d": (1, 2)}
    rows = cover(parameters, strength=3)
    for names in itertools.combinations(parameters, 3):
        wanted = set(itertools.product(*(parameters[name] for name in names)))
        assert {tuple(row[name] for name in names) for row in rows} == wanted
    assert len(rows) < 3 * 3 * 2 * 2


def test_planes_meet_every_kernel_with_every_result_on_both_axes() -> None:
    for axis in (0, 1):
        pairs = {(case.w[2 + axis], case.out[2 + axis]) for case in ALL["planes"](1, 0)}
        assert pairs >= set(itertools.product(range(1, 9), range(1, 18)))


# ---- networks


def test_every_layer_has_its_network_and_source() -> None:
    text = files("corrbench.suites").joinpath("networks.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines(), strict=True))
    assert len(rows) == len(ALL["networks"](1, 0)) > 20
    for row in rows:
        assert list(row) == ["network", "layer", "case", "source"]
        assert all(row.values()), row
        assert any(character.isdigit() for character in row["source"]), row  # a year
        case = Case.parse(row["case"])
        assert case.macs < 1e10
    assert len({(row["network"], row["layer"]) for row in rows}) == len(rows)


def test_quick_leaves_large_layers_out() -> None:
    assert all(case.macs < 1e7 for case in ALL["networks"](0, 0))


# ---- hidden


def test_hidden_cases_follow_from_the_seed() -> None:
    assert ALL["hidden"](1, 5) == ALL["hidden"](1, 5)
    assert ALL["hidden"](1, 5) != ALL["hidden"](1, 6)
    assert ALL["hidden"](0, 5) == ALL["hidden"](1, 5)[: len(ALL["hidden"](0, 5))]
    assert len({str(case) for seed in range(10) for case in ALL["hidden"](1, seed)}) > 1000


def test_hidden_cases_reach_everywhere() -> None:
    cases = [case for seed in range(5) for case in ALL["hidden"](2, seed)]
    assert max(case.macs for case in cases) <= 1.2e6
    seen = Counter(
        word
        for case in cases
        for word, there in {
            "groups": case.groups > 1,
            "depthwise": case.w[1] == 1 < case.groups,
            "bias": case.bias,
            "same": case.padding == "same",
            "valid": case.padding == "valid",
            "strides": case.stride[0] != case.stride[1],
            "dilation": case.dilation != (1, 1),
            "padding": any(case.sides),
            "1x1": case.w[2:] == (1, 1),
            "large kernel": max(case.w[2:]) > 7,
            "one row": case.out[2] == 1,
            "even": case.w[2] % 2 == 0,
            "batch": case.x[0] > 1,
            "plain": not any((case.groups > 1, any(case.sides), case.stride != (1, 1))),
        }.items()
        if there
    )
    assert len(seen) == 14
    assert min(seen.values()) > len(cases) / 100


# ---- what is asked of a target


def test_bases_are_those_that_the_target_takes_each_once() -> None:
    everything = Support(frozenset({*features(BASES[0]), "float32"}), {}, "conv2d")
    names = sorted(ALL.keys() - CORPORA.keys() - {"regressions"})  # which have element types of their own
    full = suites.bases(names, everything, 1, 3)
    assert len({str(case) for case in full}) == len(full)
    assert {str(case) for name in names for case in ALL[name](1, 3)} == {str(case) for case in full}
    plain = suites.bases(names, Support(frozenset({"float32"}), {}, "conv2d"), 1, 3)
    assert plain
    assert all(not any(case.sides) and case.stride == case.dilation == (1, 1) and not case.bias for case in plain)
    single = suites.bases(names, Support(frozenset({"float32"}), {}, "corr2d"), 1, 3)
    assert all(case.single_channel for case in single)
    assert len(single) == len({str(case) for case in single}) > 100


def test_suites_are_chosen_by_name() -> None:
    assert list(suites.select(["planes", "article"])) == ["planes", "article"]
    with pytest.raises(ValueError, match=r"no suite named 'hand'; there are: .*common, "):
        suites.select(("article", "hand"))


def test_a_target_without_float32_is_asked_in_another_type() -> None:
    takes = frozenset({*features(BASES[0]), "int64", "float64"})
    cases = suites.bases(["article", "handpicked"], Support(takes, {}, "conv2d"), 0, 3)
    assert len(cases) > 50
    assert {case.dtype for case in cases} == {"float64"}
    both = suites.bases(["article", "handpicked"], Support(takes | {"float32"}, {}, "conv2d"), 0, 3)
    assert [case.but(dtype="float64") for case in both] == cases
