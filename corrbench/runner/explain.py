"""Findings explained: for each cause of a run the experiments that tell on which cases it shows."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from corrbench.analysis import causes
from corrbench.analysis.experiments import Known, evidence, investigate
from corrbench.analysis.quantities import Rule, mirrored
from corrbench.case import Case
from corrbench.numerics.inputs import LAYOUTS, layouts
from corrbench.result import FINDINGS, Explained, Result, Run, Status
from corrbench.runner import plan
from corrbench.runner.executors import Start, execute
from corrbench.support import Support
from corrbench.target import Spec

SECONDS = 10.0  # for all causes of a run
ALIKE, MOSTLY = 0.9, 0.7  # share of experiments that look like a fault, or are wrong in a place, for it to be told
EXCEPTIONS = 0.15  # share of right cases that a property may hold for which two rules have in common
ASKED = {"fuzz.search": "values.exact", "values.large": "values.exact", "gradients.large": "gradients.first"}
CAUSES = 6  # that are followed


def explain(
    run: Run, spec: Spec, support: Support, start: Start, workers: int = 1, seconds: float = SECONDS
) -> list[dict[Case, bool]]:
    """Follow the causes of a run's findings, one after the other, until all are told or the time is over; what was
    found out is in the run. One cause may take a third of the time. Returns the experiments of each cause.
    """
    until = time.monotonic() + seconds
    run.explained = []
    tried: dict[tuple[str, ...], dict[Case, bool]] = {}
    left = [one for one in run.findings if one.status is Status.FAIL and causes.direct(one)]
    for _ in range(CAUSES):
        if not left or time.monotonic() > until:
            break
        kind = min({causes.kind(one) for one in left}, key=causes.rank)
        mine = sorted((one for one in left if causes.kind(one) == kind), key=causes.size)
        known = tried.setdefault(kind, {})
        found = _follow(run, mine, kind, spec, support, start, workers, 0.3 * seconds, known)
        if found is None:
            left = [one for one in left if causes.kind(one) != kind]
            continue
        if not _joined(run, found, known):
            run.explained.append(asdict(found))
        told = [Explained(**one) for one in run.explained]
        rest = [one for one in left if not any(causes.belongs(one, cause) for cause in told)]
        # what the rule leaves out of its own kind is told apart; the case that it began with is not
        left = [one for one in rest if one.case != mine[0].case or causes.kind(one) != kind]
    rules = [Rule(tuple(one["where"])) for one in run.explained]
    for one, rule in zip(run.explained, rules, strict=True):
        others = [other for other in rules if other != rule]
        one["evidence"] = evidence(rule, tried[tuple(one["kind"])], others)
    return [tried[tuple(one["kind"])] for one in run.explained]


def _joined(run: Run, found: Explained, tried: dict[Case, bool]) -> bool:
    """Whether a cause is an earlier one of the same kind, told too narrowly: what both have in common then holds for
    hardly a case that is right, and is told instead.
    """
    for index, earlier in enumerate(run.explained):
        shared = Rule(tuple(clause for clause in earlier["where"] if clause in found.where))
        if earlier["kind"] != found.kind:
            continue
        own, other = ([clause for clause in where if clause not in shared.clauses]
                      for where in (earlier["where"], found.where))  # fmt: skip
        if len(own) == 1 and [mirrored(own[0])] == other:  # of rows and of columns: said in one
            run.explained[index] = earlier | {"where": [*shared.clauses, f"{own[0]} or {other[0]}"]}
            return True
        if not shared.clauses:
            continue
        inside = [wrong for case, wrong in tried.items() if shared.holds(case)]
        # of cases that neither rule holds for, and both together would: are they wrong too?
        both = (Rule(tuple(earlier["where"])), Rule(tuple(found.where)))
        more = [wrong for case, wrong in tried.items() if shared.holds(case) and not any(r.holds(case) for r in both)]
        if sum(inside) >= (1 - EXCEPTIONS) * len(inside) and sum(more) >= (1 - EXCEPTIONS) * len(more):
            run.explained[index] = earlier | {"where": list(shared.clauses)}
            return True
    return False


def _follow(
    run: Run,
    mine: list[Result],
    kind: tuple[str, ...],
    spec: Spec,
    support: Support,
    start: Start,
    workers: int,
    seconds: float,
    tried: dict[Case, bool],
) -> Explained | None:
    check = causes.origin(mine[0])
    check = ASKED.get(check, check)
    checks = {one.check for one in mine}
    bad = {one.case for one in run.findings}
    right = [one.case for one in run.results if one.status is Status.PASS and one.check in checks | {check}]
    before = [Rule(tuple(one["where"])) for one in run.explained if one["where"]]  # where another cause shows
    others = [Rule(tuple(one["where"])) for one in run.explained if one["where"] and one["kind"] != list(kind)]
    other = {case for case in bad if any(rule.holds(case) for rule in others)} - {one.case for one in mine}
    backward = kind[0] == "gradients"

    shown: dict[Case, Result] = {}

    def ask(cases: list[Case]) -> list[bool | None]:
        jobs = [plan.Job(check=check, case=case, seed=run.seed) for case in cases]
        answers: dict[Case, bool | None] = {}
        for done in execute(plan.batches(spec, support, jobs, 48), start, workers + 1):
            for job, results in done:
                answers[job.case] = outcome(results, kind)
                for one in results:
                    if one.finding and causes.kind(one) == kind:
                        shown[job.case] = one
        tried.update({case: wrong for case, wrong in answers.items() if wrong is not None})
        return [answers.get(case) for case in cases]

    known = Known(
        wrong=list(dict.fromkeys(one.case for one in mine)),
        right=[case for case in dict.fromkeys(right) if case not in bad],
        dtypes=[d for d in plan.ORDER if d in support.takes and (not backward or support.differentiates(d))],
        views=_views(mine[0].case, spec, backward=backward),
        takes=lambda case: support.all_of(case) and not any(rule.holds(case) for rule in before),
        other=sorted(other, key=str),
    )
    found = investigate(known, ask, run.seed, time.monotonic, seconds)
    if found is None:
        return None
    rule, base = found
    telling = [one for case, one in shown.items() if rule.holds(case) and _tells(one)]
    return Explained(
        kind=list(kind), where=list(rule.clauses), evidence="", base=str(base), check=check,
        resembles=common([one.resembles for one in telling], ALIKE),
        place=common([_place(one) for one in telling], MOSTLY),
    )  # fmt: skip


def _tells(one: Result) -> bool:
    """Whether an array is large enough to tell where it is wrong, and what it looks like."""
    axes = one.case.w if one.numbers.array == "gw" else one.case.x if one.numbers.array == "gx" else one.case.out
    return one.numbers.array == "gb" or min(axes[2:]) > 1 or one.numbers.array is None


def _place(one: Result) -> str:
    """Where a result is wrong, in words that do not depend on its size."""
    said = one.numbers.pattern or ""
    return said if said.startswith("only") and not re.search(r">=| to | of ", said) else ""


def common(said: Sequence[str], share: float) -> str:
    """What is said of at least a share of the experiments, three at least; empty if nothing is."""
    most = Counter(said).most_common(1)
    return most[0][0] if most and most[0][1] >= max(3, share * len(said)) else ""


def outcome(results: Sequence[Result], kind: tuple[str, ...]) -> bool | None:
    """Whether what a check found is of one kind; False if it found nothing, None if that cannot be told."""
    if any(one.status in FINDINGS and causes.kind(one) == kind for one in results):
        return True
    if kind[0] == "raised" and any(one.status is Status.UNSUPPORTED and one.numbers.raised for one in results):
        return True  # what counts as a refusal in one call was a finding among many
    found = {one.status for one in results}
    if found & FINDINGS:  # wrong values tell that nothing was raised, but an exception says nothing of values
        first = min(causes.rank(causes.kind(one))[0] for one in results if one.status in FINDINGS)
        return False if first > causes.rank(kind)[0] else None
    return False if Status.PASS in found and Status.ERROR not in found else None


def _views(case: Case, spec: Spec, *, backward: bool) -> list[str]:
    """Layouts worth trying: those of the case, and each layout of the input, the kernel and the cotangent."""
    if spec.arrays == "list":
        return []
    operands = ("x", "w", "g") if backward else ("x", "w")
    own = [f"{name}:{how}" for name, how in layouts(case).items()]
    usual = ("transposed", "channels_last", "step", "offset", "expanded_all")
    kinds = LAYOUTS[1:] if own else usual
    return list(dict.fromkeys([*own, *(f"{name}:{how}" for name in operands for how in kinds)]))
