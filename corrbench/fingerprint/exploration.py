"""Surveying a target: cells along each axis, the places where its arithmetic switches, its invariances."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from corrbench.case import Case
from corrbench.fingerprint import invariances
from corrbench.fingerprint.asking import Cell, Target, opened
from corrbench.fingerprint.cells import fingerprint
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.survey import Point, Survey, Switch
from corrbench.fingerprint.words import family, still
from corrbench.judge.client import Remote
from corrbench.judge.target_process import Died
from corrbench.runner import Step
from corrbench.target import Spec

LAYER = Case(x=(1, 16, 10, 11), w=(16, 16, 3, 3))  # odd widths, so that the ends of vectors show
PLANE = Case(x=(1, 1, 20, 27), w=(1, 1, 3, 3))
LADDERS = {  # along each axis what is tried, by profile; between two values that differ the place is sought
    "quick": {"N": (1, 2), "C": (1, 4, 16), "O": (1, 16), "plane": (10, 24), "k": (1, 3, 5), "threads": (1, 2)},
    "standard": {
        "N": (1, 2, 4, 16), "C": (1, 4, 16, 32), "k": (1, 2, 3, 5), "threads": (1, 2), "O": (2, 4, 16, 32),
        "plane": (6, 10, 24),
    },
    "deep": {
        "N": (1, 2, 3, 4, 8, 16, 32), "C": (1, 2, 3, 4, 8, 16, 32, 64, 128), "O": (1, 2, 3, 4, 8, 16, 32, 64),
        "plane": (4, 6, 8, 10, 16, 24, 32, 48, 64), "k": (1, 2, 3, 4, 5, 7, 9, 11), "threads": (1, 2, 4),
    },
}  # fmt: skip
PLANES = {  # of single planes
    "quick": {"plane": (20, 64), "k": (1, 3, 5)},
    "standard": {"k": (1, 2, 3, 5, 7, 9), "plane": (8, 20, 40, 80)},
    "deep": {"plane": (6, 8, 12, 20, 32, 48, 64, 96), "k": (1, 2, 3, 4, 5, 7, 9, 11, 13, 15)},
}
SIZES = {"quick": 64, "standard": 64, "deep": 256}  # channels of the largest cell that stands for the end of the range
Known = dict[str, Found]
Keep = Callable[[str, Found], None]


@dataclass(slots=True)
class Surveyor:
    """Asks the cells of one target, each once.

    Attributes:
        target: who is asked.
        survey: what is filled.
        known: cells of an interrupted run.
        keep: is told of every cell that was asked.
        until: when no further cell is begun, by the monotonic clock.
    """

    target: Target
    survey: Survey
    known: Known
    keep: Keep
    until: float
    step: Step
    planned: int = 1

    def ask(self, point: Point) -> Found | None:
        """The fingerprint of a cell; None where the call does not express it, or the time is over."""
        fitted = self.target.fit(point.case)
        if fitted is None or (point.threads > 1 and self.target.spec.arrays != "torch"):
            return None
        if (fitted.x[0], fitted.x[1], fitted.w[:2]) != (point.case.x[0], point.case.x[1], point.case.w[:2]):
            return None
        point = Point(fitted, point.threads)
        name = str(point)
        if name not in self.survey.cells:
            if name in self.known:
                self.survey.cells[name] = self.known[name]
            elif time.monotonic() > self.until:
                self.survey.skipped += 1
                return None
            else:
                self.step(min(len(self.survey.cells), self.planned - 1), self.planned, name)
                found = fingerprint(Cell(self.target, fitted, point.threads), self.survey.seed)
                self.survey.cells[name] = found
                self.keep(name, found)
        return self.survey.cells[name]

    def along(self, base: Point, axis: str, values: Sequence[int]) -> None:
        """Ask along an axis, and seek the places where the arithmetic changes."""
        asked: list[tuple[int, Found]] = []
        for value in values:
            try:
                found = self.ask(base.at(axis, value))
            except ValueError:  # there is no such case
                continue
            if found is not None:
                asked.append((value, found))
        for (low, was), (high, now) in itertools.pairwise(asked):
            if not alike(axis, was, now):
                self.survey.switches.append(self.sought(base, axis, (low, was), (high, now)))

    def sought(self, base: Point, axis: str, low: tuple[int, Found], high: tuple[int, Found]) -> Switch:
        """The place of a change between two values, by bisection."""
        while high[0] - low[0] > 1:
            value = (low[0] + high[0]) // 2
            found = self.ask(base.at(axis, value))
            if found is None:
                break
            if alike(axis, low[1], found):
                low = (value, found)
            else:
                high = (value, found)
        return Switch(axis, str(base), low[0], high[0], family(low[1]), family(high[1]))


def alike(axis: str, a: Found, b: Found) -> bool:
    """Whether two cells along an axis are computed alike: by the same models where K is the same, in words where it is
    not. One product alone is like any sum.
    """
    if axis in ("C", "k"):
        if a.kind is b.kind is Kind.TREE and 1 in (a.case.terms, b.case.terms):
            return True
        without = still(a.case) | still(b.case)
        return family(a, without) == family(b, without)
    if not (a.kind is b.kind is Kind.TREE):
        return family(a) == family(b)
    return {model.hash for _, model in a.classes} == {model.hash for _, model in b.classes}


def survey(
    spec: Spec, name: str, *, profile: str, dtype: str, seed: int, limit: float, step: Step,
    points: Sequence[Point] = (), invariant: bool = False, known: Known | None = None,
    keep: Keep = lambda _name, _found: None,
) -> Survey:  # fmt: skip
    """Fingerprint a target.

    Args:
        spec: how it is called.
        name: as it was asked for.
        profile: one of `corrbench.target.PROFILES`: how many cells.
        dtype: of all cells.
        seed: of the data that models are held to.
        limit: seconds after which no further cell is begun.
        step: told of progress.
        points: these cells and no others.
        invariant: whether, of given cells, it is asked what the bits do not depend on.
        known: cells of an interrupted run of the same command.
        keep: told of every cell.

    Raises:
        NotLoaded: the target cannot be loaded.
    """
    made = Survey(target=name, dtype=dtype, seed=seed, profile=profile)
    with Remote(spec) as remote:
        step(0, 1, "loading")
        target = opened(spec, remote)
        made.version, made.note = target.version, target.note
        began = time.monotonic()
        surveyor = Surveyor(target, made, known or {}, keep, began + limit, step)
        try:
            if points:
                made.dtype, surveyor.planned = points[0].case.dtype, len(points)
                for point in points:
                    found = surveyor.ask(point)
                    if invariant and found is not None and found.kind in (Kind.TREE, Kind.TRANSFORM, Kind.PARTIAL):
                        more = invariances.matrix(Cell(target, found.case, found.threads), seed)
                        made.matrix = {what: worse(made.matrix.get(what, said), said) for what, said in more.items()}
            else:
                explore(surveyor, profile, dtype)
        except Died as death:
            made.died = f"{death.status.value}: {death.message}"
        made.seconds = time.monotonic() - began
    return made


def explore(surveyor: Surveyor, profile: str, dtype: str) -> None:
    """The cells of a profile, those first that tell most."""
    target, made = surveyor.target, surveyor.survey
    layer = target.fit(LAYER.but(dtype=dtype))
    single = layer is None or (layer.x[1], layer.w[:2]) != (LAYER.x[1], LAYER.w[:2])
    ladders = (PLANES if single else LADDERS)[profile]
    base = Point((PLANE if single else LAYER).but(dtype=dtype))
    surveyor.planned = 2 + sum(map(len, ladders.values()))
    found = surveyor.ask(base)
    if found is None or found.kind is Kind.REFUSED:
        return
    probe = Cell(target, target.fit(base.case) or base.case)
    made.matrix = invariances.matrix(probe, made.seed)
    made.facts = invariances.facts(probe)
    for axis, values in ladders.items():
        surveyor.along(base, axis, values)
    if single:
        return
    side = SIZES[profile]
    surveyor.ask(Point(base.case.but(x=(1, side, 6, 7), w=(side, side, 3, 3))))
    if profile != "quick":
        for axis in ("C", "k"):  # a batch may have switches of its own
            surveyor.along(base.at("N", 2), axis, ladders[axis])
    for point in smaller(base):  # where few channels are computed otherwise, bits may depend on other things
        if time.monotonic() < surveyor.until and (fitted := target.fit(point.case)):
            more = invariances.matrix(Cell(target, fitted), made.seed)
            made.matrix = {what: worse(made.matrix.get(what, said), said) for what, said in more.items()}


def smaller(base: Point) -> Iterator[Point]:
    """Cells of few channels or taps."""
    yield base.at("C", 4)
    yield base.at("C", 2).at("k", 1)


def worse(one: str, other: str) -> str:
    """Of two answers that which says more."""
    mild = ("not asked", "cannot be asked", "yes")  # what says less than a place where bits differ

    def rank(said: str) -> int:
        head = said.partition(":")[0]
        return mild.index(head) if head in mild else len(mild)

    return other if rank(other) > rank(one) else one
