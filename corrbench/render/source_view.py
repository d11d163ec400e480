"""The source of a target with what ran of it, line by line, for a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from corrbench.analysis.coverage import Coverage, File
from corrbench.analysis.localisation import Suspect
from corrbench.result import Run

AROUND = 1  # lines shown before and after a function
WORDS = {
    "ran": "ran", "backward": "ran in calls with a backward pass only", "never": "never ran",
    "refused": "refuses, or ran for what is refused",
}  # fmt: skip


class Line(NamedTuple):
    """A line as it is shown: ``kind`` is a key of `WORDS`, ``suspect`` or empty, ``said`` what is to be said of it."""

    number: int
    text: str
    kind: str
    said: str


def coverage(run: Run) -> Coverage | None:
    """The coverage of a run that has one."""
    return Coverage.from_json(run.coverage) if run.coverage else None


def suspected(run: Run) -> dict[tuple[str, int], str]:
    """What there is to say of the lines that are suspect as much as the first for a cause, by file and line."""
    found: dict[tuple[str, int], str] = {}
    for number, cause in enumerate(run.explained, 1):
        suspects = [Suspect(**line) for line in cause.get("lines", ())]
        for one in suspects:
            if one.score == suspects[0].score and suspects[0].named:
                found.setdefault((one.file, one.line), f"suspect of cause {number}: {one.said}")
    return found


def pieces(file: File, suspects: Mapping[tuple[str, int], str]) -> Iterator[list[Line]]:
    """The stretches of a file that are shown, each with its lines; of suspects it is said why they are."""
    kinds = {line: kind for kind in WORDS for line in getattr(file, kind)}
    text = file.text.splitlines()
    for first, last in joined(file, len(text)):
        yield [
            Line(
                number,
                text[number - 1],
                "suspect" if (file.path, number) in suspects else kinds.get(number, ""),
                suspects.get((file.path, number)) or said(file, number, kinds.get(number, "")),
            )
            for number in range(first, last + 1)
        ]


def joined(file: File, most: int) -> list[tuple[int, int]]:
    """The stretches of lines that are shown, those that touch as one."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(file.shown):
        first, last = max(1, begin - AROUND), min(most, end + AROUND)
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        elif first <= last:
            found.append((first, last))
    return found


def said(file: File, line: int, kind: str) -> str:
    """What there is to say of a line: that it never ran, or where it never led."""
    if kind == "never":
        return WORDS[kind]
    ways = [f"never {'past' if line in file.past else 'into'} what it holds"] if line in file.untaken else []
    return "; ".join(ways or ([WORDS[kind]] if kind in ("backward", "refused") else []))
