"""The `report` command: a recorded run shown again, or what has changed since another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from corrbench.cli import FOUND, PASSED, UNJUDGED, give_up, json_file, output, save, working, writable
from corrbench.commands import _completion
from corrbench.target import registered

if TYPE_CHECKING:
    from corrbench.result import Run


@click.command(short_help="A run again, or what changed between two.")
@click.argument("a", metavar="[RUN]", type=click.Path(), required=False, shell_complete=_completion.records)
@click.argument("b", metavar="[LATER]", type=click.Path(), required=False, shell_complete=_completion.records)
@click.option("--last", is_flag=True, help="The last run here, of RUN if that is a target.")
@click.option("--changes", is_flag=True, help="What changed in it since the run before of the same command.")
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Write one page for a browser.")
@click.option("--markdown", "prose", type=click.Path(dir_okay=False), help="Write Markdown.")
@json_file("the run, or what changed,")
@click.option("--baseline", type=click.Path(dir_okay=False), help="Accept the findings recorded in this file.")
def report(
    a: str | None, b: str | None, page: str | None, prose: str | None, json_file: str | None, baseline: str | None,
    *, last: bool, changes: bool,
) -> None:  # fmt: skip
    """Render a recorded RUN again: a file of .corrbench/, one that verify --json wrote, or the last of a TARGET.

    With LATER: what changed between them. Each command's run before its last is kept beside it, as ….1.jsonl.

    A file of .corrbench/ holds results as they were before any baseline; give --baseline again to have them as verify
    showed them. What --json wrote has the baseline of that run in it.

    Exit codes for one run are those of verify. For two: 0 nothing is worse, 1 new findings, refusals or a loss of
    accuracy, 2 a file cannot be read, one of them could not be judged, or they share no question.
    """
    from corrbench.analysis import run_files
    from corrbench.analysis.causes import Digest
    from corrbench.analysis.run_diff import Change
    from corrbench.commands.verify import code, combined
    from corrbench.render import markdown, run_diff, terminal

    writable(page, prose, json_file)
    console = output(json_file)
    last = last or (changes and not a)
    if not (a or last):
        give_up("name a RUN, which is a file or a target, or say --last; corrbench verify makes one")
    with working("report"):
        a, b = _named(a or "", b, last=last, changes=changes)
        runs = run_files.load(Path(b or a))
        former = [_only(a, run_files.load(Path(a)))] if b else []
        change = Change(before=former[0], after=_only(b, runs)) if b else None
        if baseline:
            _accept(baseline, [*former, *runs])
    digests = list(map(Digest, runs))
    if page:
        from corrbench.render import html

        save(page, html.write(digests, change=change))
    if prose:
        text = markdown.write(digests)
        save(prose, f"{run_diff.write(change)}\n{text}" if change else text)
    if json_file:
        save(json_file, change.to_json() if change else runs[0].to_json() if len(runs) == 1 else combined(runs))
    for digest in digests if change is None else ():
        terminal.show(console, digest)
    if change is not None:
        run_diff.show(console, change)
    if change is None:
        raise SystemExit(code(runs))
    raise SystemExit({"worse": FOUND, "error": UNJUDGED}.get(change.verdict, PASSED))


def _named(a: str, b: str | None, *, last: bool, changes: bool) -> tuple[str, str | None]:
    """The files that are meant.

    Raises:
        ValueError: there is no such file, and no run of such a target.
    """
    from corrbench.analysis import run_files
    from corrbench.runner.store import FOLDER, previous

    if last or (not Path(a).exists() and (":" in a or a in registered())):
        a = str(run_files.newest(Path(FOLDER), a))
    if not changes:
        return a, b
    before = previous(Path(a))
    if b or not before.exists():
        give_up(f"--changes: there is no run before that of {a}" if not b else "--changes takes one RUN")
    return str(before), a


def _accept(name: str, runs: list[Run]) -> None:
    """Apply a baseline to runs to which none has been applied."""
    from corrbench.analysis.baseline import Baseline
    from corrbench.analysis.run_files import doubt

    known = Baseline.load(Path(name))
    for run in runs:
        if "known" in run.counts or run.fixed:
            give_up(f"--baseline: the run of {run.target} has one in it already; give its file of .corrbench/ instead")
        known.apply(run)
        doubt(run)


def _only(name: str, runs: list[Run]) -> Run:
    """The run of a file that holds one."""
    if len(runs) > 1:
        targets = ", ".join(run.target for run in runs)
        give_up(f"{name} holds several runs ({targets}); two runs are compared when each file holds one target's")
    return runs[0]
