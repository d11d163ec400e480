"""Mutants of a user's code as text: on a terminal, and as Markdown."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.syntax import Syntax

from corrbench.mutation.judging import Fate
from corrbench.mutation.mutate import Mutation
from corrbench.render.markdown import escape


def verdict(made: Mutation) -> str:
    """The line that ends the command."""
    counts = {name: len(made.of(name)) for name in ("noticed", "survived", "equivalent")}
    asked = counts["noticed"] + counts["survived"]
    share = f"{made.share:.1%} of {asked} mutants noticed" if asked else "no mutant was judged"
    more = f", {counts['survived']} survived, {counts['equivalent']} equivalent" if made.fates else ""
    left = f"; {len(made.fates)} of {made.made} judged" if len(made.fates) < made.made else ""
    return f"{made.target}  {share}{more}{left}; median {made.median:.1f} s a mutant (seed {made.seed})"


def heading(fate: Fate) -> str:
    """A survivor in a line."""
    return f"line {fate.line}: {fate.kind}; {fate.message}"


def show(console: Console, made: Mutation, *, equivalent: bool = False) -> None:
    """What noticed how many, and the survivors as diffs."""
    by = Counter(one.by.partition(".")[0] for one in made.of("noticed"))
    if by:
        console.print("noticed by " + ", ".join(f"{name} {count}" for name, count in by.most_common()), soft_wrap=True)
    for fate in [*made.of("survived"), *(made.of("equivalent") if equivalent else [])]:
        console.print(f"{fate.outcome}  {heading(fate)}", markup=False, soft_wrap=True)
        console.print(Syntax(made.diff(fate).rstrip(), "diff", background_color="default"))


def markdown(made: Mutation) -> str:
    """The report."""
    lines = [f"# Mutants of `{made.target}`", "", escape(verdict(made)), ""]
    kinds = sorted({one.kind for one in made.fates})
    lines += ["| mistake | noticed | survived | equivalent |", "|---|---:|---:|---:|"]
    for kind in kinds:
        counts = Counter(one.outcome for one in made.fates if one.kind == kind)
        lines.append(f"| {kind} | {counts['noticed']} | {counts['survived']} | {counts['equivalent']} |")
    for title, outcome in (("Survivors", "survived"), ("Equivalent as far as is asked", "equivalent")):
        lines += ["", f"## {title}", ""] if made.of(outcome) else []
        for fate in made.of(outcome):
            lines += [f"{escape(heading(fate))}", "", "```diff", made.diff(fate).rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"
