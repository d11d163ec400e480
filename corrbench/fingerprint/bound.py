"""The sharper error bound that a model gives: what of a run's errors it would have allowed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from corrbench.case import Case
from corrbench.fingerprint.found import Kind
from corrbench.fingerprint.survey import Survey
from corrbench.numerics.formats import UNIT


def gamma(m: int, u: float) -> float:
    """(1 + u)ᵐ − 1, by which m roundings may change a product (Higham, 2002, 3.1)."""
    return float((1 + u) ** m - 1)


def notes(made: Survey, errors: Iterable[tuple[Case, float]]) -> Iterator[str]:
    """For each number of products K what bound the models of a fingerprint give beside the general one, and the largest
    error that was seen as a share of either.

    Args:
        made: the fingerprint.
        errors: cases of a run, and the largest error of each over the general bound.
    """
    depths: dict[int, int] = {}
    for found in made.cells.values():
        if found.kind is Kind.TREE:
            most = max(model.sharp for _, model in found.classes)
            depths[found.case.terms] = max(most, depths.get(found.case.terms, 0))
    seen: dict[int, float] = {}
    for case, ratio in errors:
        if case.dtype == made.dtype and not case.bias and case.terms in depths:
            seen[case.terms] = max(ratio, seen.get(case.terms, 0.0))
    unit = UNIT["float64" if made.dtype == "float64" else "float32"]  # of the accumulator that section 3 assumes
    for terms, depth in sorted(depths.items()):
        if depth < terms:
            said = f"K={terms}: products pass {depth} roundings, which allows γ({depth})·A in place of γ({terms})·A"
            if terms in seen:
                sharp = seen[terms] * gamma(terms, unit) / gamma(depth, unit)
                said += f"; the largest error was {seen[terms]:.3g} of the general bound, {sharp:.3g} of this one"
            yield said
