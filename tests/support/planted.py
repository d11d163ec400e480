"""Implementations whose arithmetic is known by construction: orders of summation, roundings, transforms."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.convention import PLAIN
from corrbench.fingerprint.asking import Cell, Target
from corrbench.fingerprint.tree import Node, Tree, folded
from corrbench.numerics.problem import Array
from corrbench.target import Spec

Add = Callable[[Array, Array], Array]
Terms = list[tuple[Array, Array]]  # for each leaf its two factors


def terms(x: Array, w: Array) -> Terms:
    """The factors of every product, c, kh, kw, of a valid correlation."""
    (_, c, height, width), (o, _, kh, kw) = x.shape, w.shape
    rows, columns = height - kh + 1, width - kw + 1
    return [
        (x[:, None, channel, a : a + rows, b : b + columns], w[:, channel, a, b].reshape(1, o, 1, 1))
        for channel, a, b in itertools.product(range(c), range(kh), range(kw))
    ]


def plus(a: Array, b: Array) -> Array:
    """A sum in the type of its terms."""
    return a + b


def cut(a: Array, b: Array) -> Array:
    """A sum of float32 that is cut off, whatever the sizes of its terms."""
    wide, other = np.float64(a), np.float64(b)
    near = a + b
    total = wide + other
    part = total - wide
    rest = (wide - (total - part)) + (other - part)
    beyond = (np.float64(near) - total) - rest  # of what is exact
    return np.where(beyond * np.sign(near) > 0, np.nextafter(near, np.float32(0)), near)


def chain(products: Sequence[Array], add: Add = plus) -> Array:
    """One after the other."""
    made = products[0]
    for one in products[1:]:
        made = add(made, one)
    return made


def pairwise(items: Sequence[Any], join: Callable[[Any, Any], Any]) -> Any:
    """Halves, each summed so."""
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    return join(pairwise(items[:middle], join), pairwise(items[middle:], join))


def multiplied(leaves: Terms, kind: Any = np.float32) -> list[Array]:
    """Every product rounded to a type."""
    return [kind(xs) * kind(ws) for xs, ws in leaves]


def fma(leaves: Terms, order: Iterable[int], start: Array | None = None) -> Array:
    """A chain of fused multiply-adds in float32; 64 bits hold x·w + c but for what is far smaller."""
    made = np.float32(0) if start is None else start
    for leaf in order:
        xs, ws = leaves[leaf]
        made = (np.longdouble(xs) * np.longdouble(ws) + np.longdouble(made)).astype(np.float32)
    return np.asarray(made)


def taps_first(x: Array, w: Array) -> list[int]:
    """The leaves in the order kh, kw, c."""
    return [int(k) for k in np.arange(w[0].size).reshape(w.shape[1], -1).T.ravel()]


# ---- trees


def sequential(x: Array, w: Array) -> Array:
    return chain(multiplied(terms(x, w)))


def backwards(x: Array, w: Array) -> Array:
    return chain(multiplied(terms(x, w))[::-1])


def fused(x: Array, w: Array) -> Array:
    return fma(terms(x, w), range(w[0].size))


def fused_taps_first(x: Array, w: Array) -> Array:
    return fma(terms(x, w), taps_first(x, w))


def halves(x: Array, w: Array) -> Array:
    made: Array = pairwise(multiplied(terms(x, w)), plus)
    return made


def blocks(x: Array, w: Array) -> Array:
    """Chains of four, added in order."""
    made = multiplied(terms(x, w))
    return chain([chain(made[k : k + 4]) for k in range(0, len(made), 4)])


def fused_blocks(x: Array, w: Array) -> Array:
    """Fused chains of five, added in order."""
    leaves = terms(x, w)
    return chain([fma(leaves, range(k, min(k + 5, len(leaves)))) for k in range(0, len(leaves), 5)])


def lanes(x: Array, w: Array) -> Array:
    """Four interleaved sums, joined in pairs."""
    made = multiplied(terms(x, w))
    joined: Array = pairwise([chain(made[k::4]) for k in range(4)], plus)
    return joined


def wide(x: Array, w: Array) -> Array:
    """In float64, rounded at the end."""
    return chain(multiplied(terms(x, w), np.float64)).astype(np.float32)


def wide_sum(x: Array, w: Array) -> Array:
    """Products in float32, summed in float64."""
    return chain([np.float64(one) for one in multiplied(terms(x, w))]).astype(np.float32)


def wide_joints(x: Array, w: Array) -> Array:
    """Chains of four in float32, added in float64."""
    made = multiplied(terms(x, w))
    return chain([np.float64(chain(made[k : k + 4])) for k in range(0, len(made), 4)]).astype(np.float32)


def cutting(x: Array, w: Array) -> Array:
    """Every sum is cut off."""
    return chain(multiplied(terms(x, w)), cut)


def cut_at_the_end(x: Array, w: Array) -> Array:
    """In float64, and the result is cut off."""
    exact = chain(multiplied(terms(x, w), np.float64))
    near = exact.astype(np.float32)
    return np.where(np.abs(np.float64(near)) > np.abs(exact), np.nextafter(near, np.float32(0)), near)


def half_products(x: Array, w: Array) -> Array:
    """float16, each product rounded to it, summed in float32."""
    return chain([np.float32(xs * ws) for xs, ws in terms(x, w)]).astype(np.float16)


def half_rows(x: Array, w: Array) -> Array:
    """float16; rows of the kernel in float32, each added to what is kept in float16 and rounded to float32 before."""
    made = [np.float32(xs) * np.float32(ws) for xs, ws in terms(x, w)]
    kept = np.float16(chain(made[: w.shape[3]]))
    for k in range(w.shape[3], len(made), w.shape[3]):
        kept = np.float16(chain(made[k : k + w.shape[3]]) + np.float32(kept))
    return kept


def half_fused(x: Array, w: Array) -> Array:
    """float16, fused: 53 bits hold x·w + c."""
    kept: Array = np.float16(0)  # type: ignore[assignment]
    for xs, ws in terms(x, w):
        kept = np.float16(np.float64(xs) * np.float64(ws) + np.float64(kept))
    return kept


def half_sums(x: Array, w: Array) -> Array:
    """float16 throughout."""
    return chain([xs * ws for xs, ws in terms(x, w)])


def double(x: Array, w: Array) -> Array:
    """float64, halves."""
    made: Array = pairwise([xs * ws for xs, ws in terms(x, w)], plus)
    return made


def narrow(x: Array, w: Array) -> Array:
    """float64, computed in float32."""
    return sequential(np.float32(x), np.float32(w)).astype(np.float64)


# ---- classes of outputs, and what a cell's arguments decide


def last_columns(x: Array, w: Array) -> Array:
    """Fused, but for the last two columns."""
    made = fused(x, w)
    made[..., -2:] = sequential(x, w)[..., -2:]
    return made


def last_channel(x: Array, w: Array) -> Array:
    """In order, but for the last channel, which is summed by halves."""
    made = sequential(x, w)
    made[:, -1] = halves(x, w)[:, -1]
    return made


def by_batch(x: Array, w: Array) -> Array:
    """A batch is summed in another order."""
    return fused(x, w) if len(x) == 1 else fused_taps_first(x, w)


@dataclass
class OnThreads:
    """As many chains as there are threads."""

    threads: int = 1

    def __call__(self, x: Array, w: Array) -> Array:
        made = multiplied(terms(x, w))
        each = -(-len(made) // self.threads)
        return chain([chain(made[k : k + each]) for k in range(0, len(made), each)])


# ---- no trees


@dataclass
class Alternating:
    """Two orders in turn."""

    calls: int = 0

    def __call__(self, x: Array, w: Array) -> Array:
        self.calls += 1
        return (sequential if self.calls % 2 else backwards)(x, w)


@dataclass
class Racing:
    """An order drawn for every call, as threads that add to one place have it."""

    random: np.random.Generator

    def __call__(self, x: Array, w: Array) -> Array:
        made = multiplied(terms(x, w))
        return chain([made[k] for k in self.random.permutation(len(made))])


def shortcut(x: Array, w: Array) -> Array:
    """A constant input is answered by a path of its own, which probes meet and data do not."""
    return sequential(x, w) if np.ptp(x) == 0 else halves(x, w)


def compensated(x: Array, w: Array) -> Array:
    """Kahan's sum."""
    made = multiplied(terms(x, w))
    total, lost = made[0], np.zeros_like(made[0])
    for one in made[1:]:
        y = one - lost
        t = total + y
        lost = (t - total) - y
        total = t
    return total


