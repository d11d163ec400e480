"""`verify` and `check`: a target judged from Python, and an error where it is wrong."""

from __future__ import annotations

import sys
from typing import Any

from corrbench.api import options, progress
from corrbench.api.request import request
from corrbench.api.runs import Run
from corrbench.api.targets import Target, named
from corrbench.environment.platforms import foreign


class Wrong(AssertionError):
    """A target is wrong; `run` has all that was found."""

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run


def verify(target: Target, *, watch: bool = True, **given: Any) -> Run:
    """Judge a target, as ``corrbench verify`` does: is it right, how accurate is it?

    The target is called in a process of its own, never in this one. A function or class that only a notebook or a
    prompt has is written to a file for it, under ``.corrbench/objects``. An interrupt ends the run with what there is.

    Args:
        target: a function, a class, or a name as the command line takes it; or what `adapt` returns.
        watch: whether the progress is shown, and each cause when it is first seen.
        **given: the options of ``corrbench verify`` by the same names: ``profile="quick"``, ``suite="article"``,
            ``dtypes=["float32"]``, ``check``, ``case``, ``seed``, ``accuracy``, ``baseline``, ``budget`` and so on.

    Raises:
        ValueError: it cannot be loaded, or an option is none of its choices; the message says what to do.
        TypeError: no such option.
        RuntimeError: it is called while corrbench loads the file that calls it, or under another system than Linux.
    """
    if "process.serve" in sys.modules:  # in the target's process
        raise RuntimeError(
            'corrbench loads this file, which calls corrbench: put the call under if __name__ == "__main__"'
        )
    if said := foreign():
        raise RuntimeError(said)
    name, own = named(target)
    wanted = request(name, options.read("verify", own | given, [name]))
    with progress.shown("verify", quiet=not watch) as (step, tell):
        [run], _ = wanted.run(step, tell)
    return Run(run, wanted.specs[0])


def check(target: Target, *, watch: bool = False, **given: Any) -> None:
    """Judge a target, and raise unless it is right.

    Args:
        target: as of `verify`.
        watch: as of `verify`.
        **given: as of `verify`; ``fail_fast=True`` ends at the first finding.

    Raises:
        AssertionError: it is wrong, with the first cause, its numbers and the command that shows it again; or it could
            not be judged. Its `run` is the whole run.
        ValueError, TypeError: as of `verify`.
    """
    run = verify(target, watch=watch, **given)
    if not run:
        raise Wrong(run.reason, run)
