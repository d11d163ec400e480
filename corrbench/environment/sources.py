"""The source of a target: its own files, and what of them it may run, read with `ast`: nothing of it runs.

Its own are the file that it names and those that this imports of the same package or folder. What it may run is what
can be reached from its name by names: too much rather than too little.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path

from corrbench.environment.definitions import ENDS, trees

FILES, SIZE = 24, 1 << 20  # files of a target that are read, and bytes of one
MARKS = {"defect", "cheat", "trigger", "honest"}  # decorators of the catalogue: what they say is no part of a target
CALLED = {"forward", "backward", "setup_context", "jvp", "vmap"}  # methods that a framework calls by their names
COMPILERS = ("jit", "njit", "vectorize", "guvectorize", "stencil", "kernel", "script", "compile")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a target's.

    Attributes:
        name: with those of the classes and functions that it is in.
        node: its definition.
        named: whether something that the target may run mentions it, or a framework calls it by its name.
        compiled: whether something else than Python runs it, so that nobody sees which lines.
    """

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    named: bool
    compiled: bool


@dataclass(frozen=True, slots=True)
class Source:
    """One of a target's own files.

    Attributes:
        path: absolute.
        text: what is in it.
        nodes: the statements at its top that the target may use, in its order.
        functions: those in them.
    """

    path: Path
    text: str
    nodes: tuple[ast.stmt, ...]
    functions: tuple[Function, ...]


def of_target(target: str, folder: Path, search: Sequence[str] = (), also: Sequence[str] = ()) -> list[Source]:
    """The files of ``path/to/file.py:attr`` or ``pkg.mod:attr``, its own first; none where the target is a library's
    that is installed, or no file is found.

    Args:
        target: as it was typed.
        folder: where it is looked for first.
        search: where modules are looked for after that.
        also: other names of the file that a call uses.
    """
    place, _, attribute = target.rpartition(":")
    path = [str(folder), str(folder / "src"), *search]
    file = folder / place if place.endswith(ENDS) else located(place, path)
    if file is None or not file.is_file() or installed(file):
        return []
    reading = _Reading(path=[*path, str(file.parent)], root=outermost(file.resolve()))
    first = reading.file(file)
    if first is None:
        return []
    name = attribute.partition(".")[0]
    known = name in first.binds or name in first.imports
    for one in [name, *also] if known else list(first.binds):
        reading.reach(first, one)
    return [found for one in reading.files.values() if one is not None and (found := one.source(reading.seen))]


def located(dotted: str, path: Sequence[str]) -> Path | None:
    """The file of a module, found without importing the packages that it is in; None where there is none."""
    where: list[str] | None = [one for one in path if one]
    parts, file = dotted.split("."), None
    for count in range(1, len(parts) + 1):
        found = PathFinder.find_spec(".".join(parts[:count]), where)
        if found is None or (count < len(parts) and not found.submodule_search_locations):
            return None
        where, file = list(found.submodule_search_locations or ()), found.origin
    return Path(file) if file and file.endswith(".py") else None


def installed(file: Path) -> bool:
    """Whether a file belongs to an installed library, or to Python's own."""
    real = file.resolve()
    if real.is_relative_to(Path(__file__).resolve().parents[1]):  # the catalogue is judged as its users' code is
        return False
    own = [sysconfig.get_path("stdlib"), str(Path(sys.base_prefix, "lib", "python"))]
    inside = any(real.is_relative_to(one) for one in own)
    return inside or bool({"site-packages", "dist-packages"} & set(real.parts))


