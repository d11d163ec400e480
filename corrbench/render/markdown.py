"""Runs as Markdown for a reviewer, from the verdict down to the environment."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from corrbench.analysis import causes
from corrbench.checks import registry
from corrbench.render import crosscheck
from corrbench.result import FINDINGS, Result, Run, Status


def write(runs: list[Run], extras: list[Run]) -> str:
    """The report. The same seed gives the same text but for the block headed *Environment*."""
    return "\n".join(_lines(runs, extras)) + "\n"


def _lines(runs: list[Run], extras: list[Run]) -> Iterator[str]:
    yield "# Correctness report"
    yield ""
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
        yield ""
        yield "## Cross-check against the witnesses"
        yield ""
        yield "The article's cases and demo among them; the witnesses corroborate, they do not decide."
        yield ""
        yield from table(
            ("subject", "integers bit-exact", "reals within bound", "worst error / bound", "gradients", "gradcheck"),
            [
                (
                    f"`{r['target']}`",
                    r["exact"],
                    r["bound"],
                    "" if math.isnan(r["ratio"]) else f"{r['ratio']:.3f}",
                    r["gradients"],
                    r["gradcheck"],
                )
                for r in crosscheck.rows([*runs, *extras])
            ],
        )
    for run in runs:
        yield from _run(run)
    yield ""
    yield "## Environment"
    yield ""
    for key, value in runs[0].environment.items() if runs else ():
        yield f"- {key}: {value}"
    for run in runs:
        yield f"- `{run.target}`: {run.judged} questions in {run.seconds} s"


def _run(run: Run) -> Iterator[str]:
    yield ""
    yield f"## `{run.target}`"
    yield ""
    yield f"Seed {run.seed}. {run.judged} of {run.planned} questions judged."
    for note in run.notes:
        yield ""
        yield f"*{escape(note)}.*"
    yield ""
    checks, lines = registry(), []
    for row in causes.rows(run):
        bad = sum(row.counts.get(status, 0) for status in FINDINGS)
        aside = row.counts.get(Status.SKIPPED, 0) + row.counts.get(Status.UNSUPPORTED, 0)
        about = checks[row.check].about if row.check in checks else ""
        figures = ["" if math.isnan(v) else f"{v:.3g}" for v in (row.ratio, row.bits)]
        share = "" if math.isnan(row.rounded) else f"{row.rounded:.1%}"
        tally = (row.counts.get(Status.PASS, 0), bad, row.counts.get(Status.WARN, 0), aside)
        lines.append((row.check, about, *tally, *figures, share))
    names = ("check", "question", "pass", "findings", "warnings", "skipped", "worst error / bound", "fewest bits",
             "correctly rounded")  # fmt: skip
    yield from table(names, lines, "llrrrrrrr")
    yield from _worst(run)
    yield from _groups(run, "Findings", [r for r in run.results if r.finding])
    yield from _groups(run, "Warnings", [r for r in run.results if r.status is Status.WARN])
    yield from _groups(run, "Not judged", [r for r in run.results if r.status is Status.ERROR])
    refused = causes.unsupported(run)
    if refused:
        yield ""
        yield "### Unsupported (neither passed nor failed)"
        yield ""
        for name, said in refused.items():
            yield f"- {name}: {escape(said)}"


def _worst(run: Run) -> Iterator[str]:
    """The worst element of each check that measures an error, and what made it that much."""
    rows = [row for row in causes.rows(run) if row.worst is not None]
    if not rows:
        return
    yield ""
    yield "### Worst elements"
    yield ""
    lines = []
    for row in rows:
        assert row.worst is not None
        n = row.worst.numbers
        lines.append(
            (
                row.check,
                f"`{row.worst.case}`",
                f"{n.array}{n.at}",
                f"{n.got}",
                f"{n.exact}",
                f"{n.off:.3g}",
                f"{n.allowed:.3g}",
                f"{n.ratio:.3f}",
                "" if n.visible is None or not math.isfinite(n.visible) else f"{n.visible:.1g}",
            )
        )
    names = (
        "check",
        "case",
        "element",
        "got",
        "exact",
        "off by",
        "allowed",
        "fraction of the bound",
        "smallest relative fault that would show",
    )
    yield from table(names, lines)


def _groups(run: Run, title: str, results: list[Result]) -> Iterator[str]:
    if not results:
        return
    yield ""
    yield f"### {title}"
    for index, group in enumerate(causes.groups(run, results), 1):
        result = group.smallest
        yield ""
        yield f"{index}. **{result.check}**: {escape(result.message)}"
        yield from (f"   *{said[0].upper()}{said[1:]}.*" for said in group.remarks)
        asked = ", ".join(group.checks)
        yield f"   {len(group.members)} results on {group.cases} cases, in {asked}; the smallest: `{result.case}`"
        if result.reproduce:
            yield ""
            yield f"       {result.reproduce}"


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
