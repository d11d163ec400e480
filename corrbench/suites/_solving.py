"""Expressions over numbers: what one of literals is, and what the changing part of another must be for its value."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator

Number = int | float
Note = Callable[[int, int], object]  # told of a modulus and the remainder by it
CASTS = {"float", "int", "float16", "float32", "float64", "bfloat16", "int32", "int64", "uint32", "tensor", "array",
         "asarray", "scalar", "complex"}  # fmt: skip
SEEN_THROUGH = CASTS | {"abs", "round", "len", "item", "floor", "ceil", "max", "min", "sum"}
MOST = 1 << 62


def folded(node: ast.AST, known: dict[str, Number]) -> Number | None:
    """The number that an expression of literals is; None where it is none."""
    if isinstance(node, ast.Constant):
        value = node.value
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return value if plain and abs(value) < MOST else None  # type: ignore[arg-type, return-value]
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = folded(node.operand, known)
        return None if inner is None else -inner
    if isinstance(node, ast.Call) and len(node.args) >= 1:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return folded(node.args[0], known) if name in CASTS else None
    if isinstance(node, ast.BinOp):
        left, right = folded(node.left, known), folded(node.right, known)
        if left is None or right is None:
            return None
        try:
            return _computed(node.op, left, right)
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None
    return None


def _computed(operator: ast.operator, a: Number, b: Number) -> Number | None:
    found: Number | None = None
    if isinstance(operator, ast.LShift | ast.Pow) and abs(b) > 64:
        return None
    match operator:
        case ast.Add():
            found = a + b
        case ast.Sub():
            found = a - b
        case ast.Mult():
            found = a * b
        case ast.Div():
            found = a / b
        case ast.FloorDiv():
            found = a // b
        case ast.Mod():
            found = a % b
        case ast.Pow():
            found = a**b
        case ast.LShift():
            found = int(a) << int(b)
        case ast.BitOr():
            found = int(a) | int(b)
    return found if isinstance(found, int | float) and abs(found) < MOST and math.isfinite(found) else None


def solved(node: ast.AST, value: Number, note: Note, known: dict[str, Number]) -> Iterator[Number]:
    """What the changing part of an expression has to be for the whole to be `value`."""
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CASTS | {"abs", "round", "len", "item", "floor", "ceil", "max", "min", "sum"}:
            for one in node.args:
                yield from solved(one, value, note, known)
            if name == "abs":
                yield from solved(node.args[0], -value, note, known)
            return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from solved(node.operand, -value, note, known)
        return
    if isinstance(node, ast.BinOp):
        left, right = folded(node.left, known), folded(node.right, known)
        if (left is None) != (right is None):
            inner = node.right if right is None else node.left
            given = left if left is not None else right
            assert given is not None
            for wanted in _undone(node.op, given, value, note, first=left is not None):
                yield from solved(inner, wanted, note, known)
            return
    yield value


def _undone(operator: ast.operator, k: Number, value: Number, note: Note, *, first: bool) -> Iterator[Number]:
    """What the other operand is where one is `k` and the result `value`; `first` says that `k` stands on the left."""
    whole = isinstance(k, int) and isinstance(value, int)
    match operator:
        case ast.Add():
            yield value - k
        case ast.Sub():
            yield k - value if first else value + k
        case ast.Mult() if k:
            exact = value / k
            yield int(exact) if whole and exact == int(exact) else exact
        case ast.Div() if not first:
            yield value * k
        case ast.FloorDiv() if whole and not first and k > 0:
            yield from dict.fromkeys((int(value * k), int(value * k + k // 2), int(value * k + k - 1)))
        case ast.Mod() if whole and not first:
            note(int(k), int(value))
            yield from (value, value + k, value + 2 * k)
        case ast.LShift() if whole and not first and 0 <= k < 64:
            yield int(value) >> int(k)
        case ast.RShift() if whole and not first and 0 <= k < 40 and 0 <= value < 1 << 20:
            yield from dict.fromkeys((int(value) << int(k), ((int(value) + 1) << int(k)) - 1))
        case ast.BitAnd() if whole and 0 < k < 1 << 20 and not int(k) & (int(k) + 1):
            note(int(k) + 1, int(value))
            yield from (value, value + k + 1)
        case _:
            yield value
