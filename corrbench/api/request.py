"""What is asked of `verify`, by the command and from Python: targets, options and baseline, and their runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corrbench import cli
from corrbench.target import Spec

if TYPE_CHECKING:
    from corrbench.analysis.baseline import Baseline
    from corrbench.result import Run
    from corrbench.runner import Step, verify

EXPLAIN = 10.0  # seconds for experiments on the causes of findings
OWN = ("reference.corr2d", "reference.conv2d", "reference.Conv2D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be judged, and how.

    Attributes:
        specs: the targets.
        options: how thoroughly.
        known: the baseline; None for what corrbench itself knows of each.
        executor: where judges run.
    """

    specs: list[Spec]
    options: verify.Options
    known: Baseline | None
    executor: str

    def run(self, step: Step, tell: Callable[[str], None], *, crosscheck: bool = False) -> tuple[list[Run], list[Run]]:
        """The runs, and those of the reference implementations where they are asked beside them.

        Args:
            step: is told how far it is.
            tell: is told of each cause when it is first seen.
            crosscheck: whether they are.

        Raises:
            ValueError: it cannot be judged so.
        """
        from corrbench.analysis.causes import News
        from corrbench.runner import session

        news = News()

        def watch(run: Run) -> None:
            for result in news.of(run):
                tell(f"{run.target}: {result.check}  {result.message}")
            found = f", {len(run.findings)} findings" if run.findings else ""
            step(run.judged, run.planned, f"{run.target}{found}")

        return session.run(self.specs, self.options, self.known, self.executor, watch, crosscheck=crosscheck)


def request(name: str, given: dict[str, Any]) -> Request:
    """What options come to, given by the names of the command's parameters; corrbench's own reference without a name.

    Raises:
        ValueError: the target, or one of them, cannot be used; the message says why.
    """
    if given["case"] and given["suites"]:
        raise ValueError("--case names the one case that is asked, --suite where cases come from: give one of them")
    specs = [cli.spec(one, given) for one in ([name] if name else OWN)]
    budget, limit = seconds(given["budget"]), seconds(given["limit"], "--limit")
    from corrbench.analysis.baseline import Baseline
    from corrbench.runner import verify

    profile = given["profile"] or ("standard" if name else "quick")
    options = cli.taken(
        verify.Options,
        given | {"budget": budget, "limit": limit, "profile": profile, "explain": EXPLAIN, "coverage": True},
    )
    if given["baseline"]:
        known: Baseline | None = Baseline.load(Path(given["baseline"]))
    else:
        known = Baseline() if given["no_baseline"] else None
    return Request(specs=specs, options=options, known=known, executor=given["executor"])


def seconds(text: str, option: str = "--budget") -> float:
    """``90s``, ``10m`` or ``1h`` in seconds; 0 for the empty string.

    Raises:
        ValueError: none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text or "0")
    if not match:
        raise ValueError(f"{option} {text!r} is no time: write 90s, 10m or 1h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
