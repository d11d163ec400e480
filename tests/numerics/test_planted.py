"""Planted numbers are where their name says, and the name of what cannot be planted is refused."""

from __future__ import annotations

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.numerics import inputs, planted
from corrbench.runner import plan

BASE = "x=1,1,9,8 w=1,1,2,3 data=small"


def drawn(said: str, operand: str = "x", base: str = BASE) -> np.ndarray:
    case = plan.known(f"{base}@{said}")
    assert Case.parse(str(case)) == case
    return inputs.draw(case, 5, operand)


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ("x.first=12345.0", lambda x: x.flat[0] == 12345),
        ("x.last=-0.5", lambda x: x.flat[-1] == -0.5),
        ("x.right=77.0", lambda x: x[0, 0, 0, -1] == 77),
        ("x.bottom=77.0", lambda x: x[0, 0, -1, 0] == 77),
        ("x.sum=4242.0", lambda x: x.sum() == 4242),
        ("x.sum=4242.0,x.first=9.0", lambda x: x.sum() == 4242 and x.flat[0] == 9),
        ("x.all=3.0", lambda x: (x == 3).all()),
        ("x.scale=1000.0", lambda x: abs(abs(x).max() - 1000) < 1e-3),
        ("x.signs=46005.0", lambda x: sum(int(one < 0) << at for at, one in enumerate(x.flat)) == 46005),
        ("x.negatives=41.0", lambda x: (x < 0).sum() == 41 and (x != 0).all()),
        ("x.zeros=41.0", lambda x: (x == 0).sum() == 41),
        ("w.first=8.0", lambda x: abs(x).max() <= 3),
    ],
)
def test_it_is_as_its_name_says(said: str, holds: object) -> None:
    assert callable(holds)
    assert holds(drawn(said))


def test_the_rest_is_as_it_was_apart_from_that() -> None:
    other = drawn("x.first=12345.0", "w")
    assert set(np.unique(other)) <= {-3, -2, -1, 0, 1, 2, 3}
    assert planted.calls("small@calls.row=300.0") == 300
    assert planted.calls("small@x.first=3.0") == planted.calls("small") == 0


def test_a_name_is_read_back_to_the_bit() -> None:
    places = {"x": {"first": 0.1, "sum": -1e-30}, "w": {"last": 1 / 3}}
    assert planted.read(planted.written("unit", places)) == ("unit", places)


@pytest.mark.parametrize("said", ["x.first", "x.first=nan", "q.first=1.0", "x.nowhere=1.0", "calls.first=3.0", ""])
def test_what_is_of_no_such_form_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"is not of the form x\.first=1\.5"):
        plan.known(f"{BASE}@{said}")


def test_a_fill_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no data named 'big' to plant in"):
        plan.known("x=1,1,3,3 w=1,1,2,2 data=big@x.first=1.0")
