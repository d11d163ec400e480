"""The functions and classes of a source file and where they stand, read with `ast`: nothing of it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

BLOCKS = (ast.stmt, ast.ExceptHandler, ast.match_case)  # a definition inside one of these belongs to the module


def definitions(path: Path, within: str = "") -> dict[str, int]:
    """The functions and classes at the top of a file, or in the class of that dotted name, with the lines of their
    `def`. Of those of one name the last counts, as it does in Python.

    Raises:
        OSError: the file cannot be read.
        SyntaxError, ValueError: it is no Python.
    """
    try:
        body: list[ast.stmt] = ast.parse(path.read_bytes()).body
    except (RecursionError, MemoryError) as error:  # what the parser says of sources that are nested too deeply
        raise ValueError(f"{path} is nested too deeply") from error
    found = {node.name: node for node in _named(body)}
    for part in filter(None, within.split(".")):
        node = found.get(part)
        found = {one.name: one for one in _named(node.body)} if isinstance(node, ast.ClassDef) else {}
    return {name: node.lineno for name, node in found.items()}


def _named(body: Iterable[ast.AST]) -> Iterable[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
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
    names = [place] if place.endswith(".py") else [f"{stem}.py", f"{stem}/__init__.py"]
    path = next((p for below in (folder, folder / "src") for n in names if place and (p := below / n).is_file()), None)
    if path is None:
        return None
    outer, _, name = attribute.rpartition(".")
    try:
        return path, definitions(path, outer).get(name, 1)
    except SyntaxError as error:
        return path, error.lineno or 1
    except (OSError, ValueError):
        return path, 1
