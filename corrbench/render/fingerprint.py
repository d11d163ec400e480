"""Fingerprints in words, as Markdown, and as pages with trees, switch points and classes of equal bits drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from corrbench.fingerprint.cells import FRESH
from corrbench.fingerprint.differences import Comparison
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.words import told
from corrbench.render._arithmetic import SMALL, Classes, Picture, classes_of, drawn, switch_map
from corrbench.render._figures import counted
from corrbench.render.markdown import escape as plain
from corrbench.render.markdown import table

if TYPE_CHECKING:
    from corrbench.fingerprint.survey import Survey, Switch

EXPLAINED = (
    "Element type {dtype}. Each model was recovered from probes and evaluated apart from the target on "
    f"{FRESH} fresh inputs; a share of 100 % says that every bit of every output was as predicted."
)
SHOWN = 6  # switch points and doubtful cells that are told on a terminal


def summary(made: Survey) -> str:
    """The result in one line."""
    if made.died:
        return f"{made.target}: {made.died}"
    trees, named = made.having(Kind.TREE), made.having(Kind.TRANSFORM)
    said = [f"{len(trees)} of {counted(len(made.cells), 'cell')} predicted to the bit"]
    said += [f"{len(named)} named as transforms"] if named else []
    for kind in (Kind.PARTIAL, Kind.UNKNOWN, Kind.CHANGING, Kind.REFUSED):
        if found := made.having(kind):
            said.append(f"{len(found)} {kind}")
    said += [f"time was over for {made.skipped} (--limit)"] if made.skipped else []
    return ", ".join(said) + f"; {made.seconds:.0f} s"


def switch(one: Switch) -> str:
    """A switch point in words."""
    how = (
        f"at {one.axis}={one.after}"
        if one.after == one.before + 1
        else f"between {one.axis}={one.before} and {one.after}"
    )
    first, second = parts(one.was, one.now), parts(one.now, one.was)
    return f"{how}: {first or one.was} → {second or one.now}" if (first or second) else f"{how}: another order"


def parts(said: str, other: str) -> str:
    """What of a description another one does not have."""
    return " · ".join(one for one in said.split(" · ") if one not in other.split(" · "))


def text(made: Survey) -> str:
    """A dozen lines."""
    machine = made.environment.get("instructions", "")
    lines = [
        f"{made.target} {made.version} · {made.dtype}" + (f" · {machine}" if machine else ""),
        f"  held to {FRESH} fresh inputs a cell, every bit of every output compared",
    ]
    lines += [f"  {made.note}"] if made.note else []
    if made.cells:
        name, first = next(iter(made.cells.items()))
        lines.append(f"  {name.partition(' dtype')[0]}: {told(first)}")
    shown = made.switches[:SHOWN]
    lines += [f"  {'switches' if not number else '        '} {switch(one)}" for number, one in enumerate(shown)]
    lines += (
        [f"           and {len(made.switches) - SHOWN} more (--markdown FILE)"] if len(made.switches) > SHOWN else []
    )
    if made.matrix:
        kept = [name for name, said in made.matrix.items() if said == "yes"]
        lines.append(f"  invariant to {', '.join(kept) or 'nothing that was asked'}")
        lines += [
            f"  NOT to   {name}: {said}" for name, said in made.matrix.items() if said not in ("yes", "not asked")
        ]
    lines += [f"  {name}: {said}" for name, said in made.facts.items()]
    doubtful = [
        (name, found) for name, found in made.cells.items() if found.kind in (Kind.PARTIAL, Kind.UNKNOWN, Kind.CHANGING)
    ]
    lines += [f"  {found.kind.upper()} {name.partition(' dtype')[0]}: {found.said}" for name, found in doubtful[:SHOWN]]
    named = {found.transform.name: found for found in made.having(Kind.TRANSFORM) if found.transform is not None}
    lines += [f"  {name}: {found.said}" for name, found in named.items()]
    return "\n".join(lines)


def markdown(made: Survey, command: str) -> str:
    """The whole fingerprint."""
    lines = [
        f"# Fingerprint of {made.target} {made.version}", "", f"**{made.verdict}: {summary(made)}.**", "",
        EXPLAINED.format(dtype=made.dtype), "", f"`{command}`", "",
    ]  # fmt: skip
    if made.switches:
        lines += ["## Switch points", "", *(f"- {plain(switch(one))} (from `{one.base}`)" for one in made.switches), ""]
    if made.matrix:
        lines += [
            "## Do the bits depend on it?",
            "",
            *table(("", ""), [(k, plain(v)) for k, v in made.matrix.items()]),
            "",
        ]
    if made.facts:
        lines += [
            "## Padding and tiny numbers",
            "",
            *table(("", ""), [(k, plain(v)) for k, v in made.facts.items()]),
            "",
        ]
    rows = [
        (f"`{name}`", plain(told(found)), predicted(found), str(found.calls), f"`{found.hash}`")
        for name, found in made.cells.items()
    ]
    lines += ["## Cells", "", *table(("cell", "what it is", "predicted", "calls", "model"), rows), ""]
    said = ", ".join(f"{name} {value}" for name, value in made.environment.items())
    return "\n".join([*lines, f"Environment: {said}."]) + "\n"


def predicted(found: Found) -> str:
    """The share of outputs that were predicted, of how many."""
    return f"{found.share:.2%} of {found.outputs:,}" if found.outputs else ""


# ---- two of them


def difference(a: Survey, b: Survey, found: Comparison, *, quiet: bool = False) -> str:
    """What two fingerprints have in common, in words."""
    count = len(a.cells)
    lines = []
    if not quiet:
        lines += [str(one) for one in found.different[:SHOWN]]
        lines += [f"and {len(found.different) - SHOWN} more"] if len(found.different) > SHOWN else []
        lines += [f"cannot be compared: {one}" for one in found.unjudged[:SHOWN]]
        lines += [f"not in {b.target}: {one}" for one in found.missing[:SHOWN]]
    word = {"same": "SAME BITS", "different": "DIFFERENT", "unjudged": "NOT JUDGED"}[found.verdict]
    said = f"{word}: {named(a)} and {named(b)} give the same bits in {len(found.same)} of {counted(count, 'cell')}"
    said += f", the same transform in {len(found.alike)}" if found.alike else ""
    return "\n".join([*lines, said])


def named(one: Survey) -> str:
    """A target with its version."""
    return f"{one.target} {one.version}".strip()


def difference_markdown(a: Survey, b: Survey, found: Comparison) -> str:
    """All differences."""
    lines = [f"# {named(a)} and {named(b)}", "", difference(a, b, found, quiet=True) + ".", ""]
    lines += (
        table(
            ("cell", "outputs", named(a), named(b)),
            [(f"`{one.cell}`", one.where, plain(one.was), plain(one.now)) for one in found.different],
        )
        if found.different
        else []
    )
    lines += [
        "",
        *(f"- cannot be compared: {plain(one)}" for one in found.unjudged),
        *(f"- not in the second: `{one}`" for one in found.missing),
    ]
    return "\n".join(lines).rstrip() + "\n"


# ---- pages


def page(made: Survey, *others: Survey) -> str:
    """One page without scripts or network: words, the map of switch points, the trees that are small enough to see; and
    who gives the same bits, where others are compared with it.
    """
    trees: dict[str, tuple[str, Picture]] = {}
    for name, found in made.cells.items():
        for region, model in found.classes:
            if 1 < model.tree.leaves <= SMALL:
                trees.setdefault(model.hash, (f"{name}, {region}", drawn(model)))
    cells = [(name, told(found), predicted(found), found.hash) for name, found in made.cells.items()]
    return filled(
        f"Fingerprint of {named(made)}", [("", classes_of([made, *others]))] if others else [], survey=made,
        name=named(made), summary=summary(made), text=text(made), map=switch_map(made), cells=cells,
        trees=list(trees.values()),
    )  # fmt: skip


def together(surveys: Sequence[Survey]) -> str:
    """One page of who gives the same bits, a table for each element type."""
    dtypes = dict.fromkeys(one.dtype for one in surveys)
    tables = [(dtype, classes_of([one for one in surveys if one.dtype == dtype])) for dtype in dtypes]
    return filled("Who gives the same bits?", tables, survey=None)


def filled(title: str, classes: list[tuple[str, Classes]], **parts: Any) -> str:
    """The template with its parts."""
    loaded = Environment(loader=PackageLoader("corrbench.render", ""), autoescape=True, undefined=StrictUndefined)
    return loaded.get_template("fingerprint.html").render(title=title, classes=classes, **parts)
