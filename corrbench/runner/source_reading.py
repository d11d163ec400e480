"""The source of a target, read in the user's process before the target runs: its files, and their constants."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from corrbench.environment.sources import Source, of_target
from corrbench.suites._constants import Constants, of_python, of_text
from corrbench.target import Spec, artefact


def read(spec: Spec) -> list[Source]:
    """The own files of a target that is a user's; none of one that is registered, or no Python."""
    if spec.name or artefact(spec.target):
        return []
    names = re.findall(r"[A-Za-z_]\w*", f"{spec.call} {spec.layer} {spec.backward}")
    return of_target(spec.target, Path(spec.folder or Path.cwd()), sys.path, names)


def loaded(own: list[Source], file: str) -> tuple[list[Source], str]:
    """The own files of a target that was loaded from `file`, and a note where that is another than was read."""
    if not own or not file or Path(file).resolve() == own[0].path:
        return own, ""
    return [], (
        f"{file} was judged, which is what Python imports under this name, and not {own[0].path}; `pip install -e .` "
        "installs the checkout itself, and PATH/TO/FILE.py:NAME names its file"
    )


def constants(sources: Sequence[Source], files: Sequence[Path] = (), found: Constants | None = None) -> Constants:
    """The constants of what a target may run, and of other files that it is made from, with those `found` before.

    Raises:
        ValueError: a file cannot be read.
    """
    found = Constants() if found is None else found
    with contextlib.suppress(RecursionError):  # an expression of a thousand terms: what was read until then counts
        of_python([node for source in sources for node in source.nodes], found)
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ValueError(f"cannot read {file}: {error.strerror}; --source names a file with source text") from None
        try:
            of_python(ast.parse(text).body, found) if file.suffix == ".py" else of_text(text, found)
        except (SyntaxError, ValueError, RecursionError):
            of_text(text, found)
    return found
