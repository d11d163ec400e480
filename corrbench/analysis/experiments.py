"""Experiments on a target that is wrong: on which cases it is, told from calls made to find out.

A run asks what may show a fault; here one that has shown is followed. Around the smallest failing case each factor is
changed alone; then, as long as several rules agree with all that is known, the cases on which they disagree are asked,
and the gaps between wrong and right are halved.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from corrbench.analysis import designs
from corrbench.analysis.quantities import NUMBERED, QUANTITIES, Rule
from corrbench.analysis.rules import Table, learn
from corrbench.case import INTEGERS, Case
from corrbench.numerics.inputs import WHOLE

Ask = Callable[[list[Case]], list[bool | None]]  # of each case whether it is wrong; None if that could not be told
ROUNDS, EACH, RIVALS = 8, 36, 10  # further rounds of experiments, cases in each, rules that are played off
HEAVY = 4e5  # multiply-accumulates that a case of an experiment may take, or a few times what the first took
POOL = 300  # cases among which those of a round are looked for, drawn in either of two ways
DESPITE = 40  # cases for each factor that decides alone, in which others are otherwise too
INSIDE = 6  # of them in a round that only ask whether a rule holds as far as it says
AROUND = 8  # values beside one that seems to be the only one
PAIRED = 1  # round in which every two factors are otherwise together
RESTORED = 3  # right cases from which a rule's other clauses are sought again
WAYS = 4  # right cases to which a way is tried
SURE = 4  # experiments that have to bear out a clause
WEAK = 20.0  # weight of all that the run found right, taken together; an experiment has 1
HINT = 0.2  # weight of all on which something else is wrong: of equally cheap rules, that which leaves them out
JOINED = 40  # cases of the run that a rule is asked to hold for too


@dataclass(slots=True, kw_only=True)
class Known:
    """What a run found out about one cause.

    Attributes:
        wrong: cases on which it showed, the smallest first.
        right: cases on which the same checks found nothing.
        other: cases on which something else is wrong, so that this cannot show.
        dtypes, views: element types and layouts that a call may have.
        takes: whether the target takes a case.
    """

    wrong: list[Case]
    right: list[Case]
    dtypes: list[str]
    views: list[str]
    takes: Callable[[Case], bool]
    other: list[Case] = field(default_factory=list)


@dataclass(slots=True)
class Series:
    """The experiments on one cause."""

    ask: Ask
    takes: Callable[[Case], bool]
    clock: Callable[[], float]
    heaviest: float
    until: float
    wrong: list[Case] = field(default_factory=list)
    right: list[Case] = field(default_factory=list)
    asked: set[Case] = field(default_factory=set)
    sought: set[str] = field(default_factory=set)  # clauses that cases were made up against

    @property
    def over(self) -> bool:
        return self.clock() > self.until

    def run(self, cases: Iterable[Case], most: int = 10**6) -> list[bool | None]:
        """Ask what has not been asked yet; what came of each that was."""
        new = [c for c in dict.fromkeys(cases) if c not in self.asked and c.macs <= self.heaviest and self.takes(c)]
        new = new[:most]
        self.asked |= set(new)
        answers = self.ask(new) if new else []
        for case, wrong in zip(new, answers, strict=True):
            if wrong is not None:
                (self.wrong if wrong else self.right).append(case)
        return answers


def evidence(rule: Rule, tried: dict[Case, bool], others: Sequence[Rule] = ()) -> str:
    """What experiments bear out a rule, in words; cases of other rules say nothing of where it does not hold."""
    inside = [wrong for case, wrong in tried.items() if rule.holds(case)]
    without = [wrong for case, wrong in tried.items() if not any(one.holds(case) for one in (rule, *others))]
    said = f"fails for {_of(sum(inside), len(inside))} such cases tried"
    return f"{said}, passes for {_of(len(without) - sum(without), len(without))} others" if without else said


def _of(some: int, count: int) -> str:
    return f"all {count}" if some == count else f"{some} of {count}"


def investigate(
    known: Known, ask: Ask, seed: int, clock: Callable[[], float], seconds: float
) -> tuple[Rule, Case] | None:
    """The rule of a cause, followed from the smallest case that shows it, and the case that the experiments were made
    around; None if asking that case again does not show the cause.
    """
    base, series = _begun(known, ask, clock, seconds)
    if base is None:
        return None
    base = _ordinary(base, series)
    generator = np.random.default_rng([seed, len(known.wrong)])
    dtypes = [dtype for dtype in known.dtypes if _expresses(dtype, base.data)]
    series.run(designs.alone(base, dtypes, known.views))
    if len(series.right) < SURE:  # whatever is changed, it is wrong, perhaps for another reason
        other = _edge(base, known, series)
        if other != base:
            base = other
            series.run(designs.alone(base, dtypes, known.views))
    decisive = designs.decisive(base, series.right)
    pool = [
        case
        for names in ((), decisive)
        for case in designs.around(base, generator, dtypes, known.views, POOL, names)
        if series.takes(case)
    ]
    despite = [case for case in designs.despite(base, series.right, generator, DESPITE) if series.takes(case)]
    swept = [c for c in designs.sweep(base, _landmarks(known)) if series.takes(c) and c.macs <= 8 * series.heaviest]
    rules = _ruled(base, known, series)
    for turn in range(ROUNDS):
        if series.over:
            break
        telling = [
            *_gaps(rules[0], series, swept), *_doubted(rules[0], series, [*swept, *pool]),
            *_disputed(rules, [*pool, *despite, *_restored(rules, pool, series)], series),
            *_held(rules[0], pool, despite, base, series),
        ]  # fmt: skip
        before = len(series.asked)
        series.run(telling, EACH)
        if turn == PAIRED:
            series.run([case for case in designs.pairs(base) if rules[0].holds(case)])
        if len(series.asked) == before:
            break
        rules = _ruled(base, known, series)
    return rules[0], base


def _begun(known: Known, ask: Ask, clock: Callable[[], float], seconds: float) -> tuple[Case | None, Series]:
    """The smallest case that shows the cause again, with the data that tell most, if they show it too."""
    heaviest = max(HEAVY, *(4.0 * case.macs for case in known.wrong[:1]))
    series = Series(ask, known.takes, clock, heaviest, clock() + seconds)
    for first in known.wrong[:3]:
        kinds = [first.data]
        if first.data in WHOLE:
            kinds = ["full"] if first.dtype in INTEGERS else ["full", "unit"]
        cases = [first.but(data=kind) for kind in dict.fromkeys([*kinds, first.data])]
        series.heaviest = max(series.heaviest, first.macs)
        shown = dict(zip(cases, series.ask(cases), strict=True))
        found = next((case for case in cases if shown[case]), None)
        if found is not None:
            series.asked.add(found)
            series.wrong.append(found)
            return found, series
    return None, series


def _edge(base: Case, known: Known, series: Series) -> Case:
    """A wrong case one factor away from a right one, on the way to a case that the run found right; the base, if every
    way is right or wrong to its end.
    """
    own = designs.factors(base)
    ways: list[list[Case]] = []
    far = {case: designs.distance(own, case) for case in known.right if case.x[0]}
    for goal in sorted(far, key=lambda case: (far[case], str(case)))[:WAYS]:
        made, way = dict(own), [base]
        for name, value in designs.factors(goal).items():
            if value != made[name] and name != "data":
                made |= {name: value}
                if (step := designs.case(made)) is not None and step not in way:
                    way.append(step)
        ways.append(way)
    series.run(case for way in ways for case in way)
    wrong, right = set(series.wrong), set(series.right)
    for way in ways:
        for case, after in zip(way[-2::-1], way[:0:-1], strict=True):
            if case in wrong and after in right:
                return case
    return base


def _expresses(dtype: str, data: str) -> bool:
    return dtype not in INTEGERS or data in WHOLE


def _ordinary(base: Case, series: Series) -> Case:
    """The case with every factor as usual that does not matter."""
    own = designs.factors(base)
    usual = designs.neutral(base)
    variants = {name: designs.case(designs.changed(own, **{name: value})) for name, value in usual}
    series.run([case for case in variants.values() if case is not None])
    free = [(name, value) for name, value in usual if variants[name] in series.wrong]
    while free:
        made = designs.case(designs.changed(own, **dict(free)))
        if made is not None:
            series.run([made])
            if made in series.wrong:
                return made
        free = free[: len(free) // 2]
    return base


def _landmarks(known: Known) -> set[int]:
    return {size for case in known.wrong[:20] for size in (*case.x, *case.w) if size <= 1 << 17}


def _ruled(base: Case, known: Known, series: Series) -> list[Rule]:
    """The rules that agree with all that is known, the simplest first."""
    tried = {case: 1.0 for case in series.right if case.x[0] or not base.x[0]}  # of nothing all results are right
    kinds = {case.data for case in known.wrong}
    right = [c for c in known.right if c.data in kinds and c not in tried and (c.x[0] or not base.x[0])]
    weak = dict.fromkeys(right, min(0.3, WEAK / max(1, len(right))))
    weak |= {case: min(0.01, HINT / len(known.other)) for case in known.other if case not in weak | tried}
    step = max(1, len(known.wrong) // JOINED)
    own = designs.factors(base)
    wrong = sorted(
        (case for case in series.wrong if case != base),
        key=lambda case: designs.distance(own, case),
    )
    others = [case for case in known.wrong[::step] if case != base and case not in wrong]
    table = Table([base, *wrong, *others, *tried, *weak])
    return learn(table, base, wrong, weak | tried, RIVALS, others)


def _disputed(rules: Sequence[Rule], pool: Sequence[Case], series: Series) -> list[Case]:
    """Cases on which the rules disagree, those first that part them most evenly."""
    close = [rule for rule in rules if rule.cost <= rules[0].cost + 1.0]
    if len(close) < 2:
        return []
    votes = {case: sum(rule.holds(case) for rule in close) for case in pool if case not in series.asked}
    open_ = [case for case, vote in votes.items() if 0 < vote < len(close) and case.macs <= series.heaviest]
    return sorted(open_, key=lambda case: (abs(2 * votes[case] - len(close)), case.macs))[: EACH // 2]


def _restored(rules: Sequence[Rule], pool: Sequence[Case], series: Series) -> list[Case]:
    """Cases that lack what a rival says in addition, one factor changed so that the first rule holds again; for each
    clause once, and where the pool has none.
    """
    found: list[Case] = []
    close = [rule for rule in rules[1:] if rule.cost <= rules[0].cost + 1.0]
    more = {clause for rule in close for clause in rule.clauses} - {*rules[0].clauses} - series.sought
    inside = [case for case in pool if rules[0].holds(case)] if more else []
    for clause in sorted(more):
        alone = Rule((clause,))
        series.sought.add(clause)
        if not all(map(alone.holds, inside)):  # there are such cases as it is
            continue
        lacking = sorted((case for case in series.right if not alone.holds(case)), key=lambda case: case.macs)
        for first in lacking[:RESTORED]:
            for case in designs.sweep(first):
                if rules[0].holds(case) and not alone.holds(case) and case not in series.asked and series.takes(case):
                    found.append(case)
                    break
    return found


def _held(rule: Rule, pool: Sequence[Case], despite: Sequence[Case], base: Case, series: Series) -> list[Case]:
    """Cases for which a rule holds, as unlike its base as can be: right ones among them show that it says too much."""
    own = designs.factors(base)
    near, far = (
        [c for c in cases if c not in series.asked and c.macs <= series.heaviest and rule.holds(c)]
        for cases in (despite, pool)
    )
    far.sort(key=lambda case: (-designs.distance(own, case), case.macs))
    return [case for cases in (near, far) for case in cases[:: max(1, len(cases) // (INSIDE + 1))][:INSIDE]]


def _doubted(rule: Rule, series: Series, pool: Sequence[Case]) -> list[Case]:
    """For each clause that few experiments bear out, cases that lack nothing but its property."""
    found: list[Case] = []
    for clause in rule.clauses:
        others = Rule(tuple(one for one in rule.clauses if one != clause))
        known = sum(others.holds(case) and not rule.holds(case) for case in series.right)
        if known < SURE:
            lacking = (c for c in pool if c not in series.asked and others.holds(c) and not rule.holds(c))
            light = [case for case in lacking if case.macs <= series.heaviest]
            found += light[:: max(1, len(light) // (SURE + 1))][: SURE + 1 - known]
    return found


def _gaps(rule: Rule, series: Series, swept: Sequence[Case]) -> list[Case]:
    """For each limit of a rule a case midway between the last that is wrong and the first that is right."""
    found = []
    for clause in rule.clauses:
        match = NUMBERED.fullmatch(clause)
        if match is None or match[1] not in QUANTITIES:
            continue
        of, others = QUANTITIES[match[1]], Rule(tuple(one for one in rule.clauses if one != clause))
        if match[2] is None and match[3]:  # one value, or more of the same remainder?
            lacking = [c for c in swept if of(c) != int(match[3]) and others.holds(c) and c not in series.asked]
            found += sorted(lacking, key=lambda c: (abs(of(c) - int(match[3])), c.macs))[:AROUND]
        if match[2] not in ("above", "at most"):
            continue
        bad = [of(case) for case in series.wrong if rule.holds(case)]
        good = [of(case) for case in series.right if others.holds(case) and not rule.holds(case)]
        if not bad or not good:
            continue
        low, high = (max(good), min(bad)) if match[2] == "above" else (max(bad), min(good))
        inside = [case for case in swept if low < of(case) < high and others.holds(case) and case not in series.asked]
        if inside and high - low > 1:
            middle = (low + high) / 2 if high <= 4 * max(low, 1) else math.sqrt(max(low, 1) * high)
            found.append(min(inside, key=lambda case: (abs(of(case) - middle), case.macs)))
    return found
