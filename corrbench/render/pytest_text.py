"""Some jobs of a run as plain text for another test runner: its findings, why it was skipped, its doubts."""

from __future__ import annotations

from collections.abc import Iterable

from corrbench.analysis import causes
from corrbench.result import Run, Status

SHOWN = 4  # groups of findings that are written out


def findings(run: Run, check: str = "") -> str:
    """What is wrong, one paragraph for each cause, its first line saying most, its last one showing it again.

    Only what another check than the given one has found is told by its name.
    """
    found = causes.groups(run, run.findings)
    parts = [_paragraph(group, check) for group in found[:SHOWN]]
    if len(found) > SHOWN:
        parts.append(f"and {len(found) - SHOWN} groups more")
    wrong = len({(result.check, result.case) for result in run.findings})
    asked = f"{run.judged} of {run.planned}" if run.judged < run.planned else f"{run.judged}"
    tail = f"{wrong} wrong, {asked} asked ({run.target}, {run.profile}, seed {run.seed})"
    return "\n\n".join([*parts, tail + (f"; stopped at {run.stopped}" if run.stopped else "")])


def unjudged(run: Run) -> str:
    """What could not be judged; empty if all was."""
    errors = [result for result in run.results if result.status is Status.ERROR]
    lost = run.planned - run.judged
    said = f"{lost} of {run.planned} questions were not answered" if lost and not run.stopped else ""
    return "\n".join(filter(None, [said, *(f"{result.message}\n  {result.reproduce}" for result in errors[:SHOWN])]))


def known(run: Run) -> str:
    """The findings that the baseline accepts; empty if there is none."""
    return _brief(result.message for result in run.results if result.status is Status.KNOWN)


def aside(run: Run) -> str:
    """Why nothing passed, in the target's words where it refused."""
    said = (result.message for result in run.results if result.status is Status.UNSUPPORTED)
    refused = _brief([*run.unsupported.values(), *said])
    skipped = _brief(result.message for result in run.results if result.status is Status.SKIPPED)
    doubtful = "no answer is beyond doubt" if any(result.status is Status.WARN for result in run.results) else ""
    stopped = f"not asked, after {run.stopped}" if run.stopped else ""
    return "; ".join(filter(None, (refused, skipped, doubtful, stopped)))


def doubts(run: Run, check: str = "") -> list[str]:
    """The warnings, one for each cause."""
    groups = causes.groups(run, [result for result in run.results if result.status is Status.WARN])
    return [_paragraph(group, check) for group in groups]


def _paragraph(group: causes.Group, check: str) -> str:
    one = group.smallest
    name = "" if one.check == check else f"{one.check}: "
    return name + "\n  ".join([*group.text, one.reproduce])


def _brief(messages: Iterable[str]) -> str:
    found = list(dict.fromkeys(messages))
    return (found[0] if found else "") + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
