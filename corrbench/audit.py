"""The mutation score of the suite: `verify` on every mutant, and what became of each."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from corrbench.defects import Mutant, absent, catalogue
from corrbench.result import Run
from corrbench.rivals._run import Score
from corrbench.runner import executors, verify
from corrbench.runner.pool import many
from corrbench.runner.store import Store
from corrbench.target import Spec

AUDIT_SCHEMA = "corrbench-audit/1"
ENOUGH = 0.9  # share of either half that must be found
READ = 0.95  # share of the trigger faults with a readable constant that must be found
CONSTANTS = ("readable", "computed")  # how trigger faults have theirs


@dataclass(slots=True, kw_only=True)
class Fate:
    """What became of one mutant.

    Attributes:
        name, kind: of the mutant.
        named: the family of checks that must catch it.
        found: first finding of every check that has one, by the check's name.
        warned: checks that warned of something.
        verdict: of the run: fail, pass or error.
        problem: why it could not be judged, or what was not.
        questions: asked until the end, or until the first finding.
        seconds: wall time of the command, loading the target included.
        excuse: why a survivor is known, and published as such; empty where it should not survive.
        constant: of a trigger fault, ``readable`` or ``computed``; empty for all others.
        half: seen or unseen, see `corrbench.defects.Mutant.half`; empty for most.
    """

    name: str
    kind: str
    named: str
    excuse: str = ""
    half: str = ""
    constant: str = ""
    found: dict[str, str] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    verdict: str = ""
    problem: str = ""
    questions: int = 0
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether the suite said what is true: fail for a fault or a cheat, pass for an honest implementation."""
        return self.verdict == ("pass" if self.kind == "honest" else "fail")

    @property
    def families(self) -> set[str]:
        return {check.partition(".")[0] for check in self.found}