def fourier(x: Array, w: Array) -> Array:
    """Over the whole plane, with NumPy's transform in float64."""
    (_, _, height, width), (_, _, kh, kw) = x.shape, w.shape
    shape = (height + kh - 1, width + kw - 1)
    product = np.fft.rfft2(x[:, None], shape) * np.fft.rfft2(w[None, :, :, ::-1, ::-1], shape)
    full = np.fft.irfft2(product.sum(2), shape)
    return full[..., kh - 1 : height, kw - 1 : width].astype(x.dtype)


def in_blocks(x: Array, w: Array, side: int = 4) -> Array:
    """Fourier transforms of blocks with `side` outputs along each axis."""
    kh, kw = w.shape[2:]
    rows, columns = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    padded = np.pad(x, ((0, 0), (0, 0), (0, side), (0, side)))
    made = np.zeros((len(x), len(w), rows + side, columns + side), x.dtype)
    for i, j in itertools.product(range(0, rows, side), range(0, columns, side)):
        part = padded[:, :, i : i + side + kh - 1, j : j + side + kw - 1]
        made[:, :, i : i + side, j : j + side] = fourier(part, w)
    return made[..., :rows, :columns]


POINTS: dict[int, tuple[Any, Any, Any]] = {  # Bᵀ, G and Aᵀ of F(m, 3) (Lavin & Gray, CVPR 2016, and points 0 ±1 ±2 ±½)
    2: (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    4: (
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
         [0, 4, 0, -5, 0, 1]],
        [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6], [1 / 24, 1 / 12, 1 / 6],
         [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
    6: (
        [[1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0], [0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0],
         [0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0], [0, 1 / 2, 1 / 4, -5 / 2, -5 / 4, 2, 1, 0],
         [0, -1 / 2, 1 / 4, 5 / 2, -5 / 4, -2, 1, 0], [0, 2, 4, -5 / 2, -5, 1 / 2, 1, 0],
         [0, -2, 4, 5 / 2, -5, -1 / 2, 1, 0], [0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1]],
        [[1, 0, 0], [-2 / 9, -2 / 9, -2 / 9], [-2 / 9, 2 / 9, -2 / 9], [1 / 90, 1 / 45, 2 / 45],
         [1 / 90, -1 / 45, 2 / 45], [32 / 45, 16 / 45, 8 / 45], [32 / 45, -16 / 45, 8 / 45], [0, 0, 1]],
        [[1, 1, 1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 1 / 2, -1 / 2, 0], [0, 1, 1, 4, 4, 1 / 4, 1 / 4, 0],
         [0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0], [0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0],
         [0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1]],
    ),
}  # fmt: skip


def winograd(m: int, x: Array, w: Array) -> Array:
    """F(m×m, 3×3) in the type of the operands."""
    into, kernels, out = (np.array(one, x.dtype) for one in POINTS[m])
    rows, columns = x.shape[2] - 2, x.shape[3] - 2
    padded = np.pad(x, ((0, 0), (0, 0), (0, m), (0, m)))
    u = np.einsum("ai,ocij,bj->ocab", kernels, w, kernels)
    made = np.zeros((len(x), len(w), rows + m, columns + m), x.dtype)
    for i, j in itertools.product(range(0, rows, m), range(0, columns, m)):
        v = np.einsum("ai,ncij,bj->ncab", into, padded[:, :, i : i + m + 2, j : j + m + 2], into)
        made[:, :, i : i + m, j : j + m] = np.einsum("ia,noab,jb->noij", out, np.einsum("ocab,ncab->noab", u, v), out)
    return made[..., :rows, :columns]


# ---- asked without a process of their own


class Direct(Target):
    """A function of arrays as a target, called in this process."""

    def __init__(self, function: Callable[[Array, Array], Array]) -> None:
        super().__init__(Spec(target="planted"), None, PLAIN)  # type: ignore[arg-type]
        self.function = function

    def ask(self, case: Case, pairs: Sequence[tuple[Array, Array]], threads: int = 1) -> list[Array]:
        self.calls += len(pairs)
        if isinstance(self.function, OnThreads):
            self.function.threads = threads
        return [self.function(x.copy(), w.copy()) for x, w in pairs]


def cell(function: Callable[[Array, Array], Array], case: Case, threads: int = 1) -> Cell:
    """A cell of a planted implementation."""
    return Cell(Direct(function), case, threads)


def order(leaves: Sequence[int], count: int) -> Tree:
    """The chain of these leaves."""
    return Tree.of(folded(list(leaves)), count)


def joined(parts: Sequence[Sequence[int]], join: Callable[[Sequence[Node]], Node] = folded) -> Tree:
    """Chains of these leaves, joined."""
    return Tree.of(join([folded(list(part)) for part in parts]), sum(map(len, parts)))


def together(a: Node, b: Node) -> Node:
    return a, b
