"""Predicates of cases, and the search for the one that tells the cases that failed from those that passed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product

from corrbench.case import Case

Predicate = Callable[[Case], bool]
ENOUGH = 0.97  # share of the passing cases that a description must leave out


def _of_dtype(dtype: str) -> Predicate:
    return lambda case: case.dtype == dtype


PREDICATES: dict[str, Predicate] = {
    "the output is not square": lambda c: c.out[2] != c.out[3],
    "the output is wider than high": lambda c: c.out[3] > c.out[2],
    "the output is higher than wide": lambda c: c.out[2] > c.out[3],
    "the output is one column wide": lambda c: c.out[3] == 1,
    "the output is one row high": lambda c: c.out[2] == 1,
    "the kernel is not square": lambda c: c.w[2] != c.w[3],
    "the kernel has an even side": lambda c: c.w[2] % 2 == 0 or c.w[3] % 2 == 0,
    "the kernel is 1×1": lambda c: c.w[2:] == (1, 1),
    "the kernel is 3×3": lambda c: c.w[2:] == (3, 3),
    "the kernel is a row or column of nine": lambda c: sorted(c.w[2:]) == [1, 9],
    "the kernel has more than one tap": lambda c: c.w[2] * c.w[3] > 1,
    "the kernel is larger than 5": lambda c: max(c.w[2:]) > 5,
    "the stride is above 1": lambda c: c.stride != (1, 1),
    "the stride of the columns is above 1": lambda c: c.stride[1] > 1,
    "the stride of the rows is above 1": lambda c: c.stride[0] > 1,
    "the strides differ": lambda c: c.stride[0] != c.stride[1],
    "the stride is 1": lambda c: c.stride == (1, 1),
    "the stride is larger than the kernel": lambda c: c.stride[0] > c.w[2] or c.stride[1] > c.w[3],
    "rows or columns remain after the last window": lambda c: bool(any(remainder(c))),
    "there is dilation": lambda c: c.dilation != (1, 1),
    "the dilations differ": lambda c: c.dilation[0] != c.dilation[1],
    "there is padding": lambda c: any(c.sides),
    "there is no padding": lambda c: not any(c.sides),
    "the paddings differ": lambda c: c.sides[:2] != c.sides[2:],
    "padding='same'": lambda c: c.padding == "same",
    "padding='valid'": lambda c: c.padding == "valid",
    "the padding reaches the kernel's size": lambda c: max(c.sides[:2]) >= c.w[2] or max(c.sides[2:]) >= c.w[3],
    "there are groups": lambda c: c.groups > 1,
    "it is depthwise": lambda c: c.groups > 1 and c.w[1] == 1,
    "there is a bias": lambda c: c.bias,
    "the batch is above 1": lambda c: c.x[0] > 1,
    "the batch is 8 or more": lambda c: c.x[0] >= 8,
    "the batch is 16 or more": lambda c: c.x[0] >= 16,
    "the batch is empty": lambda c: c.x[0] == 0,
    "a kernel has 16 channels or more": lambda c: c.w[1] >= 16,
    "a kernel has 32 channels or more": lambda c: c.w[1] >= 32,
    "a kernel has 64 channels or more": lambda c: c.w[1] >= 64,
    "there are 16 kernels or more": lambda c: c.w[0] >= 16,
    "there are 64 kernels or more": lambda c: c.w[0] >= 64,
    "the sum has more than 1000 terms": lambda c: c.terms > 1000,
    "the output is wider than 32": lambda c: c.out[3] > 32,
    "the output is wider than 64": lambda c: c.out[3] > 64,
    "the output is higher than 32": lambda c: c.out[2] > 32,
    "an array has more than 2^15 elements": lambda c: c.x[1] * c.x[2] * c.x[3] > 2**15,
    "an axis is longer than 2^16": lambda c: max(*c.x, *c.w) > 2**16,
    "operands are views": lambda c: bool(c.layout),
    "an operand is in channels_last": lambda c: "channels_last" in c.layout,
    "an operand is one element, stretched": lambda c: "expanded_all" in c.layout,
    "the dtype is not float32": lambda c: c.dtype != "float32",
    "the dtype is a 16-bit float": lambda c: c.dtype in ("float16", "bfloat16"),
    "the dtype is an integer": lambda c: c.dtype.startswith(("int", "uint")),
    "the dtype is complex": lambda c: c.dtype.startswith("complex"),
    **{f"the dtype is {d}": _of_dtype(d) for d in ("float64", "float32", "float16", "bfloat16", "int64")},
}


def remainder(case: Case) -> tuple[int, int]:
    """Rows and columns of the padded input that no window reaches."""
    top, bottom, left, right = case.sides
    reach = [d * (k - 1) + 1 for d, k in zip(case.dilation, case.w[2:], strict=True)]
    return (
        (case.x[2] + top + bottom - reach[0]) % case.stride[0],
        (case.x[3] + left + right - reach[1]) % case.stride[1],
    )


def describe(
    wrong: Iterable[Case], right: Iterable[Case], levels: Sequence[float] = (ENOUGH,), share: float = 1.0
) -> str:
    """The simplest property that the wrong cases share and hardly a right one has; empty if there is none.

    One predicate is preferred to two; of equally simple ones that which leaves out most of the right cases. It must
    leave out a share of them that is the first of `levels` that any description reaches.

    Args:
        wrong: some cases.
        right: others.
        levels: see above.
        share: of the wrong cases that must have the property.
    """
    failed, passed = list(dict.fromkeys(wrong)), list(dict.fromkeys(right))
    if len(failed) < 2 or len(passed) < 5:
        return ""
    bad, good = _marks(failed), _marks(passed)
    least = share * len(failed)
    shared = [name for name in PREDICATES if bad[name].bit_count() >= least]
    for enough, count in product(levels, (1, 2)):
        found = []
        for names in combinations(shared, count):
            mine, others = (side[names[0]] & side[names[-1]] for side in (bad, good))
            if mine.bit_count() >= least and others.bit_count() <= (1 - enough) * len(passed):
                found.append((others.bit_count(), -mine.bit_count(), names))
        if found:
            others, mine, names = min(found)
            tail = f"all {-mine} such cases that were wrong" if others else f"{-mine} cases"
            return f"{' and '.join(names)} ({tail}; {others} of {len(passed)} right ones)"
    return ""


def names(description: str) -> list[str]:
    """The predicates that a description of `describe` is made of."""
    return description.partition(" (")[0].split(" and ") if description else []


def has(case: Case, description: str) -> bool:
    """Whether a case has the property that was described."""
    return all(PREDICATES[name](case) for name in names(description))


def _marks(cases: Sequence[Case]) -> dict[str, int]:
    """For each predicate a number with a bit for each case that has it."""
    return {name: sum(1 << i for i, case in enumerate(cases) if holds(case)) for name, holds in PREDICATES.items()}
