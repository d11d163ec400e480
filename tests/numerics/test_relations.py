"""Every law holds of the exact answers, and every law is broken by something."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from corrbench.case import Case
from corrbench.numerics import inputs
from corrbench.numerics.oracle import exact
from corrbench.numerics.problem import Array, Problem
from corrbench.numerics.relations import Law, laws, real_laws
from tests.test_case import cases

Correlate = Callable[[Case, dict[str, Array]], Array]
# between them these have something to say to every law
ASKED = (
    Case(x=(3, 4, 9, 8), w=(6, 2, 3, 2), stride=(2, 1), padding=(1, 1, 2, 2), dilation=(1, 2), groups=2, data="small"),
    Case(x=(2, 3, 8, 7), w=(2, 3, 2, 3), data="small"),
    Case(x=(1, 1, 7, 6), w=(1, 1, 3, 2), data="small"),
    Case(x=(2, 1, 8, 9), w=(3, 1, 2, 2), stride=(3, 2), padding=(1, 0, 2, 1), data="small"),
)


def right(case: Case, a: dict[str, Array]) -> Array:
    return np.asarray(exact(Problem.of_case(case, a["x"], a["w"], a.get("b"))).hi, np.float64)


def sides(law: Law, case: Case, a: dict[str, Array], correlate: Correlate) -> tuple[Array, Array]:
    first = correlate(case, a)
    results = [correlate(*asked) for asked in law.asked]
    if law.then is not None:
        results.append(correlate(*law.then([first, *results])))
    return law.sides(first, results)


def operands(case: Case) -> dict[str, Array]:
    names = ("x", "w", "b") if case.bias else ("x", "w")
    return {name: inputs.draw(case, 7, name) for name in names}


def every(case: Case) -> list[Law]:
    a = operands(case)
    return list(laws(case, a, np.random.default_rng(1))) if case.data == "small" else list(real_laws(case, a))


@given(cases())
def test_every_law_holds_of_the_exact_answer(case: Case) -> None:
    case = case.but(data="small", dtype="float64", bias=False, layout="")
    if case.x[0] == 0 or case.macs > 1e5:
        return
    for law in every(case):
        left, other = sides(law, case, operands(case), right)
        np.testing.assert_array_equal(left, other, err_msg=law.name)


# ---- what breaks them


def not_linear(case: Case, a: dict[str, Array]) -> Array:
    return right(case, a) ** 2


def by_row(case: Case, a: dict[str, Array]) -> Array:
    """The first row of the result is another one."""
    y = right(case, a)
    y[:, :, 0] *= 2
    return y


def by_place(case: Case, a: dict[str, Array]) -> Array:
    """Every sample, every channel of a result has a factor of its own."""
    y = right(case, a)
    return y * (1 + np.arange(y.shape[0])[:, None, None, None]) * (1 + np.arange(y.shape[1])[:, None, None])


def by_channel(case: Case, a: dict[str, Array]) -> Array:
    """The first channel of every kernel counts twice."""
    w = a["w"].copy()
    w[:, :1] *= 2
    return right(case, a | {"w": w})


def by_argument(case: Case, a: dict[str, Array]) -> Array:
    """Wrong with a stride, with a dilation and with padding."""
    return right(case, a) + (case.stride != (1, 1)) + 2 * (case.dilation != (1, 1)) + 4 * any(case.sides)


def flipped_when_large(case: Case, a: dict[str, Array]) -> Array:
    return right(case, a if case.w[2] < 4 else a | {"w": np.ascontiguousarray(a["w"][..., ::-1, ::-1])})


MUTANTS = (not_linear, by_row, by_place, by_channel, by_argument, flipped_when_large)


@pytest.mark.parametrize("name", sorted({law.name for case in ASKED for law in every(case)}))
def test_every_law_is_broken_by_something(name: str) -> None:
    broken = []
    for case in ASKED:
        for law in every(case):
            if law.name == name:
                for mutant in MUTANTS:
                    left, other = sides(law, case, operands(case), mutant)
                    if not np.array_equal(left, other):
                        broken.append(mutant.__name__)
    assert broken


def test_the_laws_of_real_numbers_are_broken_by_rounding_upwards() -> None:
    case = Case(x=(1, 2, 6, 7), w=(3, 2, 3, 2), padding=(1, 1, 1, 1), bias=True, data="unit", dtype="float32")

    def upwards(case: Case, a: dict[str, Array]) -> Array:
        y = right(case, {name: array.astype(np.float64) for name, array in a.items()})
        near = y.astype(np.float32)
        return np.where(near < y, np.nextafter(near, np.float32(np.inf)), near)

    said = {}
    for law in every(case):
        left, other = sides(law, case, operands(case), upwards)
        said[law.name] = bool((left != other).any())
    assert said.pop("-x (and -b) gives -y")
    assert said.pop("-w (and -b) gives -y")
    assert not any(said.values())


def test_a_tap_that_would_lose_bits_is_not_scaled() -> None:
    """Divided by eight the 16-bit float 2^-14 + 2^-24 is subnormal and rounded: another kernel, not the same result."""
    case = Case(x=(1, 1, 4, 4), w=(1, 1, 1, 2), dtype="float16", data="unit")
    for tap, scaled in ((2.0**-3, True), (2.0**-14 + 2.0**-24, False)):
        a = {"x": np.ones(case.x, np.float16), "w": np.array([1, tap], np.float16).reshape(case.w)}
        assert any(law.name.startswith("x·2^k") for law in real_laws(case, a)) is scaled