@dataclass(slots=True, kw_only=True)
class Audit:
    """The fates of all mutants, and the score.

    Attributes:
        profile: of every run on what is wrong.
        honest_profile: of every run on what is honest, and on triggers whose constant is computed.
        full: whether every check went on until it had found something or was done; otherwise the first finding of any
            check ended a run.
        seed: of every run.
        seconds: wall time of the whole.
        others: how other suites did on the same implementations, if they were asked.
        absent: what is planted and cannot be judged here, for want of a device or a library, with the reason.
    """

    profile: str
    honest_profile: str
    full: bool
    seed: int
    fates: list[Fate] = field(default_factory=list)
    seconds: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)
    others: list[Score] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Fate]:
        return [fate for fate in self.fates if fate.kind in kinds]

    @property
    def wrong(self) -> list[Fate]:
        """Defects and cheats, which must be found."""
        return self.of("defect", "cheat")

    @property
    def survivors(self) -> list[Fate]:
        """Wrong implementations that were not found out."""
        return [fate for fate in self.wrong if not fate.right]

    @property
    def passed(self) -> bool:
        """Whether there is nothing new to mend: no false alarm, no survivor but those with an excuse; of each half of
        the mutants that measure whether the suite generalises, `ENOUGH`; of the readable trigger faults, `READ`.
        """
        known = all(fate.excuse or fate.half for fate in self.survivors)
        generalises = all(found >= ENOUGH * count for found, count in self.halves.values())
        found, count = self.triggers.get("readable", (0, 0))
        return bool(self.fates) and not self.false_alarms and known and generalises and found >= READ * count

    @property
    def halves(self) -> dict[str, tuple[int, int]]:
        """Of the seen and of the unseen mutants after reports, how many were found, and how many there are."""
        halves = {half: [fate for fate in self.wrong if fate.half == half] for half in ("seen", "unseen")}
        return {half: (sum(fate.right for fate in mine), len(mine)) for half, mine in halves.items() if mine}

    @property
    def triggers(self) -> dict[str, tuple[int, int]]:
        """Of the trigger faults whose constant is readable, and of those that compute it, how many were found, and how
        many there are. They are no part of the score: what is computed, testing finds by chance only.
        """
        kinds = {kind: [fate for fate in self.of("trigger") if fate.constant == kind] for kind in CONSTANTS}
        return {kind: (sum(fate.right for fate in mine), len(mine)) for kind, mine in kinds.items() if mine}

    @property
    def missed(self) -> list[Fate]:
        """Trigger faults that were not found."""
        return [fate for fate in self.of("trigger") if not fate.right]

    @property
    def false_alarms(self) -> list[Fate]:
        """Honest implementations that did not pass."""
        return [fate for fate in self.of("honest") if not fate.right]

    @property
    def elsewhere(self) -> list[Fate]:
        """Found, but by no check of the family that was named for it; in a full audit only."""
        return [fate for fate in self.wrong if self.full and fate.found and fate.named not in fate.families]

    def sole(self) -> dict[str, list[str]]:
        """For each check the mutants that it alone found; in a full audit only."""
        alone: dict[str, list[str]] = {}
        for fate in self.wrong if self.full else ():
            if len(fate.found) == 1:
                alone.setdefault(next(iter(fate.found)), []).append(fate.name)
        return alone

    def kills(self) -> dict[str, int]:
        """For each check the number of mutants that it found."""
        tally: dict[str, int] = {}
        for fate in self.wrong:
            for check in fate.found:
                tally[check] = tally.get(check, 0) + 1
        return tally

    @property
    def median_seconds(self) -> float:
        """Wall time of the command up to the first finding, the median over what was found; NaN where none was."""
        return statistics.median([f.seconds for f in self.wrong if f.right] or [float("nan")])

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` writes."""
        return {
            "schema": AUDIT_SCHEMA, "verdict": "pass" if self.passed else "fail",
            "profile": self.profile, "honest_profile": self.honest_profile,
            "full": self.full, "seed": self.seed, "seconds": round(self.seconds, 1),
            "planted": len(self.wrong), "killed": len(self.wrong) - len(self.survivors),
            "halves": {half: list(counts) for half, counts in self.halves.items()},
            "triggers": {kind: list(counts) for kind, counts in self.triggers.items()},
            "honest": len(self.of("honest")), "false_alarms": len(self.false_alarms),
            "environment": self.environment, "fates": [asdict(fate) for fate in self.fates],
            "absent": self.absent,
            "others": [asdict(score) for score in self.others],
        }  # fmt: skip


def chosen(only: str) -> list[Mutant]:
    """What is to be judged: all that shows here, or the names, kinds and families of checks in a comma-separated list.

    Raises:
        ValueError: no mutant is called so, or one that is needs a library or a device that is not here.
    """
    words = [word.strip() for word in only.split(",") if word.strip()]
    everything = catalogue()
    here = [one for one in everything if not absent(one)]
    if not words:
        return here
    for word in words:
        if not any(word in (one.name, one.kind, one.check) for one in everything):
            near = [one.name for one in everything if word in one.name][:5]
            raise ValueError(
                f"no mutant is called {word!r}; give a name, a kind (defect, cheat, trigger, honest) or a family of "
                "checks" + (f"; perhaps you mean {', '.join(near)}" if near else "")
            )
    for one in everything:
        if one.name in words and (why := absent(one)):
            raise ValueError(f"{one.name} {why}, and cannot be judged here")
    return [one for one in here if {one.name, one.kind, one.check} & set(words)]


def left_out() -> dict[str, str]:
    """What is planted and cannot be judged here, with the reason."""
    return {one.name: why for one in catalogue() if (why := absent(one))}


def specification(one: Mutant) -> Spec:
    """What a user would type for it: where it is, which arrays it takes, what accuracy it declares."""
    return Spec(target=one.target, arrays=one.arrays, accuracy=one.accuracy, needs=one.needs)


def fate_of(one: Mutant, run: Run) -> Fate:
    """What a run says."""
    found: dict[str, str] = {}
    for result in run.findings:
        found.setdefault(result.check, f"{result.case}: {result.message}"[:300])
    return Fate(
        name=one.name, kind=one.kind, named=one.check, excuse=one.excuse, half=one.half, found=found,
        constant=one.constant,
        warned=sorted({r.check for r in run.results if r.status == "warn"}),
        verdict=run.verdict, problem=run.problem or next((r.message for r in run.results if r.status == "error"), ""),
        questions=run.judged, seconds=run.seconds,
    )  # fmt: skip


def fates(
    options: verify.Options, *, full: bool, only: str = "", record: Store | None = None, calm: str = ""
) -> Iterator[Fate]:
    """Run `verify` on the mutants, on every core one, and yield each fate as it comes.

    Args:
        options: profile and seed of every run, and how many run at a time.
        full: let every check go on until it has found something; otherwise end a run at its first finding.
        only: see `chosen`.
        record: where fates are kept, and those of an earlier, interrupted audit taken from.
        calm: profile for those that have no first finding to stop at, if another: the honest ones, and triggers whose
            constant is computed, of which testing can tell nothing.

    Raises:
        ValueError: nothing is chosen.
    """
    waiting = chosen(only)
    done = record.done if record else {}
    for one in waiting:
        if one.name in done:
            yield Fate(**done[one.name][0])
    # long ones first, so that no core is left alone with one at the end
    waiting = sorted((one for one in waiting if one.name not in done), key=lambda one: one.kind != "honest")
    whole = replace(options, profile=calm or options.profile)

    def verified(one: Mutant, start: executors.Start) -> Fate:
        endless = one.kind == "honest" or one.constant == "computed"
        its = replace(whole if endless else options, workers=1, fail_fast=not full, once=full)
        return fate_of(one, verify.verify(specification(one), its, start))

    for _, found in many(waiting, verified, options.workers):
        if record is not None:
            record.append([(found.name, [asdict(found)])])
        yield found
