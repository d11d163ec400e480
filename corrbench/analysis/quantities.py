"""What can be said of a case in one clause: a number of it against a limit, or a property that it has or has not.

Every clause is text that can be read back, so that a rule found in one run can be asked about any other case.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod

from corrbench.analysis.predicates import PREDICATES, Predicate, remainder
from corrbench.case import Case

QUANTITIES: dict[str, Callable[[Case], int]] = {
    "the batch": lambda c: c.x[0],
    "the number of channels": lambda c: c.x[1],
    "the number of channels to a kernel": lambda c: c.w[1],
    "the number of kernels": lambda c: c.w[0],
    "the number of kernels to a group": lambda c: c.w[0] // c.groups,
    "the number of groups": lambda c: c.groups,
    "the kernel's height": lambda c: c.w[2],
    "the kernel's width": lambda c: c.w[3],
    "the kernel's larger side": lambda c: max(c.w[2:]),
    "the number of taps": lambda c: c.w[2] * c.w[3],
    "the stride of the rows": lambda c: c.stride[0],
    "the stride of the columns": lambda c: c.stride[1],
    "the larger stride": lambda c: max(c.stride),
    "the dilation of the rows": lambda c: c.dilation[0],
    "the dilation of the columns": lambda c: c.dilation[1],
    "the larger dilation": lambda c: max(c.dilation),
    "the padding above": lambda c: c.sides[0],
    "the padding below": lambda c: c.sides[1],
    "the padding at the left": lambda c: c.sides[2],
    "the padding at the right": lambda c: c.sides[3],
    "the padding of the rows": lambda c: c.sides[0] + c.sides[1],
    "the padding of the columns": lambda c: c.sides[2] + c.sides[3],
    "the largest padding": lambda c: max(c.sides),
    "the smallest padding": lambda c: min(c.sides),
    "the input's height": lambda c: c.x[2],
    "the input's width": lambda c: c.x[3],
    "the number of rows": lambda c: c.out[2],
    "the number of columns": lambda c: c.out[3],
    "the number of positions": lambda c: c.out[2] * c.out[3],
    "the number of terms": lambda c: c.terms,
    "the number of products": lambda c: c.macs,
    "the size of an image": lambda c: prod(c.x[1:]),
    "the remainder of the rows": lambda c: remainder(c)[0],
    "the remainder of the columns": lambda c: remainder(c)[1],
    "the excess of columns over rows": lambda c: c.out[3] - c.out[2],
}
PLAIN = frozenset({  # what a case is made of; the others follow from these
    "the batch", "the number of channels to a kernel", "the number of kernels to a group", "the number of groups",
    "the kernel's height", "the kernel's width", "the stride of the rows", "the stride of the columns",
    "the dilation of the rows", "the dilation of the columns", "the number of rows", "the number of columns",
    "the largest padding", "the padding of the rows", "the padding of the columns",
})  # fmt: skip
ANYTHING = "anything is asked"  # of a target that is wrong everywhere
FAR_FETCHED = (
    "the number of", "the kernel's", "the padding above e", "the padding at the left ", "the remainder of",
    "a padding is",
)  # fmt: skip
EITHER = " or the "  # between two clauses, one of which holds
MODULI = (2, 4, 8, 16, 3)


def _pair(of: Callable[[Case], tuple[int, int]], *names: str) -> dict[str, Predicate]:
    """How two numbers of a case compare: equal, not equal, the first larger, the second larger."""
    return dict(zip(names, (
        lambda c: of(c)[0] == of(c)[1], lambda c: of(c)[0] != of(c)[1],
        lambda c: of(c)[0] > of(c)[1], lambda c: of(c)[0] < of(c)[1],
    ), strict=True))  # fmt: skip


def _square(name: str, of: Callable[[Case], tuple[int, int]]) -> dict[str, Predicate]:
    words = ("square", "not square", "higher than wide", "wider than high")
    return _pair(of, *(f"the {name} is {word}" for word in words))


def _axes(name: str, of: Callable[[Case], tuple[int, int]]) -> dict[str, Predicate]:
    rows, cols = f"the {name} of the rows is the larger", f"the {name} of the columns is the larger"
    return _pair(of, f"the {name}s are equal", f"the {name}s differ", rows, cols)


def _against(name: str, other: str, of: Callable[[Case], tuple[int, int]]) -> dict[str, Predicate]:
    return _pair(of, *(f"{name} {how} {other}" for how in ("equals", "is not", "exceeds", "is less than")))


PROPERTIES: dict[str, Predicate] = {
    **_square("output", lambda c: c.out[2:]),
    **_square("kernel", lambda c: c.w[2:]),
    **_square("input", lambda c: c.x[2:]),
    **_axes("stride", lambda c: c.stride),
    **_axes("dilation", lambda c: c.dilation),
    "rows are padded as columns are": lambda c: c.sides[:2] == c.sides[2:],
    "rows are padded otherwise than columns": lambda c: c.sides[:2] != c.sides[2:],
    **_against("the stride of the rows", "the kernel's height", lambda c: (c.stride[0], c.w[2])),
    **_against("the stride of the columns", "the kernel's width", lambda c: (c.stride[1], c.w[3])),
    **_against("the padding above", "the input's height", lambda c: (c.sides[0], c.x[2])),
    **_against("the padding at the left", "the input's width", lambda c: (c.sides[2], c.x[3])),
    **_against("the number of columns", "the number of kernels", lambda c: (c.out[3], c.w[0])),
    **_against("the number of columns", "the padding at the left", lambda c: (c.out[3], c.sides[2])),
    **_against("the number of kernels", "that of channels to a kernel", lambda c: (c.w[0], c.w[1])),
    **_against("the number of channels", "the input's height", lambda c: (c.x[1], c.x[2])),
    **_against("the number of channels", "the input's width", lambda c: (c.x[1], c.x[3])),
    **_against("the kernel's width", "the input's width", lambda c: (c.w[3], c.x[3])),
    **_against("the kernel's height", "the input's height", lambda c: (c.w[2], c.x[2])),
    **_against("stride", "dilation", lambda c: (0, int(c.stride != c.dilation))),
    "opposite paddings differ": lambda c: c.sides[0] != c.sides[1] or c.sides[2] != c.sides[3],
    "opposite paddings are equal": lambda c: c.sides[0] == c.sides[1] and c.sides[2] == c.sides[3],
    "the remainder of the rows is as large as can be": lambda c: 0 < remainder(c)[0] == c.stride[0] - 1,
    "the remainder of the columns is as large as can be": lambda c: 0 < remainder(c)[1] == c.stride[1] - 1,
    **_against("the remainder of the rows", "the padding below", lambda c: (remainder(c)[0], c.sides[1])),
    **_against("the remainder of the columns", "the padding at the right", lambda c: (remainder(c)[1], c.sides[3])),
    "the kernel is a single row or column": lambda c: (c.w[2] == 1) != (c.w[3] == 1),
    "a padding is no multiple of its stride": lambda c: bool(c.sides[0] % c.stride[0] or c.sides[2] % c.stride[1]),
    "input or kernel is not square": lambda c: c.x[2] != c.x[3] or c.w[2] != c.w[3],
    "there is no bias": lambda c: not c.bias,
    "there is a bias": lambda c: c.bias,
    "it is depthwise": PREDICATES["it is depthwise"],
    "there is padding": PREDICATES["there is padding"],
    "the stride is 1": PREDICATES["the stride is 1"],
    "the stride is above 1": PREDICATES["the stride is above 1"],
    "there is dilation": PREDICATES["there is dilation"],
    "there is no dilation": lambda c: c.dilation == (1, 1),
    "there are no groups": lambda c: c.groups == 1,
    "the batch is not empty": lambda c: c.x[0] > 0,
    "padding='same'": PREDICATES["padding='same'"],
    "padding='valid'": PREDICATES["padding='valid'"],
    "the padding is given in numbers": lambda c: not isinstance(c.padding, str),
    "operands are contiguous": lambda c: not c.layout,
    "the dtype is a float": lambda c: "float" in c.dtype,
    "the dtype is a 16-bit float": PREDICATES["the dtype is a 16-bit float"],
    "the dtype is an integer": PREDICATES["the dtype is an integer"],
    "the dtype is complex": PREDICATES["the dtype is complex"],
}  # fmt: skip
NAMED = re.compile(r"the dtype is (not )?(\w+)|the (input|kernel|bias|cotangent) is (a view|laid out (\w+))")
NUMBERED = re.compile(
    r"(.+?) (?:is (?:(at least|at most|above|below|a multiple of|no multiple of) )?(-?\d+)|is (odd|even)"
    r"|leaves (\d+) when divided by (\d+))"
)
OPERANDS = {"input": "x", "kernel": "w", "bias": "b", "cotangent": "g"}


@cache
def predicate(clause: str) -> Predicate | None:
    """What a clause says of a case; None if it is none."""
    if clause == ANYTHING:
        return lambda c: True
    found = PROPERTIES.get(clause) or PREDICATES.get(clause)
    if found is not None:
        return found
    if named := NAMED.fullmatch(clause):
        return _named(named)
    match = NUMBERED.fullmatch(clause)
    if match is None or match[1] not in QUANTITIES:
        return _either(clause)
    of, how, limit = QUANTITIES[match[1]], match[2], int(match[3] or 0)
    if match[4]:
        return lambda c: of(c) % 2 == (match[4] == "odd")
    if match[5]:
        return lambda c: of(c) % int(match[6]) == int(match[5])
    return {
        None: lambda c: of(c) == limit,
        "at least": lambda c: of(c) >= limit,
        "at most": lambda c: of(c) <= limit,
        "above": lambda c: of(c) > limit,
        "below": lambda c: of(c) < limit,
        "a multiple of": lambda c: of(c) % limit == 0,
        "no multiple of": lambda c: of(c) % limit != 0,
    }[how]


def _either(clause: str) -> Predicate | None:
    """What a clause says that is made of others, one of which holds."""
    first, *more = clause.split(EITHER)
    if not more:
        return None
    parts = [predicate(one) for one in (first, *(f"the {one}" for one in more))]
    found = [one for one in parts if one is not None]
    return (lambda c: any(one(c) for one in found)) if len(found) == len(parts) else None


def mirrored(clause: str) -> str:
    """What a clause says of rows said of columns, and the other way."""
    pairs = (("rows", "columns"), ("height", "width"), ("above", "at the left"), ("below", "at the right"))
    words = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    sides = r"|(?<=padding )(?:above|below|at the left|at the right)"
    return re.sub(rf"\b(?:rows|columns|height|width)\b{sides}", lambda match: words[match[0]], clause)


def _named(match: re.Match[str]) -> Predicate:
    """An element type, or how an operand lies in memory."""
    if match[2]:
        return lambda c: (c.dtype == match[2]) != bool(match[1])
    from corrbench.numerics.inputs import layouts  # which needs NumPy; what is told is read without

    operand = OPERANDS[match[3]]
    if match[5]:
        return lambda c: layouts(c).get(operand) == match[5]
    return lambda c: layouts(c).get(operand, "contiguous") != "contiguous"


@cache
def properties(dtypes: tuple[str, ...]) -> tuple[str, ...]:
    """All clauses without a limit that may tell cases of these element types apart."""
    from corrbench.numerics.inputs import LAYOUTS

    types = [f"the dtype is {word}{dtype}" for dtype in dtypes for word in ("", "not ")]
    views = [f"the {operand} is a view" for operand in OPERANDS]
    laid = [f"the {operand} is laid out {layout}" for operand in OPERANDS for layout in LAYOUTS[1:]]
    return (*PROPERTIES, *types, *views, *laid)


def price(clause: str) -> float:
    """How far-fetched a clause is: of rules that fit equally well the cheapest is told."""
    if clause.startswith("stride "):
        return 2.2
    if clause in ("the stride is above 1", "there is dilation"):  # of both axes, unless one is seen to decide
        return 0.98
    if clause in PROPERTIES or NAMED.fullmatch(clause):
        return (
            1.6 if "laid out" in clause or clause.startswith(FAR_FETCHED) else 1.0 if "are equal" not in clause else 1.2
        )
    if EITHER in clause:
        return 1.1 + 0.3 * clause.count(EITHER)
    match = NUMBERED.fullmatch(clause)
    assert match is not None
    dear = 0.0 if match[1] in PLAIN else 0.35
    if match[4] or match[5] or "multiple" in (match[2] or ""):
        return 1.5 + dear
    limit = int(match[3])
    low = match[2] in (None, "at most") and limit <= 1
    usual = (match[2] == "above" and limit <= 1) or low
    if match[2] is None and not low:
        return 1.3 + 3 * dear
    return (1.0 if usual or low else 1.2) + dear


@dataclass(frozen=True, slots=True)
class Rule:
    """Clauses that all hold where a target is wrong; none for everywhere."""

    clauses: tuple[str, ...]
    cost: float = 0.0

    def holds(self, case: Case) -> bool:
        """Whether it says that the target is wrong on a case."""
        return all((found := predicate(clause)) is not None and found(case) for clause in self.clauses)

    @property
    def text(self) -> str:
        return " and ".join(self.clauses)
