"""The fingerprint of one cell: a model for each class of its outputs, held to fresh data that it has not seen."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.fingerprint import transforms
from corrbench.fingerprint.asking import Cell, Unanswered, kept
from corrbench.fingerprint.model import Model, evaluate
from corrbench.fingerprint.probes import Oracle
from corrbench.fingerprint.recovery import recovered
from corrbench.fingerprint.regions import Region, hull
from corrbench.fingerprint.transforms import Transform
from corrbench.fingerprint.tree import NoTree
from corrbench.numerics.inputs import cast
from corrbench.numerics.problem import Array

SEEN, FRESH = 4, 5  # inputs that a model may be fitted to, and that it is held to
CLASSES = 8  # models of one cell
ROUNDS = 3  # times that what was fresh becomes what is seen
SPREAD = {"float64": 12, "float32": 8, "bfloat16": 8, "float16": 2}  # powers of two that operands range over
UNFAITHFUL = (
    "its probes show a tree of summation that its results on data do not follow: it answers probes otherwise than data"
)
EVERY = 2  # of which one input spreads its sizes and the next does not


class Kind(StrEnum):
    """What a cell turned out to be."""

    TREE = "tree"  # every bit predicted
    PARTIAL = "partial"  # a model, and not every bit
    TRANSFORM = "transform"
    UNKNOWN = "unknown"  # neither a tree nor a transform that is known
    CHANGING = "not a function"
    REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class Found:
    """The fingerprint of one cell.

    Attributes:
        case, threads: which cell.
        kind: what it is.
        classes: the outputs of each model; of a tree they are all outputs.
        share: of the outputs of fresh inputs that were predicted to the bit.
        outputs: how many were compared.
        transform: which, of a transform.
        said: why it is no more than that.
        calls, seconds: what the probes took, the prediction aside.
    """

    case: Case
    threads: int = 1
    kind: Kind = Kind.UNKNOWN
    classes: list[tuple[Region, Model]] = field(default_factory=list)
    share: float = 0.0
    outputs: int = 0
    transform: Transform | None = None
    said: str = ""
    calls: int = 0
    seconds: float = 0.0

    @property
    def model(self) -> Model | None:
        """That of the first class."""
        return self.classes[0][1] if self.classes else None

    @property
    def hash(self) -> str:
        """The same for cells whose outputs are computed alike, element for element."""
        if self.kind is Kind.TREE:
            parts: Any = [[region.to_json(), model.hash] for region, model in self.classes]
        else:
            parts = [self.kind, self.transform.to_json() if self.transform else None]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        classes = [
            {"where": region.to_json(), "model": model.to_json(), "hash": model.hash} for region, model in self.classes
        ]
        return {
            "case": str(self.case), "threads": self.threads, "kind": str(self.kind), "hash": self.hash,
            "share": self.share, "outputs": self.outputs, "classes": classes,
            "transform": self.transform.to_json() if self.transform else None, "said": self.said,
            "calls": self.calls, "seconds": round(self.seconds, 4),
        }  # fmt: skip

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Found:
        """Read it back.

        Raises:
            KeyError, ValueError, TypeError: it is none.
        """
        case = Case.parse(said["case"])
        classes = [(Region.from_json(one["where"], case.out), Model.from_json(one["model"])) for one in said["classes"]]
        named = Transform(**said["transform"]) if said["transform"] else None
        return cls(
            case=case, threads=said["threads"], kind=Kind(said["kind"]), classes=classes, share=said["share"],
            outputs=said["outputs"], transform=named, said=said["said"], calls=said["calls"], seconds=said["seconds"],
        )  # fmt: skip


Pair = tuple[Array, Array]


def drawn(case: Case, seed: int, count: int, salt: int = 0) -> list[Pair]:
    """Inputs and kernels with full significands, normal, every other one of sizes that spread over powers of two."""
    found = []
    for number in range(count):
        random = np.random.default_rng([seed, salt, number, *case.x, *case.w])
        pair = []
        for shape in (case.x, case.w):
            values = random.standard_normal(shape)
            if number % EVERY:
                values *= 2.0 ** random.integers(-SPREAD[case.dtype], 1, shape)
            pair.append(np.ascontiguousarray(cast(values, case.dtype).astype(kept(case.dtype))))
        found.append((pair[0], pair[1]))
    return found


def seen_operands(cell: Cell, pairs: list[Pair]) -> list[Pair]:
    """With the border that the target puts around."""
    return [(cell.target.convention.enlarged(x, cell.case), w) for x, w in pairs]


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


def changed(first: Sequence[Array], second: Sequence[Array]) -> str:
    """What differs between the results of the same calls; empty if nothing does."""
    for a, b in zip(first, second, strict=True):
        differ = a.tobytes() != b.tobytes() and (a != b) & ~((a != a) & (b != b))
        if np.any(differ):
            place = [int(axis) for axis in np.argwhere(differ)[0]]
            return (
                f"the same call gave {a[tuple(place)]!r} and then {b[tuple(place)]!r} at {place}, "
                f"and {int(np.sum(differ))} of {a.size} outputs differ"
            )
    return ""


def agree(predicted: Array, got: Array, case: Case) -> Array:
    """Where two results have the same bits; zeros of either sign and any NaN are one."""
    wanted = predicted.astype(kept(case.dtype))
    same: Array = (wanted == got) | ((wanted != wanted) & (got != got))
    return same


def predicted(found: Found, case: Case, x: Array, w: Array) -> Array:
    """The result that the models of all classes predict."""
    made = np.zeros(case.out)
    for region, model in found.classes:
        made = np.where(region.mask, evaluate(model, case, x, w), made)
    return made


def window(case: Case, x: Array, at: tuple[int, int, int]) -> tuple[Case, Array]:
    """The part of the input that all channels of the result see at one place, and the case of that part alone."""
    top, bottom, left, right = case.sides
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    n, row, column = at
    reach = [d * (k - 1) + 1 for d, k in zip(case.dilation, case.w[2:], strict=True)]
    i, j = row * case.stride[0], column * case.stride[1]
    part = padded[n : n + 1, :, i : i + reach[0], j : j + reach[1]]
    shape = (1, case.x[1], reach[0], reach[1])
    return case.but(x=shape, padding=(0, 0, 0, 0), stride=(1, 1)), part


def fits(
    model: Model, cell: Cell, at: tuple[int, int, int], channels: Sequence[int], pairs: list[Pair], results: list[Array]
) -> bool:
    """Whether a model predicts one place in these channels, in all data."""
    n, row, column = at
    for (x, w), y in zip(pairs, results, strict=True):
        case, part = window(cell.case, x, at)
        made = evaluate(model, case, part, w)[0, :, 0, 0]
        if not agree(made, y[n, :, row, column], case)[list(channels)].all():
            return False
    return True


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


def matches(model: Model, case: Case, pairs: list[Pair], results: list[Array]) -> Array:
    """The outputs that a model predicts in all data."""
    fine = np.ones(case.out, bool)
    for (x, w), y in zip(pairs, results, strict=True):
        fine &= agree(evaluate(model, case, x, w), y, case)
    return fine


def name_transform(cell: Cell, found: Found, why: str) -> None:
    """Say which transform it is, by its own evidence."""
    named = transforms.named(cell)
    found.kind = Kind.TRANSFORM if named else Kind.UNKNOWN
    found.transform = named
    found.said = named.evidence if named else f"no tree of summation ({why}), and no transform that is known"
