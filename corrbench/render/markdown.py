"""Runs as Markdown for a reviewer, from the verdict down to the environment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from corrbench.analysis.causes import Digest, Group
from corrbench.analysis.coverage import Coverage
from corrbench.checks import registry
from corrbench.render import crosscheck, links, snippet
from corrbench.render._figures import counted, number
from corrbench.result import FINDINGS, Result, Run, Status


def write(digests: Sequence[Digest], extras: Sequence[Run] = (), docs: str = "") -> str:
    """The report. The same seed gives the same text but for the block headed *Environment*.

    Args:
        digests: what was judged.
        extras: the runs of the reference implementations, for the cross-check.
        docs: where METHODOLOGY is, seen from the report.
    """
    docs = docs or links.methodology()
    return "\n".join(_lines(digests, extras, docs)) + "\n"


def _lines(digests: Sequence[Digest], extras: Sequence[Run], docs: str) -> Iterator[str]:
    runs = [digest.run for digest in digests]
    yield from ("# Correctness report", "")
    for run in runs:
        counts = ", ".join(f"{count} {status}" for status, count in run.counts.items())
        how = f"{run.form}, {run.arrays}, {run.accuracy}, {run.device}, profile {run.profile}"
        yield f"- **{run.verdict.upper()}** `{run.target}` ({how}): {counts}"
    yield ""
    methods = f"[METHODOLOGY]({docs})" if docs else "METHODOLOGY.md"
    yield (
        f"Every value was compared with the *exact* answer, computed by error-free slicing ({methods}), "
        "element by element: bit for bit where data are whole numbers small enough for any order of summation, else "
        "within a rigorous bound on the rounding error of the declared accuracy class. No tolerance was chosen by "
        "hand. The targets ran in processes of their own, which never "
        "saw an expected value."
    )
    for digest in digests:
        yield from _found(digest)
    if extras:
        yield from ("", "## Cross-check against reference implementations", "")
        yield from ("The article's cases and demo among them; they corroborate and do not decide.", "")
        heads = ("subject", "integers, to the bit", "reals within bound", "error / bound", "gradients", "gradcheck")
        rows = crosscheck.rows([*runs, *extras])
        yield from table(heads, [(f"`{row[0]}`", *row[1:3], number(row[3], ".3f"), *row[4:]) for row in rows])
    for digest in digests:
        yield from _asked(digest)
    yield from ("", "## Environment", "")
    told = dict(runs[0].environment) if runs else {}
    told.pop("command", "")
    if commands := [command for run in runs if (command := run.environment.get("command"))]:
        yield from ("To make this report again:", "", *(f"    {command}" for command in commands), "")
    for key, value in told.items():
        yield f"- {key}: {escape(str(value))}"
    for run in runs:
        yield f"- `{run.target}`: {run.judged} questions in {run.seconds} s"


def _found(digest: Digest) -> Iterator[str]:
    """What is amiss with a target, before all that was measured."""
    run = digest.run
    groups = {
        "Findings": digest.groups(*FINDINGS), "Warnings": digest.groups(Status.WARN),
        "Not judged": digest.groups(Status.ERROR),
    }  # fmt: skip
    if any(groups.values()) or run.notes:
        yield from ("", f"## `{run.target}`", "")
    for note in run.notes:
        yield from (f"*{escape(note)}.*", "")
    for title, found in groups.items():
        yield from _groups(title, found, run)


def _asked(digest: Digest) -> Iterator[str]:
    """What a target was asked, check by check, what it does not do, and where it was least accurate."""
    run, checks = digest.run, registry()
    yield from ("", f"## What `{run.target}` was asked", "")
    yield from (f"Seed {run.seed}. {run.judged} of {run.planned} questions judged.", "")
    if run.coverage:
        found = Coverage.from_json(run.coverage)
        gaps = f" Not run: {', '.join(f'`{gap}`' for gap in found.gaps)}." if found.gaps else ""
        yield from (f"Of its own source: {escape(found.sentence)}.{gaps}", "")
    lines, more = [], []
    for row in digest.rows:
        about = checks[row.check].about if row.check in checks else ""
        tally = (row.count(Status.PASS), row.count(*FINDINGS), row.count(Status.WARN))
        lines.append((row.check, *tally, row.count(Status.SKIPPED, Status.UNSUPPORTED), number(row.ratio)))
        more.append((row.check, about, number(row.bits, ".1f"), number(row.rounded, ".1%")))
    yield from table(("check", "pass", "findings", "warnings", "skipped", "error / bound"), lines, "lrrrrr")
    yield from _folded("What each check asks, and how many bits were right")
    yield from table(("check", "question", "fewest bits", "correctly rounded"), more, "llrr")
    yield from ("", "</details>")
    yield from _worst([row.worst for row in digest.rows if row.worst is not None])
    if digest.unsupported:
        yield from ("", "### Unsupported (neither passed nor failed)", "")
        yield from (f"- {name}: {escape(said)}" for name, said in digest.unsupported.items())


def _folded(title: str) -> tuple[str, ...]:
    return ("", f"<details><summary>{title}</summary>", "")


def _worst(results: list[Result]) -> Iterator[str]:
    """The worst element of each check that measures an error, and the case that made it that much."""
    if not results:
        return
    yield from _folded("The worst element of each check")
    lines = []
    for result in results:
        n = result.numbers
        figures = (_figure(n.got), _figure(n.exact), f"{n.off:.3g}", f"{n.allowed:.3g}")
        lines.append((f"{result.check}<br>`{result.case}`", f"{n.array}{n.at}", *figures))
    yield from table(("check and case", "element", "got", "exact", "off by", "allowed"), lines)
    yield from ("", "</details>")


def _figure(value: float | str | None) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _groups(title: str, found: list[Group], run: Run) -> Iterator[str]:
    if found:
        yield from ("", f"### {title}")
    for index, group in enumerate(found, 1):
        result = group.smallest
        address = links.check(result.check)
        name = f"[{result.check}]({address})" if address else result.check
        yield from ("", f"{index}. **{name}**: {escape(result.message)}")
        yield from (f"   *{said[0].upper()}{said[1:]}.*" for said in group.remarks)
        asked = ", ".join(group.checks)
        extent = f"{counted(len(group.members), 'result')} on {counted(group.cases, 'case')}, in {asked}"
        yield f"   {extent}; the smallest: `{result.case}`"
        numbers = "\n".join(snippet.numbers(result, run.form)).splitlines()
        if numbers or result.reproduce:
            yield from (
                "",
                *(f"       {line}" for line in numbers),
                *[f"       {result.reproduce}"] * bool(result.reproduce),
            )


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
