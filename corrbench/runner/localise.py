"""The lines of a target that ran in its wrong calls and not in its right ones: a few of the experiments, followed."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from corrbench.analysis import designs
from corrbench.analysis.localisation import Suspect, leading, ochiai
from corrbench.analysis.quantities import Rule
from corrbench.case import Case
from corrbench.environment.code_lines import statements
from corrbench.environment.sources import Source
from corrbench.result import Run
from corrbench.runner.coverage import LIGHT, Answer, Follow, run_followed
from corrbench.runner.executors import Start
from corrbench.support import Support
from corrbench.target import Spec

SECONDS = 2.0  # for all causes of a run
CALLS, FEWEST = 10, 3  # of each kind that are followed, and without which nothing is ranked
SMALL = 5e3  # multiply-accumulates of a case of which instructions may be followed whatever the target's pace
KEPT = 8  # lines that are told of a cause

Spot = tuple[int, int]  # a line, and a column of it; -1 for the line
Spectrum = Mapping[str, set[Spot]]  # the spots that ran in one call, by file
Span = tuple[Spot, Spot]  # from the first spot to before the second
Tried = Mapping[Case, bool]  # experiments, with whether the case was wrong


def localise(
    run: Run, spec: Spec, support: Support, sources: Sequence[Source], start: Start, tried: Sequence[Tried]
) -> None:
    """Note with each cause that experiments told the lines most suspect, where the target has lines that are Python's.
    `tried` are the experiments of each.
    """
    if not any(source.functions for source in sources) or spec.compile or spec.sanitize:
        return
    until = time.monotonic() + SECONDS
    for one, cases in zip(run.explained, tried, strict=True):
        if time.monotonic() > until:
            return
        wrong, right = _chosen(Case.parse(one["base"]), Rule(tuple(one["where"])), cases, support)
        if min(len(wrong), len(right)) < FEWEST:
            continue
        calls = tuple((case, _mode(one["kind"])) for case in (*wrong, *right))
        files = tuple(str(source.path) for source in sources)
        asked = Follow(
            spec=spec, support=support, seed=run.seed, files=files, calls=calls,
            check=one["check"], fine=not support.pace.slow or all(case.macs < SMALL for case, _ in calls),
        )  # fmt: skip
        try:
            answer: Answer = start().submit(run_followed, asked).result()
        except Exception:  # noqa: BLE001 - whatever an executor raises, the judge was lost, and no line is told
            continue
        spectra = [{file: _ran(arcs) for file, arcs in call.arcs.items()} for call in answer.calls]
        if len(spectra) == len(calls):
            own = spec.target.rpartition(":")[2].partition(".")[0]
            found = ranked(sources, own, spectra[: len(wrong)], spectra[len(wrong) :])
            one["lines"] = [asdict(suspect) for suspect in found]


def _mode(kind: Sequence[str]) -> str:
    """How a call is made that shows findings of this kind."""
    if kind[0] != "gradients" and kind[1:] != ["gradients"]:
        return "forward"
    return "double" if kind[-1] == "second" else "backward"


def _chosen(base: Case, rule: Rule, tried: Tried, support: Support) -> tuple[list[Case], list[Case]]:
    """Wrong cases of a cause and right ones, those most like its base first: what differs between them then is due to
    the cause.
    """
    own = designs.factors(base)
    light = [case for case in tried if case.macs <= LIGHT and support.convention.expresses(case)]
    light.sort(key=lambda case: (designs.distance(own, case), str(case)))
    wrong = [case for case in light if tried[case] and rule.holds(case)]
    right = [case for case in light if not tried[case] and not rule.holds(case)]
    return wrong[:CALLS], right[:CALLS]


def _ran(arcs: Sequence[Sequence[int]]) -> set[Spot]:
    lines = {(line, -1) for start, end in arcs if start >= 0 for line in (start, end) if line > 0}
    return lines | {(-start, end) for start, end in arcs if start < 0}


def ranked(sources: Sequence[Source], own: str, wrong: Sequence[Spectrum], right: Sequence[Spectrum]) -> list[Suspect]:
    """The lines most suspect, the first first; of those that ran in the same calls, in the order in which they are
    come to: those of the function `own`, which the target names, then of its file, then of others.
    """
    found: list[tuple[tuple[float, int, bool, int], Suspect]] = []
    for index, source in enumerate(sources):
        text = source.text.splitlines()
        failed, passed = ([call.get(str(source.path), set()) for call in calls] for calls in (wrong, right))
        for name, parts in _statements(source):
            line = parts[0][0][0]
            counts = [tuple(sum(any(a <= spot < b for spot in call) for call in calls) for calls in (failed, passed))
                      for a, b in parts]  # fmt: skip
            bad, good = max(counts, key=lambda one: ochiai(one[0], one[1], len(wrong)))
            suspect = Suspect(
                file=str(source.path), line=line, text=text[line - 1].strip(),
                score=round(ochiai(bad, good, len(wrong)), 4), wrong=bad, right=good, of_wrong=len(wrong),
                of_right=len(right),
            )  # fmt: skip
            found.append(((-suspect.score, index, name != own, line), suspect))
    found.sort(key=lambda one: one[0])
    return leading([suspect for _, suspect in found if suspect.score])[:KEPT]


def _statements(source: Source) -> Iterator[tuple[str, list[Span]]]:
    """Each statement that Python runs, with the name of what it stands in: its lines, and the two sides of conditional
    expressions in it, of which one runs.
    """
    for function in source.functions:
        sides = [side for node in ast.walk(function.node) if isinstance(node, ast.IfExp)
                 for side in (node.body, node.orelse)]  # fmt: skip
        for one in () if function.compiled else statements(function.node):
            parts = [((one.line, -1), (one.last + 1, -1))]
            parts += [
                ((side.lineno, side.col_offset), (side.end_lineno or side.lineno, side.end_col_offset or 0))
                for side in sides
                if one.line <= side.lineno <= one.last
            ]
            yield function.name.partition(".")[0], parts
