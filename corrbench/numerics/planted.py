"""Planted numbers: data with a number at one place, or with one sum, count of signs or pattern of signs.

``small@x.first=12345.0`` is the fill ``small`` whose input begins with 12345; several are separated by commas. A place
is that of one element, or what all together have. Numbers are written so that they are read back to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from corrbench.case import Case
from corrbench.numerics.problem import Array

Fill = Callable[[np.random.Generator, tuple[int, ...], str, Case], Array]
Place = Callable[[Array, float], None]  # writes into the elements, in order
OPERANDS = ("x", "w", "b", "g")
ROW = ("calls", "row")  # not of an operand: so many calls are made one after the other
MARK = "@"  # between a fill and what is planted in it


def _at(where: Callable[[int], int]) -> Place:
    def place(flat: Array, value: float) -> None:
        flat[where(flat.size)] = value

    return place


def _sum(flat: Array, value: float) -> None:
    flat[-1] = value - flat[:-1].sum()


def _all(flat: Array, value: float) -> None:
    flat[:] = value


def _scale(flat: Array, value: float) -> None:
    flat *= value / (np.abs(flat).max() or 1.0)


def _signs(flat: Array, value: float) -> None:
    pattern = int(value)
    flat[:] = np.abs(flat) + (flat == 0)
    for place in range(min(flat.size, max(1, pattern.bit_length()))):
        if pattern >> place & 1:
            flat[place] *= -1


def _negatives(flat: Array, value: float) -> None:
    flat[:] = np.abs(flat) + (flat == 0)
    flat[: int(value)] *= -1


def _zeros(flat: Array, value: float) -> None:
    flat[:] = flat + (flat == 0)
    flat[: int(value)] = 0


PLACES: dict[str, Place] = {
    "first": _at(lambda size: 0), "last": _at(lambda size: size - 1), "middle": _at(lambda size: size // 2),
    "second": _at(lambda size: min(1, size - 1)), "sum": _sum, "all": _all, "scale": _scale, "signs": _signs,
    "negatives": _negatives, "zeros": _zeros,
}  # fmt: skip
CORNERS = {"right": (0, -1), "bottom": (-1, 0)}  # of the first plane; the other two corners are the first and the last


def is_planted(data: str) -> bool:
    """Whether the data of a case have something planted."""
    return MARK in data


def read(data: str) -> tuple[str, dict[str, dict[str, float]]]:
    """The fill, and for each operand what is planted at which places.

    Raises:
        KeyError: it is not of the form; the message says what it is.
    """
    base, _, said = data.partition(MARK)
    found: dict[str, dict[str, float]] = {}
    for part in said.split(","):
        name, _, value = part.partition("=")
        operand, _, place = name.partition(".")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        known = place in {*PLACES, *CORNERS} if operand in OPERANDS else (operand, place) == ROW
        if not known or not math.isfinite(number):
            raise KeyError(
                f"data={data!r}: {part!r} is not of the form x.first=1.5; operands: {', '.join(OPERANDS)}; "
                f"places: {', '.join([*PLACES, *CORNERS])}; or calls.row=300"
            )
        found.setdefault(operand, {})[place] = number
    return base, found


def calls(data: str) -> int:
    """How many calls in a row are asked for; 0 if that is not said."""
    return int(read(data)[1].get(ROW[0], {}).get(ROW[1], 0)) if is_planted(data) else 0


def written(base: str, planted: Mapping[str, Mapping[str, float]]) -> str:
    """The name that `read` takes apart."""
    said = (f"{operand}.{place}={value!r}" for operand, places in planted.items() for place, value in places.items())
    return f"{base}{MARK}{','.join(said)}"


def planted(values: Array, places: Mapping[str, float]) -> Array:
    """Values, of any shape, with numbers planted among them; those of the whole last, so that they hold."""
    made = np.array(values, np.float64)
    if not made.size:
        return made
    flat = made.reshape(-1)
    whole = ("all", "scale", "zeros", "negatives", "signs")
    for place in sorted(places, key=lambda one: (one not in whole, one == "sum")):
        if place in CORNERS:
            made[(0,) * (made.ndim - 2) + CORNERS[place] if made.ndim > 1 else -1] = places[place]
        else:
            PLACES[place](flat, places[place])
    return made


def fill(data: str, fills: Mapping[str, Fill]) -> Fill:
    """How operands are filled, on top of one of the fills that there are.

    Raises:
        KeyError: there is no such fill; or see `read`.
    """
    base, places = read(data)
    if base not in fills:
        raise KeyError(f"no data named {base!r} to plant in; there are: {', '.join(fills)}")

    def drawn(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
        values = fills[base](rng, shape, role, case)
        return planted(values, places[role]) if role in places else values

    return drawn
