"""The mutants of a source file: one small mistake each, in what a target uses, with everything else as it is written.

The file is read with `ast`; a mutant is a replacement of bytes at the place of a node, so that comments, layout and the
text around stay, and the diff is what a reviewer would see.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ARITHMETIC = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*", ast.Pow: "*",
              ast.LShift: ">>", ast.RShift: "<<", ast.BitAnd: "|", ast.BitOr: "&", ast.BitXor: "&"}  # fmt: skip
WRITTEN = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
           ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.MatMult: "@",
           ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is",
           ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"}  # fmt: skip
COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.Is: "is not",
            ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}  # fmt: skip
TYPES = {"float64": "float32", "float32": "float16", "float16": "float32", "bfloat16": "float16", "int64": "int32",
         "int32": "int64", "double": "float", "complex64": "float32", "complex128": "complex64"}  # fmt: skip
AXES = (("rows", "cols"), ("height", "width"), ("top", "left"), ("bottom", "right"), ("row", "col"), ("sh", "sw"),
        ("kh", "kw"), ("ph", "pw"), ("dh", "dw"), ("h", "w"), ("oh", "ow"), ("H", "W"), ("i", "j"),
        ("rows", "columns"), ("a", "e"))  # fmt: skip
OTHER = {one: other for pair in AXES for one, other in (pair, pair[::-1])}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mistake.

    Attributes:
        kind: what sort of mistake it is.
        line: where, counted from 1.
        start, end: the bytes of the source that are replaced.
        new: what stands there instead.
    """

    kind: str
    line: int
    start: int
    end: int
    new: str

    @property
    def key(self) -> str:
        """What tells it from the other mutants of the same source."""
        return f"{self.line} {self.start}-{self.end} {self.kind} {self.new}"

    def applied(self, source: bytes) -> bytes:
        """The source with the mistake."""
        return source[: self.start] + self.new.encode() + source[self.end :]

    def diff(self, source: bytes, name: str, context: int = 2) -> str:
        """The mistake as a unified diff."""
        before, after = (text.decode().splitlines(keepends=True) for text in (source, self.applied(source)))
        return "".join(difflib.unified_diff(before, after, name, name, n=context))


def mutants(source: bytes, attribute: str, seed: int = 0) -> list[Mutant]:
    """All mutants of what a target uses in its file, in an order drawn from the seed, so that the first ones are a
    sample.

    Raises:
        SyntaxError: the file is no Python.
        ValueError: it defines nothing of that name.
    """
    tree = ast.parse(source)
    used = reachable(tree, attribute.partition(".")[0])
    found: dict[tuple[int, int, str], Mutant] = {}
    lines = starts(source)
    for top in used:
        for one in Reader(source, lines, top).found():
            if one.end > one.start and source[one.start : one.end].decode() != one.new and parses(one.applied(source)):
                found.setdefault((one.start, one.end, one.new), one)
    return sorted(found.values(), key=lambda one: zlib.crc32(f"{seed} {one.key}".encode()))


def parses(source: bytes) -> bool:
    """Whether a source is Python."""
    try:
        compile(source, "mutant", "exec", dont_inherit=True, flags=ast.PyCF_ONLY_AST)
    except (SyntaxError, ValueError):
        return False
    return True


def starts(source: bytes) -> list[int]:
    """The byte that each line begins at."""
    found = [0]
    for line in source.splitlines(keepends=True):
        found.append(found[-1] + len(line))
    return found


def reachable(tree: ast.Module, name: str) -> list[ast.stmt]:
    """The statements at the top of a file that define what a name uses, in the order of the file.

    Raises:
        ValueError: nothing defines it.
    """
    binds: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        for bound in bound_by(node):
            binds.setdefault(bound, []).append(node)
    if name not in binds:
        raise ValueError(f"the file defines no {name!r} whose text could be changed")
    waiting, chosen = [name], set[ast.stmt]()
    while waiting:
        for node in binds.get(waiting.pop(), []):
            if node not in chosen:
                chosen.add(node)
                waiting += [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    return [node for node in tree.body if node in chosen]


def bound_by(node: ast.stmt) -> list[str]:
    """The names that a statement gives the module, imports aside."""
    if isinstance(node, Definition):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]


