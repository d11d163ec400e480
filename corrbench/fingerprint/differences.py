"""Two fingerprints side by side: the same bits, or the first difference in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.regions import Region
from corrbench.fingerprint.survey import Survey
from corrbench.fingerprint.words import difference_of, model_told, told

JUDGED = (Kind.TREE, Kind.TRANSFORM)


@dataclass(frozen=True, slots=True)
class Difference:
    """A cell that two targets compute differently: where in it, and how in words, before and after."""

    cell: str
    where: str
    was: str
    now: str

    def __str__(self) -> str:
        where = f", {self.where}" if self.where != "all outputs" else ""
        return f"{self.cell}{where}: {self.was} → {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two fingerprints have in common.

    Attributes:
        same: cells with the same models for the same outputs, hence the same bits.
        alike: cells with a transform of the same name, of which no model tells the bits.
        different: the others.
        unjudged: cells that have no whole model in one of them, with the reason.
        missing: cells of the first that the second does not have.
    """

    same: list[str]
    alike: list[str]
    different: list[Difference]
    unjudged: list[str]
    missing: list[str]

    @property
    def verdict(self) -> str:
        """``same``, ``different``, or ``unjudged`` where nothing differs and not everything could be compared."""
        if self.different:
            return "different"
        return "unjudged" if self.unjudged or self.missing or not (self.same or self.alike) else "same"


def compare(a: Survey, b: Survey) -> Comparison:
    """The cells of `a`, and what became of them in `b`."""
    same: list[str] = []
    alike: list[str] = []
    unjudged: list[str] = []
    missing: list[str] = []
    different: list[Difference] = []
    for name, was in a.cells.items():
        now = b.cells.get(name)
        if was.kind is Kind.REFUSED and (now is None or now.kind is Kind.REFUSED):
            continue
        if now is None:
            missing.append(name)
        elif was.kind not in JUDGED or now.kind not in JUDGED:
            which = was if was.kind not in JUDGED else now
            unjudged.append(f"{name}: {told(which)}")
        elif was.hash != now.hash:
            different.append(difference(name, was, now))
        else:
            (same if was.kind is Kind.TREE else alike).append(name)
    return Comparison(same=same, alike=alike, different=different, unjudged=unjudged, missing=missing)


def difference(name: str, was: Found, now: Found) -> Difference:
    """The first difference of a cell: of the outputs that are computed otherwise, the class in which most are."""
    if was.kind is not Kind.TREE or now.kind is not Kind.TREE:
        return Difference(name, "all outputs", told(was), told(now))
    parts = []
    for region, model in was.classes:
        for other, changed in now.classes:
            both = region.mask & other.mask
            if both.any() and model.hash != changed.hash:
                parts.append(
                    (int(both.sum()), str(Region(both)), model_told(model, was.case), model_told(changed, now.case))
                )
    if not parts:
        return Difference(name, "all outputs", told(was), told(now))
    _, where, before, after = max(parts)
    first, second = difference_of(after, before), difference_of(before, after)
    if first == second:
        return Difference(name, where, before, f"{after}, in another order")
    return Difference(name, where, first, second)


def equal_bits(surveys: Sequence[Survey]) -> dict[str, dict[str, list[Survey]]]:
    """For each cell the classes of fingerprints that give the same bits, by the hash of their models, the largest class
    first. Cells without a whole model are in none.
    """
    found: dict[str, dict[str, list[Survey]]] = {}
    for one in surveys:
        for name, cell in one.cells.items():
            if cell.kind is Kind.TREE:
                found.setdefault(name, {}).setdefault(cell.hash, []).append(one)
    return {name: dict(sorted(classes.items(), key=lambda one: -len(one[1]))) for name, classes in found.items()}
