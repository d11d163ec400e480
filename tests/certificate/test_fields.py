"""Primes, residues, and the correlation of residues."""

from __future__ import annotations

import numpy as np
import pytest

from corrbench.case import Case
from corrbench.certificate import fields
from corrbench.certificate.lines import Certificate, Known, Line, power
from corrbench.numerics.problem import Problem


def test_primes_are_primes_of_their_size() -> None:
    rng = np.random.default_rng(1)
    small = {n for n in range(2, 2000) if all(n % d for d in range(2, int(n**0.5) + 1))}
    assert {n for n in range(2000) if fields.is_prime(n)} == small
    assert not fields.is_prime(3215031751)
    assert not fields.is_prime(3825123056546413051)
    for bits in (31, 61):
        assert {fields.prime(rng, bits).bit_length() for _ in range(5)} == {bits}


@pytest.mark.parametrize(
    "text", ["x=2,4,6,7 w=6,2,3,2 stride=2,1 padding=1,0,2,1 dilation=1,2 groups=2 bias", "x=0,1,3,3 w=1,1,2,2"]
)
def test_the_correlation_of_residues_is_that_of_integers(text: str) -> None:
    case, rng = Case.parse(text), np.random.default_rng(2)
    prime = fields.prime(rng, 61)
    arrays = fields.residues(case, rng, prime)
    whole = {name: array.astype(object) for name, array in arrays.items()}
    problem = Problem.of_case(case, *(arrays.get(name) for name in ("x", "w", "b")))  # type: ignore[arg-type]
    found = fields.correlation(problem, prime)
    padded = np.pad(whole["x"], ((0, 0), (0, 0), case.sides[:2], case.sides[2:]))
    n, o, rows, cols = case.out
    for at in np.ndindex(n, o, rows, cols):
        group = at[1] // (o // case.groups)
        (sh, sw), (dh, dw) = case.stride, case.dilation
        total = sum(
            int(padded[at[0], group * case.w[1] + c, at[2] * sh + a * dh, at[3] * sw + e * dw])
            * whole["w"][at[1], c, a, e]
            for c, a, e in np.ndindex(case.w[1:])
        )
        assert found[at] == (total + (whole["b"][at[1]] if case.bias else 0)) % prime


def test_the_error_is_small_and_grows_with_degree() -> None:
    assert fields.error(2, "torch", 6) < 2.0**-100
    assert fields.error(2, "numpy", 6) < 2.0**-100
    assert fields.error(2, "torch", 6) < fields.error(1000, "torch", 6) < fields.error(1000, "torch", 1)
    assert fields.error(1 << 40, "torch", 6) == 1.0


@pytest.mark.parametrize(
    ("probability", "text"), [(0.0, "0"), (1.0, "1"), (0.5, "2^-1"), (2.0**-20, "2^-20"), (1e-6, "2^-19")]
)
def test_powers_are_rounded_up(probability: float, text: str) -> None:
    assert power(probability) == text


def lines(**known: Known) -> list[Line]:
    names = ("control flow", "selection", "state", "world", "identity", "tests: values")
    given = {name: known.get(name.replace(" ", "_").replace(":", ""), Known.SHOWN) for name in names}
    return [Line(name=name, says="", known=how, evidence="why") for name, how in given.items()]


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ({}, "certified"),
        ({"identity": Known.PROBABLY}, "certified"),
        ({"identity": Known.TESTED}, "open"),
        ({"selection": Known.UNEXAMINED}, "open"),
        ({"state": Known.DEPENDS}, "open"),
        ({"world": Known.ASSUMED}, "open"),
        ({"control_flow": Known.DEPENDS}, "open"),
        ({"identity": Known.REFUTED}, "refuted"),
        ({"tests_values": Known.REFUTED}, "refuted"),
    ],
)
def test_all_that_is_needed_must_be_shown(known: dict[str, Known], verdict: str) -> None:
    made = Certificate(target="t", case="c", seed=1, lines=lines(**known))
    assert made.verdict == verdict
    assert bool(made.reason) == (verdict != "certified")
    assert made.to_json()["verdict"] == verdict
