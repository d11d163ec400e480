"""The `history` command: from which commits on is the level another?"""

from __future__ import annotations

from pathlib import Path

import click

from corrbench.cli import FOUND, PASSED, json_file, output, quiet, save, verbose, working, writable


@click.command(short_help="From which commit on is something slower?")
@click.option(
    "--results", default="reports/asv", type=click.Path(path_type=Path, file_okay=False), show_default=True,
    help="Where asv keeps its results.",
)  # fmt: skip
@click.option("--otava", default="", help="The otava program.  [default: .venv-otava/bin/otava, or one on the path]")
@click.option("--only", default="", help="Only benchmarks whose name or parameters contain this.")
@click.option("--last", type=click.IntRange(4), help="Look at so many of the newest commits.  [default: all]")
@click.option(
    "--smallest", type=click.FloatRange(0), default=2.0, show_default=True, help="Per cent below which it is no matter."
)
@json_file("the changes")
@quiet
@verbose
def history(
    results: Path, otava: str, only: str, last: int | None, smallest: float, json_file: str | None, *,
    quiet: bool, verbose: bool,
) -> None:  # fmt: skip
    """Report the commits from which on speed, memory or error have another level.

    Exit codes: 0 nothing has become worse, 1 something has, 2 there is nothing to analyse, or no otava.
    """
    writable(json_file)
    console = output(json_file)
    with working("history", quiet=quiet) as step:
        from corrbench import history as past

        step(0, 2, f"reading {results}")
        series = [one for one in past.series(results) if only in str(one)]
        if not series:
            raise past.NoHistory(f"no benchmark is called anything like {only!r}")
        if all(len(one.points) < past.FEWEST for one in series):
            raise past.NoHistory(f"no series has {past.FEWEST} points yet: `make history` measures more commits")
        step(1, 2, f"{len(series)} series")
        changes = past.changes(series, past.otava(otava), last=last or 0, smallest=smallest / 100)
    from corrbench.render import history as render

    if quiet:
        console.print(render.last(series, changes), soft_wrap=True)
    else:
        render.show(console, series, changes, verbose=verbose)
    worse = [change for change in changes if change.worse]
    if json_file:
        record = {"schema": "corrbench-history/1", "verdict": "worse" if worse else "no worse", "series": len(series),
                  "changes": [change.to_json() for change in changes]}  # fmt: skip
        save(json_file, record)
    raise SystemExit(FOUND if worse else PASSED)
