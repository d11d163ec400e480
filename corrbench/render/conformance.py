"""The conformance table, on a terminal and as Markdown: who does what, who gets what wrong, how far off, how fast."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from corrbench.analysis.conformance import SECTIONS, Found, Mark, Peer
from corrbench.peers import TIMED
from corrbench.render._figures import counted
from corrbench.render.markdown import escape, table

if TYPE_CHECKING:
    from corrbench.peers import Conformance

COLOURS = {Mark.RIGHT: "green", Mark.WRONG: "bold red", Mark.DIFFERENT: "yellow", Mark.REFUSED: "dim"}
LEGEND = {
    Mark.RIGHT: "asked, and not wrong", Mark.WRONG: "a finding", Mark.DIFFERENT: "another convention, documented",
    Mark.REFUSED: "it does not do this",
}  # fmt: skip
SHORT = {
    "float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32",
    "int16": "i16", "int8": "i8", "uint8": "u8", "complex128": "c128", "complex64": "c64", "padding='same'": "'same'",
    "empty batch": "empty",
}  # fmt: skip
NUMBERS = (
    "Error over its bound: the largest among cases that were accepted, by element type; bits: the fewest effective "
    "bits in float32 on data uniform over [-1, 1). Time: over that of `torch.nn.functional.conv2d` in the same minute, "
    "on one thread, what the adapter converts and copies included; smaller is faster."
)
SUMMING = (
    "Of a layer of 16 channels by a 3×3 kernel in float32, or of a plane: bits of the accumulator, whether products "
    "are fused into the sum, its order, and whether a batch and two threads give the same bits; where no share stands "
    "beside the order, every bit was predicted on fresh data. `corrbench fingerprint NAME` says more."
)
ARITHMETIC = ("accumulator", "FMA", "order", "batch", "threads")
ABSENT = "not installed"
WIDE = 120  # columns of a terminal below which version and class are left to the report
MEASURED = ("", "version", "class", "float64", "float32", "bits", "float16", "bfloat16", *TIMED)


def sections(made: Conformance) -> Iterable[tuple[str, list[str], list[list[str]]]]:
    """The parts of the table: title, headings and rows."""
    for title, columns in SECTIONS.items():
        yield title, ["", *columns], [[one.name, *(one.cells[name] for name in columns)] for one in made.judged]


def measured(one: Peer) -> list[str]:
    """A row of `MEASURED`: error over bound by type, effective bits in float32, time over PyTorch's."""

    def ratio(dtype: str) -> str:
        return f"{one.errors[dtype][0]:.3f}" if dtype in one.errors else ""

    bits = one.errors.get("float32", (math.nan, math.nan))[1]
    return [
        one.name, one.version.partition("-")[0], one.accuracy, ratio("float64"), ratio("float32"),
        f"{bits:.1f}" if math.isfinite(bits) else "", ratio("float16"), ratio("bfloat16"),
        *(times(one.speed[case]) if case in one.speed else "" for case in TIMED),
    ]  # fmt: skip


