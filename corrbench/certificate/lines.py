"""The lines of a certificate: what each says, how that is known, and what the whole comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

SCHEMA = "corrbench-certificate/1"


class Known(StrEnum):
    """How a line is known."""

    SHOWN = "shown"
    PROBABLY = "shown with error probability"
    PREDICTED = "predicted"
    TESTED = "tested"
    ASSUMED = "assumed"
    UNEXAMINED = "not examined"
    DEPENDS = "depends on the operands"  # what would have to be shown is not so
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line.

    Attributes:
        name: short, the same on every certificate.
        says: the sentence that is known, or is not.
        known: how.
        evidence: what was done, and what came of it; or why nothing could be.
        error: the probability that it is false all the same, over the draws made here; None where there is none.
        inputs: number of inputs that it was predicted or tested on.
        places: where in the program it fails.
    """

    name: str
    says: str
    known: Known
    evidence: str
    error: float | None = None
    inputs: int = 0
    places: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """How it is known, in words."""
        if self.known is Known.PROBABLY and self.error is not None:
            return f"{self.known} ≤ {power(self.error)}"
        if self.known is Known.PREDICTED:
            return f"predicted on {self.inputs} inputs"
        if self.known is Known.TESTED and self.inputs:
            return f"tested on {self.inputs} inputs"
        return str(self.known)


@dataclass(slots=True, kw_only=True)
class Certificate:
    """All lines of one target for one case.

    Attributes:
        target, case, seed: what is certified, and from what the operands and primes were drawn.
        source: a digest of the target's file; empty where it has none.
        settings: element type, threads, machine, versions.
        lines: in the order of the page.
        seconds: wall time by part.
    """

    target: str
    case: str
    seed: int
    source: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def line(self, name: str) -> Line:
        """The line of a name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.lines}[name]

    @property
    def verdict(self) -> str:
        """``refuted`` where it is wrong, ``certified`` where it is shown that it is right for every value of the
        operands, and else ``open``.
        """
        return verdict(self.lines)

    @property
    def reason(self) -> str:
        """Why it is refuted, or what is lacking; empty for one that is certified."""
        named = {one.name: one for one in self.lines}
        refuted = [one for one in self.lines if one.known is Known.REFUTED]
        lacking = [named[name] for name in NEEDED if named[name].known not in PROVED]
        first = (refuted or lacking)[:1]
        return f"{first[0].name}: {first[0].evidence}" if first else ""

    def to_json(self) -> dict[str, Any]:
        """The object of the file."""
        lines = [asdict(one) | {"known": str(one.known), "status": one.status} for one in self.lines]
        return {"schema": SCHEMA, "verdict": self.verdict, "reason": self.reason, **asdict(self), "lines": lines}


PROVED = (Known.SHOWN, Known.PROBABLY)
NEEDED = ("control flow", "selection", "state", "world", "identity")  # what must be shown, in this order


def verdict(lines: Sequence[Line]) -> str:
    """What lines come to."""
    if any(one.known is Known.REFUTED for one in lines):
        return "refuted"
    named = {one.name: one.known for one in lines}
    return "certified" if all(named.get(name) in PROVED for name in NEEDED) else "open"


def power(probability: float) -> str:
    """A small probability as a power of two, rounded up; 1 where it is none."""
    if not 0 < probability < 1:
        return "0" if probability <= 0 else "1"
    exponent = 0
    while probability <= 0.5:
        probability, exponent = 2 * probability, exponent + 1
    return f"2^-{exponent}" if exponent else "1"
