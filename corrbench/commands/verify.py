"""Is this target right? The `verify` command: its options, what it shows, its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import (
    FOUND,
    PASSED,
    UNJUDGED,
    announce,
    give_up,
    output,
    place,
    quiet,
    refuse,
    steps,
    target_options,
    unheeded,
    verbose,
    writable,
)
from corrbench.commands import _completion

if TYPE_CHECKING:
    from rich.console import Console

    from corrbench.result import Run

REFERENCE = ("reference.corr2d", "reference.conv2d", "reference.Conv2D")


@click.command()
@click.argument("target", required=False, shell_complete=_completion.targets)
@target_options
@click.option(
    "--profile",
    type=click.Choice(["quick", "standard", "deep"]),
    help="How thoroughly.  [default: standard; quick without TARGET]",
)
@click.option(
    "--check", default="", shell_complete=_completion.checks, help="Only this check, or this family of checks."
)
@click.option("--case", default="", shell_complete=_completion.cases, help="Only this case, as findings name it.")
@click.option(
    "--suite", "suites", multiple=True, shell_complete=_completion.suites,
    help="Only cases of this suite; may be repeated.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0), help="Seed of data and hidden cases; by default a secret one, printed at the end."
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="Write the run as JSON; - for standard output."
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write the run as JUnit XML.")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the Markdown report into this file.")
@click.option("--github", is_flag=True, help="Print findings as GitHub's annotations, and add to $GITHUB_STEP_SUMMARY.")
@click.option(
    "--report", type=click.Path(file_okay=False), help="Write the Markdown report, and JUnit XML, into this folder."
)
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Write the report as one page for a browser.")
@click.option("--baseline", type=click.Path(dir_okay=False), help="Accept the findings recorded in this file.")
@click.option("--strict-baseline", is_flag=True, help="Fail on a recorded finding that no longer occurs.")
@click.option(
    "--record-baseline", type=click.Path(dir_okay=False), help="Record this run's findings in a baseline file."
)
@click.option("--reason", default="", help="Why the findings recorded by --record-baseline are accepted.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first finding.")
@click.option("--budget", default="", help="Go on with new cases for as long as this: 90s, 10m, 1h.")
@click.option(
    "--executor", default="local", shell_complete=_completion.executors,
    help="local, dask, or a Dask scheduler's tcp://HOST:PORT.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(1), help="Judges at a time.  [default: one a core]")
@click.option(
    "--memory", default=4.0, type=click.FloatRange(0.1), help="GiB that the target's process may hold.  [default: 4]"
)
@click.option("--store", type=click.Path(dir_okay=False), help="File that results are recorded in as they come.")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run of the same command.")
@quiet
@verbose
def verify(target: str | None, **given: Any) -> None:
    """Judge TARGET: a registered name, pkg.mod:attr or path/to/file.py:attr. Without one: corrbench's own reference."""
    console = output(given["json_file"])
    if given["record_baseline"] and not (target and given["reason"].strip()):
        give_up("--record-baseline needs a TARGET and a --reason: every accepted finding has one")
    files = (given[name] for name in ("json_file", "junit", "markdown", "page", "record_baseline"))
    writable(*files, folder=given["report"])
    names = [target] if target else list(REFERENCE)
    given["profile"] = given["profile"] or ("standard" if target else "quick")
    try:
        with steps("verify", quiet=given["quiet"]) as step:
            from corrbench.runner import session

            def watch(run: Run) -> None:
                found = f", {len(run.findings)} findings" if run.findings else ""
                step(run.judged, run.planned, f"{run.target}{found}")

            runs, extras = session.run(
                names, given, watch, crosscheck=not target or bool(given["report"] or given["page"])
            )
    except KeyboardInterrupt:
        click.echo("corrbench: interrupted; the same command with --resume goes on", err=True)
        raise SystemExit(130) from None
    except ValueError as error:
        title = f"corrbench cannot judge {target or 'its own reference'}"
        refuse(console, title, str(error), target or "", github=given["github"])
    with unheeded(console, github=given["github"]):
        _show(console, runs, extras, given)
    if given["github"]:
        from corrbench.render import github

        places = {run.target: found for run in runs if (found := place(run.target))}
        announce(console, github.notes(runs, places), github.summary(runs))
    raise SystemExit(code(runs, strict=given["strict_baseline"]))


def code(runs: list[Run], *, strict: bool = False) -> int:
    """The exit code of runs; a finding outweighs what could not be judged, in one run and among several."""
    verdicts = {"fail" if strict and run.fixed else run.verdict for run in runs}
    return FOUND if "fail" in verdicts else PASSED if verdicts == {"pass"} else UNJUDGED


def _show(console: Console, runs: list[Run], extras: list[Run], given: dict[str, Any]) -> None:
    """Everything a user sees and every file they asked for."""
    from corrbench.analysis import baseline
    from corrbench.render import crosscheck, markdown, terminal

    for run in runs:
        if given["quiet"]:
            console.print(terminal.verdict(run), soft_wrap=True)
        else:
            terminal.show(console, run, verbose=given["verbose"])
    if extras and not given["quiet"]:
        console.print(crosscheck.table(crosscheck.rows([*runs, *extras])))
    name = ""
    try:
        if name := given["json_file"]:
            text = json.dumps(runs[0].to_json() if len(runs) == 1 else combined(runs), indent=1, allow_nan=False)
            with click.open_file(name, "w") as file:
                file.write(text + "\n")
        if name := given["record_baseline"]:
            Path(name).write_text(baseline.record(runs[0], given["reason"]), encoding="utf-8")
        if name := given["junit"]:
            from corrbench.render import junit

            Path(name).write_text(junit.write(runs), encoding="utf-8")
        if name := given["page"]:
            from corrbench.render import html

            Path(name).write_text(html.write(runs, extras), encoding="utf-8")
        if name := given["markdown"]:
            Path(name).write_text(markdown.write(runs, extras), encoding="utf-8")
        if name := given["report"]:
            from corrbench.render import junit

            folder = Path(name)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "correctness.md").write_text(markdown.write(runs, extras), encoding="utf-8")
            (folder / "correctness.xml").write_text(junit.write(runs), encoding="utf-8")
            console.print(f"Report: {folder / 'correctness.md'}")
    except OSError as error:
        give_up(f"cannot write {error.filename or name}: {error.strerror}")


def combined(runs: list[Run]) -> dict[str, Any]:
    """Several runs as the one object of the contract, each result with its target."""
    parts = [run.to_json() for run in runs]
    verdicts = {part["verdict"] for part in parts}
    first: dict[str, Any] = dict(parts[0])
    first |= {
        "target": ", ".join(run.target for run in runs),
        "verdict": next(verdict for verdict in ("fail", "error", "pass") if verdict in verdicts),
        "counts": {
            key: sum(part["counts"].get(key, 0) for part in parts)
            for key in sorted({k for part in parts for k in part["counts"]})
        },
        "runs": [{key: value for key, value in part.items() if key != "results"} for part in parts],
        "results": [result | {"target": part["target"]} for part in parts for result in part["results"]],
    }
    return first
