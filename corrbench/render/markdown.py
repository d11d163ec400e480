"""Runs as Markdown for a reviewer, from the verdict down to the environment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from corrbench.analysis.causes import Digest, Group
from corrbench.checks import registry
from corrbench.render import crosscheck
from corrbench.render._figures import number
from corrbench.result import FINDINGS, Result, Run, Status


def write(digests: Sequence[Digest], extras: Sequence[Run] = ()) -> str:
    """The report. The same seed gives the same text but for the block headed *Environment*."""
    return "\n".join(_lines(digests, extras)) + "\n"


def _lines(digests: Sequence[Digest], extras: Sequence[Run]) -> Iterator[str]:
    runs = [digest.run for digest in digests]
    yield from ("# Correctness report", "")
    for run in runs:
        counts = ", ".join(f"{count} {status}" for status, count in run.counts.items())
        how = f"{run.form}, {run.arrays}, {run.accuracy}, {run.device}, profile {run.profile}"
        yield f"- **{run.verdict.upper()}** `{run.target}` ({how}): {counts}"
    yield ""
    yield (
        "Every value below was compared with the *exact* answer, computed by error-free slicing (METHODOLOGY.md), "
        "element by element: bit for bit where data are whole numbers small enough for any order of summation, else "
        "within a rigorous bound on the rounding error of the declared accuracy class. No tolerance was chosen by "
        "hand. The targets ran in processes of their own, which never "
        "saw an expected value."
    )
    if extras:
        yield from ("", "## Cross-check against reference implementations", "")
        yield from ("The article's cases and demo among them; they corroborate and do not decide.", "")
        heads = ("subject", "integers bit-exact", "reals within bound", "worst error / bound", "gradients", "gradcheck")
        rows = crosscheck.rows([*runs, *extras])
        yield from table(heads, [(f"`{row[0]}`", *row[1:3], number(row[3], ".3f"), *row[4:]) for row in rows])
    for digest in digests:
        yield from _run(digest)
    yield from ("", "## Environment", "")
    for key, value in runs[0].environment.items() if runs else ():
        yield f"- {key}: {escape(str(value))}"
    for run in runs:
        yield f"- `{run.target}`: {run.judged} questions in {run.seconds} s"


def _run(digest: Digest) -> Iterator[str]:
    run, checks = digest.run, registry()
    yield from ("", f"## `{run.target}`", "")
    yield from (f"Seed {run.seed}. {run.judged} of {run.planned} questions judged.", "")
    for note in run.notes:
        yield from (f"*{escape(note)}.*", "")
    lines = []
    for row in digest.rows:
        about = checks[row.check].about if row.check in checks else ""
        tally = (row.count(Status.PASS), row.count(*FINDINGS), row.count(Status.WARN))
        figures = (number(row.ratio), number(row.bits), number(row.rounded, ".1%"))
        lines.append((row.check, about, *tally, row.count(Status.SKIPPED, Status.UNSUPPORTED), *figures))
    names = ("check", "question", "pass", "findings", "warnings", "skipped", "worst error / bound", "fewest bits",
             "correctly rounded")  # fmt: skip
    yield from table(names, lines, "llrrrrrrr")
    yield from _worst([row.worst for row in digest.rows if row.worst is not None])
    yield from _groups("Findings", digest.groups(*FINDINGS))
    yield from _groups("Warnings", digest.groups(Status.WARN))
    yield from _groups("Not judged", digest.groups(Status.ERROR))
    if digest.unsupported:
        yield from ("", "### Unsupported (neither passed nor failed)", "")
        yield from (f"- {name}: {escape(said)}" for name, said in digest.unsupported.items())


def _worst(results: list[Result]) -> Iterator[str]:
    """The worst element of each check that measures an error, and what made it that much."""
    if not results:
        return
    yield from ("", "### Worst elements", "")
    lines = []
    for result in results:
        n = result.numbers
        told = (f"{n.array}{n.at}", n.got, n.exact, f"{n.off:.3g}", f"{n.allowed:.3g}", f"{n.ratio:.3f}")
        visible = "" if n.visible is None or not math.isfinite(n.visible) else f"{n.visible:.1g}"
        lines.append((result.check, f"`{result.case}`", *told, visible))
    names = ("check", "case", "element", "got", "exact", "off by", "allowed", "fraction of the bound",
             "smallest relative fault that would show")  # fmt: skip
    yield from table(names, lines)


def _groups(title: str, found: list[Group]) -> Iterator[str]:
    if found:
        yield from ("", f"### {title}")
    for index, group in enumerate(found, 1):
        result = group.smallest
        yield from ("", f"{index}. **{result.check}**: {escape(result.message)}")
        yield from (f"   *{said[0].upper()}{said[1:]}.*" for said in group.remarks)
        asked = ", ".join(group.checks)
        yield f"   {len(group.members)} results on {group.cases} cases, in {asked}; the smallest: `{result.case}`"
        if result.reproduce:
            yield from ("", f"       {result.reproduce}")


def table(names: Sequence[str], lines: Iterable[Sequence[object]], align: str = "") -> Iterator[str]:
    """A Markdown table. What stands in a cell is kept from ending it.

    Args:
        names: heads of the columns.
        lines: their cells.
        align: ``l`` or ``r`` for each column; empty for all to the left.
    """
    yield _line(names)
    yield "|" + "".join("---:|" if side == "r" else "---|" for side in align or "l" * len(names))
    yield from map(_line, lines)


def _line(cells: Sequence[object]) -> str:
    plain = (re.sub(r"(?<!\\)\|", r"\|", str(cell).replace("\n", " ")) for cell in cells)
    return "| " + " | ".join(plain) + " |"


def escape(text: str) -> str:
    """Words of a target, which may hold anything, as plain text of one line."""
    plain = " ".join(text.split())
    for character in "\\`*_<>|[]":
        plain = plain.replace(
            character, "\\" + character if character not in "<>" else {"<": "&lt;", ">": "&gt;"}[character]
        )
    return plain
