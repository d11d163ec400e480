"""Another revision in a git worktree of its own, for a while, so that the user's checkout is not touched."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class GitError(ValueError):
    """git cannot do what is asked; the message says why, and what to type next."""


def git(folder: Path, *words: str) -> str:
    """What a git command prints.

    Raises:
        GitError: it failed, or there is no git.
    """
    # Inside a hook git names its index and folder in the environment, and a worktree's checkout would write over them.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", f"core.hooksPath={os.devnull}", *words]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env=clean | {"LC_ALL": "C"}
        )
    except FileNotFoundError:
        raise GitError("git is not installed; without it give --base-python and --head-python") from None
    if done.returncode:
        raise GitError(f"git {words[0]}: {(done.stderr.strip() or done.stdout.strip()).splitlines()[-1][:300]}")
    return done.stdout.strip()


def root(folder: Path) -> Path:
    """The top of the checkout that a folder lies in.

    Raises:
        GitError: it lies in none.
    """
    try:
        return Path(git(folder, "rev-parse", "--show-toplevel"))
    except GitError as error:
        if "not a git repository" not in str(error):
            raise
        raise GitError(
            f"{folder} is not in a git repository; run this in one, or give --base-python and --head-python"
        ) from None


def commit(folder: Path, revision: str) -> str:
    """The full name of a revision's commit.

    Raises:
        GitError: there is no such revision.
    """
    try:
        return git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except (GitError, IndexError):
        git(folder, "rev-parse", "--git-dir")  # if that fails as well, it says why
        hint = "; a shallow clone lacks history: git fetch --unshallow" if shallow(folder) else ""
        raise GitError(f"there is no revision {revision!r} here: git log --oneline shows what there is{hint}") from None


def shallow(folder: Path) -> bool:
    """Whether the checkout has only part of the history."""
    return git(folder, "rev-parse", "--is-shallow-repository") == "true"


def changed(folder: Path) -> list[str]:
    """Tracked files that differ from the last commit."""
    return git(folder, "diff", "--name-only", "HEAD", "--").splitlines()


@contextlib.contextmanager
def checkout(folder: Path, name: str) -> Iterator[Path]:
    """A commit's files in a folder of their own, which is gone afterwards.

    Raises:
        GitError: the files cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="corrbench-") as place:
        tree = Path(place, "tree")
        try:
            git(folder, "worktree", "add", "--detach", "--quiet", str(tree), name)
            yield tree
        finally:
            with contextlib.suppress(GitError):
                git(folder, "worktree", "remove", "--force", str(tree))
