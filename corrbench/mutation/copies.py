"""Copies of a user's file with what it imports beside it, in which mutants live; the user's files are only read."""

from __future__ import annotations

import ast
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from corrbench.environment import definitions
from corrbench.target import Spec, artefact

MOST = 32 << 20  # bytes of a package that is copied for each mutant
LEFT = ("__pycache__", ".git", ".venv", ".corrbench", "node_modules", "*.pyc")  # what no copy needs


class NoCopy(ValueError):
    """Mutants of a target cannot be made; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A target's file, and what has to lie beside a copy of it.

    Attributes:
        file: its path.
        attribute: the target in it.
        top: the folder that holds what is copied.
        parts: files and folders below `top` that are copied.
    """

    file: Path
    attribute: str
    top: Path
    parts: tuple[Path, ...]

    @property
    def source(self) -> bytes:
        return self.file.read_bytes()

    @property
    def inside(self) -> Path:
        """The file's place below `top`."""
        return self.file.relative_to(self.top)

    def copy(self, folder: Path, source: bytes) -> str:
        """Write a copy with another source into a folder. Returns the name of its target, seen from above that."""
        for part in self.parts:
            to = folder / part.relative_to(self.top)
            to.parent.mkdir(parents=True, exist_ok=True)
            if part.is_dir():
                shutil.copytree(part, to, ignore=shutil.ignore_patterns(*LEFT))
            else:
                shutil.copyfile(part, to)
        place = folder / self.inside
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source)
        return f"{Path(folder.name, self.inside)}:{self.attribute}"


def original(spec: Spec) -> Original:
    """The file of a target.

    Raises:
        NoCopy: it is no Python file, or its package is too large to be copied for each mutant.
    """
    if artefact(spec.target):
        raise NoCopy(f"{spec.target} is no Python: mutants are made of a source file")
    place, _, attribute = spec.target.rpartition(":")
    if place.endswith(".ipynb"):
        raise NoCopy(f"{place} is a notebook: put the function into a file of its own")
    if place.endswith(".py"):
        file = Path(spec.folder, place).resolve()
    else:
        try:
            found = importlib.util.find_spec(place)
        except (ImportError, ValueError, AttributeError) as error:
            raise NoCopy(f"{place} is not found: {error}") from None
        if found is None or not (found.origin or "").endswith(".py"):
            raise NoCopy(f"{place} has no source file in Python")
        file = Path(str(found.origin)).resolve()
    if not file.is_file():
        raise NoCopy(f"no such file: {file}")
    if "." not in attribute and attribute not in definitions.definitions(file):
        raise NoCopy(f"{file.name} does not define {attribute!r} with def or class: name where it is defined")
    top = file.parent
    while (top / "__init__.py").is_file():
        top = top.parent
    if top != file.parent:
        parts: tuple[Path, ...] = (top / file.relative_to(top).parts[0],)
    else:
        parts = tuple(sorted(beside(file, {file}) - {file}))
    size = sum(one.stat().st_size for part in parts for one in ([part] if part.is_file() else files(part)))
    if size > MOST:
        raise NoCopy(
            f"what {file.name} imports from beside it is {size >> 20} MiB, more than is copied for each mutant"
        )
    return Original(file=file, attribute=attribute, top=top, parts=parts)


def files(folder: Path) -> list[Path]:
    """The files below a folder that a copy has."""
    skip = set(LEFT)
    return [one for one in folder.rglob("*") if one.is_file() and not skip & set(one.parts) and one.suffix != ".pyc"]


def beside(file: Path, seen: set[Path]) -> set[Path]:
    """The modules and packages in a file's folder that it imports, directly or not."""
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        return seen
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    for name in {name.partition(".")[0] for name in names}:
        module, package = file.parent / f"{name}.py", file.parent / name
        if module.is_file() and module not in seen:
            seen.add(module)
            beside(module, seen)
        elif (package / "__init__.py").is_file():
            seen.add(package)
    return seen
