"""The coverage of a target: after its verdict a sample of the calls once more, followed line by line.

Nothing that was judged depends on it: the calls are made in a pass of their own, and no result of theirs is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from corrbench.analysis.coverage import Coverage, File, Seen
from corrbench.case import Case
from corrbench.environment.code_lines import branches, statements
from corrbench.environment.sources import Source
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial
from corrbench.numerics.inputs import FILLS, layouts
from corrbench.numerics.problem import Array
from corrbench.result import Result, Run, Status
from corrbench.runner.executors import Start, kept
from corrbench.support import BASES, Support, features, needs, refusal
from corrbench.target import Spec

SECONDS, SHARE = 1.5, 0.08  # that it may take: at least, and as a share of the run
AT_ONCE = 12  # cases in one request
LIGHT, MOST = 2e6, 400  # multiply-accumulates of a case, and cases
FOLLOWED = 40.0  # times as slow a call may be that is followed, at most
SLOW = 1.0  # seconds that one such call may take
SPECIAL = 4  # cases that are called in other ways as well
WAYS = ("no_grad", "inference")
FRESH = "fresh"  # in place of a mode: a module is made without a weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """Calls to be followed, in the judge's process: cases with the mode of a call, or its way."""

    spec: Spec
    support: Support
    seed: int
    files: tuple[str, ...]
    calls: tuple[tuple[Case, str], ...]
    check: str = "coverage"  # of whose data
    fine: bool = False  # whether instructions are followed, and not lines alone


@dataclass(slots=True, kw_only=True)
class Followed:
    """One call: whether it was refused, and its steps from line to line by file."""

    refused: bool
    arcs: dict[str, list[list[int]]]


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came of some calls, and why no more came."""

    means: str = ""
    calls: list[Followed] = field(default_factory=list)
    problem: str = ""


# ---- in the judge's process


def run_followed(asked: Follow) -> Answer:
    """The calls of a request, followed."""
    remote = kept(Remote, asked.spec)
    steps: list[dict[str, Any]] = []
    arrays: list[Array] = []
    dtypes: list[str] = []
    for case, mode in asked.calls:
        trial = Trial(asked.check, case, asked.seed, asked.spec, asked.support, remote)
        way = {"way": mode} if mode in WAYS else {}
        by_hand = {"repeat": 2} if mode == "backward" and asked.support.convention.by_hand else {}
        how = "forward" if way or mode == FRESH else mode
        call = Call(case=case, arrays=trial.drawn(case, how), mode=how, options=way | by_hand)
        step = call.step(asked.support.convention, arrays)
        steps.append(step | {"mode": FRESH} if mode == FRESH else step)
        dtypes += [case.dtype] * len(call.arrays)
    try:
        found = remote.covered(steps, arrays, dtypes, list(asked.files), fine=asked.fine)
    except (Died, NotLoaded) as error:
        return Answer(problem=getattr(error, "message", "") or str(error))
    calls = [
        Followed(refused=bool(one["raised"] and refusal(one["raised"], case)), arcs=one["arcs"])
        for (case, _), one in zip(asked.calls, found["steps"], strict=False)
    ]
    return Answer(means=found["means"], calls=calls)


# ---- in the user's process


def measure(run: Run, spec: Spec, support: Support, sources: Sequence[Source], start: Start) -> Coverage | None:
    """What ran of the target's own files in a sample of what the run asked; None where it has none that are Python."""
    if not any(source.functions for source in sources) or spec.compile or spec.sanitize:
        return None
    if any(source.path.suffix == ".ipynb" for source in sources):
        return Coverage(problem="the cells of a notebook are not followed")
    try:
        return _measured(run, spec, support, sources, start)
    except RecursionError:
        return Coverage(problem="its source is nested too deeply")


def _measured(run: Run, spec: Spec, support: Support, sources: Sequence[Source], start: Start) -> Coverage:
    began = time.monotonic()
    until = began + max(SECONDS, SHARE * run.seconds)
    seen = {str(source.path): Seen() for source in sources}
    means, made, stopped = "", 0, ""
    waiting = list(calls(run, support))
    while waiting and not stopped and not (made and combined(sources, seen).complete):
        if time.monotonic() > until:
            stopped = f"{until - began:.1f} s, the time that it has"
            break
        part, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        asked = Follow(spec=spec, support=support, seed=run.seed, files=tuple(seen), calls=tuple(part))
        try:
            answer = start().submit(run_followed, asked).result()
        except Exception as error:  # noqa: BLE001 - whatever an executor raises, the judge was lost
            answer = Answer(problem=f"{type(error).__name__}: {error}")
        means, stopped = answer.means or means, answer.problem
        for (_, mode), call in zip(part, answer.calls, strict=False):
            made += 1
            for file, arcs in call.arcs.items():
                if file in seen:
                    kind = "backward" if mode in ("backward", "double") else "forward"
                    seen[file].note(kind, arcs, refused=call.refused)
    found = combined(sources, seen)
    return Coverage(
        files=found.files, by=means, calls=made, compiled=found.compiled, stopped=stopped if made else "",
        problem="" if made else stopped or "nothing was asked", seconds=round(time.monotonic() - began, 3),
    )  # fmt: skip


