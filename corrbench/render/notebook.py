"""A run in a notebook: the verdict, the first causes with their numbers, and the table of the checks folded below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from corrbench.analysis.causes import Digest, Group
from corrbench.render import html, snippet
from corrbench.render._figures import counted, number
from corrbench.result import FINDINGS, Status

SHOWN = 4  # causes that are written out
COLOURS = {"pass": "#1a7f37", "fail": "#b3261e", "error": "#8a5a00"}


def card(digest: Digest) -> str:
    """The run as a piece of HTML, with no style sheet and no script."""
    return "".join(_card(digest))


def _card(digest: Digest) -> Iterator[str]:
    run, groups = digest.run, digest.groups(*FINDINGS)
    colour = COLOURS[run.verdict]
    yield f'<div style="border-left: 4px solid {colour}; padding: 0 0 0 .8em; max-width: 60em">'
    yield f'<p><b style="color: {colour}">{run.verdict.upper()}</b> <code>{escape(run.target)}</code> '
    yield f"{escape(html.sentence(digest))} <small>seed {run.seed}, {number(run.seconds)} s</small></p>"
    for index, group in enumerate(groups[:SHOWN], 1):
        yield from _group(f"{index}.", group, run.form)
    if len(groups) > SHOWN:
        yield f"<p>and {counted(len(groups) - SHOWN, 'more cause')}: <code>run.causes</code></p>"
    for title, status in (("Known", Status.KNOWN), ("Warnings", Status.WARN)):
        if found := digest.groups(status):
            items = "".join(f"<li>{escape(one.smallest.message)}</li>" for one in found)
            yield f"<details><summary>{title} ({len(found)})</summary><ol>{items}</ol></details>"
    heads = ("check", "pass", "finding", "warn", "error/bound", "bits")
    rows = [
        (row.check, row.count(Status.PASS), row.count(*FINDINGS) or "", row.count(Status.WARN) or "",
         number(row.ratio), number(row.bits, ".1f"))
        for row in digest.rows
    ]  # fmt: skip
    yield f"<details><summary>{counted(len(rows), 'check')}</summary>{table(heads, rows)}</details></div>"


def cause(group: Group, form: str) -> str:
    """One cause as a piece of HTML."""
    return "".join(_group("", group, form))


def _group(index: str, group: Group, form: str) -> Iterator[str]:
    result = group.smallest
    yield f"<p>{index} <b>{escape(result.check)}</b> {escape(result.message)}"
    yield "".join(f"<br><i>{escape(said)}</i>" for said in group.remarks)
    yield f"<br><small>{escape(group.extent or 'case')}: <code>{escape(str(result.case))}</code></small></p>"
    if lines := snippet.numbers(result, form):
        yield f"<pre>{escape(chr(10).join(lines))}</pre>"
    if result.reproduce:
        yield f"<pre>{escape(result.reproduce)}</pre>"


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table as HTML."""
    cells = "".join(f"<th>{escape(str(head))}</th>" for head in heads)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
