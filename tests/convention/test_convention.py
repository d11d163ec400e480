"""What a target is given and what it returns are two views of one problem, and cases are cut to what a call can say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corrbench.case import Case
from corrbench.convention import EVERYTHING, KERNELS, PLAIN, Convention, options
from corrbench.judge.convention_search import LAYOUTS
from corrbench.judge.convention_search import OUTPUTS as EXTENTS

CALLS = (
    "f(x, w)", "f(x, w, b)", "f(x, w, b, s, p)", "f(x, w, s)", "f(x, w, p)", "f(x, w, (sh, sw), (ph, pw))",
    "f(x, w, b, s, p, d, groups)", "f(x, w, (dh, dw))",
)  # fmt: skip
SIZES = st.integers(1, 4)


@st.composite
def conventions(draw: st.DrawFn) -> Convention:
    said = {
        "layout": draw(st.sampled_from(("", *LAYOUTS))), "output": draw(st.sampled_from(("", "valid", *EXTENTS))),
        "kernels": " ".join(draw(st.sets(st.sampled_from(KERNELS)))), "flip": draw(st.booleans()),
    }  # fmt: skip
    call = draw(st.sampled_from(("", *CALLS)))
    return options.of("conv2d", call=call, **said)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    groups = draw(st.sampled_from((1, 1, 2)))
    each, per = draw(SIZES), draw(SIZES)
    pair = st.tuples(st.integers(1, 2), st.integers(1, 2))
    try:
        return Case(
            x=(draw(st.integers(0, 3)), each * groups, draw(st.integers(1, 9)), draw(st.integers(1, 9))),
            w=(per * groups, each, draw(SIZES), draw(SIZES)), stride=draw(pair), dilation=draw(pair), groups=groups,
            padding=draw(st.sampled_from(((0, 0, 0, 0), (1, 1, 1, 1), (1, 1, 2, 2), (2, 0, 1, 3), "same", "valid"))),
            bias=draw(st.booleans()),
        )  # fmt: skip
    except ValueError:
        assume(False)
        raise


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(1, 1 + int(np.prod(shape))).reshape(shape).astype(np.float64)


@given(conventions(), cases())
def test_what_is_given_is_taken_back(convention: Convention, case: Case) -> None:
    fitted = convention.fit(case)
    assume(fitted is not None)
    assert fitted is not None
    for name, shape in (("x", fitted.x), ("gx", fitted.x), ("w", fitted.w), ("gw", fitted.w), ("y", fitted.out)):
        array = numbered(shape)
        told = convention.given(name, array, fitted)
        if name[-1] == "x" and convention.structured:
            back = convention.taken(name, told, fitted)
            assert back.shape[2:] == tuple(convention.shape("x", fitted)[convention.x.index(axis)] for axis in "HW")
            if fitted.x[0]:
                np.testing.assert_array_equal(convention.given(name, convention.enlarged(back, fitted), fitted), told)
            assert told.shape == convention.shape(name, fitted)
        elif name == "y" and convention.border == "interior" and convention.output != "valid":
            whole = numbered(convention.shape("y", fitted))
            assert convention.taken("y", whole, fitted).shape == fitted.out
        else:
            assert told.shape == convention.shape(name, fitted)
            np.testing.assert_array_equal(convention.taken(name, told, fitted), array)


@pytest.mark.parametrize("output", ["valid", *EXTENTS, "full:edge", "full:reflect", "full:wrap"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_output_goes_there_and_back(layout: str, output: str) -> None:
    for flip in (False, True):
        convention = options.of(
            "conv2d",
            call="f(x, w)",
            layout=layout,
            output=output,
            flip=flip,
        )
        case = convention.fit(Case(x=(2, 3, 7, 9), w=(4, 3, 2, 3)))
        assert case is not None
        assert convention.expresses(case)
        weights = numbered(case.w)
        np.testing.assert_array_equal(
            convention.taken("gw", convention.given("w", weights, case), case), weights, strict=True
        )
        told = convention.given("w", weights, case)
        first = told.reshape(-1)[0]
        assert (first == weights.reshape(-1)[0]) == (not flip)
        x = convention.enlarged(numbered(case.x), case)
        seen = convention.given("x", x, case)
        assert seen.shape == convention.shape("x", case)
        back = convention.taken("x", seen, case)
        np.testing.assert_array_equal(convention.enlarged(back, case) if convention.structured else back, x)


@given(conventions(), cases())
def test_a_fitted_case_can_be_expressed_and_fits_itself(convention: Convention, case: Case) -> None:
    fitted = convention.fit(case)
    if fitted is None:
        return
    assert convention.expresses(fitted)
    if not convention.structured:
        assert convention.fit(fitted) == fitted
    assert fitted.dtype == case.dtype
    assert fitted.data == case.data


@given(conventions(), cases())
def test_what_can_be_expressed_is_left_alone(convention: Convention, case: Case) -> None:
    reach = [step * (size - 1) for step, size in zip(case.dilation, case.w[2:], strict=True)]
    inside = reach[0] < case.x[2] and reach[1] < case.x[3]  # smaller images are enlarged
    if inside and convention.expresses(case) and not convention.structured:
        assert convention.fit(case) == case


def test_structured_borders_repeat_the_image() -> None:
    for border, row in (("edge", [1, 1, 2, 3, 4, 4]), ("reflect", [2, 1, 2, 3, 4, 3]), ("wrap", [4, 1, 2, 3, 4, 1])):
        convention = Convention(x="HW", w="HW", y="HW", output="same", border=border, says=frozenset())
        case = convention.fit(Case(x=(1, 1, 4, 4), w=(1, 1, 3, 3)))
        assert case is not None
        assert case.x == (1, 1, 6, 6)
        assert case.out[2:] == (4, 4)
        image = np.broadcast_to(np.array([0, 1, 2, 3, 4, 0]), (1, 1, 6, 6))
        assert convention.enlarged(image, case)[0, 0, 3].tolist() == row
        assert convention.shape("x", case) == (4, 4)


def test_an_uneven_border_is_at_the_bottom_or_at_the_top() -> None:
    case = Case(x=(1, 1, 5, 5), w=(1, 1, 2, 4))
    for output, sides in (("same", (0, 1, 1, 2)), ("same-lower", (1, 0, 2, 1)), ("full", (1, 1, 3, 3))):
        convention = options.of("conv2d", call="f(x, w)", output=output)
        assert convention.sides(case) == sides
        fitted = convention.fit(case)
        assert fitted is not None
        assert fitted.padding == sides


def test_an_array_of_another_shape_is_taken_as_it_is() -> None:
    convention = options.of("conv2d", layout="NHWC,HWIO")
    case = Case(x=(2, 3, 7, 9), w=(4, 3, 3, 3))
    wrong = numbered((2, 4, 5, 7))
    assert convention.taken("y", wrong, case) is wrong
    assert convention.taken("y", wrong.transpose(0, 2, 3, 1), case).shape == case.out


def test_without_options_nothing_lies_between() -> None:
    assert options.of("conv2d") == PLAIN
    assert PLAIN.says == EVERYTHING
    case = Case(x=(2, 3, 7, 9), w=(4, 3, 3, 3), padding="same", bias=True)
    assert PLAIN.fit(case) is case
    array = numbered(case.x)
    assert PLAIN.given("x", array, case) is array
    assert PLAIN.taken("x", array, case) is array


def test_kernels_are_cut_to_those_that_are_allowed() -> None:
    case = Case(x=(2, 3, 9, 9), w=(4, 3, 4, 5))
    for kernels, left in (("odd", (3, 5)), ("square", (4, 4)), ("odd square", (3, 3)), ("3x3", (3, 3))):
        fitted = replace(PLAIN, kernels=tuple(kernels.split())).fit(case)
        assert fitted is not None
        assert fitted.w[2:] == left
