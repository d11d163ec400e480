"""The fingerprint of one cell: a model for each class of its outputs, held to fresh data that it has not seen."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from corrbench.case import Case
from corrbench.fingerprint import transforms
from corrbench.fingerprint.asking import Cell, Unanswered
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.prediction import (
    Pair,
    agree,
    changed,
    drawn,
    fits,
    matches,
    predicted,
    seen_operands,
)
from corrbench.fingerprint.probes import Oracle
from corrbench.fingerprint.recovery import recovered
from corrbench.fingerprint.regions import Region, hull
from corrbench.fingerprint.tree import NoTree
from corrbench.numerics.problem import Array

SEEN, FRESH = 4, 5  # inputs that a model may be fitted to, and that it is held to
CLASSES = 8  # models of one cell
ROUNDS = 3  # times that what was fresh becomes what is seen
UNFAITHFUL = (
    "its probes show a tree of summation that its results on data do not follow: it answers probes otherwise than data"
)


def fingerprint(cell: Cell, seed: int) -> Found:
    """The fingerprint of a cell; whatever happens becomes a `Found`, but for the death of the target's process.

    Args:
        cell: who is asked what.
        seed: of the data. Probes are the same whatever it is.

    Raises:
        Died: the target's process crashed, hung or outgrew its limit.
    """
    found, before = Found(case=cell.case, threads=cell.threads), cell.target.calls
    try:
        _fingerprint(cell, seed, found)
    except Unanswered as error:
        found.kind, found.said = Kind.REFUSED, str(error)
    found.calls = cell.target.calls - before
    return found


def _fingerprint(cell: Cell, seed: int, found: Found) -> None:
    clock = time.perf_counter
    began = clock()
    pairs = seen_operands(cell, drawn(cell.case, seed, SEEN))
    results = cell.ask(pairs)
    again = cell.ask([pairs[0], *pairs])  # one more, so that what takes turns is not met in step
    found.seconds += clock() - began
    if said := changed([results[0], *results], again):
        found.kind, found.said = Kind.CHANGING, said
        return
    middle = (0, cell.case.out[2] // 2, cell.case.out[3] // 2)
    began = clock()
    try:
        first = first_model(cell, middle, range(cell.case.out[1]), pairs, results, found)
    except NoTree as error:
        name_transform(cell, found, str(error))
        found.seconds += clock() - began
        steady(cell, pairs, results, found)
        return
    if first is None and (named := transforms.named(cell)):  # a constant input may hide a transform
        found.kind, found.transform, found.said, found.classes = Kind.TRANSFORM, named, named.evidence, []
    found.seconds += clock() - began
    if first is None:
        steady(cell, pairs, results, found)
        return
    found.classes = [(Region.whole(cell.case.out), first)]
    right = np.zeros((1, *cell.case.out), bool)
    for salt in range(1, ROUNDS + 1):
        unpredicted = split(cell, pairs, results, found)
        fresh = seen_operands(cell, drawn(cell.case, seed, FRESH, salt))
        given = cell.ask(fresh)
        right = np.stack(
            [agree(predicted(found, cell.case, *pair), y, cell.case) for pair, y in zip(fresh, given, strict=True)]
        )
        found.share, found.outputs = float(right.mean()), right.size
        if right.all() or unpredicted:
            break
        pairs, results = pairs + fresh, results + given
    found.kind = Kind.TREE if found.share == 1.0 else Kind.PARTIAL
    if found.kind is Kind.PARTIAL and not found.said:
        found.said = f"no model for {Region(np.logical_not(right.all(axis=0)))} was found that predicts them"
    steady(cell, pairs, results, found)


def steady(cell: Cell, pairs: list[Pair], results: list[Array], found: Found) -> None:
    """Whether the first data still give what they gave before all probes."""
    if said := changed([results[0]] * 3, cell.ask([pairs[0]] * 3)):
        found.kind, found.said, found.classes = Kind.CHANGING, said, []


def candidates(cell: Cell, at: tuple[int, int, int], channels: Sequence[int]) -> Iterator[tuple[Model, Sequence[int]]]:
    """Models of one place, asked in all channels at once; then, since they may differ, in the first one alone.

    Raises:
        NoTree: neither way shows a tree.
    """
    ways = [list(channels), [channels[0]]] if len(channels) > 1 else [list(channels)]
    failed: NoTree | None = None
    for way in ways:
        if way != ways[0] and Oracle(cell, at, channels).alike():
            break
        failed = None
        try:
            for model in recovered(Oracle(cell, at, way)):
                yield model, way
        except NoTree as error:
            failed = error
    if failed:
        raise failed


def first_model(
    cell: Cell, at: tuple[int, int, int], channels: Sequence[int], pairs: list[Pair], results: list[Array], found: Found
) -> Model | None:
    """The model of one place; None where the probes show a tree that the data do not follow.

    Raises:
        NoTree: the probes show none.
    """
    made: Model | None = None
    for model, way in candidates(cell, at, channels):
        made = made or model
        if fits(model, cell, at, way[:1], pairs, results):
            return model
    if made is not None:
        found.kind, found.classes = Kind.PARTIAL, [(Region.whole(cell.case.out), made)]
        right = np.stack(
            [agree(predicted(found, cell.case, *pair), y, cell.case) for pair, y in zip(pairs, results, strict=True)]
        )
        found.share, found.outputs = float(right.mean()), right.size
        found.said = UNFAITHFUL
    return None


def split(cell: Cell, pairs: list[Pair], results: list[Array], found: Found) -> bool:
    """Find models for the outputs that the first does not predict, class by class; whether some are left."""
    case = cell.case
    owner = np.zeros(case.out, int)
    for number, (region, _) in enumerate(found.classes):
        owner[region.mask] = number
    models = [model for _, model in found.classes]
    right = [matches(model, case, pairs, results) for model in models]
    lost = np.zeros(case.out, bool)
    while True:
        wrong = ~np.choose(owner, right) if len(right) > 1 else ~right[0]
        for number, fine in enumerate(right):  # of a class that is known
            owner[wrong & fine] = number
            wrong &= ~fine
        wrong &= ~lost
        if not wrong.any() or len(models) == CLASSES:
            break
        n, channel, row, column = most_wrong(wrong, case)
        channels = [int(one) for one in np.flatnonzero(wrong[n, :, row, column])]
        channels = [channel, *(one for one in channels if one != channel)]
        began = time.perf_counter()
        try:
            chosen = next(
                (model for model, way in candidates(cell, (n, row, column), channels)
                 if fits(model, cell, (n, row, column), way[:1], pairs, results)), None,
            )  # fmt: skip
        except NoTree:
            chosen = None
        found.seconds += time.perf_counter() - began
        if chosen is None:
            lost[n, channels, row, column] = True
            if lost.sum() > CLASSES:
                lost |= wrong
            continue
        fine = matches(chosen, case, pairs, results)
        if not fine[n, channel, row, column]:
            lost[n, channel, row, column] = True
            continue
        whole = hull(wrong & fine)
        mine = whole if fine[whole].all() else wrong & fine
        models.append(chosen)
        right.append(fine)
        owner[mine] = len(models) - 1
        for number in range(len(models) - 1):  # a class that it predicts as well is no other
            if (owner == number).any() and fine[owner == number].all():
                owner[owner == number] = len(models) - 1
    made = [(Region(owner == number), model) for number, model in enumerate(models)]
    found.classes = [(region, model) for region, model in made if region.mask.any()]
    return bool(lost.any() or wrong.any())


def most_wrong(wrong: Array, case: Case) -> tuple[int, int, int, int]:
    """One of these outputs, if possible one whose window no padding reaches."""
    top, bottom, left, right = case.sides
    inner = np.zeros_like(wrong)
    rows, columns = case.out[2:]
    high, wide = -(-top // case.stride[0]), -(-left // case.stride[1])
    inner[:, :, high : rows - -(-bottom // case.stride[0]), wide : columns - -(-right // case.stride[1])] = True
    places = np.argwhere(wrong & inner if (wrong & inner).any() else wrong)
    n, channel, row, column = (int(one) for one in places[len(places) // 2])
    return n, channel, row, column


def name_transform(cell: Cell, found: Found, why: str) -> None:
    """Say which transform it is, by its own evidence."""
    named = transforms.named(cell)
    found.kind = Kind.TRANSFORM if named else Kind.UNKNOWN
    found.transform = named
    found.said = named.evidence if named else f"no tree of summation ({why}), and no transform that is known"
