"""Crossover points: from which kernel on one target is faster than another, by the times of a row of cases; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise

from corrbench.case import Case
from corrbench.timing.bench import Bench, Timing
from corrbench.timing.interleaved import Task

FASTER, SLOWER, LEVEL = "faster", "slower", "level"
MOST = 0.75  # of the rounds
ENOUGH = 3  # kernels that make a row of cases


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring kernels, from the first to the last, on which one target stands to another as `how` says."""

    how: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}²" if self.first == self.last else f"{self.first}² to {self.last}²"


def sweep(bench: Bench) -> dict[int, Task]:
    """The cases by the size of their square kernel, if they differ in that alone; else nothing."""

    def rest(case: Case) -> Case:
        return case.but(w=(*case.w[:2], 1, 1))

    tasks = list(bench.rows)
    square = all(task.case.w[2] == task.case.w[3] for task in tasks)
    if not square or len({(rest(task.case), task.mode) for task in tasks}) != 1 or len(tasks) < ENOUGH:
        return {}
    return dict(sorted((task.case.w[2], task) for task in tasks))


def stands(one: Timing, other: Timing) -> str:
    """How one target stands to another on a case, from samples of the same rounds: faster or slower if it was so in
    three of four rounds, and level otherwise.
    """
    ratios = [a / b for a, b in zip(one.samples, other.samples, strict=False)]
    less, more = sum(ratio < 1 for ratio in ratios), sum(ratio > 1 for ratio in ratios)
    return FASTER if less >= MOST * len(ratios) else SLOWER if more >= MOST * len(ratios) else LEVEL


def stretches(sizes: Sequence[int], standing: Sequence[str]) -> list[Stretch]:
    """Neighbours of one standing put together."""
    pairs = zip(sizes, standing, strict=True)
    grouped = [(how, [size for size, _ in group]) for how, group in groupby(pairs, key=lambda pair: pair[1])]
    return [Stretch(how, found[0], found[-1]) for how, found in grouped]


def crossings(bench: Bench) -> list[str]:
    """For each two targets that were timed on all kernels: who is the faster, and where does that change?"""
    sizes = sweep(bench)
    known = next(iter(bench.rows.values())) if sizes else ()
    names = [name for name in known if all(bench.rows[task][name].samples for task in sizes.values())]
    found = []
    for one, other in combinations(names, 2):
        rows = [(bench.rows[task][one], bench.rows[task][other]) for task in sizes.values()]
        found.append(sentence(one, other, stretches(list(sizes), [stands(*pair) for pair in rows])))
    return found


def sentence(one: str, other: str, parts: Sequence[Stretch]) -> str:
    """What there is to say of two targets."""
    if len(parts) == 1:
        how = {FASTER: "is faster than", SLOWER: "is slower than", LEVEL: "is level with"}[parts[0].how]
        return f"{one} {how} {other} at every kernel, {parts[0]}"
    words = {FASTER: "faster", SLOWER: "slower", LEVEL: "level"}
    said = "; ".join(f"{words[part.how]} at {part}" for part in parts)
    clear = [part for part in parts if part.how != LEVEL]
    turns = [f"between {a.last}² and {b.first}²" for a, b in pairwise(clear) if a.how != b.how]
    crossing = f" They cross {' and '.join(turns)}." if turns else ""
    return f"{one} beside {other}: {said}.{crossing}"
