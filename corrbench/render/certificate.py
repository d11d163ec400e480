"""A certificate as text: on a terminal, as Markdown, and as one page for a browser."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console
from rich.text import Text

from corrbench.certificate.lines import Certificate, Known, Line
from corrbench.render.markdown import escape

HEADLINES = {
    "certified": "Certified: right for every value of the operands, given what is assumed",
    "refuted": "Refuted: it is wrong",
    "open": "No certificate: it may be right, and that is not shown",
}
STYLES = {
    Known.SHOWN: "green", Known.PROBABLY: "green", Known.PREDICTED: "green", Known.TESTED: "cyan",
    Known.ASSUMED: "yellow", Known.UNEXAMINED: "yellow", Known.DEPENDS: "bold red", Known.REFUTED: "bold red",
}  # fmt: skip
MARKS = {
    Known.SHOWN: "good", Known.PROBABLY: "good", Known.PREDICTED: "good", Known.TESTED: "tested",
    Known.ASSUMED: "open", Known.UNEXAMINED: "open", Known.DEPENDS: "bad", Known.REFUTED: "bad",
}  # fmt: skip


def verdict(one: Certificate) -> str:
    """The line that ends the command."""
    word = {"certified": "CERTIFIED", "refuted": "REFUTED", "open": "OPEN"}[one.verdict]
    reason = f"  {one.reason}" if one.reason else ""
    return f"{word}  {one.target}  {one.case}{reason}"


def show(console: Console, one: Certificate) -> None:
    """Every line: how it is known, what it says, and below it the evidence."""
    width = max(len(line.status) for line in one.lines)
    for line in one.lines:
        console.print(Text.assemble((f"{line.status:{width}}", STYLES[line.known]), "  ", line.says), soft_wrap=True)
        console.print(Text(" " * (width + 2) + f"{line.name}: {line.evidence}", style="dim"), soft_wrap=True)


def markdown(one: Certificate) -> str:
    """The certificate as a Markdown page."""
    rows = [f"| {escape(line.says)} | **{line.status}** | {escape(line.evidence)} |" for line in one.lines]
    settings = [f"| {escape(name)} | {escape(said)} |" for name, said in described(one).items()]
    return "\n".join([
        f"# {HEADLINES[one.verdict]}", "", f"`{one.target}` for `{one.case}`", "",
        *([f"{escape(one.reason)}", ""] if one.reason else []),
        "| line | how it is known | evidence |", "|---|---|---|", *rows, "",
        "| | |", "|---|---|", *settings, "",
    ])  # fmt: skip


def described(one: Certificate) -> dict[str, str]:
    """What the certificate is of, and what it cost."""
    costs = ", ".join(f"{name} {seconds:g} s" for name, seconds in one.seconds.items())
    source = {"source": f"SHA-256 {one.source}…"} if one.source else {}
    return source | one.settings | {"seed": str(one.seed), "took": costs}


def page(one: Certificate) -> str:
    """The certificate as one page, without network."""
    environment = Environment(
        loader=PackageLoader("corrbench.render", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    template = environment.get_template("certificate.html")
    return template.render(
        one=one, headline=HEADLINES[one.verdict], marks=MARKS, described=described(one), parts=parts(one)
    )


def parts(one: Certificate) -> list[tuple[str, list[Line]]]:
    """The lines by how they are known, each part as large as the other."""
    groups: dict[str, list[Line]] = {"Fails": [], "Shown": [], "Tested": [], "Assumed": [], "Not examined": []}
    titles = {
        Known.SHOWN: "Shown", Known.PROBABLY: "Shown", Known.PREDICTED: "Shown", Known.TESTED: "Tested",
        Known.ASSUMED: "Assumed", Known.UNEXAMINED: "Not examined", Known.DEPENDS: "Fails", Known.REFUTED: "Fails",
    }  # fmt: skip
    for line in one.lines:
        groups[titles[line.known]].append(line)
    return [(title, lines) for title, lines in groups.items() if lines]
