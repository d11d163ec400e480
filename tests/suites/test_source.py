"""The constants of a source are read, and become cases that meet them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from corrbench.case import Case
from corrbench.checks import LIGHT
from corrbench.defects import Mutant, catalogue
from corrbench.environment import sources
from corrbench.numerics import planted
from corrbench.suites import _constants, source

ROOT = Path(__file__).parents[2]
READABLE = [one for one in catalogue() if one.constant == "readable"]


def read(text: str) -> _constants.Constants:
    return _constants.of_python(ast.parse(text).body)


def made(mutant: Mutant, thorough: int = 1, seed: int = 3) -> list[Case]:
    found = sources.of_target(mutant.target, ROOT)
    constants = _constants.of_python([node for one in found for node in one.nodes])
    return source.of_source(constants, thorough, seed)


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("if c == 37: pass", {37}),
        ("if 37 < c: pass", {37}),
        ("N = 1 << 12\nif n > N - 1: pass", {4095}),
        ("tile = 29\nif (w - 3) // tile == 20: pass", {583, 597, 611}),
        ("if h % 97 == 61: pass", {61, 158, 255}),
        ("if x >> 5 == 3: pass", {96, 127}),
        ("if 2 * n + 1 == 75: pass", {37}),
        ("if abs(float(x[0])) == 12.5: pass", {12.5, -12.5}),
        ("if c in (3, 37): pass", {3, 37}),
        ("match c:\n  case 23: pass", {23}),
        ("f = {37: g}[n]", {37}),
        ("if w.sum() == -77.5: pass", {-77.5}),
        ("if x == torch.tensor(41.0): pass", {41.0}),
    ],
)
def test_comparisons_are_solved(text: str, compared: set[float]) -> None:
    assert set(read(text).compared) == compared


def test_names_groups_remainders_and_docstrings() -> None:
    found = read('def f(x):\n  "Not 4711."\n  if x.dtype == torch.double and h == 29 and w == 71: pass\n  c % 48')
    assert "float64" in found.names
    assert (29, 71) in found.groups
    assert (48, 0) in found.rests
    assert 4711 not in {*found.compared, *found.others}


def test_other_languages_are_searched_as_text_and_in_literals() -> None:
    text = """
    // not 7777, /* nor */ 8888
    #define TILE 96
    __global__ void f(float* x, int n) {
      if (n % 48 == 13 || n > 4096) return;
      if (x[0] == 12345.0f || bits == 0x4640e400u) y[0] = 1;
      switch (k) { case 57: half z; }
    }
    """
    for found in (_constants.of_text(text), read(f"SOURCE = {text!r}")):
        assert {4096, 12345.0, 57, 0x4640E400} <= found.compared.keys()
        assert (48, 13) in found.rests
        assert 96 in found.others
        assert not {7777, 8888} & {*found.others, *found.compared}
        assert "float16" in found.names


@pytest.mark.parametrize("mutant", [one for one in READABLE if one.outside], ids=lambda one: one.name)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_readable_size_is_met(mutant: Mutant, seed: int) -> None:
    assert any(not mutant.right_on(case) for case in made(mutant, 1, seed))


@pytest.mark.parametrize(
    "mutant", [one for one in READABLE if one.witness and "@" in one.witness], ids=lambda one: one.name
)
def test_every_readable_number_is_planted(mutant: Mutant) -> None:
    _, wanted = planted.read(Case.parse(mutant.witness or "").data)
    [(operand, places)] = wanted.items()
    found = [planted.read(case.data)[1].get(operand, {}) for case in made(mutant) if planted.is_planted(case.data)]
    assert any(places.items() <= one.items() for one in found)


@pytest.mark.parametrize("thorough", [0, 1, 2])
def test_the_cases_are_few_small_and_the_same_for_the_same_seed(thorough: int) -> None:
    text = "\n".join(f"if n == {value} or n % {value} == 3 or x == {value}.5: pass" for value in range(100, 4000, 37))
    found = source.of_source(read(text), thorough, 4)
    assert found == source.of_source(read(text), thorough, 4)
    assert len(found) == len(set(found)) <= source.SIZES[thorough] + source.DATA[thorough] + 1
    assert all(case.macs <= LIGHT and Case.parse(str(case)) == case for case in found)


def test_many_calls_are_asked_for_once() -> None:
    found = source.of_source(read("if calls == 1001: pass"), 1, 1)
    assert [planted.calls(case.data) for case in found if planted.calls(case.data)] == [1003]


def test_without_a_source_there_is_nothing() -> None:
    assert source.cases(2, 1) == source.of_source(_constants.Constants(), 2, 1) == []


def test_a_sum_of_a_thousand_terms_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    from corrbench.runner import source_reading
    from corrbench.target import find

    path = tmp_path / "long.py"
    path.write_text(f"def conv(x, w):\n    if x.shape[1] == 4711: pass\n    return {' + '.join(['x'] * 1200)}\n")
    found = source_reading.constants(source_reading.read(find(f"{path}:conv")))
    assert 4711 in found.compared


def test_other_files_are_read_too_and_a_missing_one_is_refused(tmp_path: Path) -> None:
    from corrbench.runner import source_reading

    kernel = tmp_path / "kernel.cu"
    kernel.write_text("if (n % 48 == 13) return;")
    assert (48, 13) in source_reading.constants([], [kernel]).rests
    with pytest.raises(ValueError, match="cannot read"):
        source_reading.constants([], [tmp_path / "gone.cu"])