def times(ratio: float) -> str:
    """Two digits."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def score(made: Conformance) -> str:
    """The result in one line."""
    libraries = {one.name.partition(".")[0] for one in made.judged} - {"reference"}
    known = {found.name for one in made.judged for found in one.faults if found.name}
    fresh = sum(len(one.fresh) for one in made.judged)
    fixed = sum(len(one.fixed) for one in made.judged)
    of = f"{len(libraries)} {'library' if len(libraries) == 1 else 'libraries'}"
    said = f"{counted(len(made.judged), 'target')} of {of} judged; {counted(len(known), 'known finding')}"
    said += f", {fresh} new" if fresh else ", none new"
    return said + (f", {fixed} recorded ones not seen here" if fixed else "")


def absent(made: Conformance) -> str:
    """What is not here, in one line; empty if everything is."""
    names = [one.name for one in made.peers if one.state == ABSENT]
    return f"Not installed: {', '.join(names)}" if names else ""


def line(one: Peer, found: Found) -> str:
    """A finding in one sentence."""
    where = f" ({found.region})" if found.region else ""
    what = f"{found.name}, {found.kind}" if found.name else found.kind
    return f"{one.name}: {what}, {counted(found.cases, 'case')}{where}: {found.message}"


def show(console: Console, made: Conformance) -> None:
    """Print the table."""
    for title, columns, rows in sections(made):
        console.print(_grid(title, [SHORT.get(name, name) for name in columns], rows))
        console.print()
    title = "error over its bound, effective bits in float32; time over torch's on one thread"
    heads, rows = [SHORT.get(name, name) for name in MEASURED], [measured(one) for one in made.judged]
    if console.width < WIDE:
        heads, *rows = [[row[0], *row[3:]] for row in (heads, *rows)]
    console.print(_grid(title, heads, rows))
    console.print()
    if summed := [[one.name, *(one.arithmetic[name] for name in ARITHMETIC)] for one in made.judged if one.arithmetic]:
        console.print(_grid("arithmetic in float32", ["", *ARITHMETIC], summed))
        console.print()
    console.print("   ".join(f"{mark.value} {said}" for mark, said in LEGEND.items()), style="dim")
    for one in made.judged:
        for found in one.found:
            style = "bold red" if found.kind == "new" else "dim"
            console.print(Text(line(one, found)[:400], style=style), soft_wrap=True)
            if found.kind == "new":
                console.print(Text(f"   {found.reproduce}"), soft_wrap=True)
        for reason in one.fixed:
            console.print(Text(f"{one.name}: recorded, not seen here: {reason[:200]}", style="green"), soft_wrap=True)
        if one.problem:
            console.print(Text(f"{one.name}: {one.problem}", style="yellow"), soft_wrap=True)
    for one in made.peers:
        if one.state == "not judged":
            console.print(Text(f"{one.name} could not be judged: {one.problem}", style="yellow"), soft_wrap=True)
    if absent(made):
        console.print(absent(made), style="dim", soft_wrap=True)


def _grid(title: str, headings: list[str], rows: list[list[str]]) -> Table:
    grid = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="dim")
    for number, heading in enumerate(headings):
        grid.add_column(heading, justify="left" if not number else "center", no_wrap=not number)
    for row in rows:
        grid.add_row(
            row[0], *(Text(cell, COLOURS.get(Mark(cell), "") if cell in list(Mark) else "") for cell in row[1:])
        )
    return grid


def markdown(made: Conformance, command: str) -> str:
    """The report."""
    lines = [
        "# Conformance of released libraries", "", f"**{score(made)}.**", "",
        "Each library's own two-dimensional correlation or convolution under the suite that judges every target: "
        f"profile {made.profile}, seed {made.seed}, {made.seconds / 60:.0f} minutes. What the marks mean: "
        + ", ".join(f"{mark.value} {said}" for mark, said in LEGEND.items())
        + ". An element type has ✗ if a finding occurs in it; an argument if all cases of a finding ask for it; "
        "conduct only if the finding shows nowhere else; any of them if it was never right. A finding is written up "
        "below `findings/`, with a reproducer that uses the library alone, once it has been looked into.",
        "", f"`{command}`", "",
    ]  # fmt: skip
    for title, columns, rows in sections(made):
        led = [
            (row[0], *(leading(one, column, cell) for column, cell in zip(columns[1:], row[1:], strict=True)))
            for one, row in zip(made.judged, rows, strict=True)
        ]
        heads = tuple(SHORT.get(name, name) for name in columns)
        lines += [f"## {title.capitalize()}", "", *table(heads, led), ""]
    lines += [
        "## Accuracy and speed", "",
        NUMBERS, "",
        *table(MEASURED, [tuple(measured(one)) for one in made.judged]), "",
    ]  # fmt: skip
    told = [one for one in made.judged if one.arithmetic]
    if summed := [(one.name, *(escape(one.arithmetic[name]) for name in ARITHMETIC)) for one in told]:
        lines += ["## Arithmetic", "", SUMMING, "", *table(("", *ARITHMETIC), summed), ""]
    lines += ["## Findings", ""]
    lines += known(made)
    for one in made.judged:
        lines += [f"- **new** {escape(line(one, found))}: `{found.reproduce.replace('`', ' ')}`" for found in one.fresh]
        lines += [f"- recorded, but not seen here, in `{one.name}`: {escape(reason)}" for reason in one.fixed]
    called = [
        (f"`{one.name}`", escape(one.version or one.state), f"{one.asked} of {one.planned}" if one.planned else "",
         escape(one.about)) for one in made.peers
    ]  # fmt: skip
    lines += ["", "## What was called", "", *table(("", "version", "questions", "call"), called), ""]
    lines += [f"- `{one.name}`: {escape(one.problem)}" for one in made.peers if one.problem and one.state != ABSENT]
    said = ", ".join(f"{name} {value}" for name, value in made.environment.items())
    return "\n".join([*lines, "", f"Environment: {said}."]) + "\n"


def leading(one: Peer, column: str, cell: str) -> str:
    """A cell that leads to the finding that made it what it is: to what is written about it, or to the list below."""
    if cell not in (Mark.WRONG, Mark.DIFFERENT):
        return cell
    kinds = [
        found
        for found in one.found
        if column in found.columns and (found.kind == "different") == (cell == Mark.DIFFERENT)
    ]
    written = next((found.name for found in kinds if re.fullmatch(r"[\w-]+", found.name)), "")
    return f"[{cell}](findings/{written}.md)" if written else f"[{cell}](#findings)"


def known(made: Conformance) -> Iterator[str]:
    """The known findings, each once, with a link where something is written about it."""
    names: dict[tuple[str, str], list[str]] = {}
    for one in made.judged:
        for found in one.found:
            if found.kind != "new":
                names.setdefault((found.name, found.kind), []).append(f"`{one.name}`")
    for (name, kind), targets in sorted(names.items()):
        written = f"[{name}](findings/{name}.md)" if re.fullmatch(r"[\w-]+", name) else escape(name)
        yield f"- {written} ({kind}): {', '.join(targets)}"
