"""Fingerprints in words, as Markdown, and as a page with trees and switch points drawn."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from corrbench.fingerprint.cells import FRESH, Found, Kind
from corrbench.fingerprint.differences import Comparison
from corrbench.fingerprint.words import told
from corrbench.render._figures import counted
from corrbench.render._trees import SMALL, drawn
from corrbench.render.markdown import escape as plain
from corrbench.render.markdown import table

if TYPE_CHECKING:
    from corrbench.fingerprint.survey import Survey, Switch

SHOWN = 6  # switch points and doubtful cells that are told on a terminal
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#eeca3b", "#9d755d", "#bab0ac")
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
table { border-collapse: collapse } td, th { border-bottom: 1px solid #ccc; padding: .2em .8em .2em 0; text-align: left; vertical-align: top }
code { font-size: 90% } svg { max-width: 100%; height: auto }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } svg text { fill: #ddd } svg line, svg path { stroke: #aaa } }
"""


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
        f"Element type {made.dtype}. Each model was recovered from probes and evaluated apart from the target on {FRESH} "
        "fresh inputs; a share of 100 % says that every bit of every output was as predicted.", "", f"`{command}`", "",
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
    lines += ["## Cells", "", *table(
        ("cell", "what it is", "predicted", "calls", "model"),
        [(f"`{name}`", plain(told(found)), predicted(found), str(found.calls), f"`{found.hash}`") for name, found in made.cells.items()],
    ), ""]  # fmt: skip
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


# ---- a page


def page(made: Survey, prose: str) -> str:
    """One page without scripts or network: words, the map of switch points, and the trees that are small enough to see."""
    trees = []
    for name, found in made.cells.items():
        for region, model in found.classes:
            if 1 < model.tree.leaves <= SMALL and model.hash not in {seen for seen, _ in trees}:
                trees.append((model.hash, f"<h3><code>{escape(name)}</code>, {escape(str(region))}</h3>{drawn(model)}"))
    body = [
        f"<h1>{escape(named(made))}</h1><p><b>{escape(made.verdict)}: {escape(summary(made))}</b></p>",
        f"<pre>{escape(text(made))}</pre>", "<h2>Switch map</h2>", switch_map(made),
        "<h2>Cells</h2><table><tr><th>cell<th>what it is<th>predicted<th>model</tr>",
        *(f"<tr><td><code>{escape(name)}</code><td>{escape(told(found))}<td>{predicted(found)}<td><code>{found.hash}</code></tr>"
          for name, found in made.cells.items()), "</table>",
        "<h2>Trees</h2><p>A dot is a product, filled where it is not rounded before it is added.</p>" if trees else "",
        *(picture for _, picture in trees),
    ]  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(named(made))}</title><style>{STYLE}</style>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def rows(made: Survey) -> Iterator[tuple[str, list[tuple[int, Found]]]]:
    """For each axis the cells along it, from the first cell on."""
    if not made.cells:
        return
    from corrbench.fingerprint.survey import Point

    first = next(iter(made.cells.values()))
    base = Point(first.case, first.threads)
    for axis in ("N", "C", "O", "plane", "k", "threads"):
        found = []
        for cell in made.cells.values():
            here = Point(cell.case, cell.threads)
            value = {
                "N": cell.case.x[0], "C": cell.case.w[1], "O": cell.case.w[0], "plane": cell.case.x[2],
                "k": cell.case.w[2], "threads": cell.threads,
            }[axis]  # fmt: skip
            if here == base or base.at(axis, value) == here:
                found.append((value, cell))
        if len(found) > 1:
            yield axis, sorted(found, key=lambda one: one[0])


def switch_map(made: Survey) -> str:
    """A row for each axis, a box for each cell, a colour for each arithmetic."""
    from corrbench.fingerprint.words import family

    colours: dict[str, str] = {}
    shapes, y = [], 10
    for axis, cells in rows(made):
        shapes.append(f'<text x="0" y="{y + 17}">{axis}</text>')
        for place, (value, cell) in enumerate(cells):
            said = family(cell)
            colour = colours.setdefault(said, COLOURS[len(colours) % len(COLOURS)])
            x = 70 + 56 * place
            shapes.append(
                f'<g><title>{escape(told(cell))}</title><rect x="{x}" y="{y}" width="52" height="24" fill="{colour}"/><text x="{x + 26}" y="{y + 17}" text-anchor="middle">{value}</text></g>'
            )
        y += 32
    for said, colour in colours.items():
        shapes.append(
            f'<rect x="70" y="{y}" width="14" height="14" fill="{colour}"/><text x="92" y="{y + 12}">{escape(said)}</text>'
        )
        y += 22
    return f'<svg viewBox="0 0 900 {y}" width="900" font-size="13" role="img" aria-label="switch map">{"".join(shapes)}</svg>'
