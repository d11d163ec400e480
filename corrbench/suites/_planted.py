"""Numbers of a source as data: in one place, as a sum, as a pattern of signs or of bits; and as a number of calls."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

from corrbench.case import Case
from corrbench.numerics.planted import written
from corrbench.suites._constants import Constants

BASES = ("x=2,2,6,7 w=2,2,3,2 bias data=small", "x=1,1,9,8 w=1,1,2,3 data=small")
HUGE = 1e9  # beyond which products of two are not exact, and one alone is planted
COUNTED = 1 << 14  # elements of a case in which so many are negative, or zero
BITS = 1 << 15  # whole numbers from which on one may be the bits of another
CALLS = (300, 2500, 20000)  # calls in a row, in each profile
MANY = 40  # whole numbers up to which other checks make as many calls
PLACES = (
    {"x": "first", "w": "last"}, {"x": "last", "w": "first"}, {"x": "sum"}, {"w": "sum"},
    {"x": "middle", "w": "middle", "b": "first"}, {"x": "all"}, {"w": "all"}, {"x": "right", "w": "second"},
    {"x": "bottom", "b": "last"}, {"x": "second"}, {"b": "sum"}, {"g": "first"}, {"g": "sum"},
)  # fmt: skip


def data_cases(constants: Constants) -> Iterator[Case]:
    """Every number in every place; what is compared first."""
    compared = list(constants.compared)
    others = [one for one in constants.others if one not in constants.compared and abs(one) > 1]
    for numbers, ordered in ((compared, set(constants.ordered)), (others, set())):
        wide = [value for one in numbers for value in _read(one, ordered=one in ordered)]
        for places in PLACES:
            for value in dict.fromkeys(wide):
                yield from _placed(value, places)
        for one in numbers:
            yield from _counted(one)
        for one in numbers:
            if one in ordered and one:
                yield from _scaled(float(one))


def _read(value: float, *, ordered: bool) -> Iterator[float]:
    """What a number may be as one of the data: itself, its neighbours, what its bits are, what has its bits."""
    whole = value == int(value)
    bits = int(value) if whole and value >= BITS else 0
    found = [float(value)] if not (whole and abs(value) < 2) else []
    if bits and bits < 1 << 32:
        found.append(struct.unpack("<f", struct.pack("<I", bits))[0])
        if bits < 1 << 23:
            found.append(struct.unpack("<f", struct.pack("<I", 0x3F800000 | bits))[0])
    elif bits and bits < 1 << 64:
        found.append(struct.unpack("<d", struct.pack("<Q", bits))[0])
    if ordered and value:
        step = max(1.0, abs(value) * 2.0**-10) if whole else abs(value) * 2.0**-10
        found += [value + step, value - step]
    return (one for one in found if math.isfinite(one) and (one == 0 or 1e-37 < abs(one) < 1e37))


def _placed(value: float, places: dict[str, str]) -> Iterator[Case]:
    """A number in a place of some operands, of each alone if their product may not be exact."""
    parts = [places] if abs(value) < HUGE else [{name: place} for name, place in places.items()]
    for part in parts:
        data = written("small", {name: {place: value} for name, place in part.items()})
        base = Case.parse(BASES[0])
        yield base.but(data=data)


def _counted(value: float) -> Iterator[Case]:
    """A whole number as a pattern of signs, in both directions, and as a number of negative elements and of zeros."""
    if value != int(value) or value < 3:
        return
    bits = f"{int(value):b}"
    if 4 <= len(bits) <= 64:
        base = Case.parse(BASES[1])
        for pattern in dict.fromkeys((int(bits, 2), int(bits[::-1], 2))):
            yield base.but(data=written("small", {"x": {"signs": float(pattern)}}))
            yield base.but(data=written("small", {"w": {"signs": float(pattern)}}))
    if value <= COUNTED:
        side = math.isqrt(int(2 * value)) + 2
        base = Case(x=(1, 1, side, side + 1), w=(1, 1, 2, 2), data="small")
        for place in ("negatives", "zeros"):
            yield base.but(data=written("small", {"x": {place: float(value)}}))


def _scaled(value: float) -> Iterator[Case]:
    """Data whose largest magnitude is a little more and a little less than a limit."""
    base = Case.parse(BASES[0])
    for operand in ("x", "w"):
        for times in (1.01, 0.99):
            if 1e-37 < abs(value) * times < 1e37:
                yield base.but(data=written("unit", {operand: {"scale": abs(value) * times}}))


def rows_of_calls(constants: Constants, thorough: int) -> list[Case]:
    """One case for the largest number of calls in a row that the profile affords, if there is such a number."""
    counts = [int(one) for one in constants.compared if one == int(one) and MANY < one <= CALLS[thorough]]
    if not counts:
        return []
    base = Case.parse("x=1,1,4,5 w=1,1,2,3 data=small")
    return [base.but(data=written("small", {"calls": {"row": float(max(counts) + 2)}}))]