def outermost(file: Path) -> Path:
    """The folder of the outermost package that a file is in, or else its own."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and (folder.parent / "__init__.py").is_file():
        folder = folder.parent
    return folder


# ---- what names reach


@dataclass(slots=True)
class _File:
    path: Path
    text: str
    binds: dict[str, list[ast.stmt]]
    imports: dict[str, tuple[str, str, int]]  # name here -> module, name there (empty for the module itself), level
    stars: list[tuple[str, int]]
    taken: dict[int, ast.stmt] = field(default_factory=dict)

    def source(self, seen: set[str]) -> Source | None:
        nodes = tuple(sorted(self.taken.values(), key=lambda node: node.lineno))
        functions = tuple(one for node in nodes for one in _functions(node, "", seen, compiled=False))
        return Source(self.path, self.text, nodes, functions) if nodes else None


@dataclass(slots=True)
class _Reading:
    path: list[str]
    root: Path
    files: dict[Path, _File | None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # identifiers in what was reached

    def file(self, path: Path) -> _File | None:
        """A file, read once; None where it is none of the target's own or cannot be read."""
        real = path.resolve()
        if real not in self.files:
            self.files[real] = _read(real) if real.is_relative_to(self.root) and len(self.files) < FILES else None
        return self.files[real]

    def reach(self, file: _File, name: str) -> None:
        """Take what a name of a file's top stands for, and all that it uses."""
        waiting = [(file, name)]
        while waiting:
            here, wanted = waiting.pop()
            for node in here.binds.get(wanted, ()):
                if id(node) not in here.taken:
                    here.taken[id(node)] = node
                    used = sorted(identifiers(node))  # in one order: what is planned follows from it
                    self.seen |= set(used)
                    waiting += [(here, one) for one in used]
                    waiting += [(star, one) for star in self._stars(here) for one in used]
                    waiting += self._attributes(here, used)
            if wanted in here.imports:
                module, attribute, level = here.imports[wanted]
                if attribute and (there := self._module(here, module, level)) is not None:
                    waiting.append((there, attribute))

    def _attributes(self, here: _File, used: Sequence[str]) -> Iterator[tuple[_File, str]]:
        """What is used of modules of its own that a file has imported whole."""
        for name in (one for one in used if one in here.imports):
            module, attribute, level = here.imports[name]
            whole = f"{module}.{attribute}".strip(".") if attribute else module
            there = self._module(here, whole, level)
            if there is not None and there is not here:
                yield from ((there, one) for one in used if one in there.binds or one in there.imports)

    def _stars(self, here: _File) -> list[_File]:
        found = [self._module(here, module, level) for module, level in here.stars]
        return [one for one in found if one is not None and one is not here]

    def _module(self, here: _File, module: str, level: int) -> _File | None:
        if level:
            folder = here.path.parents[level - 1]
            stem = folder.joinpath(*module.split(".")) if module else folder
            there = [stem.with_suffix(".py"), stem / "__init__.py"] if module else [folder / "__init__.py"]
            path = next((one for one in there if one.is_file()), None)
        else:
            path = located(module, self.path) if module else None
        return self.file(path) if path is not None else None


def _read(path: Path) -> _File | None:
    """A file with what its top binds and imports; None where it is no Python, or too large."""
    try:
        if path.stat().st_size > SIZE:
            return None
        text, found = path.read_text(encoding="utf-8", errors="replace"), trees(path)
    except (OSError, SyntaxError, ValueError):
        return None
    file = _File(path, text, {}, {}, [])
    for node in (node for tree in found for node in _top(tree.body)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                file.imports[alias.asname or alias.name.partition(".")[0]] = (alias.name, "", 0)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            file.stars += [(module, node.level) for alias in node.names if alias.name == "*"]
            file.imports |= {alias.asname or alias.name: (module, alias.name, node.level) for alias in node.names}
    for node in (node for tree in found for node in _top(tree.body)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            node.decorator_list = [one for one in node.decorator_list if not _marks(one, file)]
            file.binds.setdefault(node.name, []).append(node)
        else:
            for one in ast.walk(node):
                if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
                    file.binds.setdefault(one.id, []).append(node)
    return file


def _marks(decorator: ast.expr, file: _File) -> bool:
    """Whether a decorator is a mark of the catalogue's."""
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = made.id if isinstance(made, ast.Name) else ""
    return name in MARKS and file.imports.get(name, ("",))[0] == "corrbench.defects"


def _top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top of a file, those of its ``if`` and ``try`` with them."""
    for node in body:
        inner = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        inner += [one.body for one in getattr(node, "handlers", [])]
        if isinstance(node, ast.If | ast.Try | ast.With):
            for part in inner:
                yield from _top(part)
        else:
            yield node


def identifiers(node: ast.AST) -> set[str]:
    """All names and attributes in a statement."""
    found = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return found | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _functions(node: ast.AST, before: str, seen: set[str], *, compiled: bool) -> Iterator[Function]:
    """The functions in a statement, outer ones first."""
    for one in [node] if isinstance(node, ast.stmt) and not before else ast.iter_child_nodes(node):
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            name = before + one.name
            own = compiled or any(_compiles(decorator) for decorator in one.decorator_list)
            dunder = one.name.startswith("__") and one.name.endswith("__")
            named = "." not in name or one.name in seen | CALLED or dunder
            yield Function(name, one, named, own)
            yield from _functions(one, f"{name}.", seen, compiled=own)
        elif isinstance(one, ast.ClassDef):
            yield from _functions(one, f"{before}{one.name}.", seen, compiled=compiled)
        elif isinstance(one, ast.stmt | ast.excepthandler | ast.match_case) and before:
            yield from _functions(one, before, seen, compiled=compiled)


def _compiles(decorator: ast.expr) -> bool:
    """Whether a decorator has a function compiled, to judge by its name."""
    made = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = made.attr if isinstance(made, ast.Attribute) else made.id if isinstance(made, ast.Name) else ""
    return name in COMPILERS or name.endswith("jit")
