"""How right explanations are, on a terminal and as Markdown: the shares first, then every fault with what was told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from corrbench.render.markdown import escape, table

if TYPE_CHECKING:
    from corrbench.audit_explanations import Explanations, Told

HEADS = ("fault", "wrong where", "told", "F1", "of what shows", "line", "causes", "without experiments", "fresh cases")
AIMS = {"F1 at least 0.9": "at least 85 %", "F1 at least 0.9, of what shows": "",
        "silent": "at most 12 %", "misleading, F1 below 0.5": "at most 3 %",
        "exactly one cause": "at least 90 %"}  # fmt: skip


def line(told: Told) -> str:
    """One function, and what was told of it."""
    scores = ", ".join(f"{score:.2f}" for score in told.scores)
    return f"{told.name}: F1 {scores or '-'}, {told.causes} causes: {'; '.join(told.headlines) or 'nothing found'}"


def show(console: Console, made: Explanations) -> None:
    """Print the shares."""
    for half in ("tuned", "unseen"):
        for name, share in made.shares(half).items():
            console.print(f"  {half}, {len(made.of(half))}: {name}: {share:.1%}")
    console.print(last(made), soft_wrap=True)


def last(made: Explanations) -> Text:
    """The last line."""
    told, several = made.apart
    shares = made.shares("unseen") or made.shares("tuned")
    said = f"{shares['F1 at least 0.9']:.1%} of headlines right" if shares else "no headline to measure"
    if several:
        said += f"; all causes told in {told} of {several} functions with several"
    return Text.assemble(said, (f"; {made.seconds:.0f} s; seed {made.seed}", "dim"))


def markdown(made: Explanations) -> str:
    """The report."""
    return "\n".join(_lines(made)) + "\n"


def _lines(made: Explanations) -> Iterator[str]:
    from corrbench.audit_explanations import EVERY

    yield from ("# Explanations: is what a report says of a cause true?", "", f"**{last(made).plain}**", "")
    yield (
        "Of each planted fault it is written down where it is wrong. `corrbench verify --profile quick` judged it "
        f"(one in {EVERY} of its questions, and the experiments that follow). The property in the first headline is "
        "compared with what is written, on the cases that a run with another seed asks about. F1 is the harmonic mean "
        "of the share of cases so described that are wrong, and of wrong ones that are so described. *Tuned* are the "
        "faults that were looked at while this was built, *unseen* are the others."
    )
    yield ""
    rows = []
    for name, aim in AIMS.items():
        shares = [f"{made.shares(half)[name]:.1%}" if made.shares(half) else "-" for half in ("tuned", "unseen")]
        rows.append((name, *shares, aim))
    counts = [f"tuned ({len(made.of('tuned'))})", f"unseen ({len(made.of('unseen'))})"]
    yield from table(("share", *counts, "aim"), rows)
    told, several = made.apart
    yield from ("", f"Of {several} functions with two or three faults all were told in {told} (aim: 70 %).", "")
    right, ranked, named_right, named = made.lines
    yield (
        f"The line ranked first is one of those at fault in {right} of {ranked} functions that have right lines too "
        f"(aim: 70 %); a report names it in {named}, rightly in {named_right}. "
        f"Where in the array the result is wrong is told of {made.places[0]} of {made.places[1]} faults in functions "
        "with several, of those that are told at all and whose place has a name (aim: 90 %)."
    )
    yield ""
    for half, title in (("unseen", "Unseen"), ("tuned", "Tuned"), ("composed", "Several faults in one function")):
        mine = sorted((one for one in made.told if one.half == half), key=lambda one: one.name)
        if mine:
            yield from ("", f"## {title}", "")
            yield from table(HEADS, [_row(one) for one in mine])
    yield from ("", "## Environment", "")
    for key, value in (made.environment | {"seed": str(made.seed)}).items():
        yield f"- {key}: {value}"


def _row(one: Told) -> tuple[str, ...]:
    headlines = one.headlines if one.half == "composed" else one.headlines[:1]
    said = "; ".join(escape(text) or "nothing" for text in headlines) if one.found else "(not found)"
    scores = ", ".join(f"{score:.2f}" for score in one.scores) if one.found and one.wrong else "-"
    where = "; ".join(f"`{text}`" for text in one.planted)
    mined = f"{one.mined:.2f}, {one.mined_causes}" if len(one.planted) == 1 and one.found else "-"
    shown = f"{one.shown:.2f}" if one.half != "composed" and one.found else "-"
    line = f"{one.line}{', named' if one.named else ''}" or "-"
    return (f"`{one.name}`", where, said, scores, shown, line, str(one.causes), mined, f"{one.wrong} of {one.cases}")
