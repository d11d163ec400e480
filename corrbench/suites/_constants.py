"""The constants of a source: numbers that it compares sizes, elements and counts with, and names that it goes by.

Python is read by its syntax tree, where a comparison with an expression is solved for what the expression is made of:
``(W - 3) // 29 == 20`` speaks of 583 columns. Other text, C or CUDA for example, is searched for numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.case import DTYPES
from corrbench.suites._solving import Number, folded, solved

ALIASES = {"double": "float64", "half": "float16", "__half": "float16"}
LAYOUTS = ("contiguous", "is_contiguous", "stride", "strides", "channels_last", "flags", "memory_format",
           "is_transposed", "NHWC", "nhwc")  # fmt: skip
COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/|(?m:^\s*#(?!\s*(define|if|elif))[^\n]*)", re.DOTALL)
NUMBER = r"-?(?:0[xX][0-9a-fA-F]+|\d+\.\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+)"
TOKEN = re.compile(rf"(?<![\w.]){NUMBER}(?![\w.]*[\w.])|(?<![\w.]){NUMBER}(?=[uUlLfF]+\b)")
COMPARED = re.compile(
    rf"(?:[=!<>]=|(?<![<>-])[<>](?![<>]))\s*({NUMBER})|({NUMBER})[uUlLfF]*\s*(?:[=!<>]=|[<>](?![<>]))|case\s+({NUMBER})\s*:"
)
REST = re.compile(rf"%\s*({NUMBER})[uUlLfF]*\s*\)?\s*(?:[=!<>]=|[<>])\s*({NUMBER})|%\s*({NUMBER})")
PROGRAM = re.compile(r"[;{}].*\n|__global__|#include|\bkernel\b")  # what a string literal has in it that is a program


@dataclass(slots=True)
class Constants:
    """What a source has, each once, the first ones first.

    Attributes:
        compared: numbers that something is compared with, solved for.
        ordered: those of them that something is compared with by order.
        rests: moduli, each with a remainder that is compared with, or those around 0.
        others: numbers that stand there without a comparison.
        groups: numbers that one test, or one tuple, has together.
        names: element types, and words of how operands lie, that occur.
    """

    compared: dict[Number, None] = field(default_factory=dict)
    ordered: dict[Number, None] = field(default_factory=dict)
    rests: dict[tuple[int, int], None] = field(default_factory=dict)
    others: dict[Number, None] = field(default_factory=dict)
    groups: dict[tuple[int, ...], None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)

    def add_rest(self, modulus: int, rest: int) -> None:
        """Note a remainder, if the modulus is one of sizes."""
        if 2 < modulus < 1 << 20 and 0 <= rest < modulus:
            self.rests[modulus, rest] = None

    def __bool__(self) -> bool:
        return bool(self.compared or self.rests or self.others)


def of_python(nodes: Iterable[ast.AST], found: Constants | None = None) -> Constants:
    """The constants of statements, with those that were `found` before."""
    found, nodes = Constants() if found is None else found, list(nodes)  # an empty one counts as false
    known = dict(_assigned(nodes))
    for node in nodes:
        _read(node, found, known)
    return found


def of_text(text: str, found: Constants | None = None) -> Constants:
    """The constants of a program in another language, with those that were `found` before."""
    found = Constants() if found is None else found
    text = COMMENTS.sub(" ", text)
    for match in REST.finditer(text):
        modulus, rest, alone = (number(one) for one in match.groups())
        if isinstance(rest, int) and isinstance(modulus, int):
            found.add_rest(modulus, rest)
        elif isinstance(alone, int):
            _add_modulus(found, alone)
    for match in COMPARED.finditer(text):
        value = number(next(one for one in match.groups() if one))
        if value is not None:
            found.compared[value] = None
            if "==" not in match[0] and "case" not in match[0] and "!=" not in match[0]:
                found.ordered[value] = None
    for match in TOKEN.finditer(text):
        value = number(match[0])
        if value is not None and value not in found.compared:
            found.others[value] = None
    found.names |= dict.fromkeys(_words(text))
    return found


def number(text: str | None) -> Number | None:
    """A number as C writes it, without its suffix; None where it is none."""
    try:
        if text is None:
            return None
        return int(text, 0) if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|[1-9]\d*|0)", text) else float(text)
    except ValueError:
        return None


def _words(text: str) -> Iterator[str]:
    """The element types, and words of how operands lie, that a text has."""
    for word in (*DTYPES, *LAYOUTS, *ALIASES):
        if re.search(rf"\b{word}\b", text):
            yield ALIASES.get(word, word)


# ---- Python


def _assigned(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, Number]]:
    """The names that stand for one number."""
    values: dict[str, list[Number | None]] = {}
    for node in (one for top in nodes for one in ast.walk(top)):
        targets = getattr(node, "targets", [node.target] if hasattr(node, "target") else [])
        for target in targets:
            plain = isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(target, ast.Name) and node.value
            value = folded(plain, {}) if isinstance(plain, ast.expr) else None
            for one in ast.walk(target):
                if isinstance(one, ast.Name):
                    values.setdefault(one.id, []).append(value)
    for name, several in values.items():
        if len(several) == 1 and several[0] is not None:
            yield name, several[0]


def _read(node: ast.AST, found: Constants, known: dict[str, Number]) -> None:
    """Note what a node and those in it say."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if (note := NOTED.get(type(node))) is not None:
        note(node, found, known)
    for child in ast.iter_child_nodes(node):
        _read(child, found, known)


