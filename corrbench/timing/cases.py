"""Which cases can be timed? Those that every target takes."""

from __future__ import annotations

from collections.abc import Sequence

from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.probe import probe
from corrbench.runner import plan
from corrbench.suites import select
from corrbench.support import Support, fit
from corrbench.target import Spec


def support(spec: Spec) -> Support:
    """What a target takes.

    Raises:
        NotLoaded, Died: its process.
    """
    with Remote(spec) as remote:
        return probe(spec, remote)


def cases(specs: Sequence[Spec], texts: Sequence[str] = (), mode: str = "forward", suite: str = "speed") -> list[Case]:
    """The named cases, or those of a suite, in the narrowest form of the targets, without what one of them
    does not take.

    Raises:
        ValueError: a text is no case, the suite is unknown, or nothing is left; the message says why.
        NotLoaded, Died: the process of a target.
    """
    drawn = select([suite])[suite]
    supports = [support(spec) for spec in specs]
    narrow = next((form for form in ("corr2d", "module") if form in {one.form for one in supports}), "conv2d")
    if texts:
        chosen = [plan.fitting(plan.known(text), narrow) for text in texts]
    else:
        chosen = [fitted for one in drawn(1, 0) if (fitted := fit(one, narrow)) is not None]
    found = {str(case): case for case in chosen if all(one.all_of(case) for one in supports)}
    if mode == "backward" and not all("backward" in one.takes for one in supports):
        raise ValueError("--backward: one of the targets has no gradients")
    if not found:
        raise ValueError("no case left that every target takes; name one with --case, or give --arrays and --form")
    return list(found.values())