class Reader:
    """The mutants of one statement at the top of a file."""

    def __init__(self, source: bytes, lines: list[int], top: ast.stmt) -> None:
        self.source, self.lines, self.top = source, lines, top

    def found(self) -> Iterator[Mutant]:
        """All of them, in the order of the text, more or less."""
        yield from self.visit(self.top, frozenset())

    def visit(self, node: ast.AST, names: frozenset[str]) -> Iterator[Mutant]:
        """Those of a node and of what is below it; annotations, decorators, docstrings and what is raised stay."""
        if isinstance(node, ast.Raise):
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
            names |= {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        yield from self.of(node, names)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "bases", "keywords") and not (
                name == "keywords" and isinstance(node, ast.Call)
            ):
                continue
            children = value if isinstance(value, list) else [value]
            for place, child in enumerate(children):
                docstring = name == "body" and place == 0 and is_text(child)
                if isinstance(child, ast.AST) and not docstring:
                    yield from self.visit(child, names)

    def of(self, node: ast.AST, names: frozenset[str]) -> Iterator[Mutant]:
        """The mutants of one node itself."""
        if (make := MAKERS.get(type(node))) is not None:
            yield from make(self, node)
        elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
            yield from self.exchanged(node.elts[-2], node.elts[-1], "axis exchanged")
        elif isinstance(node, ast.Attribute) and node.attr in TYPES:
            end = self.span(node)[1]
            yield self.made("element type", node, end - len(node.attr.encode()), end, TYPES[node.attr])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and OTHER.get(node.id) in names:
            yield self.whole(node, "axis exchanged", OTHER[node.id])
        yield from self.statement(node)

    def in_place(self, node: ast.AugAssign) -> Iterator[Mutant]:
        if (other := ARITHMETIC.get(type(node.op))) is not None:
            yield from self.between(node.target, node.value, WRITTEN[type(node.op)] + "=", other + "=", "operator")

    def unary(self, node: ast.UnaryOp) -> Iterator[Mutant]:
        if isinstance(node.op, ast.USub | ast.Not):
            yield self.whole(node, "operator", self.text(node.operand))

    def comparison(self, node: ast.Compare) -> Iterator[Mutant]:
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            yield from self.between(left, right, WRITTEN[type(op)], COMPARED[type(op)], "comparison")

    def connective(self, node: ast.BoolOp) -> Iterator[Mutant]:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from self.between(left, right, word, other, "operator")

    def constant(self, node: ast.Constant) -> Iterator[Mutant]:
        if isinstance(node.value, bool):
            yield self.whole(node, "constant", str(not node.value))
        elif isinstance(node.value, int | float):
            for step in (1, -1):
                number = node.value + step
                yield self.whole(node, "constant", f"({number})" if number < 0 else str(number))

    def operator(self, node: ast.BinOp) -> Iterator[Mutant]:
        if isinstance(node.op, ast.MatMult):
            yield from self.exchanged(node.left, node.right, "arguments swapped")
        elif type(node.op) in ARITHMETIC:
            yield from self.between(
                node.left, node.right, WRITTEN[type(node.op)], ARITHMETIC[type(node.op)], "operator"
            )

    def call(self, node: ast.Call) -> Iterator[Mutant]:
        given = [one for one in node.args if not isinstance(one, ast.Starred)]
        for one, other in itertools.pairwise(given):
            yield from self.exchanged(one, other, "arguments swapped")
        if isinstance(node.func, ast.Name) and node.func.id == "range":
            for one in given:
                if not isinstance(one, ast.Constant):
                    yield self.whole(one, "off by one", f"{self.text(one)} - 1")
        for word in node.keywords:
            if word.arg is not None and isinstance(word.value, ast.Constant | ast.Name):
                start, end = self.place(word.lineno, word.col_offset), self.place(word.end_lineno, word.end_col_offset)
                while self.source[end : end + 1].isspace() or self.source[end : end + 1] == b",":
                    end += 1
                yield self.made("argument left out", word, start, end, "")

    def slice(self, node: ast.Slice) -> Iterator[Mutant]:
        if node.step is not None:
            yield self.whole(node.step, "step left out", "")
        for bound in (node.lower, node.upper):
            if bound is not None and not isinstance(bound, ast.Constant):
                yield self.whole(bound, "off by one", f"{self.text(bound)} - 1")
                yield self.whole(bound, "off by one", f"{self.text(bound)} + 1")

    def statement(self, node: ast.AST) -> Iterator[Mutant]:
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield self.whole(node.test, "condition negated", f"not ({self.text(node.test)})")
        again = isinstance(node, ast.Assign) and {
            ast.dump(one) for one in node.targets if isinstance(one, ast.Name)
        } & {ast.dump(ast.Name(one.id, ast.Store())) for one in ast.walk(node.value) if isinstance(one, ast.Name)}
        alone = isinstance(node, ast.If) and not node.orelse and self.text(node).lstrip().startswith("if")
        if isinstance(node, ast.AugAssign) or again or alone or (isinstance(node, ast.Expr) and not is_text(node)):
            yield self.whole(node, "line dropped", "pass")

    # ---- places

    def place(self, line: int | None, column: int | None) -> int:
        return self.lines[(line or 1) - 1] + (column or 0)

    def span(self, node: ast.AST) -> tuple[int, int]:
        return (self.place(getattr(node, "lineno", None), getattr(node, "col_offset", None)),
                self.place(getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)))  # fmt: skip

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end].decode()

    def made(self, kind: str, node: ast.AST, start: int, end: int, new: str) -> Mutant:
        return Mutant(kind=kind, line=getattr(node, "lineno", 1), start=start, end=end, new=new)

    def whole(self, node: ast.AST, kind: str, new: str) -> Mutant:
        """A mutant in which a node is another text."""
        return self.made(kind, node, *self.span(node), new)

    def between(self, left: ast.AST, right: ast.AST, old: str, new: str, kind: str) -> Iterator[Mutant]:
        """A mutant in which the operator between two nodes is another."""
        begin, past = self.span(left)[1], self.span(right)[0]
        at = self.source.find(old.encode(), begin, past)
        if at >= 0:
            yield self.made(kind, left, at, at + len(old.encode()), new)

    def exchanged(self, one: ast.AST, other: ast.AST, kind: str) -> Iterator[Mutant]:
        """A mutant in which two nodes change places."""
        (start, middle), (again, end) = self.span(one), self.span(other)
        first, second = self.text(one), self.text(other)
        if first != second and not isinstance(one, ast.Starred) and not isinstance(other, ast.Starred):
            yield self.made(kind, one, start, end, second + self.source[middle:again].decode() + first)


MAKERS: dict[type, Callable[[Reader, Any], Iterator[Mutant]]] = {
    ast.Constant: Reader.constant, ast.BinOp: Reader.operator, ast.AugAssign: Reader.in_place,
    ast.UnaryOp: Reader.unary, ast.Compare: Reader.comparison, ast.BoolOp: Reader.connective, ast.Call: Reader.call,
    ast.Slice: Reader.slice,
}  # fmt: skip


def is_text(node: object) -> bool:
    """Whether a statement is a text alone, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
