"""Models in words: what a reader is told of a tree of summation and its arithmetic."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from corrbench.case import Case
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.model import Model
from corrbench.fingerprint.tree import Tree
from corrbench.numerics.formats import PRECISION

AXES = ("c", "kh", "kw")
ORDERS = [(0, 1, 2), (1, 2, 0), (1, 0, 2), (0, 2, 1), (2, 1, 0), (2, 0, 1)]  # the usual ones first


def told(found: Found) -> str:
    """What a cell is, in one line."""
    if found.kind is Kind.TREE or (found.kind is Kind.PARTIAL and found.classes):
        parts = [model_told(model, found.case) for _, model in found.classes]
        said = parts[0]
        for (region, _), part in list(zip(found.classes, parts, strict=True))[1:]:
            said += f"; {region}: {difference_of(parts[0], part)}"
        return said + (f" · PARTIAL, {found.share:.1%} predicted: {found.said}" if found.kind is Kind.PARTIAL else "")
    if found.transform is not None:
        return found.transform.name
    return f"{found.kind}: {found.said}"


def family(found: Found, without: frozenset[str] = frozenset()) -> str:
    """What a cell is, without the sizes that depend on K: equal along an axis until the arithmetic changes.

    Args:
        found: the cell.
        without: axes of the kernel that are left out of orders.
    """
    if found.transform is not None:
        return found.transform.name
    if found.kind is not Kind.TREE:
        return str(found.kind)
    said = []
    for _, model in found.classes:
        one = re.sub(r"\d+ chains of \d+( or \d+)?", "chains", model_told(model, found.case))
        one = re.sub(r",? ?depth \d+| of depth \d+| and \d+ alone| in \d+ of \d+ products", "", one)
        for axis in without:
            one = re.sub(rf"(?<=[ (,])−?{axis}(,|(?=[ )]))", "", one + " ").rstrip()
        said.append(one.replace(",)", ")").replace(", ·", " ·").replace(", added", " added").replace(" ()", ""))
    return "; ".join(dict.fromkeys(said))


def still(case: Case) -> frozenset[str]:
    """The axes of a kernel that have one element."""
    return frozenset(name for name, length in zip(AXES, case.w[1:], strict=True) if length == 1)


def difference_of(first: str, other: str) -> str:
    """The parts of a description that another one does not have."""
    had = set(first.split(" · "))
    return " · ".join(one for one in other.split(" · ") if one not in had) or "in another order"


def model_told(model: Model, case: Case) -> str:
    """A model in words: the order of summation, what becomes of products, the accumulator, the result."""
    words = [tree_told(model.tree, case)] if model.tree.sums else ["one product" + ("" if model.exact else ", rounded")]
    if model.operands.bits < PRECISION[model.dtype]:
        words.insert(0, f"operands rounded to {model.operands} bits")
    if model.tree.sums:
        words += [products_told(model), f"accumulator {bits_told(model.accumulator.bits, model.accumulator.mode)}"]
        others = sorted({str(one) for one in model.roundings} - {str(model.accumulator)})
        words += [f"some sums in {', '.join(others)} bits"] if others else []
    words += ["result cut off"] if model.result.mode == "zero" else []
    return " · ".join(words)


def bits_told(bits: int, mode: str) -> str:
    """A precision, with the name of its format."""
    return f"{bits} bits" + (", cut off" if mode == "zero" else "")


def products_told(model: Model) -> str:
    """What becomes of products before they are added."""
    k, exact = model.tree.leaves, len(model.exact)
    if not exact:
        return "product rounded, then added"
    if exact == k:
        return "products exact"
    starts = {children[0] for children in model.tree.sums}  # chains begin with a product alone
    if set(range(k)) - model.exact <= starts:
        return "fused"
    return f"fused in {exact} of {k} products"


# ---- orders


def order_told(leaves: Sequence[int], shape: tuple[int, int, int]) -> str:
    """The axes by which leaves are visited, the slowest first: c,kh,kw; −kh where rows go upwards; empty if by none.
    The first two leaves of a chain have no order of their own.
    """
    kh, kw = shape[1:]
    places = [(leaf // (kh * kw), leaf // kw % kh, leaf % kw) for leaf in leaves]
    moving = [axis for axis in range(3) if len({place[axis] for place in places}) > 1]
    ways = (places, [*places[1::-1], *places[2:]])
    for axes in ORDERS:
        for signs in itertools.product((1, -1), repeat=len(moving)):
            sign = dict(zip(moving, signs, strict=True))
            for way in ways:
                keys = [tuple(sign.get(axis, 1) * place[axis] for axis in axes) for place in way]
                if all(a < b for a, b in itertools.pairwise(keys)):
                    named = [("−" if sign[axis] < 0 else "") + AXES[axis] for axis in axes if axis in moving]
                    return ",".join(named)
    return ""


def tree_told(tree: Tree, case: Case) -> str:
    """The order of summation in words."""
    shape = (case.w[1], case.w[2], case.w[3])
    chains, singles, plain = pieces(tree.nested())
    if len(chains) == 1 and not singles:
        order = order_told(chains[0], shape)
        return f"chain {order}" if order else f"chain in another order ({tree.text()[:40]}…)"
    lengths = sorted({len(chain) for chain in chains})
    rest = f" and {len(singles)} alone" if singles else ""
    if len(chains) == tree.leaves - len(singles) or len(lengths) > 2 or len(chains) < 2:
        return balanced(tree)
    size = f"{lengths[-1]}" if len(lengths) == 1 else f"{lengths[0]} or {lengths[-1]}"
    steps = {b - a for chain in chains for a, b in itertools.pairwise(chain)}
    how = "added in order" if plain else "joined in pairs"
    if steps == {len(chains)} and len(chains) > 1:
        return f"{len(chains)} chains of {size}, interleaved{rest}, {how}"
    orders = {order_told(chain, shape) for chain in chains}
    order = orders.pop() if len(orders) == 1 else ""
    return f"{len(chains)} chains of {size}" + (f" ({order})" if order else "") + f"{rest}, {how}"


def balanced(tree: Tree) -> str:
    """A tree that is no set of chains."""
    least = max(1, (tree.leaves - 1).bit_length())
    return f"pairwise, depth {tree.depth}" if tree.depth == least else f"a tree of depth {tree.depth}"


def pieces(nested: Any) -> tuple[list[list[int]], list[int], bool]:
    """The chains of a nested list, the leaves added alone, and whether chains are added one after the other."""
    chains: list[list[int]] = []
    singles: list[int] = []
    plain = True
    waiting = [(nested, 0)]
    while waiting:
        node, depth = waiting.pop(0)
        if isinstance(node, int):
            singles.append(node)
            continue
        items = node["at once"] if isinstance(node, dict) else node
        run = list(itertools.takewhile(lambda one: isinstance(one, int), items))
        if run:
            chains.append(run)
        for item in items[len(run) :]:
            if isinstance(item, int):
                singles.append(item)
            else:
                plain = plain and depth == 0
                waiting.append((item, depth + 1))
    return chains, singles, plain


def columns(found: Found, matrix: dict[str, str]) -> dict[str, str]:
    """A target in the columns of a table: accumulator, FMA, order, and whether batch and threads show in the bits."""
    shown = {"batch": depends(matrix.get("batch size", "")), "threads": depends(matrix.get("threads", ""))}
    if found.model is None:
        named = found.transform.name if found.transform is not None else str(found.kind)
        return {"accumulator": "", "FMA": "", "order": named, **shown}
    said = {products_told(model) for _, model in found.classes}
    short = {"product rounded, then added": "no", "fused": "yes", "products exact": "exact"}
    fma = short.get(next(iter(said)), "some") if len(said) == 1 else "some"
    order = tree_told(found.model.tree, found.case) if found.model.tree.sums else "one product"
    one = found.model.accumulator
    partly = f" ({found.share:.0%})" if found.kind is Kind.PARTIAL else ""
    operands = found.model.operands.bits
    narrow = f", operands {operands}" if operands < PRECISION[found.model.dtype] else ""
    return {"accumulator": bits_told(one.bits, one.mode) + narrow, "FMA": fma, "order": order + partly, **shown}


def depends(said: str) -> str:
    """Whether the bits do not depend on it: yes, no with the place, or nothing."""
    place = said.partition(":")[0]
    return {"yes": "same", "not asked": "", "cannot be asked": "", "": ""}.get(place, f"other at {place}")
