"""Sources: the text of a Python file, or of a notebook's code cells without what is IPython's own."""

from __future__ import annotations

import ast
import json
import linecache
import os
import re
from dataclasses import dataclass

ENDS = (".py", ".ipynb")
RUN = re.compile(r"%%(time|timeit|capture|prun)\b")  # the magics of whole cells whose cell is Python all the same
MAGIC = re.compile(r"(\s*)([%!?]|[\w.\[\]'\", ]+=\s*[%!]|[^#].*[\w)]\?{1,2}\s*$)")


@dataclass(frozen=True)
class Part:
    """What is compiled as a whole: a file, or one cell; `name` is what messages call it."""

    name: str
    tree: ast.Module


def parts(place: str) -> list[Part]:
    """The file as one part, or the cells of a notebook that are Python.

    Raises:
        SyntaxError, ValueError, OSError: it cannot be read.
    """
    path = os.path.abspath(place)
    if not place.endswith(".ipynb"):
        with open(path, "rb") as file:
            return [Part(path, ast.parse(file.read(), path))]
    found, broken = [], SyntaxError("no cell is Python", (path, 1, 1, ""))
    for number, text in enumerate(cells(path), 1):
        name = f"{path}[cell {number}]"
        for tried in (text, without_magics(text)):
            try:
                tree = ast.parse(tried, name)
            except SyntaxError as error:
                broken = SyntaxError(error.msg, (path, error.lineno, error.offset, f"cell {number}"))
                continue
            # for those that read the source of a function, such as compilers of kernels
            linecache.cache[name] = (len(tried), None, tried.splitlines(keepends=True), name)
            found.append(Part(name, tree))
            break
    if not found:
        raise broken
    return found


def cells(path: str) -> list[str]:
    """The code cells of a notebook, as they stand in it.

    Raises:
        ValueError, OSError: it is no notebook.
    """
    with open(path, encoding="utf-8") as file:
        book = json.load(file)
    try:
        sheets = [book, *book.get("worksheets", [])]  # the latter before 2015
        code = [cell for sheet in sheets for cell in sheet.get("cells", []) if cell["cell_type"] == "code"]
        return ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in code]
    except (AttributeError, KeyError, TypeError):
        raise ValueError(f"{path} is no notebook") from None


def without_magics(text: str) -> str:
    """A cell without what IPython makes of lines with %, ! and ?; its lines keep their numbers."""
    if text.lstrip().startswith("%%") and not RUN.match(text.lstrip()):
        return ""
    lines, goes_on = [], False
    for line in text.splitlines():
        magic = MAGIC.match(line)
        lines.append("" if goes_on else f"{magic[1]}pass" if magic else line)
        goes_on = (goes_on or magic is not None) and line.endswith("\\")
    return "\n".join(lines) + "\n"
