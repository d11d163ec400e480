"""Provenance: what ties a report to a source, a machine and a day, so that it can be signed and checked."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from corrbench.environment import definitions
from corrbench.environment.facts import processor
from corrbench.environment.git_worktree import GitError, git

PACKAGE = Path(__file__).parents[1]


def told(target: str, loaded: str = "") -> dict[str, str]:
    """corrbench itself, and the source of a target, by name; `loaded` is where its process found it."""
    return {"corrbench": itself()} | source(target, loaded)


def day() -> dict[str, str]:
    """The day, and the processor."""
    return {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "processor": processor()}


@cache
def itself() -> str:
    """corrbench's version, and the commit where it is a checkout."""
    version = ""
    with suppress(metadata.PackageNotFoundError):
        version = metadata.version("corrbench")
    commit = state(PACKAGE) if (PACKAGE.parent / ".git").exists() else ""
    return ", ".join(filter(None, (version or "not installed", commit)))


def source(target: str, loaded: str = "") -> dict[str, str]:
    """The file of a target, its hash and what git says of it; nothing for what is no file here, such as a library.
    Where another file of that name was `loaded`, it is that.
    """
    place = re.sub(r"^cmd:", "", target).rpartition(":")[0] or target
    found = definitions.where(target, Path.cwd())
    file = Path(loaded) if found and loaded else found[0] if found else Path(place)
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return {}
    said = state(file)
    here = Path.cwd()
    name = file.relative_to(here) if file.is_relative_to(here) else file
    return {"source": str(name), "sha256 of the source": digest} | ({"git state of the source": said} if said else {})


def state(path: Path) -> str:
    """The commit of a checkout in which a file or folder lies, and whether it differs from that; empty in none."""
    folder = path if path.is_dir() else path.resolve().parent
    try:
        head = git(folder, "rev-parse", "--short=12", "HEAD")
        dirty = git(folder, "status", "--porcelain", "--", str(path.resolve()))
    except (GitError, OSError, IndexError):
        return ""
    new = dirty.startswith(("??", "!!"))
    return f"commit {head}" + (", not in git" if new else ", with changes that are not committed" if dirty else "")
