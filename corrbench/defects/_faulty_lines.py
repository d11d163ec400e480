"""Which lines of a defect are its fault, read from its source by a rule that was written before anything was measured.

A defect gives the right answer outside its region: ``c.y()``, or what was made of nothing but it. Its faulty lines are
the statements on its ways to another answer and on none to the right one, and those that choose between the two in one
expression; with what they use of the same file alone. What comes before the ways part is no fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

WAYS = 256  # through a function that are followed
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Marks:
    """The lines of a defect: those that are its fault, and all that its definition has."""

    faulty: frozenset[int]
    own: frozenset[int]

    @property
    def telling(self) -> bool:
        """Whether some of its lines are right, so that there is something to be found out."""
        return bool(self.own - self.faulty)


@dataclass(slots=True)
class _Way:
    lines: list[ast.stmt] = field(default_factory=list)
    right: frozenset[str] = frozenset()  # names that stand for the right answer
    choices: list[ast.stmt] = field(default_factory=list)  # that choose between it and another in one expression
    ends: bool | None = None  # whether with the right answer; None as long as it goes on


def faulty_lines(source: str, name: str) -> Marks:
    """The marks of a function of a file; of a class they are all of its lines."""
    body = ast.parse(source).body
    found = {one.name: one for one in body if isinstance(one, Definition | ast.ClassDef)}
    node = found[name]
    if isinstance(node, ast.ClassDef):
        return Marks(frozenset(_span(node.body)), frozenset(_span(node.body)))
    first, both = _ways(node)
    statements = [one for one in node.body if not _docstring(one)]
    own = frozenset(_heads(statements))
    bad = {id(one) for one in both}
    marked = [one for one in ast.walk(node) if isinstance(one, ast.stmt) and id(one) in bad] if first else statements
    lines = set(_span(marked)) if not first else set(_heads(marked))
    used = {one.id for part in marked for one in ast.walk(part) if isinstance(one, ast.Name)}
    others = {one.id for part in statements if part not in marked for one in _names_outside(part, bad)}
    own_helpers = _reached(used - others, found) - {name}
    for helper in own_helpers:
        lines |= set(_span(found[helper].body))
    return Marks(frozenset(lines), own | frozenset(line for one in own_helpers for line in _span(found[one].body)))


def _names_outside(part: ast.stmt, marked: set[int]) -> Iterator[ast.Name]:
    """The names in a statement that are in no marked one."""
    waiting: list[ast.AST] = [part]
    while waiting:
        node = waiting.pop()
        if id(node) in marked:
            continue
        if isinstance(node, ast.Name):
            yield node
        waiting += ast.iter_child_nodes(node)


def _reached(names: set[str], found: dict[str, Definition | ast.ClassDef]) -> set[str]:
    """Functions and classes of the file that are no defects, by names, and what these use."""
    seen: set[str] = set()
    waiting = sorted(names)
    while waiting:
        one = waiting.pop()
        if one in found and one not in seen and not found[one].decorator_list:
            seen.add(one)
            waiting += sorted({node.id for node in ast.walk(found[one]) if isinstance(node, ast.Name)})
    return seen


def _span(statements: Sequence[ast.stmt]) -> Iterator[int]:
    for one in statements:
        yield from range(one.lineno, (one.end_lineno or one.lineno) + 1)


def _heads(statements: Sequence[ast.stmt]) -> Iterator[int]:
    """The lines of statements; of those that hold others, of their heads and of what they hold."""
    for one in statements:
        yield from (
            _span([one]) if not isinstance(one, ast.If) else range(one.lineno, (one.test.end_lineno or one.lineno) + 1)
        )
        if isinstance(one, ast.If):
            yield from _heads([*one.body, *one.orelse])


def _docstring(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


# ---- ways through a function


def _ways(node: Definition) -> tuple[bool, list[ast.stmt]]:
    """Whether any way leads to the right answer, and the statements that are faulty then."""
    parameter = node.args.args[0].arg if node.args.args else ""
    ends = [way for way in _followed(node.body, [_Way()], parameter) if way.ends is not None]
    good = {id(one) for way in ends if way.ends for one in way.lines}
    found = [one for way in ends if not way.ends for one in way.lines if id(one) not in good]
    found += [one for way in ends for one in way.choices]
    return bool(good), list({id(one): one for one in found}.values())


def _followed(body: Sequence[ast.stmt], ways: list[_Way], parameter: str) -> list[_Way]:
    """The ways on through statements."""
    for one in body:
        open_ = [way for way in ways if way.ends is None]
        ended = [way for way in ways if way.ends is not None]
        if not open_ or len(ways) > WAYS:
            return ways
        ways = ended
        for way in open_:
            ways += _through(one, way, parameter)
    return ways


def _through(one: ast.stmt, way: _Way, parameter: str) -> list[_Way]:
    lines = [*way.lines, *([] if _docstring(one) else [one])]
    if isinstance(one, ast.If):
        parts = (one.body, one.orelse)
        return [end for part in parts for end in _followed(part, [replace(way, lines=lines)], parameter)]
    if isinstance(one, ast.Raise):
        return [replace(way, lines=lines, ends=False)]
    name = one.targets[0] if isinstance(one, ast.Assign) and len(one.targets) == 1 else None
    if isinstance(one, ast.Return) or (isinstance(one, ast.Assign) and isinstance(name, ast.Name)):
        value = one.value
        arms = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
        good = [_right(arm, parameter, way.right) for arm in arms]
        choices = way.choices + [one] * (len({*good}) > 1)
        if not isinstance(name, ast.Name):
            return [replace(way, lines=lines, choices=choices, ends=right) for right in good]
        rights = [way.right | {name.id} if right else way.right - {name.id} for right in good]
        return [replace(way, lines=lines, choices=choices, right=right) for right in rights]
    stored = {node.id for node in ast.walk(one) if isinstance(node, ast.Name) and _alters(node, one)}
    return [replace(way, lines=lines, right=way.right - stored)]


def _alters(name: ast.Name, within: ast.stmt) -> bool:
    """Whether a statement writes to a name, to a part of it, or calls a method of it that ends in an underscore."""
    if isinstance(name.ctx, ast.Store):
        return True
    for node in ast.walk(within):
        if isinstance(node, ast.Subscript | ast.Attribute) and node.value is name:
            if isinstance(node.ctx, ast.Store) or (isinstance(node, ast.Attribute) and node.attr.endswith("_")):
                return True
    return False


def _right(value: ast.expr | None, parameter: str, names: frozenset[str]) -> bool:
    """Whether an expression is the right answer."""
    if isinstance(value, ast.Name):
        return value.id in names
    called = value.func if isinstance(value, ast.Call) and not value.args and not value.keywords else None
    return (
        isinstance(called, ast.Attribute)
        and called.attr == "y"
        and isinstance(called.value, ast.Name)
        and called.value.id == parameter
    )
