"""Prime fields: primes drawn at random, residues for the operands of a case, and the correlation of residues.

A program that is a polynomial over the operands, with rational coefficients, computes the same polynomial over the
field of a prime that divides no denominator. Two polynomials of degree d that differ agree at a point drawn from S
values in each place with probability at most d/S (Schwartz, J. ACM 27, 1980), unless the prime divides every
coefficient of their difference: a coefficient of b bits has at most b/log2(least prime) such primes.
"""

from __future__ import annotations

import math

import numpy as np

from corrbench.case import Case
from corrbench.numerics import inputs, oracle
from corrbench.numerics.problem import Array, Problem

BITS = {"torch": 31, "numpy": 61}  # of the primes: products of residues must fit 64 bits, or need not
RESIDUE = 31  # bits of the residues of operands
COEFFICIENT = 4096  # bits of a coefficient's numerator that the error probability allows for


def prime(rng: np.random.Generator, bits: int) -> int:
    """A prime drawn among those of so many bits, at most 63."""
    while True:
        number = int(rng.integers(1 << (bits - 1), 1 << bits, dtype=np.uint64)) | 1
        if is_prime(number):
            return number


def is_prime(number: int) -> bool:
    """Whether a number below 2^64 is prime: strong probable primes to these bases are (Sorenson and Webster, Math.
    Comp. 86, 2017).
    """
    small = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if number < 2 or any(number % one == 0 for one in small):
        return number in small
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in small:
        found = pow(base, odd, number)
        if found in (1, number - 1):
            continue
        for _ in range(twos - 1):
            found = found * found % number
            if found == number - 1:
                break
        else:
            return False
    return True


def error(degree: int, arrays: str, trials: int) -> float:
    """The probability that a program of this degree is another polynomial than the correlation, and that none of so
    many trials shows it; for coefficients of up to `COEFFICIENT` bits.
    """
    bits = BITS[arrays]
    primes = 0.5 * 2.0 ** (bits - 1) / (bits * math.log(2))  # fewer than there are of so many bits
    once = max(2, degree) / 2.0 ** min(RESIDUE - 1, bits - 1) + COEFFICIENT / (bits - 1) / primes
    return float(min(1.0, once) ** trials)


def residues(case: Case, rng: np.random.Generator, least: int) -> dict[str, Array]:
    """Operands of residues below `least` and 2^31, as int64; one that is expanded in memory repeats as it does."""
    found = {}
    shapes = {"x": case.x, "w": case.w, "b": (case.w[0],)}
    for name in ("x", "w", "b") if case.bias else ("x", "w"):
        shape, layout = shapes[name], inputs.layouts(case).get(name, "")
        drawn = {"expanded": (1, *shape[1:]), "expanded_all": (1,) * len(shape)}.get(layout, shape)
        values = rng.integers(0, min(least, 1 << RESIDUE), drawn, dtype=np.int64)
        found[name] = np.broadcast_to(values, shape).copy()
    return found


def correlation(problem: Problem, modulus: int) -> Array:
    """The exact result of a problem over integers of at most 32 bits, modulo a prime of at most 61 bits.

    Operands are cut into halves of 16 bits, whose correlations are exact in 64 bits.
    """
    total: Array = np.zeros(problem.shape, object)
    for low, x in enumerate((problem.x & 0xFFFF, problem.x >> 16)):
        for high, w in enumerate((problem.w & 0xFFFF, problem.w >> 16)):
            part = oracle.exact(problem.with_data(x, w)).hi
            total = (total + part.astype(object) * (1 << 16 * (low + high))) % modulus
    if problem.bias is not None:
        only = oracle.exact(problem.with_data(np.zeros_like(problem.x), problem.w, problem.bias)).hi
        total = (total + only.astype(object)) % modulus
    return total.astype(np.int64)
