"""Extraction: a function or class with what it uses, taken out of a file that is not to be run as a whole.

Statements at the top of the file are chosen by the names that they bind and use, and executed in its order. The
rest, such as a demonstration, is not. Names are those that the compiler finds (`symtable`), so that a local variable
does not call for the global one of the same name.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .sources import Part

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BLIND = {"globals", "exec", "eval"}  # who calls these may use any name
PLACES = {("sys", "path"), ("os", "environ")}  # what is done to these is done for the imports that follow


class NotExtractable(Exception):
    """The file does not show that what is taken out would do what it does in the file."""


class Undefined(NotExtractable):
    """Nothing in the file defines it."""


@dataclass(eq=False)
class Statement:
    """A statement at the top of a file.

    Attributes:
        node, part: the statement, and the part that it stands in.
        binds, uses: names at the top of the file.
        changes: names into whose objects it writes: ``lib.f.argtypes = ...``.
        methods: methods that it calls for what they do: ``("TABLE", "append")``.
        calls: functions that it calls by name, or is decorated with.
        alters: of a definition, the names that a call of it binds, or whose objects it changes.
    """

    node: ast.stmt
    part: Part
    binds: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    changes: set[str] = field(default_factory=set)
    methods: set[tuple[str, ...]] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    alters: set[str] = field(default_factory=set)

    @property
    def imports(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def star(self) -> bool:
        return isinstance(self.node, ast.ImportFrom) and self.node.names[0].name == "*"

    @property
    def future(self) -> set[str]:
        """What it imports from the future."""
        node = self.node
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            return {alias.name for alias in node.names}
        return set()


def extract(parts: list[Part], name: str, scope: dict[str, Any]) -> int:
    """Execute in a scope what the object of this name needs. Returns the number of definitions beside its own.

    Raises:
        Undefined: nothing defines it.
        NotExtractable: it is not to be had so.
        BaseException: what the statements raise.
    """
    statements = read(parts)
    chosen = choose(statements, name)
    lazily = any("annotations" in s.future for s in chosen)
    for part in parts:
        inside = [s for s in chosen if s.part is part]
        body = [s.node for s in inside]
        if lazily and not any(s.future for s in inside):  # what a cell takes from the future holds in later ones
            body.insert(0, ast.fix_missing_locations(ast.ImportFrom("__future__", [ast.alias("annotations")], 0)))
        # dont_inherit: this file's own future is not the target's
        exec(compile(ast.Module(body, []), part.name, "exec", dont_inherit=True), scope)
    if name not in scope:
        raise NotExtractable(f"{name} is not there any more")
    return sum(not (s.imports or prepares(s.node) or name in s.binds) for s in chosen)


# ---- what a file consists of


def read(parts: list[Part]) -> list[Statement]:
    """The statements of a file, imports name by name, without what is for running it as a program."""
    found = [Statement(node, part) for part in parts for top in part.tree.body for node in split(top)]
    future = any("annotations" in s.future for s in found)
    for statement in found:
        names(statement, "from __future__ import annotations\n" * future)
        deeds(statement)
    return found


def split(node: ast.stmt) -> Iterator[ast.stmt]:
    """A statement as those that can be had one without the other."""
    if isinstance(node, ast.Import):
        yield from (ast.copy_location(ast.Import([alias]), node) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
        yield from (ast.copy_location(ast.ImportFrom(node.module, [alias], node.level), node) for alias in node.names)
    elif isinstance(node, ast.If) and for_the_program(node.test):
        for other in node.orelse:
            yield from split(other)
    elif not isinstance(node, ast.Delete):
        yield node


def for_the_program(test: ast.expr) -> bool:
    """Whether a test is ``__name__ == "__main__"``."""
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    return {ast.unparse(test.left), ast.unparse(test.comparators[0])} == {"__name__", "'__main__'"}


def names(statement: Statement, before: str) -> None:
    """What it binds and uses, as the compiler sees it."""
    try:
        table = symtable.symtable(before + ast.unparse(statement.node), "statement", "exec")
    except (SyntaxError, RecursionError):  # await at the top of a cell
        statement.uses = {node.id for node in ast.walk(statement.node) if isinstance(node, ast.Name)}
        return
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            statement.binds.add(symbol.get_name())
        if symbol.is_referenced():
            statement.uses.add(symbol.get_name())
    if before and not statement.future:
        statement.binds.discard("annotations")
    waiting = table.get_children()
    while waiting:
        inner = waiting.pop()
        waiting += inner.get_children()
        for symbol in inner.get_symbols():
            if symbol.is_global() or (inner.get_type() == "class" and symbol.is_referenced()):
                statement.uses.add(symbol.get_name())
            if symbol.is_declared_global() and symbol.is_assigned():
                statement.alters.add(symbol.get_name())


def deeds(statement: Statement) -> None:
    """What it changes and calls, itself and when it is called."""
    node = statement.node
    for decorator in getattr(node, "decorator_list", []):
        made = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(made, ast.Attribute):  # @corr2d.register
            statement.methods.add((chain(made)[0], "register"))
        elif isinstance(made, ast.Name):
            statement.calls.add(made.id)
    if isinstance(node, DEFINITIONS):
        roots = {root for one in ast.walk(node) for root in (written(one), *method(one)[:1])}
        statement.alters |= roots & statement.uses
        return
    for one in shallow(node):
        statement.changes.add(written(one))
        statement.methods.add(method(one))
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            statement.calls.add(one.func.id)
            if one.func.id == "setattr" and one.args:
                statement.changes.add(chain(one.args[0])[0])
    statement.changes.discard("")
    statement.methods.discard(())


def shallow(node: ast.AST) -> Iterator[ast.AST]:
    """The node and those in it, but for the insides of definitions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, SCOPES):
            yield from shallow(child)