def calls(run: Run, support: Support) -> Iterator[tuple[Case, str]]:
    """The cases to follow, each with a mode: of every set of features, element type, layout and kind of data the
    smallest; those made from the source; and what is refused.
    """
    results = sorted(run.results, key=lambda one: one.case.macs)
    kinds, made = list(_distinct(results)), list(_of_source(results))
    turns = [one for pair in zip(kinds, made, strict=False) for one in pair]
    picked = list(dict.fromkeys([*turns, *kinds, *made]))
    fitting = [case for case in picked if _affordable(case, support)][:MOST]
    backward = "backward" in support.takes
    for index, case in enumerate(fitting):
        yield case, "forward"
        differentiable = backward and support.differentiates(case.dtype)
        if differentiable:
            yield case, "backward"
        if not index and support.form == "module":
            yield case, FRESH
        if index < SPECIAL and differentiable:
            ways = WAYS if not support.convention.parameters else WAYS[:1]
            yield from ((case, mode) for mode in (*ways, *("double",) * ("double" in support.takes)))
    for case in _refused(run, support):
        yield case, "forward"


def _distinct(results: Sequence[Result]) -> Iterator[Case]:
    """The smallest case of each kind, those of many features first."""
    kinds: dict[tuple[object, ...], Case] = {}
    for one in results:
        case = one.case
        if one.status is not Status.UNSUPPORTED:
            wanted = frozenset(needs(case))
            data = case.data if case.data in FILLS else ""  # the natural ones differ in nothing that code asks about
            for key in ((wanted,), (case.dtype,), *((name, how) for name, how in layouts(case).items()), (data,)):
                kinds.setdefault(key, case)
    found = list(kinds.values())
    return iter(sorted(found, key=lambda case: (-len(needs(case)), case.macs)))


def _of_source(results: Sequence[Result]) -> Iterator[Case]:
    return (one.case for one in results if one.family == "source")


def _affordable(case: Case, support: Support) -> bool:
    if case.macs > LIGHT or not support.convention.expresses(case):
        return False
    return not support.pace.slow or FOLLOWED * support.pace.seconds(case) < SLOW


def _refused(run: Run, support: Support) -> Iterator[Case]:
    """Calls that the target said it does not take."""
    asked = [one.case for one in run.results if one.status is Status.UNSUPPORTED][:AT_ONCE]
    for name, case in features(BASES[0]).items():
        if name in support.refuses:
            asked.append(case)
    asked += [BASES[0].but(dtype=name) for name in support.refuses if name in ("int64", "complex64", "float16")]
    yield from (case for case in dict.fromkeys(asked) if support.convention.expresses(case))


def combined(sources: Sequence[Source], seen: dict[str, Seen]) -> Coverage:
    """What the steps that were seen come to."""
    files, compiled = [], []
    for source in sources:
        steps = seen[str(source.path)]
        ran, backward, refused = (
            {line for arc in arcs for line in arc if line > 0}
            for arcs in (steps.forward, steps.backward, steps.refused)
        )
        ways = steps.forward | steps.backward
        lines: dict[str, list[int]] = {"ran": [], "backward": [], "refused": [], "never": []}
        taken, untaken, past, shown = [], [], [], []
        for function in source.functions:
            if function.compiled:
                compiled.append(function.name)
                continue
            own = statements(function.node)
            if not function.named and not any(_any(ran | backward, one.line, one.last) for one in own):
                continue
            shown.append((min([function.node.lineno, *(d.lineno for d in function.node.decorator_list)]),
                          function.node.end_lineno or function.node.lineno))  # fmt: skip
            for one in own:
                where = next((name for name, which in (("ran", ran), ("backward", backward))
                              if _any(which, one.line, one.last)), "")  # fmt: skip
                only = one.refuses or _any(refused, one.line, one.last)
                lines[where or ("refused" if only else "never")].append(one.line)
            for way in branches(function.node):
                if way.taken(ways):
                    taken.append(way.condition[0])
                elif not way.refuses and not way.taken(steps.refused):
                    untaken.append(way.condition[0])
                    past += [way.condition[0]] * (not way.into)
        if shown:
            files.append(File(
                path=str(source.path), text=source.text, shown=tuple(sorted(shown)), taken=tuple(taken),
                untaken=tuple(untaken), past=tuple(past),
                **{name: tuple(sorted(set(found))) for name, found in lines.items()},
            ))  # fmt: skip
    return Coverage(files=tuple(files), compiled=tuple(compiled))


def _any(lines: set[int], first: int, last: int) -> bool:
    return any(line in lines for line in range(first, last + 1))
