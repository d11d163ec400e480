"""The simplest rule that tells the cases which were wrong from those which were right: clauses that all hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from corrbench.analysis.quantities import MODULI, OPERANDS, QUANTITIES, Rule, predicate, price, properties
from corrbench.case import Case

BEAM, MOST = 16, 10  # rules that are extended in each round, and clauses that one may have
MISSED = 1.2  # price of a right case that the rule holds for: more clauses must be worth it
LEFT = 0.5  # price of a case of an experiment that is wrong, and that the rule leaves to another cause
ANOTHER = 0.6  # what it may cost that a case of the run need not be told as of another cause
REFUSED = 12  # cases that may be left to another cause one by one, before the rest is no longer tried
SOME = 3  # element types or layouts that one clause may name
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class Evidence:
    """What is known of some cases.

    Attributes:
        wrong: of one cause, most likely.
        right: with a weight each, of how much it matters if a rule holds there all the same.
    """

    wrong: list[Case] = field(default_factory=list)
    right: dict[Case, float] = field(default_factory=dict)


class Table:
    """Every number and property of some cases, worked out once."""

    def __init__(self, cases: Iterable[Case]) -> None:
        self.cases = list(dict.fromkeys(cases))
        self.place = {case: index for index, case in enumerate(self.cases)}
        self.names = properties(tuple(sorted({case.dtype for case in self.cases})))
        starts = ("the dtype is ", *(f"the {operand} is laid out " for operand in OPERANDS))
        exact = [[i for i, name in enumerate(self.names) if _one_of(name, start)] for start in starts]
        self.kinds = [kinds for kinds in exact if kinds]  # places of clauses of which no two hold
        self.numbers = np.array([_numbers(case) for case in self.cases], dtype=np.int64).T
        self.flags = np.array([_flags(case, self.names) for case in self.cases], dtype=bool).T

    def indices(self, cases: Iterable[Case]) -> NDArray[np.int64]:
        """Where cases stand."""
        return np.array([self.place[case] for case in cases], dtype=np.int64)

    def shared(self, wrong: NDArray[np.int64]) -> tuple[list[str], Flags]:
        """The clauses that all of some cases share, as tight as can be, and for which cases each holds."""
        names: list[str] = []
        rows: list[Flags] = []
        for name, row in zip(self.names, self.flags, strict=True):
            if row[wrong].all() and not row.all():
                names.append(name)
                rows.append(row)
        for kinds in self.kinds:
            some = [index for index in kinds if self.flags[index][wrong].any()]
            marks: Flags = np.logical_or.reduce(self.flags[some], axis=0)
            if 1 < len(some) <= SOME and marks[wrong].all() and not marks.all():
                names.append(" or ".join(self.names[index] for index in some))
                rows.append(marks)
        for name, row in zip(QUANTITIES, self.numbers, strict=True):
            low, high = int(row[wrong].min()), int(row[wrong].max())
            for text, marks in _limits(name, row, low, high):
                if not marks.all():
                    names.append(text)
                    rows.append(marks)
            for modulus in MODULI:
                rest = np.unique(row[wrong] % modulus)
                if len(rest) == 1:
                    marks = row % modulus == rest[0]
                    text = f"{name} is {'odd' if rest[0] else 'even'}" if modulus == 2 else (
                        f"{name} leaves {rest[0]} when divided by {modulus}" if rest[0] else
                        f"{name} is a multiple of {modulus}")  # fmt: skip
                elif 0 not in rest and modulus > 2:
                    marks, text = row % modulus != 0, f"{name} is no multiple of {modulus}"
                else:
                    continue
                if not marks.all():
                    names.append(text)
                    rows.append(marks)
        return names, np.array(rows, dtype=bool).reshape(len(rows), len(self.cases))


def _one_of(clause: str, start: str) -> bool:
    """Whether a clause names one element type, or one layout of an operand."""
    return clause.startswith(start) and " " not in clause.removeprefix(start)


@lru_cache(1 << 14)
def _numbers(case: Case) -> tuple[int, ...]:
    return tuple(of(case) for of in QUANTITIES.values())


@lru_cache(1 << 14)
def _flags(case: Case, names: tuple[str, ...]) -> tuple[bool, ...]:
    return tuple(found(case) for name in names if (found := predicate(name)) is not None)


def _limits(name: str, row: NDArray[np.int64], low: int, high: int) -> Iterable[tuple[str, Flags]]:
    """A number is one and the same, or has a limit: where the next case beyond is wrong is not known, so the limit is
    the roundest between.
    """
    if low == high:
        yield f"{name} is {low}", row == low
    less, more = row[row < low], row[row > high]
    if less.size:
        bound = roundest(int(less.max()), low)
        yield f"{name} is above {bound}", row > bound
    if more.size:
        bound = roundest(high, int(more.min()))
        yield f"{name} is at most {bound}", row <= bound


@lru_cache(1 << 14)
def roundest(low: int, high: int) -> int:
    """Of the limits from `low` to below `high`, that which people choose: the lowest if small, or a power of two."""
    if high - low == 1 or low <= 2:
        return low
    return min(range(low, min(high, low + 4096)), key=lambda n: (_roughness(n), n))


def _roughness(number: int) -> int:
    """0 for powers of two, then multiples of large ones, or of tens."""
    if number > 0 and not number & (number - 1):
        return 0
    return 20 - ((number & -number).bit_length() if number else 20)


def fit(table: Table, evidence: Evidence, most: int = 1) -> list[Rule]:
    """The cheapest rules that hold for all that is wrong, and hardly for anything that is right; cheapest first."""
    wrong = table.indices(evidence.wrong)
    names, rows = table.shared(wrong)
    right = table.indices(evidence.right)
    weights = np.array([*evidence.right.values()]) * MISSED
    holds = rows[:, right] if len(names) else np.zeros((0, len(right)), bool)
    counted, prices = holds.astype(np.float64), np.array([price(name) for name in names])
    finished: dict[tuple[str, ...], float] = {(): float(weights.sum())}
    beam: list[tuple[float, tuple[int, ...], Flags]] = [(float(weights.sum()), (), np.ones(len(right), bool))]
    for _ in range(MOST if len(names) else 0):
        grown: dict[tuple[int, ...], tuple[float, tuple[int, ...], Flags]] = {}
        for before, chosen, marks in beam:
            costs = float(prices[list(chosen)].sum()) + prices + counted @ (weights * marks)
            for index in np.argsort(costs, kind="stable")[:BEAM]:
                key = tuple(sorted((*chosen, int(index))))
                if costs[index] < before - 0.05 and index not in chosen and key not in grown:
                    grown[key] = (float(costs[index]), key, holds[index] & marks)
        beam = sorted(grown.values(), key=lambda one: (one[0], one[1]))[:BEAM]
        if not beam:
            break
        for cost, chosen, _ in beam:
            finished[tuple(names[i] for i in chosen)] = cost
    made = [Rule(clauses, cost) for clauses, cost in finished.items()]
    return sorted(made, key=lambda rule: (rule.cost, rule.clauses))[:most]


def learn(
    table: Table,
    seed: Case,
    wrong: Sequence[Case],
    right: dict[Case, float],
    most: int = 1,
    others: Sequence[Case] = (),
) -> list[Rule]:
    """Rules of the one cause that `seed` shows, the cheapest first.

    One rule for all that is wrong is tried first, then rules that leave cases to other causes: cases join one by one,
    the nearest first, where the wider rule is worth what it holds for.

    Args:
        table: has all of the cases.
        seed: a wrong case.
        wrong: others, of experiments, the nearest first.
        right: what was right, with a weight each.
        most: rules that are wanted.
        others: wrong cases of the run, which may well be of other causes.
    """
    whole = Evidence(wrong=[seed, *wrong], right=right)
    everything = fit(table, whole)[0]
    part = Evidence(wrong=[seed], right=right)
    best = fit(table, part)[0]
    if everything.cost > best.cost + 0.5:
        part, best = _grown(table, part, best, wrong)
        left = sum(not best.holds(case) for case in wrong)
        if best.cost + LEFT * left < everything.cost:
            whole = part
        else:
            best = everything
    else:
        best = everything
    whole, best = _grown(table, whole, best, others, least=ANOTHER)
    return fit(table, whole, most)


def _grown(
    table: Table, known: Evidence, best: Rule, wrong: Sequence[Case], least: float = 0.0
) -> tuple[Evidence, Rule]:
    """What is known with the cases that a rule as good holds for too, and that rule."""
    refused = 0
    for case in wrong:
        if best.holds(case):
            known.wrong.append(case)
        elif refused < REFUSED:
            wider = fit(table, Evidence(wrong=[*known.wrong, case], right=known.right))[0]
            more = sum(wider.holds(other) and not best.holds(other) for other in wrong)
            if wider.cost <= best.cost + max(least, LEFT * more):
                known.wrong.append(case)
                best = wider
            else:
                refused += 1
    return known, best
