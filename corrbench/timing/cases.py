"""The cases that are timed: those named or of a suite, as far as every target takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.probe import probe
from corrbench.runner import plan
from corrbench.suites import select
from corrbench.support import Support
from corrbench.target import Spec
from corrbench.timing.interleaved import Task


def support(spec: Spec) -> Support:
    """What a target takes.

    Raises:
        NotLoaded: it cannot be loaded.
    """
    with Remote(spec) as remote:
        return probe(spec, remote)


def wanted(texts: Sequence[str] = (), suite: str = "speed") -> list[Case]:
    """The named cases, or those of a suite if none is named.

    Raises:
        ValueError: a text is no case, or the suite is unknown; the message says why.
    """
    drawn = select([suite])[suite]
    return [plan.known(text) for text in texts] or drawn(1, 0)


def tasks(
    specs: Iterable[Spec], texts: Sequence[str] = (), suite: str = "speed", *, backward: bool = False
) -> list[Task]:
    """The `wanted` cases that are `timeable` on all targets, each to be timed in one mode.

    Raises:
        ValueError: as these two.
        NotLoaded: a target cannot be loaded.
    """
    mode, asked = "backward" if backward else "forward", wanted(texts, suite)
    return [Task(case, mode) for case in timeable(asked, [*map(support, specs)], mode, named=bool(texts))]


def timeable(
    asked: Sequence[Case], supports: Sequence[Support], mode: str = "forward", *, named: bool = False
) -> list[Case]:
    """The cases in the narrowest form of the targets, without what one of them does not take.

    Raises:
        ValueError: a case that was named is not of that form, or nothing is left; the message says why.
    """
    found = {}
    for case in asked:
        fitted: Case | None = case
        for one in sorted(supports, key=lambda one: one.form == "module"):  # its bias comes last
            if fitted is not None:
                fitted = plan.fitting(fitted, one) if named else one.convention.fit(fitted)
        if fitted is not None and all(one.all_of(fitted) for one in supports):
            found[str(fitted)] = fitted
    if mode == "backward" and not all("backward" in one.takes for one in supports):
        raise ValueError("--backward: one of the targets has no gradients")
    if not found:
        raise ValueError("no case left that every target takes; name one with --case, or give --arrays and --form")
    return list(found.values())
