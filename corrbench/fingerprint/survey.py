"""What was found of a target: cells, where its arithmetic switches, and what its bits do not depend on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from corrbench.case import Case
from corrbench.fingerprint.found import Found, Kind

SCHEMA = "corrbench-fingerprint/1"
PLAIN = (  # what a file has under the same name
    "target", "version", "dtype", "seed", "profile", "note", "skipped", "died", "seconds", "environment", "facts",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One cell, by what it is."""

    case: Case
    threads: int = 1

    def __str__(self) -> str:
        return str(self.case) + (f" threads={self.threads}" if self.threads > 1 else "")

    def at(self, axis: str, value: int) -> Point:
        """The same with another value along one axis.

        Raises:
            ValueError: there is no such case.
        """
        (n, c, h, w), (o, i, kh, kw) = self.case.x, self.case.w
        if axis == "N":
            return Point(self.case.but(x=(value, c, h, w)), self.threads)
        if axis == "C":
            return Point(self.case.but(x=(n, value, h, w), w=(o, value, kh, kw)), self.threads)
        if axis == "O":
            return Point(self.case.but(w=(value, i, kh, kw)), self.threads)
        if axis == "plane":
            return Point(self.case.but(x=(n, c, value, value + 1)), self.threads)
        if axis == "k":
            return Point(self.case.but(x=(n, c, h + value - kh, w + value - kw), w=(o, i, value, value)), self.threads)
        return Point(self.case, value)


@dataclass(frozen=True, slots=True)
class Switch:
    """Where the arithmetic changes along an axis from a cell on.

    Attributes:
        axis, base: along which, from which cell.
        before, after: the last value with the one, and the first with the other; neighbours where that was sought.
        was, now: in words.
    """

    axis: str
    base: str
    before: int
    after: int
    was: str
    now: str


@dataclass(slots=True, kw_only=True)
class Survey:
    """What was found of a target.

    Attributes:
        target, version: whose.
        cells: by `Point` as text, in the order in which they were asked.
        switches: where the arithmetic changes.
        matrix: what the bits do not depend on, and where they do.
        facts: of padding and flushing.
        skipped: cells for which the time was over.
        seconds: of the whole, loading the target aside.
    """

    target: str
    version: str = ""
    dtype: str = "float32"
    seed: int = 0
    profile: str = "standard"
    note: str = ""
    cells: dict[str, Found] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    matrix: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    skipped: int = 0
    died: str = ""
    seconds: float = 0.0
    environment: dict[str, Any] = field(default_factory=dict)

    def having(self, *kinds: Kind) -> list[Found]:
        """The cells of these kinds."""
        return [found for found in self.cells.values() if found.kind in kinds]

    @property
    def verdict(self) -> str:
        """``fingerprinted``; ``partial`` where a cell has no model that predicts it; ``unjudged`` where the target is
        not a function, died, or answered nothing.
        """
        if (
            self.died
            or self.having(Kind.CHANGING)
            or not self.having(Kind.TREE, Kind.TRANSFORM, Kind.PARTIAL, Kind.UNKNOWN)
        ):
            return "unjudged"
        return "partial" if self.having(Kind.PARTIAL, Kind.UNKNOWN) else "fingerprinted"

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA, "verdict": self.verdict, "target": self.target, "version": self.version,
            "dtype": self.dtype, "seed": self.seed, "profile": self.profile, "note": self.note,
            "seconds": round(self.seconds, 2), "skipped": self.skipped, "died": self.died,
            "environment": self.environment, "invariances": self.matrix, "facts": self.facts,
            "switches": [asdict(one) for one in self.switches],
            "cells": {name: found.to_json() for name, found in self.cells.items()},
        }  # fmt: skip

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Survey:
        """Read it back.

        Raises:
            ValueError: it is no fingerprint.
        """
        if said.get("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}: write one with corrbench fingerprint TARGET --json FILE")
        try:
            return cls(
                **{name: said[name] for name in PLAIN},
                matrix=said["invariances"], switches=[Switch(**one) for one in said["switches"]],
                cells={name: Found.from_json(one) for name, one in said["cells"].items()},
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(f"it is no whole fingerprint: {type(error).__name__}: {error}") from None
