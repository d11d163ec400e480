"""What campaigns say: failures by the smallest case that they come down to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from corrbench.analysis import causes
from corrbench.analysis.shrinking import within
from corrbench.case import Case
from corrbench.checks._together import ALONE
from corrbench.result import DEATHS, Result

KEPT = 40  # cases remembered for each implementation


def kind(result: Result) -> tuple[str, ...]:
    """How a finding fails: two causes never share it and a smallest case."""
    ordered = "only among others" if result.message.endswith(ALONE) else ""
    return (*causes.cause(result)[:1], str(result.numbers.array or ""), str(result.numbers.raised or ""), ordered)


@dataclass(slots=True)
class Cause:
    """Failures that come down to the same smallest case."""

    smallest: Result
    met: int = 1
    first: float = 0.0  # seconds into the campaign

    @property
    def key(self) -> tuple[tuple[str, ...], Case]:
        return kind(self.smallest), self.smallest.case

    def covers(self, result: Result) -> bool:
        """Whether a failure is most likely this one."""
        how = self.key[0]
        return kind(result) == how and (bool(how[-1]) or within(result.case, self.smallest.case))


@dataclass(slots=True)
class Campaign:
    """What a campaign has found of one target.

    Attributes:
        target, seed: of whom, and what the cases are drawn from.
        asked: cases whose result and gradients were judged.
        seconds: how long it has run, interruptions left out.
        newest: when the last new cause was found, in those seconds.
        causes: each with its smallest case.
        known: failures that the baseline of the target records, by name; they are not made small.
        ran: how often each implementation of the library beneath ran, where it tells.
        unsupported: cases that the target refused.
        stopped: why it ended.
    """

    target: str
    seed: int
    asked: int = 0
    batches: int = 0
    seconds: float = 0.0
    newest: float = 0.0
    causes: list[Cause] = field(default_factory=list)
    known: Counter[str] = field(default_factory=Counter)
    ran: Counter[str] = field(default_factory=Counter)
    unsupported: int = 0
    stopped: str = ""
    examples: dict[str, list[Case]] = field(default_factory=dict)

    def take(self, done: Iterable[tuple[Any, list[Result]]]) -> None:
        """The results of a batch; after the cases that were drawn come the smallest of those that failed."""
        for _, results in done:
            self.asked += 1
            self.unsupported += any(one.status.value == "unsupported" for one in results)
            for result in results:
                if result.finding:
                    self.note(result)
                self.log(result)

    @property
    def fresh(self) -> list[Cause]:
        """The causes that no baseline records."""
        return [cause for cause in self.causes if not cause.smallest.numbers.known]

    def note(self, result: Result) -> None:
        """Count a failure to its cause; a smaller one than was known stands for it from then on. Only one that has been
        made small begins a new cause.
        """
        for cause in self.causes:
            if cause.covers(result):
                cause.met += 1
                return
        if result.numbers.known and result.status not in DEATHS:
            self.known[result.numbers.known] += 1
        if not result.numbers.own.get("smallest"):
            return
        for cause in self.causes:
            if kind(result) == cause.key[0] and within(cause.smallest.case, result.case):
                cause.smallest, cause.met = result, cause.met + 1
                self.merge(cause)
                return
        self.causes.append(Cause(result, first=self.seconds))
        self.newest = self.seconds

    def merge(self, cause: Cause) -> None:
        """Take into a cause those which its smaller case covers."""
        for other in [one for one in self.causes if one is not cause and cause.covers(one.smallest)]:
            cause.met += other.met
            cause.first = min(cause.first, other.first)
            self.causes.remove(other)

    def log(self, result: Result) -> None:
        """Which implementations ran in the batch that a result stands for."""
        ran = result.numbers.own.get("ran", {})
        self.ran.update(ran)
        for name in ran:
            held = self.examples.setdefault(name, [])
            held.append(result.case)
            del held[:-KEPT]

    @property
    def rate(self) -> float:
        """Cases a second."""
        return self.asked / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "target": self.target, "seed": self.seed, "asked": self.asked, "seconds": round(self.seconds, 1),
            "unsupported": self.unsupported, "newest": round(self.newest, 1), "stopped": self.stopped,
            "ran": dict(self.ran.most_common()), "known": dict(self.known.most_common()),
            "causes": [
                {"met": one.met, "first": round(one.first, 1), **one.smallest.to_json()} for one in self.causes
            ],
        }  # fmt: skip
