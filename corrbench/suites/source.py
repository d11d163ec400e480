"""Cases made from the constants that the target's source has: its thresholds, tiles, tables and markers are met.

A number that the source compares something with becomes, together with those beside it, the length of every axis, every
product of lengths that can be had at little cost, and what data hold: in one place, as a sum, as a pattern of signs or
bits. What is compared comes before what merely stands there, so that a limit on the number of cases takes that away.
Without a source there are no cases.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest

from corrbench.case import DTYPES, FLOATS, Case
from corrbench.suites._constants import LAYOUTS, Constants
from corrbench.suites._planted import data_cases, rows_of_calls
from corrbench.suites._sizes import AXES, PRODUCTS, together

SIZES, DATA = (36, 200, 900), (36, 200, 900)  # cases of each kind, in each profile
LEAST, MOST = 6, 1 << 20  # numbers that become sizes: smaller ones other suites have in every place
MERGED = 3  # axes that have a number of the source's in one case
AHEAD = 120  # pairs of an axis and a number that are tried beside another
STRIDED = ("x:channels_last", "x:transposed", "x:step", "x:offset,w:transposed")


def cases(thorough: int, seed: int) -> list[Case]:
    """None: there is no source."""
    return []


def of_source(constants: Constants, thorough: int, seed: int) -> list[Case]:
    """The cases of a source, in their own element types and layouts, on their own data; the most telling first.

    Args:
        constants: what it has.
        thorough: 0 for quick, 1 for standard, 2 for deep.
        seed: for what is drawn.
    """
    if not constants:
        return []
    rng = random.Random(f"source {seed}")
    sized = list(_first(_sized(constants, rng, SIZES[thorough]), SIZES[thorough]))
    held = list(_first(data_cases(constants), DATA[thorough]))
    called = rows_of_calls(constants, thorough)
    return list(dict.fromkeys([case for pair in _turns(sized, held) for case in pair] + called))


def _first(found: Iterable[Case], count: int) -> Iterator[Case]:
    """The first so many that differ."""
    seen: dict[Case, None] = {}
    for case in found:
        if case not in seen:
            seen[case] = None
            yield case
            if len(seen) >= count:
                return


def _turns(one: list[Case], other: list[Case]) -> Iterator[list[Case]]:
    """By turns from both."""
    for index in range(max(len(one), len(other))):
        yield [*one[index : index + 1], *other[index : index + 1]]


def values(constants: Constants) -> list[list[int]]:
    """Sizes worth asking for, in tiers: what is compared, what is beside that, remainders, what else stands there."""
    compared = [int(one) for one in constants.compared if one == int(one)]
    rests = [rest + turn * modulus for modulus, rest in constants.rests for turn in (1, 2, 0)]
    # a remainder may be compared a line later than it is taken
    later = [int(one) + turn * modulus for modulus, rest in constants.rests if not rest
             for one in (*constants.compared, *constants.others) if one == int(one) and 1 < one < modulus
             for turn in (1, 2)]  # fmt: skip
    others = [int(one) for one in constants.others if one == int(one) and one > 2 * LEAST]
    tiers = [compared, [one + beside for one in compared for beside in (1, -1)], rests, later, others,
             [one + beside for one in others for beside in (1, -1)]]  # fmt: skip
    known: set[int] = set()
    found = []
    for tier in tiers:
        found.append([one for one in dict.fromkeys(tier) if LEAST <= one <= MOST and one not in known])
        known |= set(found[-1])
    return found


def _sized(constants: Constants, rng: random.Random, count: int) -> Iterator[Case]:
    """Cases in which lengths, and products of lengths, are numbers of the source; about so many are wanted."""
    tiers = values(constants)
    first, *rest = tiers
    single = list(islice(_single(first, constants, rng), count))
    yield from single
    yield from (case for group in constants.groups for case in together(group, rng))
    yield from _variants(single, constants)
    for tier in rest:
        yield from _single(tier, constants, rng)


def _single(tier: list[int], constants: Constants, rng: random.Random) -> Iterator[Case]:
    """Every number of a tier on every axis, a few axes in each case; then as every product."""
    # products first where there are few numbers: they are the cases that no other suite can have met by chance
    waiting = [(axis, value) for axis in AXES for value in tier]
    products = (case for value in tier for make in PRODUCTS for case in make(value, rng))
    for pair in zip_longest(_merged(waiting, rng), products):
        yield from (case for case in pair if case is not None)


def _merged(waiting: list[tuple[str, int]], rng: random.Random) -> Iterator[Case]:
    """Cases for all pairs of an axis and a number, several in one where it stays small."""
    while waiting:
        axis, value = waiting.pop(0)
        held = {axis: value}
        made = AXES[axis](held, rng)
        for other in waiting[:AHEAD]:
            if len(held) == MERGED:
                break
            if other[0] in held or not _apart(other[0], held):
                continue
            tried = held | {other[0]: other[1]}
            case = AXES[axis](tried, rng)
            if case is not None:
                held, made = tried, case
                waiting.remove(other)
        if made is not None:
            yield made


def _apart(axis: str, held: dict[str, int]) -> bool:
    """Whether an axis can be set beside others: the length of an axis follows from that of its result."""
    rivals = [{"H", "rows"}, {"W", "cols"}, {"C", "each", "groups"}, {"O", "groups"}]
    return not any(axis in some and some & held.keys() for some in rivals)


def _variants(made: list[Case], constants: Constants) -> Iterator[Case]:
    """The same in the element types that the source names, and laid out otherwise if it asks how operands lie."""
    types = [name for name in constants.names if name in FLOATS and name != "float32"]
    types += [name for name in constants.names if name in DTYPES and name not in FLOATS][:2]
    lies = any(name in LAYOUTS for name in constants.names)
    for index, case in enumerate(made):
        if lies:
            yield case.but(layout=STRIDED[index % len(STRIDED)])
        for dtype in types:
            yield case.but(dtype=dtype)
