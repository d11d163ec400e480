"""Metamorphic relations: equations between the results of related correlations, each with the calls it needs; pure.

The metamorphic relations of convolution (Chen et al., "Metamorphic Testing", ACM Comput. Surv. 51(1), 2018): they need
no expected value. On whole numbers that are small enough to be summed exactly each of `laws` holds bit for bit; those
of `real_laws` do so on real numbers, in every order of summation and by every transform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from corrbench.case import Case, Sides
from corrbench.numerics.problem import Array

Asked = tuple[Case, dict[str, Array]]
ZERO: Sides = (0, 0, 0, 0)
POWER = 3  # operands are scaled by two to this power, and back


@dataclass(slots=True)
class Law:
    """One equation.

    Attributes:
        name: the equation, for a person.
        asked: the calls that are needed beside the one on the operands themselves.
        sides: from the result y of that one and those of `asked`, two arrays that must be the same.
        then: a last call, made of the results so far; its own result is appended to them.
        must: whether it holds bit for bit; else a right implementation may break it by another order of summation.
    """

    name: str
    asked: list[Asked]
    sides: Callable[[Array, list[Array]], tuple[Array, Array]]
    then: Callable[[list[Array]], Asked] | None = None
    must: bool = True


def laws(case: Case, a: dict[str, Array], random: np.random.Generator) -> Iterator[Law]:
    """All the laws that have something to say of a case without a bias, on its operands x and w.

    Args:
        case: with ``bias=False``, or with a bias whose values are zeros.
        a: its operands by name; what is in it beside x and w goes along unchanged.
        random: for the permutations.
    """
    yield from linear(case, a)
    yield from turned(case, a)
    yield from permuted(case, a, random)
    yield from resampled(case, a)
    if case.single_channel:
        yield from combined(case, a)


def real_laws(case: Case, a: dict[str, Array]) -> Iterator[Law]:
    """The laws of real numbers, away from the ends of the range of their element type."""
    x, w = a["x"], a["w"]
    scaled = {"x": np.ldexp(x, POWER).astype(x.dtype), "w": np.ldexp(w, -POWER).astype(w.dtype)}
    if (np.ldexp(scaled["w"], POWER) == w).all():  # a tap that becomes subnormal loses bits
        yield Law("x·2^k with w·2^-k gives the same", [(case, a | scaled)], lambda y, got: (got[0], y))
    minus = {"b": -a["b"]} if "b" in a else {}
    yield Law("-x (and -b) gives -y", [(case, a | {"x": -x} | minus)], lambda y, got: (-got[0], y))
    yield Law("-w (and -b) gives -y", [(case, a | {"w": -w} | minus)], lambda y, got: (-got[0], y))
    if any(case.sides):
        padded = surround(x, case.sides)
        yield Law(
            "explicit zeros do what padding does",
            [(case.but(x=padded.shape, padding=ZERO), a | {"x": padded})],
            lambda y, got: (got[0], y),
            must=False,
        )


def linear(case: Case, a: dict[str, Array]) -> Iterator[Law]:
    """Additivity in either operand."""
    for name, words in (
        ("x", "conv(x + x', w) = conv(x, w) + conv(x', w)"),
        ("w", "conv(x, w + w') = conv(x, w) + conv(x, w')"),
    ):
        other = np.roll(a[name], 1)
        asked = [(case, a | {name: other}), (case, a | {name: a[name] + other})]
        yield Law(words, asked, lambda y, got: (got[1], y + got[0]))


def turned(case: Case, a: dict[str, Array]) -> Iterator[Law]:
    """Transposition, and a half turn where the windows reach every row and column."""
    top, bottom, left, right = case.sides
    across = case.but(
        x=(*case.x[:2], *case.x[:1:-1]),
        w=(*case.w[:2], *case.w[:1:-1]),
        stride=case.stride[::-1],
        padding=case.padding if isinstance(case.padding, str) else (left, right, top, bottom),
        dilation=case.dilation[::-1],
    )
    swapped = {name: np.ascontiguousarray(a[name].swapaxes(2, 3)) for name in "xw"}
    yield Law(
        "transposed operands give the transposed result",
        [(across, a | swapped)],
        lambda y, got: (got[0].swapaxes(2, 3), y),
    )
    rest = [
        (size + sum(pad) - d * (k - 1) - 1) % s
        for size, pad, d, k, s in zip(
            case.x[2:], ((top, bottom), (left, right)), case.dilation, case.w[2:], case.stride, strict=True
        )
    ]
    if not any(rest) and (not isinstance(case.padding, str) or (top == bottom and left == right)):
        back = case if isinstance(case.padding, str) else case.but(padding=(bottom, top, right, left))
        halves = {name: np.ascontiguousarray(a[name][..., ::-1, ::-1]) for name in "xw"}
        yield Law(
            "operands after a half turn give the result after a half turn",
            [(back, a | halves)],
            lambda y, got: (got[0][..., ::-1, ::-1], y),
        )


def permuted(case: Case, a: dict[str, Array], random: np.random.Generator) -> Iterator[Law]:
    """Order along the batch, the channels and the kernels, and groups one by one."""
    x, w, groups = a["x"], a["w"], case.groups
    kernels, each = w.shape[0] // groups, w.shape[1]
    if case.x[0] > 1:
        order = shuffled(case.x[0], random)
        yield Law(
            "a batch in another order gives the results in that order",
            [(case, a | {"x": x[order]})],
            lambda y, got: (got[0], y[order]),
        )
    if each > 1:
        inside = shuffled(each, random)
        channels = (np.arange(groups)[:, None] * each + inside).ravel()
        yield Law(
            "channels in another order, in x and w alike, change nothing",
            [(case, a | {"x": x[:, channels], "w": w[:, inside]})],
            lambda y, got: (got[0], y),
        )
    if kernels > 1:
        places = (np.arange(groups)[:, None] * kernels + shuffled(kernels, random)).ravel()
        yield Law(
            "kernels in another order give the channels in that order",
            [(case, a | {"w": w[places]})],
            lambda y, got: (got[0], y[:, places]),
        )
    if 1 < groups <= 8:
        one = case.but(x=(case.x[0], each, *case.x[2:]), w=(kernels, *case.w[1:]), groups=1)
        asked = [
            (one, a | {"x": x[:, i * each : (i + 1) * each], "w": w[i * kernels : (i + 1) * kernels]})
            for i in range(groups)
        ]
        yield Law("groups one by one give the same", asked, lambda y, got: (np.concatenate(got, 1), y))


def shuffled(count: int, random: np.random.Generator) -> Array:
    """The numbers below `count` (2 or more) in an order other than their own."""
    order = random.permutation(count)
    return order if (order != np.arange(count)).any() else order[::-1]


def resampled(case: Case, a: dict[str, Array]) -> Iterator[Law]:
    """Stride, dilation and padding by other means, and translation."""
    x, w, (sh, sw), (dh, dw) = a["x"], a["w"], case.stride, case.dilation
    if case.stride != (1, 1):
        yield Law(
            "every stride-th element of the result with stride 1",
            [(case.but(stride=(1, 1)), a)],
            lambda y, got: (got[0][:, :, ::sh, ::sw], y),
        )
    if case.dilation != (1, 1):
        stuffed = np.zeros((*w.shape[:2], dh * (w.shape[2] - 1) + 1, dw * (w.shape[3] - 1) + 1), w.dtype)
        stuffed[:, :, ::dh, ::dw] = w
        yield Law(
            "a kernel with zeros between its elements does what dilation does",
            [(case.but(w=stuffed.shape, dilation=(1, 1)), a | {"w": stuffed})],
            lambda y, got: (got[0], y),
        )
    if any(case.sides):
        padded = surround(x, case.sides)
        yield Law(
            "explicit zeros do what padding does",
            [(case.but(x=padded.shape, padding=ZERO), a | {"x": padded})],
            lambda y, got: (got[0], y),
        )
    elif case.out[2] > 1:
        yield Law(
            "without its first rows x gives the result without its first row",
            [(case.but(x=(*case.x[:2], case.x[2] - sh, case.x[3])), a | {"x": x[:, :, sh:]})],
            lambda y, got: (got[0], y[:, :, 1:]),
        )


def combined(case: Case, a: dict[str, Array]) -> Iterator[Law]:
    """Commutativity and associativity of planes."""
    x, w = a["x"], a["w"]
    wide, far = surround(x, reach(w)), surround(w, reach(x))
    asked = [(case.but(x=wide.shape), a | {"x": wide}), (case.but(x=far.shape, w=x.shape), a | {"x": far, "w": x})]
    yield Law(
        "x and w exchanged, all around, give the result after a half turn",
        asked,
        lambda y, got: (got[1][..., ::-1, ::-1], got[0]),
    )
    v = np.roll(w, 1)[..., :2, :2]
    if case.out[2] < v.shape[2] or case.out[3] < v.shape[3]:
        return
    both = np.zeros((1, 1, w.shape[2] + v.shape[2] - 1, w.shape[3] + v.shape[3] - 1), w.dtype)
    for i, j in np.ndindex(v.shape[2:]):
        both[:, :, i : i + w.shape[2], j : j + w.shape[3]] += w * v[:, :, i, j]
    yield Law(
        "one kernel after another does what the two combined do",
        [(case.but(w=both.shape), a | {"w": both})],
        lambda y, got: (got[1], got[0]),
        then=lambda got: (case.but(x=got[0].shape, w=v.shape), a | {"x": got[0], "w": v}),
    )


def reach(kernel: Array) -> Sides:
    """The zeros to put around so that a kernel meets every element from every side."""
    rows, cols = kernel.shape[2] - 1, kernel.shape[3] - 1
    return (rows, rows, cols, cols)


def surround(array: Array, sides: Sides) -> Array:
    """An array of four axes with zeros at (top, bottom, left, right)."""
    top, bottom, left, right = sides
    return np.pad(array, ((0, 0), (0, 0), (top, bottom), (left, right)))