def written(node: ast.AST) -> str:
    """The name into whose object this node writes; empty if into none."""
    stores = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    return chain(node)[0] if stores else ""


def method(node: ast.AST) -> tuple[str, ...]:
    """The way to a method that is called for what it does, from the name of its object; empty if none is."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return chain(node.value.func)
    return ()


def prepares(node: ast.stmt) -> bool:
    """Whether a statement does no more than say where imports come from, or set variables for them."""
    if isinstance(node, ast.If):
        return not node.orelse and all(map(prepares, node.body))
    if isinstance(node, ast.Assign):
        return all(chain(target)[:2] in PLACES for target in node.targets)
    return method(node)[:2] in PLACES


def chain(node: ast.AST) -> tuple[str, ...]:
    """The names of ``a.b[0].c``; the first is empty where it begins otherwise."""
    found: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node, ast.Attribute):
            found.append(node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else "", *found[::-1])


# ---- what is needed of it


def choose(statements: list[Statement], name: str) -> list[Statement]:
    """The statements that a name needs, in the order of the file.

    Raises:
        Undefined: nothing binds it.
        NotExtractable: what it needs may use any name.
    """
    if not any(name in s.binds for s in statements):
        raise Undefined(f"nothing defines {name}")
    needed, chosen = closure(statements, {name}, {})
    # Functions that are called for what they do to such names. What the target calls itself, demonstrations call too.
    fillers = {b: s.alters for s in statements for b in s.binds if s.alters and b not in needed}
    needed, chosen = closure(statements, needed, fillers)
    if any(s.imports or isinstance(s.node, ast.Try) for s in chosen):
        before = [s for s in statements if prepares(s.node)]
        needed, chosen = closure(statements, needed.union(*(s.uses for s in before)), fillers)
        chosen += [s for s in before if s not in chosen]
    bound = {b for s in chosen for b in s.binds}
    if any(s.star for s in statements) and needed - bound - set(dir(builtins)):
        chosen += [s for s in statements if s.star and s not in chosen]
    if (needed - bound) & BLIND:
        raise NotExtractable("what it uses may use any name")
    picked = {id(s) for s in chosen}
    return [s for s in statements if id(s) in picked or s.future]


def closure(
    statements: list[Statement], needed: set[str], fillers: dict[str, set[str]]
) -> tuple[set[str], list[Statement]]:
    """All names that are needed for these, and the statements that bind or change them."""
    needed, chosen = set(needed), list[Statement]()
    fixed = {b for s in statements if s.imports or isinstance(s.node, DEFINITIONS) for b in s.binds}
    waiting = statements
    while True:
        taken = []
        for s in waiting:
            filled = {n for call in s.calls for n in fillers.get(call, ())}
            does = any(way[0] in needed and (way[0] not in fixed or sets(way)) for way in s.methods)
            if (s.binds | filled | s.changes) & needed or does:
                taken.append(s)
        if not taken:
            return needed, chosen
        chosen += taken
        waiting = [s for s in waiting if s not in taken]
        needed |= {use for s in taken for use in s.uses}


def sets(way: tuple[str, ...]) -> bool:
    """Whether a method of something imported or defined is one that others depend on, to judge by its name."""
    return "config" in way or way[-1] == "register" or way[-1].startswith(("set", "enable"))
