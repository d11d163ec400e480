"""Are explanations right? Of planted faults it is known where they are wrong: does the first headline say just that?"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from corrbench.analysis import causes
from corrbench.analysis.localisation import Suspect
from corrbench.analysis.predicates import names
from corrbench.analysis.quantities import Rule
from corrbench.audit import specification
from corrbench.case import Case
from corrbench.defects import Mutant, absent, catalogue, holds
from corrbench.defects._composed import PLACES, REGIONS, SEPARATOR, combinations
from corrbench.defects._faulty_lines import faulty_lines
from corrbench.result import Run
from corrbench.runner import executors, explain, plan, verify
from corrbench.runner.pool import many
from corrbench.runner.store import Store
from corrbench.support import Pace, Support
from corrbench.target import Spec

EXPLANATIONS_SCHEMA = "corrbench-explanations/1"
RIGHT, MISLEADING = 0.9, 0.5  # F1 from which on a headline is right, and below which it misleads
EVERY = 8  # of the planned questions one in so many is asked, and all only if these find nothing
FRESH = (2, 3)  # what is added to the seed of a run for cases that it has not seen
PATIENCE = 600.0  # seconds for the experiments of a run: what is told must not depend on how busy the machine is
PAIRS, TRIPLES = 40, 20
MOST = 250  # cases that are asked whether the fault shows
DRAWN = 1  # seed of the pairs and triples


@dataclass(slots=True, kw_only=True)
class Told:
    """What a report told of one function with planted faults.

    Attributes:
        name: of the function.
        half: ``tuned`` for those that this was built while looking at, ``unseen`` for the others, ``composed`` for
            several faults in one function.
        planted: where it is wrong, an expression over `corrbench.defects.NAMES` for each fault.
        headlines: the properties that the causes were told with, in order; empty text where none was.
        scores: for each fault the F1 of the headline that meets it best; of a single fault, that of the first.
        shown: of a single fault, the F1 against what is wrong when it is asked: where it is written to be wrong the
            right answer may come by chance.
        line: of a single fault told by experiments, whether the line ranked first is one that is its fault: ``right``
            or ``wrong``; empty where no line was ranked, or all lines are its fault.
        named: whether a report names that line.
        places: of several faults, for each whose place has a name whether the cause that meets it says it.
        mined, mined_causes: the F1 of the first headline, and how many there are, if no experiments had been made.
        wrong, cases: how many of the fresh cases lie in the region, of how many.
        found: findings of the run.
        seconds: wall time.
    """

    name: str
    half: str
    planted: list[str]
    headlines: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    shown: float = 0.0
    line: str = ""
    named: bool = False
    places: list[bool] = field(default_factory=list)
    mined: float = 0.0
    mined_causes: int = 0
    wrong: int = 0
    cases: int = 0
    found: int = 0
    seconds: float = 0.0

    @property
    def silent(self) -> bool:
        """Whether the first headline says no property."""
        return not self.headlines[:1] or not self.headlines[0]

    @property
    def causes(self) -> int:
        return len(self.headlines)


@dataclass(slots=True, kw_only=True)
class Explanations:
    """All that was told, and the score."""

    seed: int
    told: list[Told] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def of(self, half: str) -> list[Told]:
        """Those of one half that were found at all and whose region some fresh case lies in."""
        return [one for one in self.told if one.half == half and one.found and one.wrong]

    def shares(self, half: str) -> dict[str, float]:
        """Of one half the shares that the score is made of."""
        mine = self.of(half)
        return {} if not mine else {
            "F1 at least 0.9": sum(not one.silent and one.scores[0] >= RIGHT for one in mine) / len(mine),
            "silent": sum(one.silent for one in mine) / len(mine),
            "misleading, F1 below 0.5": sum(not one.silent and one.scores[0] < MISLEADING for one in mine) / len(mine),
            "F1 at least 0.9, of what shows": sum(not one.silent and one.shown >= RIGHT for one in mine) / len(mine),
            "exactly one cause": sum(one.causes == 1 for one in mine) / len(mine),
        }  # fmt: skip

    @property
    def apart(self) -> tuple[int, int]:
        """Of the functions with several faults, of how many every fault was told, and how many there are."""
        mine = [one for one in self.told if one.half == "composed" and one.found]
        return sum(min(one.scores) >= RIGHT for one in mine), len(mine)

    @property
    def lines(self) -> tuple[int, int, int, int]:
        """In how many functions a line was ranked first that is a fault, of how many where one was ranked; and the same
        where a report names it.
        """
        mine = [one for one in self.told if one.line]
        named = [one for one in mine if one.named]
        right = [sum(one.line == "right" for one in some) for some in (mine, named)]
        return right[0], len(mine), right[1], len(named)

    @property
    def places(self) -> tuple[int, int]:
        """Of how many faults the place was told, and how many have one and were told."""
        said = [place for one in self.told for place in one.places]
        return sum(said), len(said)

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        return {
            "schema": EXPLANATIONS_SCHEMA, "seed": self.seed, "seconds": round(self.seconds, 1),
            "shares": {half: self.shares(half) for half in ("tuned", "unseen")}, "apart": list(self.apart),
            "lines": list(self.lines), "places": list(self.places),
            "environment": self.environment, "told": [asdict(one) for one in self.told],
        }  # fmt: skip


def half(one: Mutant) -> str:
    """``tuned`` or ``unseen``: as after reports where there is one, else as its name decides."""
    seen = one.half == "seen" if one.half else bool(zlib.crc32(f"explained {one.name}".encode()) % 2)
    return "tuned" if seen else "unseen"


def planted(sample: int = 0, seed: int = 7) -> list[Told]:
    """Every defect with a region that shows here, and the functions with several faults, in an order drawn at random; a
    sample takes as many of each half, and of the latter, and a larger sample has all of a smaller one.
    """
    found: dict[str, list[Told]] = {"unseen": [], "composed": [], "tuned": []}
    for one in catalogue():
        if one.kind == "defect" and one.outside is not None and not absent(one):
            found[half(one)].append(Told(name=one.name, half=half(one), planted=[f"not ({one.outside})"]))
    for name in combinations(DRAWN, PAIRS, TRIPLES):
        regions = [REGIONS[fault] for fault in name.split(SEPARATOR)]
        found["composed"].append(Told(name=name, half="composed", planted=regions))
    drawn = random.Random(seed)
    for some in found.values():
        drawn.shuffle(some)
    turns = zip_longest(*(some[: sample or None] for some in found.values()))
    return [one for turn in turns for one in turn if one is not None]


def told(waiting: Sequence[Told], options: verify.Options, record: Store | None = None) -> Iterator[Told]:
    """Verify and explain each, on every core one, and yield what was told as it comes; what a record has is not asked
    again.
    """
    done = record.done if record else {}
    yield from (Told(**done[one.name][0]) for one in waiting if one.name in done)

    def judged(one: Told, start: executors.Start) -> Told:
        its = replace(options, workers=1, explain=PATIENCE, every=EVERY)
        spec = _spec(one)
        support = replace(executors.ask(spec, start), pace=Pace())  # what is asked depends on no machine
        run = verify.verify(spec, its, start, support=support)
        if not run.findings:  # its region is narrow: the questions that were left out may meet it
            run = verify.verify(spec, replace(its, every=1), start, support=support)
        cases = fresh(spec, its, support)
        score(one, run, cases)
        if len(one.planted) == 1 and one.found:
            one.shown = shown(one, run, spec, support, cases, start)
            mark_line(one, run)
        return one

    for _, found in many([one for one in waiting if one.name not in done], judged, options.workers):
        if record is not None:
            record.append([(found.name, [asdict(found)])])
        yield found


def _spec(one: Told) -> Spec:
    if one.half == "composed":
        return Spec(target=f"corrbench.defects._composed:{one.name}")
    return specification(next(mutant for mutant in catalogue() if mutant.name == one.name))


def fresh(spec: Spec, options: verify.Options, support: Support) -> list[Case]:
    """Cases of all suites, in all element types and layouts, that a run with another seed asks about."""
    found: dict[Case, None] = {}
    for more in FRESH:
        shape = plan.outline(spec, support, options.profile, (options.seed or 0) + more)
        for check in ("values.exact", "memory.views"):
            found |= {job.case.but(data="unit"): None for job in plan.jobs(shape, check) if job.case.x[0]}
    return list(found)


def score(one: Told, run: Run, cases: Sequence[Case]) -> Told:
    """What a run told of planted faults, measured on fresh cases."""
    groups = causes.groups(run, run.findings)
    rules = [Rule(tuple(names(group.region or group.common))) for group in groups]
    one.headlines = [rule.text for rule in rules]
    one.found, one.seconds, one.cases = len(run.findings), run.seconds, len(cases)
    regions = [[holds(text, case) for case in cases] for text in one.planted]
    one.wrong = min(sum(region) for region in regions)
    for index, region in enumerate(regions):
        # where another fault shows too, neither can be told from the other
        others = [any(other[i] for j, other in enumerate(regions) if j != index) for i in range(len(cases))]
        asked = [i for i in range(len(cases)) if not others[i]]
        tried = rules if len(regions) > 1 else rules[:1]
        met = [
            (f1([rule.holds(cases[i]) for i in asked], [region[i] for i in asked]), group.place)
            for rule, group in zip(tried, groups, strict=False)
            if rule.clauses
        ]
        best, place = max(met, default=(0.0, ""), key=lambda pair: pair[0])
        one.scores.append(best)
        fault = (one.name.split(SEPARATOR) + [""] * len(regions))[index]
        if one.half == "composed" and best >= RIGHT and fault in PLACES:
            one.places.append(place == PLACES[fault])
    if len(regions) == 1:
        bare = causes.groups(replace(run, explained=[]), run.findings)
        first = Rule(tuple(names(bare[0].region or bare[0].common))) if bare else Rule(())
        one.mined = f1([first.holds(case) for case in cases], regions[0]) if first.clauses else 0.0
        one.mined_causes = len(bare)
    return one


def shown(one: Told, run: Run, spec: Spec, support: Support, cases: Sequence[Case], start: executors.Start) -> float:
    """The F1 of the first headline against what is wrong when it is asked, of the cases that are written to be wrong;
    where there are many of them, of every so manieth of all.
    """
    group = causes.groups(run, run.findings)[0]
    rule = Rule(tuple(names(group.region or group.common)))
    check = causes.origin(group.smallest)
    check = explain.ASKED.get(check, check)
    if not rule.clauses or check not in causes.CALLED:
        return one.scores[0]
    kind = causes.kind(group.smallest)
    some = cases[:: 1 + one.wrong // MOST]
    planned = [case for case in some if holds(one.planted[0], case) and support.all_of(case)]
    jobs = [plan.Job(check=check, case=case, seed=run.seed) for case in planned]
    wrong: dict[Case, bool] = {}
    for done in executors.execute(plan.batches(spec, support, jobs, 48), start, 2):
        for job, results in done:
            if (said := explain.outcome(results, kind)) is not None:
                wrong[job.case] = said
    known = [case for case in some if case in wrong or not holds(one.planted[0], case)]
    return f1([rule.holds(case) for case in known], [wrong.get(case, False) for case in known])


def mark_line(one: Told, run: Run) -> None:
    """Whether the line ranked first for the first cause is one that is the fault."""
    mutant = next(mutant for mutant in catalogue() if mutant.name == one.name)
    lines = run.explained[0]["lines"] if run.explained else []
    module, _, name = mutant.target.partition(":")
    path = Path(__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    marks = faulty_lines(path.read_text(encoding="utf-8"), name)
    if lines and marks.telling:
        first = Suspect(**lines[0])
        one.line = "right" if Path(first.file) == path and first.line in marks.faulty else "wrong"
        one.named = first.named


def f1(told: Sequence[bool], true: Sequence[bool]) -> float:
    """The harmonic mean of precision and recall; 1 where there is nothing to be told and nothing is."""
    both = sum(a and b for a, b in zip(told, true, strict=True))
    either = sum(told) + sum(true)
    return 2 * both / either if either else 1.0
