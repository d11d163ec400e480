"""Runs and gates as GitHub shows them: annotations at the line of the target, and a summary of the job.

A line that begins with two colons, or holds ``##[`` anywhere, is a command to the runner. Words of a target may hold
either, so what goes into an annotation is escaped as the runner undoes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from corrbench.analysis.causes import Digest, Group
from corrbench.gate import Gate
from corrbench.render import gate as gates
from corrbench.render._figures import counted
from corrbench.render.junit import UNWRITABLE
from corrbench.render.markdown import escape, table
from corrbench.result import FINDINGS, Run, Status

MOST = 10  # annotations of one level that GitHub shows of a step
SHOWN = 10  # groups of findings of one run in the summary
Place = tuple[str, int]  # a file, seen from the top of the repository, and a line of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One annotation; without a place it belongs to the job as a whole."""

    title: str
    message: str
    place: Place | None = None

    def __str__(self) -> str:
        """The workflow command: one line, whatever the words."""
        where = {"file": self.place[0], "line": str(self.place[1])} if self.place else {}
        properties = ",".join(f"{key}={_property(value)}" for key, value in (where | {"title": self.title}).items())
        return f"::error {properties}::{_data(self.message)}"


def _data(text: str) -> str:
    plain = UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def quoted(text: str) -> str:
    """Words for one line of a log that begins with something else: no command is left in it."""
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split())).replace("##[", "## [")


def notes(digests: Sequence[Digest], places: dict[str, Place]) -> list[Note]:
    """One annotation for each group of findings, and of what could not be judged; places by the target's name."""
    found = []
    for digest in digests:
        run, place = digest.run, places.get(digest.run.target)
        if run.problem:
            found.append(Note(title=f"corrbench: {run.target} could not be judged", message=run.problem, place=place))
        found += _of_groups(run, digest.groups(*FINDINGS) + digest.groups(Status.ERROR), place)
    return limited(found)


def _of_groups(run: Run, groups: Iterable[Group], place: Place | None) -> Iterator[Note]:
    for group in groups:
        lines = filter(None, (*group.text, group.smallest.reproduce))
        yield Note(title=f"{run.target}: {group.smallest.check}", message="\n".join(lines), place=place)


def gate_notes(gate: Gate, place: Place | None) -> list[Note]:
    """One annotation for each thing that became worse."""
    title = f"{gate.target} against {gate.base}"
    found = list(_of_groups(gate.runs[-1], gate.groups, place)) if gate.worse else []
    found += [Note(title=title, message=said, place=place) for said in gates.regressions(gate)]
    return limited(found)


def limited(found: list[Note]) -> list[Note]:
    """As many as GitHub shows; the last one says how many more there are, if there are."""
    if len(found) <= MOST:
        return found
    more = len(found) - MOST + 1
    said = f"{more} groups of findings more: GitHub shows {MOST} annotations of a step; all are in the log and reports"
    return [*found[: MOST - 1], Note(title="corrbench", message=said)]


def problem(title: str, said: str) -> str:
    """The summary of a command that could not judge."""
    return f"## {escape(title)}\n\n{escape(said)}\n"


def summary(digests: Sequence[Digest]) -> str:
    """Runs as Markdown for the page of the job: verdicts, then what is wrong and how to see it again."""
    return "\n".join(_summary(digests)) + "\n"


def _summary(digests: Sequence[Digest]) -> Iterator[str]:
    yield from ("## corrbench verify", "")
    rows = [
        (f"`{run.target}`", f"**{run.verdict}**", len(run.findings), f"{run.judged} of {run.planned}",
         f"{run.seconds:.0f} s", run.seed)
        for run in (digest.run for digest in digests)
    ]  # fmt: skip
    yield from table(("target", "verdict", "findings", "questions", "time", "seed"), rows)
    for digest in digests:
        run, groups = digest.run, digest.groups(*FINDINGS, Status.ERROR)
        if run.problem:
            yield from ("", f"`{run.target}` could not be judged: {escape(run.problem)}")
        if groups:
            bad = sum(len(group.members) for group in groups)
            yield from ("", f"### `{run.target}`: {counted(bad, 'finding')} in {counted(len(groups), 'group')}")
        for index, group in enumerate(groups[:SHOWN], 1):
            yield from ("", f"{index}. **{group.smallest.check}**: " + "  \n   ".join(map(escape, group.text)))
            if group.smallest.reproduce:
                yield from ("", "   ```sh", f"   {group.smallest.reproduce}", "   ```")
        if len(groups) > SHOWN:
            yield from ("", f"and {len(groups) - SHOWN} groups more")
