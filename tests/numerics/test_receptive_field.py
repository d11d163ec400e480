"""The receptive field that a report draws is the one that the arithmetic has."""

from __future__ import annotations

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.checks.gradients import gradients
from corrbench.numerics import oracle
from corrbench.numerics.problem import Array, Problem
from corrbench.numerics.receptive_field import field

CASES = (
    "x=2,4,7,9 w=6,2,3,2 stride=1,2 padding=1,2,0,3 dilation=2,1 groups=2 bias",
    "x=1,1,5,6 w=1,1,2,3 padding=same",
    "x=1,2,6,5 w=3,2,1,2 stride=3 dilation=1,2",
)


def taps(case: Case, array: str, at: tuple[int, ...]) -> set[tuple[int, int]]:
    """Rows and columns of the padded operand that change the element, found by changing each and looking."""
    rng = np.random.default_rng(5)
    n, o, rows, columns = case.out
    x, w, g = rng.integers(1, 9, case.x), rng.integers(1, 9, case.w), rng.integers(1, 9, (n, o, rows, columns))
    top, bottom, left, right = case.sides
    wide = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    moved = wide if array in ("y", "gw") else g

    def element() -> Array:
        problem = Problem(wide, w, None, case.stride, (0, 0, 0, 0), case.dilation, case.groups)
        if array == "y":
            return oracle.exact(problem).hi[at]
        values = oracle.exact(
            gradients(Problem(wide, w, np.zeros(o), case.stride, (0,) * 4, case.dilation, case.groups), g)[array]
        )
        return values.hi[(at[0], at[1], at[2] + top, at[3] + left) if array == "gx" else at]

    before, found = element(), set()
    for r in range(moved.shape[2]):
        for c in range(moved.shape[3]):
            moved[:, :, r, c] += 1
            if element() != before:
                found.add((r - top, c - left) if moved is wide else (r, c))
            moved[:, :, r, c] -= 1
    return found


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("array", ["y", "gx", "gw", "gb"])
def test_the_field_is_what_the_element_depends_on(text: str, array: str) -> None:
    case = Case.parse(text)
    shape = {"y": case.out, "gx": case.x, "gw": case.w, "gb": case.w[:1]}[array]
    for at in {tuple(s - 1 for s in shape), tuple(s // 2 for s in shape), (0,) * len(shape)}:
        found = field(case, array, at)
        assert found is not None
        assert {(r, c) for r in found.rows for c in found.columns} == taps(case, array, at), at
        assert found.size == (case.x[2:] if found.operand == "x" else case.out[2:])


@pytest.mark.parametrize(("array", "at"), [("t", (0, 0, 0, 0)), ("y", (0, 0, 0)), ("y", (9, 0, 0, 0)), ("gb", ())])
def test_what_is_no_element_has_no_field(array: str, at: tuple[int, ...]) -> None:
    assert field(Case.parse(CASES[0]), array, at) is None


def test_the_planes_are_those_of_the_group() -> None:
    case = Case.parse(CASES[0])
    said = {a: field(case, a, at) for a, at in {"y": (1, 5, 0, 0), "gx": (1, 2, 0, 0), "gw": (4, 1, 0, 0)}.items()}
    assert {a: f.planes for a, f in said.items() if f} == {
        "y": "image 1, channels 2 to 3",
        "gx": "image 1, channels 3 to 5",
        "gw": "images 0 to 1, channel 3",
    }
