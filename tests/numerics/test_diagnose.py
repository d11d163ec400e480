"""Faults are recognised by their numbers, and the place of wrong elements is put in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional

from corrbench.case import Case
from corrbench.numerics import inputs
from corrbench.numerics.diagnose import chart, outline, pattern, resemblance
from corrbench.numerics.problem import Problem

SHAPE = (3, 4, 5, 6)
BASE = Case(x=(2, 3, 8, 9), w=(4, 3, 3, 2), bias=True, dtype="float64")
Wrong = Callable[..., torch.Tensor]


def conv(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None, case: Case, **changes: object) -> torch.Tensor:
    plain = {"stride": case.stride, "dilation": case.dilation, "padding": case.sides[0::2], "groups": case.groups}
    return functional.conv2d(x, w, b, **{**plain, **changes})


def around(mode: str) -> Wrong:
    def wrong(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, case: Case) -> torch.Tensor:
        top, bottom, left, right = case.sides
        return conv(functional.pad(x, (left, right, top, bottom), mode=mode), w, b, case, padding=0)

    return wrong


def without(index: object) -> Wrong:
    def wrong(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, case: Case) -> torch.Tensor:
        cut = w.clone()
        cut[index] = 0
        return conv(x, cut, b, case)

    return wrong


def interleaved(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, case: Case) -> torch.Tensor:
    mixed = w.reshape(case.groups, -1, *w.shape[1:]).transpose(0, 1).reshape(w.shape)
    return conv(x, mixed, b, case)


ALL = slice(None)
PADDED = BASE.but(padding=(2, 2, 1, 1))
STRIDED = BASE.but(stride=(2, 3), x=(2, 3, 6, 5))  # as many rows and columns of the result with the strides exchanged
FAULTS: dict[str, tuple[Case, Wrong]] = {
    "the kernel was flipped: convolution": (BASE, lambda x, w, b, c: conv(x, w.flip(2, 3), b, c)),
    "flipped in its rows only": (BASE, lambda x, w, b, c: conv(x, w.flip(2), b, c)),
    "flipped in its columns only": (BASE, lambda x, w, b, c: conv(x, w.flip(3), b, c)),
    "kernel was transposed": (BASE.but(w=(4, 3, 3, 3)), lambda x, w, b, c: conv(x, w.mT, b, c)),
    "channels of the kernel were exchanged": (
        BASE.but(w=(3, 3, 3, 2)),
        lambda x, w, b, c: conv(x, w.transpose(0, 1), b, c),
    ),
    "bias was left out": (BASE, lambda x, w, b, c: conv(x, w, None, c)),
    "bias was added twice": (BASE, lambda x, w, b, c: conv(x, w, 2 * b, c)),
    "bias was added to every product": (BASE, lambda x, w, b, c: conv(x, w, c.terms * b, c)),
    "stride of the rows was used for both": (STRIDED, lambda x, w, b, c: conv(x, w, b, c, stride=2)),
    "strides of rows and columns were exchanged": (STRIDED, lambda x, w, b, c: conv(x, w, b, c, stride=(3, 2))),
    "dilations of rows and columns were exchanged": (
        BASE.but(dilation=(2, 1), w=(4, 3, 3, 3), padding=(2, 2, 1, 1), x=(2, 3, 6, 6), stride=(9, 9)),
        lambda x, w, b, c: conv(x, w, b, c, dilation=(1, 2)),
    ),
    "dilation was ignored": (BASE.but(dilation=(2, 2), stride=(9, 9)), lambda x, w, b, c: conv(x, w, b, c, dilation=1)),
    "stride and dilation were exchanged": (
        BASE.but(dilation=(2, 2), stride=(3, 3), w=(4, 3, 3, 3), x=(2, 3, 7, 7)),
        lambda x, w, b, c: conv(x, w, b, c, dilation=3, stride=2),
    ),
    "padding of rows and columns was exchanged": (
        BASE.but(padding=(2, 2, 1, 1), w=(4, 3, 3, 3), x=(2, 3, 6, 6), stride=(8, 8)),
        lambda x, w, b, c: conv(x, w, b, c, padding=(1, 2)),
    ),
    "on the other side": (
        BASE.but(padding="same"),
        lambda x, w, b, c: conv(functional.pad(x, (1, 0, 1, 1)), w, b, c, padding=0),
    ),
    "the edge was repeated": (PADDED, around("replicate")),
    "the input was mirrored": (PADDED, around("reflect")),
    "the input was wrapped around": (PADDED, around("circular")),
    "output channels of the groups were interleaved": (BASE.but(x=(2, 6, 8, 9), w=(6, 3, 3, 2), groups=2), interleaved),
    "last input channel was dropped": (BASE, without((ALL, -1))),
    "last row of the kernel was dropped": (BASE, without((ALL, ALL, -1))),
    "last column of the kernel was dropped": (BASE, without((ALL, ALL, ALL, -1))),
    "wrong sign": (BASE, lambda x, w, b, c: -conv(x, w, b, c)),
}


def problem(case: Case, seed: int = 4) -> Problem:
    return inputs.problem(case, seed)


@pytest.mark.parametrize("said", FAULTS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_named_fault_is_recognised(said: str, dtype: str) -> None:
    case, wrong = FAULTS[said]
    p = problem(case.but(dtype=dtype))
    assert p.bias is not None
    got = wrong(*(torch.from_numpy(a) for a in (p.x, p.w, p.bias)), case).numpy()
    if got.shape == case.out:
        assert said in resemblance(p, got, dtype)
    else:
        pytest.fail(f"the test's own fault has shape {got.shape}, not {case.out}")


def test_zeros_are_recognised() -> None:
    assert "all zeros" in resemblance(problem(BASE), np.zeros(BASE.out), "float64")


def test_what_is_right_or_only_inaccurate_resembles_nothing() -> None:
    p = problem(BASE)
    right = functional.conv2d(*(torch.from_numpy(a) for a in (p.x, p.w)), torch.from_numpy(p.bias)).numpy()
    assert resemblance(p, right, "float64") == ""
    assert resemblance(p, right * (1 + 1e-7), "float64") == ""
    assert resemblance(p, np.random.default_rng(0).standard_normal(right.shape), "float64") == ""
    assert resemblance(p, np.full(right.shape, np.nan), "float64") == ""


def wrong_at(*index: object) -> np.ndarray:
    wrong = np.zeros(SHAPE, bool)
    wrong[index] = True
    return wrong


EDGE = np.zeros(SHAPE, bool)
EDGE[:, :, [0, -1], :] = EDGE[:, :, :, [0, -1]] = True


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (np.zeros(SHAPE, bool), ""),
        (np.ones(SHAPE, bool), "every element"),
        (np.ones((1, 1, 1, 1), bool), ""),
        (wrong_at(ALL, ALL, ALL, -1), "only the last column"),
        (wrong_at(ALL, ALL, 0), "only the first row"),
        (wrong_at(1), "only batch 1"),
        (wrong_at(ALL, 2), "only channel 2"),
        (wrong_at(ALL, slice(None, None, 2)), "only every 2nd channel from 0"),
        (wrong_at(ALL, ALL, ALL, slice(1, None, 3)), "only every 3rd column from 1"),
        (wrong_at(ALL, ALL, slice(3, None)), "only row >= 3"),
        (wrong_at(ALL, ALL, slice(1, 4)), "only rows 1 to 3"),
        (wrong_at(0, ALL, ALL, -1), "only the first batch, the last column"),
        (EDGE, "only at the border"),
        (np.indices(SHAPE).sum(0) % 3 == 0, "scattered"),
        (np.array([False, True]), "only the last channel"),
        (np.ones((2, 2), bool), ""),
    ],
)
def test_patterns_in_words(wrong: np.ndarray, words: str) -> None:
    assert pattern(wrong) == words


def test_the_first_and_last_row() -> None:
    wrong = wrong_at(ALL, ALL, [0, -1], slice(1, 5))
    assert pattern(wrong) == "only the first and last row, columns 1 to 4"


# ---- the picture of a finding


def cells(grid: str) -> list[str]:
    size, _, packed = grid.partition(":")
    rows, columns = map(int, size.split(","))
    bits = "".join(f"{byte:08b}" for byte in bytes.fromhex(packed))
    assert not bits[rows * columns :].strip("0")
    return [bits[row * columns : (row + 1) * columns] for row in range(rows)]


def test_a_chart_shows_the_plane_of_the_worst_element() -> None:
    wrong = np.zeros((2, 3, 2, 4), bool)
    wrong[1, 2, :, -1] = True
    wrong[0, 0, 0, 0] = True
    made = chart(wrong, [1, 2, 0, 3])
    assert made["shape"] == "2,3,2,4"
    assert cells(made["plane"]) == ["0001", "0001"]
    assert cells(made["planes"]) == ["100", "001"]


def test_a_chart_of_one_plane_or_one_axis() -> None:
    assert chart(np.ones((1, 1, 2, 2), bool), [0, 0, 1, 1]) == {"shape": "1,1,2,2", "plane": "2,2:f0"}
    assert chart(np.array([False, True, False]), [1]) == {"shape": "3", "plane": "1,3:40"}


def test_a_chart_of_a_large_array_stays_small_and_loses_no_wrong_element() -> None:
    wrong = np.zeros((1, 1, 1000, 3), bool)
    wrong[0, 0, 999, 1] = True
    made = chart(wrong, [0, 0, 999, 1])
    rows = cells(made["plane"])
    assert len(rows) <= 64
    assert rows[-1] == "010"
    assert "1" not in "".join(rows[:-1])
    assert sum(map(len, made.values())) < 2100


def test_a_fault_that_changes_nothing_is_no_explanation() -> None:
    """To flip the only row of a kernel gives the right answer, which a rounded one resembles as well."""
    p = problem(BASE.but(w=(*BASE.w[:2], 1, BASE.w[3]), dtype="bfloat16"))
    x, w, b = (torch.from_numpy(a).double() for a in (p.x, p.w, p.bias))
    assert resemblance(p, functional.conv2d(x, w, b).numpy() * 1.005, "bfloat16") == ""
    assert "flipped" in resemblance(p, functional.conv2d(x, w.flip(3), b).numpy(), "bfloat16")


def bent(change: Callable[[np.ndarray], object], where: object = ALL) -> tuple[Problem, np.ndarray]:
    """A problem, and its result with a part that `change` has made of the right one."""
    p = problem(BASE)
    assert p.bias is not None
    right = functional.conv2d(*(torch.from_numpy(a) for a in (p.x, p.w)), torch.from_numpy(p.bias)).numpy()
    got = right.copy()
    got[where] = change(right)[where]  # type: ignore[index]
    return p, got


LAST_ROW = (ALL, ALL, -1)
PARTS: dict[str, tuple[Callable[[np.ndarray], object], object]] = {
    "3 times too large": (lambda y: 3 * y, LAST_ROW),
    "4 times too small": (lambda y: y / 4, ALL),
    "wrong elements have the wrong sign": (lambda y: -y, LAST_ROW),
    "wrong elements are zero": (lambda y: 0 * y, LAST_ROW),
    "wrong elements are NaN": (lambda y: y * np.nan, LAST_ROW),
    "that of the row before": (lambda y: np.roll(y, 1, 2), LAST_ROW),
    "that of the column after": (lambda y: np.roll(y, -1, 3), (ALL, ALL, ALL, 2)),
    "that of the channel before": (lambda y: np.roll(y, 1, 1), (ALL, 2)),
}


@pytest.mark.parametrize("said", PARTS)
def test_what_happened_to_a_part_is_recognised(said: str) -> None:
    p, got = bent(*PARTS[said])
    assert said in resemblance(p, got, "float64")


@pytest.mark.parametrize("said", PARTS)
def test_a_story_that_leaves_a_wrong_element_unexplained_is_not_told(said: str) -> None:
    p, got = bent(*PARTS[said])
    got[0, 0, 0, 0] += 0.37
    assert resemblance(p, got, "float64") == ""


def test_a_factor_of_a_gradient_is_recognised() -> None:
    case = BASE.but(bias=False)
    gradient = problem(case).weight_gradient(inputs.draw(case, 4, "g"))
    columns = gradient.windows(gradient.padded()).reshape(gradient.groups, gradient.terms, -1)
    y = (gradient.w.reshape(gradient.groups, -1, gradient.terms) @ columns).reshape(-1, 3, 3, 2)
    right = gradient.arrange(y.swapaxes(0, 1)) if y.shape[0] != 3 else y
    assert resemblance(gradient, np.asarray(right) / 2, "float64", whole=False).endswith("2 times too small")
    assert resemblance(gradient, np.asarray(right), "float64", whole=False) == ""


@pytest.mark.parametrize(
    ("text", "shape", "said"),
    [
        ("x=2,3,9,11 w=4,3,3,2 stride=2", (2, 4, 7, 10), "the stride was ignored"),
        ("x=2,3,9,11 w=4,3,3,2 dilation=2", (2, 4, 7, 10), "the dilation was ignored"),
        ("x=2,3,9,11 w=4,3,3,2 padding=2", (2, 4, 7, 10), "the padding was ignored"),
        ("x=2,3,9,11 w=4,3,3,2 stride=2,3", (2, 4, 4, 5), "the stride of the rows was used for both axes"),
        ("x=2,3,9,11 w=4,3,3,2", (2, 4, 9, 11), "size of the input"),
        ("x=2,3,9,11 w=4,3,3,2", (2, 4, 11, 12), "full correlation"),
        ("x=2,3,9,11 w=4,3,3,2", (2, 4, 10, 7), "exchanged"),
        ("x=1,3,9,11 w=1,3,3,2", (7, 10), "squeezed"),
        ("x=2,3,9,11 w=4,3,3,2", (2, 4, 6, 9), ""),
    ],
)
def test_a_shape_tells_what_was_ignored(text: str, shape: tuple[int, ...], said: str) -> None:
    told = outline(Case.parse(text), shape)
    assert said in told
    assert bool(said) == bool(told)


def test_a_gradient_of_an_empty_batch_is_looked_at_as_any_other() -> None:
    problem = Problem(np.zeros((3, 0, 6, 7), np.float32), np.zeros((4, 0, 2, 3), np.float32))
    assert not resemblance(problem, np.ones(problem.shape), "float32", whole=False)
