"""The functions and classes of a source file or notebook, and where they stand, read with `ast`: nothing of it runs."""

from __future__ import annotations

import ast
import contextlib
import json
import re
import symtable
from collections.abc import Iterable
from pathlib import Path

ENDS = (".py", ".ipynb")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
PYTHON = re.compile(r"%%(time|timeit|capture|prun)\b")  # magics of a cell that is Python all the same
MAGIC = re.compile(r"(\s*)([%!?]|[\w.\[\]'\", ]+=\s*[%!]|[^#].*[\w)]\?{1,2}\s*$)")  # as the target's process has them
BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # a definition inside one of these belongs to the module


def definitions(path: Path, within: str = "") -> dict[str, int]:
    """The functions and classes at the top of a file, or in the class of that dotted name, with the lines of their
    `def`. Of those of one name the last counts, as it does in Python.

    Raises:
        OSError: the file cannot be read.
        SyntaxError, ValueError: it is no Python.
    """
    found = {node.name: node for node in nodes(path)}
    for part in filter(None, within.split(".")):
        node = found.get(part)
        found = {one.name: one for one in _named(node.body)} if isinstance(node, ast.ClassDef) else {}
    return {name: node.lineno for name, node in found.items()}


def nodes(path: Path) -> list[Definition]:
    """The functions and classes at the top of a file, in its order.

    Raises:
        OSError, SyntaxError, ValueError: as `definitions`.
    """
    return list(_named(statement for tree in trees(path) for statement in tree.body))


def may_have(path: Path, name: str) -> bool:
    """Whether a module of a file may have something of this name: it is bound in the file, or the file may bind any.

    Raises:
        OSError, SyntaxError, ValueError: as `definitions`.
    """
    for tree in trees(path):
        if any(_may_bind(node, name) for node in ast.walk(tree)):
            return True
        top = symtable.symtable(ast.unparse(tree), str(path), "exec")
        if any(one.get_name() == name and (one.is_assigned() or one.is_imported()) for one in top.get_symbols()):
            return True
    return False


def _may_bind(node: ast.AST, name: str) -> bool:
    """Whether a statement or expression somewhere in a file may give the module this name without showing it."""
    if isinstance(node, ast.Name):
        return node.id in ("globals", "locals", "exec")
    if isinstance(node, ast.Attribute):
        return node.attr == "modules" and isinstance(node.value, ast.Name) and node.value.id == "sys"
    if isinstance(node, ast.Module):
        return any(one.name == "__getattr__" for one in _named(node.body))
    return (isinstance(node, ast.alias) and node.name == "*") or (isinstance(node, ast.Global) and name in node.names)


def trees(path: Path) -> list[ast.Module]:
    """A file's one tree, or those of a notebook's cells that are Python, lines of IPython's own left out."""
    try:
        if path.suffix != ".ipynb":
            return [ast.parse(path.read_bytes())]
        return [tree for text in _cells(path) if (tree := _python(text)) is not None]
    except (RecursionError, MemoryError) as error:  # what the parser says of sources that are nested too deeply
        raise ValueError(f"{path} is nested too deeply") from error


def _cells(path: Path) -> list[str]:
    try:
        book = json.loads(path.read_bytes())
        sheets = [book, *book.get("worksheets", [])]
        code = [cell for sheet in sheets for cell in sheet.get("cells", []) if cell["cell_type"] == "code"]
        return ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in code]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{path} is no notebook") from None


def _python(text: str) -> ast.Module | None:
    """The tree of a cell, without what IPython makes of lines with %, ! and ?; None if it is not Python."""
    lines, goes_on = [], False
    for line in text.splitlines():
        magic = MAGIC.match(line)
        lines.append("" if goes_on else f"{magic[1]}pass" if magic else line)
        goes_on = (goes_on or magic is not None) and line.endswith("\\")
    foreign = text.lstrip().startswith("%%") and not PYTHON.match(text.lstrip())
    for tried in (text, "" if foreign else "\n".join(lines) + "\n"):
        with contextlib.suppress(SyntaxError):
            return ast.parse(tried)
    return None


def _named(body: Iterable[ast.AST]) -> Iterable[Definition]:
    waiting = [*body][::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node
        elif isinstance(node, BLOCKS):
            waiting += [*ast.iter_child_nodes(node)][::-1]


def where(target: str, folder: Path) -> tuple[Path, int] | None:
    """The file of ``path/to/file.py:attr`` or ``pkg.mod:attr`` below a folder (or its ``src``), and the line of the
    `def`; line 1 if there is no such name, the line of the error if it does not parse. None if there is no file.
    """
    place, _, attribute = target.rpartition(":")
    stem = place.replace(".", "/")
    names = [place] if place.endswith(ENDS) else [f"{stem}.py", f"{stem}/__init__.py"]
    path = next((p for below in (folder, folder / "src") for n in names if place and (p := below / n).is_file()), None)
    if path is None:
        return None
    if path.suffix == ".ipynb":
        return path, 1  # its lines are not those of its cells
    outer, _, name = attribute.rpartition(".")
    try:
        return path, definitions(path, outer).get(name, 1)
    except SyntaxError as error:
        return path, error.lineno or 1
    except (OSError, ValueError):
        return path, 1