def _alternatives(node: ast.BoolOp, found: Constants, known: dict[str, Number]) -> None:
    sides = [side for one in node.values if isinstance(one, ast.Compare) for side in (one.left, *one.comparators)]
    _group(found, [value for side in sides if (value := folded(side, known)) is not None])


def _tuple(node: ast.Tuple | ast.List, found: Constants, known: dict[str, Number]) -> None:
    _group(found, [value for one in node.elts if (value := folded(one, known)) is not None])


def _keys(node: ast.Dict, found: Constants, known: dict[str, Number]) -> None:
    values = (folded(key, known) for key in node.keys if key is not None)
    found.compared |= dict.fromkeys(value for value in values if value is not None)


def _matched(node: ast.MatchValue, found: Constants, known: dict[str, Number]) -> None:
    if (value := folded(node.value, known)) is not None:
        found.compared[value] = None


def _constant(node: ast.Constant, found: Constants, known: dict[str, Number]) -> None:
    if isinstance(node.value, str):
        _text(node.value, found)
    elif (value := folded(node, known)) is not None:
        found.others.setdefault(value)


def _operation(node: ast.BinOp | ast.UnaryOp, found: Constants, known: dict[str, Number]) -> None:
    if (value := folded(node, known)) is not None:
        found.others.setdefault(value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        modulus = folded(node.right, known)
        if isinstance(modulus, int):
            _add_modulus(found, modulus)


def _attribute(node: ast.Attribute, found: Constants, known: dict[str, Number]) -> None:
    name = ALIASES.get(node.attr, node.attr)
    if name in DTYPES or name in LAYOUTS:
        found.names[name] = None


def _text(text: str, found: Constants) -> None:
    if text in DTYPES or text in LAYOUTS:
        found.names[text] = None
    elif len(text) > 20 and PROGRAM.search(text):
        of_text(text, found)


def _compared(node: ast.Compare, found: Constants, known: dict[str, Number]) -> None:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides, sides[1:], strict=False):
        ordered = isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        for one, other in ((left, right), (right, left)):
            values = [folded(one, known)]
            if isinstance(one, ast.Tuple | ast.List | ast.Set) and isinstance(operator, ast.In | ast.NotIn):
                values = [folded(each, known) for each in one.elts]
            for value in values:
                if value is not None and folded(other, known) is None:
                    for wanted in solved(other, value, found.add_rest, known):
                        found.compared[wanted] = None
                        if ordered:
                            found.ordered[wanted] = None


def _group(found: Constants, values: Sequence[Number]) -> None:
    whole = tuple(dict.fromkeys(value for value in values if isinstance(value, int) and value > 0))
    if 2 <= len(whole) <= 4 and max(whole) > 8:
        found.groups[whole] = None


def _add_modulus(found: Constants, modulus: int) -> None:
    for rest in (0, 1, modulus - 1):
        found.add_rest(modulus, rest)


NOTED: dict[type[ast.AST], Callable[[Any, Constants, dict[str, Number]], None]] = {
    ast.Compare: _compared, ast.BoolOp: _alternatives, ast.Tuple: _tuple, ast.List: _tuple, ast.Dict: _keys,
    ast.MatchValue: _matched, ast.Constant: _constant, ast.BinOp: _operation, ast.UnaryOp: _operation,
    ast.Attribute: _attribute,
}  # fmt: skip
