"""The lines and branches of a function, as its syntax tree has them: what of it can run, and what shows that it did.

Lines are those on which statements begin. A branch is a way out of an ``if``, ``while`` or ``for``: into what it holds,
or past it. What stands on one line with its condition has no branches, nor do conditional expressions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Span = tuple[int, int]  # first and last line


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that runs if any of the lines from `line` to `last` does; `refuses` where all that it leads to is an
    exception that the function raises itself.
    """

    line: int
    last: int
    refuses: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """A way from a condition, into what it holds (`into`) or past it; `refuses` as for statements."""

    condition: Span
    body: Span
    into: bool
    refuses: bool

    def taken(self, arcs: set[tuple[int, int]]) -> bool:
        """Whether one of these steps from line to line goes this way."""
        return any(
            _within(start, self.condition) and not _within(end, self.condition) and _within(end, self.body) == self.into
            for start, end in arcs
        )


def _within(line: int, span: Span) -> bool:
    return span[0] <= line <= span[1]


def statements(function: Definition) -> list[Statement]:
    """The statements of a function; those of functions and classes in it are their own."""
    return [Statement(*_shown(node), refuses) for node, refuses in _walk(function.body, refuses=False) if _runs(node)]


def branches(function: Definition) -> list[Branch]:
    """The branches of a function."""
    found: list[Branch] = []
    for node, refuses in _walk(function.body, refuses=False):
        if not isinstance(node, ast.If | ast.While | ast.For | ast.AsyncFor):
            continue
        condition = _shown(node)
        body = (_begin(node.body[0]), node.body[-1].end_lineno or node.body[-1].lineno)
        test = getattr(node, "test", None)
        if body[0] <= condition[1] or isinstance(test, ast.Constant):
            continue
        found.append(Branch(condition, body, True, refuses or _raises(node.body)))
        if not _for_ever(node):
            past = isinstance(node, ast.If) and bool(node.orelse) and _raises(node.orelse)
            found.append(Branch(condition, body, False, refuses or past))
    return found


def _for_ever(node: ast.If | ast.While | ast.For | ast.AsyncFor) -> bool:
    """Whether a loop is left from within only: its first round always ends it."""
    return isinstance(node, ast.For | ast.AsyncFor | ast.While) and isinstance(node.body[-1], ast.Return | ast.Raise)


def _walk(body: Sequence[ast.stmt], *, refuses: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """All statements, each with whether it stands in a block that ends in ``raise``."""
    refuses = refuses or _raises(body)
    for node in body:
        yield node, refuses
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(node, name, [])
            yield from _walk(inner, refuses=refuses)
        for handler in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            yield from _walk(handler.body, refuses=refuses)


def _raises(body: Sequence[ast.stmt]) -> bool:
    """Whether whoever enters a block leaves it by an exception that is raised at its end."""
    return bool(body) and isinstance(body[-1], ast.Raise) and not any(isinstance(one, ast.Return) for one in body)


def _runs(node: ast.stmt) -> bool:
    """Whether a statement is one that the interpreter steps on."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return not isinstance(node, ast.Global | ast.Nonlocal | ast.Try | ast.TryStar)


def _shown(node: ast.stmt) -> Span:
    """The lines of which any shows that a statement ran: of one that holds others, those of its head."""
    head: ast.AST = node
    if isinstance(node, ast.If | ast.While):
        head = node.test
    elif isinstance(node, ast.For | ast.AsyncFor):
        head = node.iter
    elif isinstance(node, ast.With | ast.AsyncWith):
        head = node.items[-1].optional_vars or node.items[-1].context_expr
    elif isinstance(node, ast.Match):
        head = node.subject
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return _begin(node), node.lineno
    return node.lineno, getattr(head, "end_lineno", None) or node.lineno


def _begin(node: ast.stmt) -> int:
    """The first line of a statement, its decorators with it."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])
