"""An audit on a terminal and as Markdown: the score first, then what was missed, then who found what."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from corrbench.defects import Mutant, catalogue
from corrbench.render.markdown import table

if TYPE_CHECKING:
    from corrbench.audit import Audit, Fate
    from corrbench.rivals._run import Score


TRIGGERS = (
    "A *trigger* fault is right unless one quantity meets one constant. Half of them have that constant in their "
    "source, where `verify` reads it; the others compute it, and are here to measure what testing cannot exclude. "
    "They are no part of the score."
)


def line(fate: Fate) -> Text:
    """One implementation, and what the suite said of it."""
    if fate.right:
        by = ", ".join(sorted(fate.found)) or f"{fate.questions} questions"
        return Text.assemble(("right ", "green"), (fate.name, "bold"), f" ({fate.kind}, {fate.named}): {by}")
    said = fate.problem or "; ".join(f"{check} on {text}" for check, text in fate.found.items())
    said = said or fate.excuse or (f"no finding; warned: {', '.join(fate.warned)}" if fate.warned else "no finding")
    known = bool(fate.excuse) or fate.constant == "computed"
    what = "SURVIVED, as is known " if known else "SURVIVED "
    what = "FALSE ALARM " if fate.kind == "honest" else what
    return Text.assemble(
        (what, "yellow" if known else "bold red"),
        (fate.name, "bold"),
        f" ({fate.kind}, {fate.named}): {said[:400]}",
    )


def families(audit: Audit) -> list[tuple[str, int, int]]:
    """For each family that is named for something: how many mutants name it, and how many of these were found."""
    names = sorted({fate.named for fate in audit.wrong})
    return [
        (name, len(mine), sum(fate.right for fate in mine))
        for name in names
        for mine in [[fate for fate in audit.wrong if fate.named == name]]
    ]


def score(audit: Audit) -> str:
    """The score in one line."""
    wrong, honest = len(audit.wrong), len(audit.of("honest"))
    killed = wrong - len(audit.survivors)
    said = f"{killed} of {wrong} defects and cheats found"
    said += f" ({killed / wrong:.1%})" if wrong else ""
    if audit.halves:
        halves = (f"{found} of {count} {half}" for half, (found, count) in audit.halves.items())
        said += f"; of those after the newest reports {', '.join(halves)}"
    if audit.triggers:
        said += f"; {triggers(audit)}"
    said += f"; {len(audit.false_alarms)} false alarms on {honest} honest implementations"
    if wrong and not audit.full and not math.isnan(audit.median_seconds):
        said += f"; median {audit.median_seconds:.1f} s from the start to the first finding"
    return said


def triggers(audit: Audit) -> str:
    """The score of trigger faults, which is one of its own."""
    parts = (f"{kind} {found} of {count}" for kind, (found, count) in audit.triggers.items())
    return f"apart from these, trigger faults found: {', '.join(parts)}"


def show(console: Console, audit: Audit) -> None:
    """Print an audit."""
    how = "every check to its first finding" if audit.full else "to the first finding"
    console.print(Text.assemble(("corrbench ", "dim"), ("audit", "bold"), (f"  {audit.profile} · {how}", "dim")))
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("named for it", "mutants", "found"):
        grid.add_column(name, justify="left" if name == "named for it" else "right")
    for name, mutants, found in families(audit):
        grid.add_row(name, str(mutants), Text(str(found), "" if found == mutants else "bold red"))
    console.print(grid)
    readable = [fate for fate in audit.missed if fate.constant == "readable"]
    for fate in (*audit.survivors, *readable, *audit.false_alarms):
        console.print(Padding(line(fate), (0, 0, 0, 2)))
    for score_of in audit.others:
        console.print(Padding(Text(rival(score_of), "dim"), (0, 0, 0, 2)))
    for fate in audit.elsewhere:
        text = f"{fate.name}: not by {fate.named}, which was named for it, but by {', '.join(sorted(fate.found))}"
        console.print(Padding(Text(text, "yellow"), (0, 0, 0, 2)))
    if audit.absent:
        console.print(Padding(Text(not_here(audit), "dim"), (0, 0, 0, 2)))
    console.print(last(audit), soft_wrap=True)


def not_here(audit: Audit) -> str:
    """What is planted and was not judged, in one line."""
    return "Not judged here: " + "; ".join(f"{name} ({why})" for name, why in audit.absent.items()) + "."


def last(audit: Audit) -> Text:
    """The last line."""
    word = ("PASS ", "green") if audit.passed else ("FAIL ", "bold red")
    return Text.assemble(word, score(audit), (f"; {audit.seconds:.0f} s; seed {audit.seed}", "dim"))


def markdown(audit: Audit) -> str:
    """The report."""
    return "\n".join(_lines(audit)) + "\n"


def _lines(audit: Audit) -> Iterator[str]:
    known = {one.name: one for one in catalogue()}
    yield from ("# Audit: what the suite catches, and what it misses", "")
    other = f"; {audit.honest_profile} for the honest ones" if audit.honest_profile != audit.profile else ""
    yield from (f"**{score(audit)}** (profile {audit.profile}{other}).", "")
    yield (
        "Each line below is a small implementation of 2-D correlation: a *defect* is right almost everywhere and wrong "
        "in one region, after a fault reported against released software; a *cheat* tries to look right; an *honest* "
        "one is right and differs only in how it computes. `corrbench verify` judged each one as a user would, with "
        "the same profile and no hints."
    )
    yield ""
    yield from table(("family named for it", "mutants", "found"), [tuple(map(str, row)) for row in families(audit)])
    if audit.absent:
        yield ""
        yield not_here(audit)
    for title, fates in (
        ("Survivors", audit.survivors), ("Trigger faults not found", audit.missed),
        ("False alarms", audit.false_alarms),
    ):  # fmt: skip
        if title.startswith("Trigger") and not audit.triggers:
            continue
        yield from ("", f"## {title}", "")
        if title.startswith("Trigger"):
            yield from (TRIGGERS, "")
        if not fates:
            yield "None."
        for fate in fates:
            about = known[fate.name].region if fate.name in known else ""
            yield f"- `{fate.name}` ({about}): {line(fate).plain.partition(': ')[2]}"
    if audit.others:
        yield from _others(audit)
    if audit.full:
        yield from _checks(audit)
    yield from ("", "## Every mutant and equivalent variant", "")
    rows = [_row(fate, known[fate.name]) for fate in audit.fates if fate.name in known]
    yield from table(("name", "kind", "wrong where", "after", "named", "found by", "s"), rows)
    yield from ("", "## Environment", "")
    seconds = sum(fate.seconds for fate in audit.fates)
    for key, value in (audit.environment | {"seed": audit.seed, "seconds of all runs": f"{seconds:.0f}"}).items():
        yield f"- {key}: {value}"


def rival(score: Score) -> str:
    """One line on how another suite did."""
    if score.missing:
        return f"{score.name}: not run ({score.missing})"
    said = f"{score.name}: {len(score.killed)} of {score.planted} found, {len(score.alarms)} false alarms"
    return f"{said} on {score.honest}, {score.idle} that it has no case for; {score.seconds:.0f} s"


def _others(audit: Audit) -> Iterator[str]:
    yield from ("", "## Other suites on the same implementations", "")
    yield (
        "Each suite with its own data, comparison and tolerances, in one run on this machine. What an implementation "
        "refuses with `NotImplementedError` is left out, as a test runner would skip it. A crash or a hang counts as "
        "found. Seconds are of all processes added up."
    )
    yield ""
    seconds = sum(fate.seconds for fate in audit.fates)
    own = (f"corrbench verify, {audit.profile}", "this report", len(audit.wrong) - len(audit.survivors),
           len(audit.false_alarms), 0, seconds)  # fmt: skip
    rows = [own] + [
        (one.name, one.about, len(one.killed), len(one.alarms), one.idle, one.seconds)
        for one in audit.others
        if not one.missing
    ]
    cells = [(name, about, str(k), str(a), str(idle), f"{s:.0f}") for name, about, k, a, idle, s in rows]
    yield from table(("suite", "what it is", "found", "false alarms", "no case for", "s"), cells)
    for one in audit.others:
        if one.missing:
            yield from ("", f"{one.name}: not run ({one.missing}).")
        for name, said in one.alarms.items():
            yield from ("", f"{one.name} on the honest `{name}`: {said[:160]}")


def _checks(audit: Audit) -> Iterator[str]:
    from corrbench.checks import registry

    kills, sole = audit.kills(), audit.sole()
    yield from ("", "## Checks", "")
    yield from ("A check that is the only one to find something cannot be left out.", "")
    rows = [
        (f"`{check}`", str(kills.get(check, 0)), str(len(sole.get(check, ()))), ", ".join(sole.get(check, ())[:6]))
        for check in registry()
    ]
    yield from table(("check", "finds", "alone", "what it alone finds"), rows)
    if audit.elsewhere:
        yield ""
        yield "Found only by checks of another family than the one named: " + ", ".join(
            f"`{fate.name}` (named {fate.named}; {', '.join(sorted(fate.found))})" for fate in audit.elsewhere
        )


def _row(fate: Fate, one: Mutant) -> tuple[str, ...]:
    after = ", ".join(one.cites[:2]) + (f" (class {one.number})" if one.number else "")
    by = ", ".join(sorted(fate.found)) or ("passed" if fate.verdict == "pass" else f"**{fate.verdict}**")
    return (f"`{fate.name}`", fate.kind, one.region, after.strip(), fate.named, by, f"{fate.seconds:.1f}")
