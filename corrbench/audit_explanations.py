"""Are explanations right? Of planted faults it is known where they are wrong: does the first headline say just that?"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from corrbench.analysis import causes
from corrbench.analysis.predicates import names
from corrbench.analysis.quantities import Rule
from corrbench.audit import specification
from corrbench.case import Case
from corrbench.defects import Mutant, absent, catalogue, holds
from corrbench.defects._composed import REGIONS, SEPARATOR, combinations
from corrbench.result import Run
from corrbench.runner import executors, plan, verify
from corrbench.runner.pool import many
from corrbench.runner.store import Store
from corrbench.support import Pace, Support
from corrbench.target import Spec

EXPLANATIONS_SCHEMA = "corrbench-explanations/1"
RIGHT, MISLEADING = 0.9, 0.5  # F1 from which on a headline is right, and below which it misleads
EVERY = 8  # of the planned questions one in so many is asked, and all only if these find nothing
FRESH = (2, 3)  # what is added to the seed of a run for cases that it has not seen
PATIENCE = 40.0  # seconds for the experiments of a run: what is told must not depend on how busy the machine is
PAIRS, TRIPLES = 40, 20
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
            "exactly one cause": sum(one.causes == 1 for one in mine) / len(mine),
        }  # fmt: skip

    @property
    def apart(self) -> tuple[int, int]:
        """Of the functions with several faults, of how many every fault was told, and how many there are."""
        mine = [one for one in self.told if one.half == "composed" and one.found]
        return sum(min(one.scores) >= RIGHT for one in mine), len(mine)

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        return {
            "schema": EXPLANATIONS_SCHEMA, "seed": self.seed, "seconds": round(self.seconds, 1),
            "shares": {half: self.shares(half) for half in ("tuned", "unseen")}, "apart": list(self.apart),
            "environment": self.environment, "told": [asdict(one) for one in self.told],
        }  # fmt: skip


def half(one: Mutant) -> str:
    """``tuned`` or ``unseen``: as after reports where there is one, else as its name decides."""
    seen = one.half == "seen" if one.half else bool(zlib.crc32(f"explained {one.name}".encode()) % 2)
    return "tuned" if seen else "unseen"


def planted(sample: int = 0, seed: int = 7) -> list[Told]:
    """Every defect with a region that shows here, and the functions with several faults; a sample takes as many of
    each half, and of the latter.
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
        if sample:
            some[:] = drawn.sample(some, min(sample, len(some)))
    return [one for some in found.values() for one in some]


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
        return score(one, run, fresh(spec, its, support))

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
        tried = [rule for rule in rules if rule.clauses] if len(regions) > 1 else rules[:1]
        marks = [[rule.holds(cases[i]) for i in asked] for rule in tried if rule.clauses]
        one.scores.append(max((f1(mark, [region[i] for i in asked]) for mark in marks), default=0.0))
    if len(regions) == 1:
        bare = causes.groups(replace(run, explained=[]), run.findings)
        first = Rule(tuple(names(bare[0].region or bare[0].common))) if bare else Rule(())
        one.mined = f1([first.holds(case) for case in cases], regions[0]) if first.clauses else 0.0
        one.mined_causes = len(bare)
    return one


def f1(told: Sequence[bool], true: Sequence[bool]) -> float:
    """The harmonic mean of precision and recall; 1 where there is nothing to be told and nothing is."""
    both = sum(a and b for a, b in zip(told, true, strict=True))
    either = sum(told) + sum(true)
    return 2 * both / either if either else 1.0
