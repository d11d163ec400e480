"""Sizes by the number: cases in which an axis, or a product of axes, has one length, at little cost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from math import isqrt, prod

from corrbench.case import Case

DEAR = 5e5  # multiply-accumulates of a case at most, its gradients' too, and as many elements of an operand or a result
SEVERAL = 5e4  # those of one in which several axes are set

Draw = random.Random
Axis = Callable[[dict[str, int], Draw], Case | None]
GEOMETRIES = ("sh", "sw", "dh", "dw", "ph", "pw")


def built(held: dict[str, int], rng: Draw) -> Case | None:
    """A case with the axes that are held, the others small; None where it has no result, or would be too dear.

    Args:
        held: by name: N, C, O, each (channels of a group, of which there are two), groups (of one channel), H, W, rows
            and cols (of the result), kh, kw, and stride, dilation and padding of an axis: sh, sw, dh, dw, ph, pw.
        rng: draws the others.
    """
    large = sum(value > 64 for value in held.values())
    groups = held.get("groups", 2 if "each" in held else 1)
    each = held.get("each", 1 if "groups" in held else held.get("C", rng.choice((1, 2, 3)) if not large else 1))
    o = held["groups"] if "groups" in held else held.get("O", rng.choice((1, 2, 3)) * groups)
    if o % groups:
        return None
    kh, kw = held.get("kh", rng.choice((1, 2, 3))), held.get("kw", rng.choice((2, 3)))
    sh, sw, dh, dw = (held.get(name, 1) for name in GEOMETRIES[:4])
    ph, pw = held.get("ph", 0), held.get("pw", 0)
    lengths = []
    for axis, result, k, s, d, p in (("H", "rows", kh, sh, dh, ph), ("W", "cols", kw, sw, dw, pw)):
        reach = d * (k - 1) + 1
        if axis in held:
            lengths.append(held[axis])
        else:
            count = held.get(result, rng.choice((2, 3, 4)))
            lengths.append(max(1, (count - 1) * s + reach - 2 * p))
    try:
        made = Case(
            x=(held.get("N", 1), each * groups, lengths[0], lengths[1]), w=(o, each, kh, kw), stride=(sh, sw),
            dilation=(dh, dw), padding=(ph, ph, pw, pw), groups=groups, bias=rng.random() < 0.3, data="small",
        )  # fmt: skip
    except ValueError:
        return None
    holds = all(
        made.out[2:][place] == held.get(name, made.out[2:][place]) for place, name in enumerate(("rows", "cols"))
    )
    return made if holds and cheap(made, DEAR if len(held) == 1 else SEVERAL) else None


def cheap(case: Case, most: float = DEAR) -> bool:
    """Whether a case may be asked as one of many."""
    backward = prod(case.x) * case.w[0] // case.groups * case.w[2] * case.w[3]  # products in gx, zeros included
    return max(case.macs, backward, prod(case.x), prod(case.w), prod(case.out)) <= most


AXES: dict[str, Axis] = dict.fromkeys(
    ("C", "H", "W", "N", "O", "rows", "cols", "kh", "kw", "each", "groups", "sh", "sw", "dh", "dw", "ph", "pw"), built
)


# ---- products


def divided(value: int) -> tuple[int, int]:
    """Two factors, as near to each other as can be, the smaller first."""
    small = next(one for one in range(isqrt(value), 0, -1) if not value % one)
    return small, value // small


def _made(x: Sequence[int], w: Sequence[int], **more: int) -> Iterator[Case]:
    try:
        made = Case(x=tuple(x), w=tuple(w), data="small", **more)  # type: ignore[arg-type]
    except ValueError:
        return
    if cheap(made):
        yield made


def everywhere(value: int, rng: Draw) -> Iterator[Case]:
    """Of a kernel of one tap: pixels, positions, and the elements of image and result."""
    a, b = divided(value)
    yield from _made((1, 1, a, b), (1, 1, 1, 1))


def pixels(value: int, rng: Draw) -> Iterator[Case]:
    """H·W, and with one channel the elements of the input."""
    a, b = divided(value)
    kh = 2 if a > 1 else 1
    yield from _made((1, 1, a, b), (2, 1, kh, 2))


def positions(value: int, rng: Draw) -> Iterator[Case]:
    """H'·W', the columns of im2col."""
    a, b = divided(value)
    yield from _made((1, 2, a + 1, b + 2), (1, 2, 2, 3))


def of_batch(value: int, rng: Draw) -> Iterator[Case]:
    """N·H'·W', and N·O·H'·W' too."""
    n = next((one for one in (2, 3, 5, 7) if not value % one), 0)
    if n:
        a, b = divided(value // n)
        yield from _made((n, 2, a + 1, b + 1), (1, 2, 2, 2))
        yield from _made((n, 1, a, b), (1, 1, 1, 1))
        yield from _made((1, 1, a + 1, b + 1), (n, 1, 2, 2))


def of_input(value: int, rng: Draw) -> Iterator[Case]:
    """C·H·W, and N·C·H·W."""
    c = next((one for one in (3, 2, 5, 7) if not value % one), 0)
    if c:
        a, b = divided(value // c)
        yield from _made((1, c, a, b), (1, c, min(2, a), min(2, b)))


def terms(value: int, rng: Draw) -> Iterator[Case]:
    """K = C·kh·kw, with kernels of several sizes."""
    for kh, kw in ((3, 3), (2, 3), (3, 2), (2, 2), (1, 3), (1, 2), (2, 1), (3, 1), (1, 1)):
        if not value % (kh * kw):
            c = value // (kh * kw)
            yield from _made((1, c, kh + 1, kw + 2), (2, c, kh, kw))
            return


def taps(value: int, rng: Draw) -> Iterator[Case]:
    """kh·kw."""
    a, b = divided(value)
    yield from _made((1, 1, a + 1, b + 2), (1, 1, a, b))


def of_kernels(value: int, rng: Draw) -> Iterator[Case]:
    """O·C·kh·kw, and O·C."""
    a, b = divided(value)
    yield from _made((1, b, 2, 3), (a, b, 1, 1))
    if not value % 6:
        a, b = divided(value // 6)
        yield from _made((1, b, 3, 4), (a, b, 2, 3))


def samples(value: int, rng: Draw) -> Iterator[Case]:
    """N·C, and N·O."""
    a, b = divided(value)
    yield from _made((a, b, 2, 3), (1, b, 1, 2))
    yield from _made((a, 1, 2, 3), (b, 1, 1, 2))


def half(value: int, rng: Draw) -> Iterator[Case]:
    """H + W."""
    a = value // 2 - value // 7
    if a > 1:
        yield from _made((1, 1, a, value - a), (1, 1, 2, 2))


PRODUCTS = (pixels, positions, terms, of_batch, everywhere, of_input, samples, of_kernels, taps, half)
PLACES = (
    ("H", "W"), ("rows", "cols"), ("kh", "kw"), ("C", "O"), ("N", "C"), ("C", "H"), ("C", "W"), ("N", "H"), ("C", "kh"),
    ("H", "kh"), ("W", "kw"), ("C", "sh"), ("O", "H"), ("N", "O"), ("sh", "sw"), ("dh", "dw"),
)  # fmt: skip


def together(values: tuple[int, ...], rng: Draw) -> Iterator[Case]:
    """Numbers that one test or tuple has, each on an axis of its own: pairs of axes in both orders, whole shapes."""
    if len(values) == 4:
        _, c, h, w = values
        yield from _made(values, (2, c, min(2, h), min(2, w)))
        yield from _made((1, c, h + 1, w + 1), values)
    for pair in permutations(values, 2):
        for axes in PLACES:
            made = built(dict(zip(axes, pair, strict=True)), rng)
            if made is not None:
                yield made
