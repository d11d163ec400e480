"""Processes that have imported a library and divide for each target: the import takes seconds, dividing takes none.

One that serves no target at the moment lies by, for the next target that is called in the same environment. One that
ends its process ends the one it came from too, unless that is to outlive it (`Spec.outlived`).
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from corrbench.judge import reach
from corrbench.target import Spec

if TYPE_CHECKING:
    from corrbench.judge.target_process import Child

MOST = 2  # that lie by
_idle: list[tuple[Spec, Child]] = []


def dividing(spec: Spec) -> Spec:
    """A target over torch, served by a process that divides from one which has imported torch and outlives it: what
    ends its process then costs little. Not what is compiled or sanitised, nor a device's, whose drivers must not be
    divided; nor what needs another library, which may have threads. One that divides already is left as it is.
    """
    if spec.divided:
        return spec
    foreign = spec.needs and not spec.needs.startswith("corrbench.")
    able = spec.arrays == "torch" and spec.device == "cpu" and not (spec.compile or spec.sanitize or foreign)
    return replace(spec, divided=able, outlived=able)


def environment(spec: Spec) -> Spec:
    """What of a spec its process is made for, whatever the target is: of a file outside its project the folder, which
    it may read.
    """
    here = Path(spec.folder).resolve()
    place = (here / spec.target.rpartition(":")[0]).resolve()
    outside = place.name.endswith(reach.FILES) and not place.is_relative_to(here)
    return Spec(
        target=str(place.parent) if outside else "", arrays=spec.arrays, device=spec.device, python=spec.python,
        memory=spec.memory, folder=spec.folder, needs=spec.needs,
        environ=spec.environ, sandbox=spec.sandbox, hides=spec.hides, divided=spec.divided,
    )  # fmt: skip


def taken(spec: Spec) -> Child | None:
    """A process that lies by for such a target; None where there is none, or the target is not to have one."""
    if not spec.divided:
        return None
    wanted = environment(spec)
    for place, (known, child) in enumerate(_idle):
        if known == wanted:
            del _idle[place]
            child.spec = replace(child.spec, timeout=spec.timeout)
            return child
    return None


def lay_by(spec: Spec, child: Child, end: Callable[[], object]) -> None:
    """Keep the process from which a target's was divided, once that has ended."""
    from corrbench.judge.target_process import Died

    try:
        end()
    except Died:
        child.end()
        return
    child.divided = 0
    _idle.append((environment(spec), child))
    if len(_idle) > MOST:
        _idle.pop(0)[1].end()


@atexit.register
def forget() -> None:
    """End all that lie by."""
    while _idle:
        _idle.pop()[1].end()
