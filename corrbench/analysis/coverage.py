"""Coverage of a target's own files: which of its lines and branches ran, in words and as a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What ran of a file. All are numbers of lines; of a branch, the line that it begins at, once for each.

    Attributes:
        path: of the file.
        text: what is in it.
        shown: the lines of the functions that the target may run, and of what holds them, as (first, last).
        ran: in calls without a backward pass.
        backward: only in calls with a backward pass.
        refused: only in calls that the target refused, or never and leading to nothing but a refusal.
        never: not at all.
        taken, untaken: branches that were and were not taken; those that only refuse are left out.
        past: those of `untaken` that lead past what the condition holds.
    """

    path: str
    text: str = ""
    shown: tuple[tuple[int, int], ...] = ()
    ran: tuple[int, ...] = ()
    backward: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    never: tuple[int, ...] = ()
    taken: tuple[int, ...] = ()
    untaken: tuple[int, ...] = ()
    past: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Without its folders."""
        return self.path.rpartition("/")[2]

    @property
    def lines(self) -> int:
        """How many lines might have run without a refusal."""
        return len(self.ran) + len(self.backward) + len(self.never)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What ran of a target's own files.

    Attributes:
        files: its files, the one that it names first.
        by: by what means that was seen.
        calls: how many were followed.
        compiled: functions whose lines nobody sees, for something else than Python runs them.
        stopped: why not all calls were followed that were to be; empty if they were, or nothing was left to see.
        problem: why nothing was seen; empty if something was.
        seconds: that it took.
    """

    files: tuple[File, ...] = ()
    by: str = ""
    calls: int = 0
    compiled: tuple[str, ...] = ()
    stopped: str = ""
    problem: str = ""
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """Whether all that might run did."""
        return not self.problem and not any(one.never or one.untaken for one in self.files)

    @property
    def sentence(self) -> str:
        """What ran, as the verdict's line has it; empty where nothing could."""
        if self.problem:
            return f"coverage unknown: {self.problem}"
        lines = sum(one.lines for one in self.files)
        if not lines:
            return "no line of its own runs in Python" if self.compiled else ""
        seen = lines - sum(len(one.never) for one in self.files)
        branches = sum(len(one.taken) + len(one.untaken) for one in self.files)
        taken = branches - sum(len(one.untaken) for one in self.files)
        said = [share(seen, lines, "line")] + ([share(taken, branches, "branch")] if branches else [])
        joined = " and ".join(said) if seen == lines and taken == branches else ", ".join(said)
        others = len(self.files) - 1
        more = f" and {others} more file{'s' * (others > 1)}" if others else ""
        return f"{joined} of {self.files[0].name}{more} ran"

    @property
    def gaps(self) -> list[str]:
        """What did not run, a line for each stretch of a file; nothing where no call could be followed."""
        found: list[str] = []
        if self.problem:
            return found
        for one in self.files:
            every = sorted({*one.ran, *one.backward, *one.refused, *one.never})
            found += [f"{one.name}:{span(first, last)} never ran" for first, last in stretches(one.never)]
            for line in sorted(set(one.untaken)):
                after = next((other for other in every if other > line), None)
                if line in one.past:
                    found.append(f"{one.name}:{line} never led past what it holds")
                elif line not in one.never and after not in one.never:  # else the line after it says so
                    found.append(f"{one.name}:{line} never led into what it holds")
        return found

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return asdict(self) | {"complete": self.complete, "sentence": self.sentence}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Coverage:
        """Read `to_json` back."""
        said = {key: value for key, value in record.items() if key not in ("complete", "sentence")}
        files = tuple(File(**{key: _tuples(value) for key, value in one.items()}) for one in said.pop("files", ()))
        return cls(files=files, **{key: _tuples(value) for key, value in said.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def share(some: int, count: int, what: str) -> str:
    """``all 41 lines`` or ``18 of 19 branches``."""
    name = what if count == 1 else f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"all {count} {name}" if some == count and count > 1 else f"{some} of {count} {name}"


def span(first: int, last: int) -> str:
    """One line, or the first and the last."""
    return str(first) if first == last else f"{first}-{last}"


def stretches(lines: Sequence[int]) -> list[tuple[int, int]]:
    """Lines in a row, as the first and the last of each row."""
    found: list[tuple[int, int]] = []
    for line in sorted(lines):
        if found and line - found[-1][1] <= 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return found


@dataclass(slots=True)
class Seen:
    """The steps from line to line in one file, by the kind of the calls that made them."""

    forward: set[tuple[int, int]] = field(default_factory=set)
    backward: set[tuple[int, int]] = field(default_factory=set)
    refused: set[tuple[int, int]] = field(default_factory=set)

    def note(self, mode: str, arcs: Sequence[Sequence[int]], *, refused: bool) -> None:
        """Add those of a call."""
        into = self.refused if refused else self.forward if mode == "forward" else self.backward
        into |= {(arc[0], arc[1]) for arc in arcs}
