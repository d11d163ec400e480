"""The `verify` command: is this target right? Its options, what it shows, its exit code."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.api.request import request
from corrbench.commands import _completion, _fingerprints, _help
from corrbench.target import artefact

if TYPE_CHECKING:
    from rich.console import Console

    from corrbench.analysis.causes import Digest
    from corrbench.fingerprint.survey import Survey
    from corrbench.result import Run

INTERRUPTED = "an interrupt"  # as `corrbench.runner.verify` has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is shown and written, named as the options are."""

    json_file: str = ""
    junit: str = ""
    markdown: str = ""
    page: str = ""
    report: str = ""
    sarif: str = ""
    show: bool = False
    record_baseline: str = ""
    reason: str = ""
    strict_baseline: bool = False
    require_coverage: bool = False
    github: bool = False
    quiet: bool = False
    verbose: bool = False

    def tell(self, text: str) -> None:
        """Say of a cause that it was seen, while the run goes on."""
        if not self.quiet:
            cli.seen(text)


@click.command(cls=_help.Sections, short_help="Is a target right? How accurate is it?")
@click.argument("target", required=False, shell_complete=_completion.targets)
@cli.target_options
@cli.profile(None, help="How thoroughly.  [default: standard; quick without TARGET]")
@click.option(
    "--check", default="", shell_complete=_completion.checks, help="Only this check, or this family of checks."
)
@click.option("--case", default="", shell_complete=_completion.cases, help="Only this case, as findings name it.")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    shell_complete=_completion.suites,
    help="Only cases of this suite; may be repeated.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Meet the constants of this file too, C, CUDA or other source text; may be repeated.",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Seed of data and hidden cases; by default a secret one, printed at the end."
)
@cli.json_file("the run")
@click.option("--junit", type=click.Path(dir_okay=False), help="Write the run as JUnit XML.")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the Markdown report into this file.")
@click.option("--github", is_flag=True, help="Print findings as GitHub's annotations, and add to $GITHUB_STEP_SUMMARY.")
@click.option(
    "--report", type=click.Path(file_okay=False), help="Write the Markdown report, and JUnit XML, into this folder."
)
@click.option("--sarif", type=click.Path(dir_okay=False), help="Write findings as SARIF, for code scanning.")
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Write the report as one page for a browser.")
@click.option("--baseline", type=click.Path(dir_okay=False), help="Accept the findings recorded in this file.")
@click.option("--no-baseline", is_flag=True, help="Not even those that corrbench knows of a registered target.")
@click.option("--strict-baseline", is_flag=True, help="Fail on a recorded finding that no longer occurs.")
@click.option(
    "--record-baseline", type=click.Path(dir_okay=False), help="Record this run's findings in a baseline file."
)
@click.option("--reason", default="", help="Why the findings recorded by --record-baseline are accepted.")
@click.option("--require-coverage", is_flag=True, help="Exit code 1 unless all of the target's own lines ran.")
@click.option("--fail-fast", is_flag=True, help="Stop at the first finding.")
@click.option("--max-findings", type=click.IntRange(1), help="Stop once there are as many.")
@click.option("--budget", default="", help="Go on with new cases for as long as this: 90s, 10m, 1h.")
@click.option("--limit", default="", help="Ask no more after this: 90s, 10m, 1h; what was judged until then counts.")
@click.option(
    "--executor",
    default="local",
    shell_complete=_completion.executors,
    help="local, dask, or a Dask scheduler's tcp://HOST:PORT.",
)
@click.option("--workers", type=click.IntRange(1), help="Judges at a time.  [default: one a core]")
@cli.target_option("memory")
@cli.target_option("sanitize")
@click.option(
    "--store", type=click.Path(dir_okay=False, path_type=Path), help="File that results are recorded in as they come."
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted run of the same command.")
@click.option("--fingerprint", default="", help="Show the sharper bound that the models in this file give: FILE.json.")
@click.option("--show", is_flag=True, help="With each finding a few lines of Python that fail without corrbench.")
@cli.quiet
@cli.verbose
def verify(target: str | None, **given: Any) -> None:
    """Judge TARGET: a name, pkg.mod:attr, path/to/file.py:attr, path/lib.so:symbol, cmd:PROGRAM or path/model.onnx.

    Without one: corrbench's own reference.
    """
    out, name = cli.taken(Outputs, given), target or ""
    console = cli.output(out.json_file)
    if target == "":
        cli.give_up(
            "the TARGET is empty (a variable that is not set?); leave it out to judge corrbench's own reference"
        )
    if out.record_baseline and not (name and out.reason.strip()):
        cli.give_up("--record-baseline needs a TARGET and a --reason: every accepted finding has one")
    if said := contradiction(out, given):
        cli.give_up(said)
    cli.writable(out.json_file, out.junit, out.markdown, out.page, out.sarif, out.record_baseline, folder=out.report)
    title = f"corrbench cannot judge {name or 'its own reference'}"
    refused = partial(cli.refuse, console, title, target=name, github=out.github)
    with cli.working("verify", quiet=out.quiet, then=cli.RESUME, refused=refused) as step:
        models = _fingerprints.read(given["fingerprint"]) if given["fingerprint"] else None
        wanted = request(name, given)
        if out.require_coverage and any(spec.name or artefact(spec.target) for spec in wanted.specs):
            raise ValueError("--require-coverage is for a function or class in a file of yours: name it as TARGET")
        if not name:
            click.echo("corrbench: no TARGET, so its own reference is judged", err=True)
        runs, extras = wanted.run(step, out.tell, crosscheck=not name or bool(out.report or out.page))
        if models is not None:
            sharpen(runs, models)
        from corrbench.analysis.causes import Digest
    digests = list(map(Digest, runs))
    with cli.unheeded(console, github=out.github):
        show(console, digests, extras, out)
    if out.github:
        from corrbench.render import github

        cli.announce(console, github.notes(digests, places(runs)), github.summary(digests))
    if any(run.stopped == INTERRUPTED for run in runs):
        click.echo(f"corrbench: interrupted{cli.RESUME}", err=True)
        raise SystemExit(130)
    if out.require_coverage and not all(run.coverage.get("complete") for run in runs):
        click.echo("corrbench: not all that is the target's own ran, as --require-coverage asks", err=True)
    raise SystemExit(code(runs, strict=out.strict_baseline, covered=out.require_coverage))


def contradiction(out: Outputs, given: dict[str, Any]) -> str:
    """What options ask for that cannot be had together, or that has no effect; empty if nothing."""
    files = [
        ("--json", out.json_file), ("--junit", out.junit), ("--markdown", out.markdown), ("--html", out.page),
        ("--sarif", out.sarif), ("--record-baseline", out.record_baseline), ("--store", given["store"]),
    ]  # fmt: skip
    if out.report:
        files += [("--report", Path(out.report, f"correctness.{end}")) for end in ("md", "xml")]
    taken: dict[Path, str] = {}
    for option, file in files:
        if file and file != "-" and (other := taken.setdefault(Path(file).resolve(), option)) != option:
            return f"{other} and {option} would write the same file, {file}: give one of them another name"
    if out.reason and not out.record_baseline:
        return "--reason is written by --record-baseline FILE alone: give both, or neither"
    if out.strict_baseline and not given["baseline"]:
        return "--strict-baseline needs a --baseline FILE: what is recorded there may not go unseen"
    if given["baseline"] and given["no_baseline"]:
        return "--baseline and --no-baseline contradict each other: give one of them"
    if out.quiet and (out.verbose or out.show):
        return f"--quiet and {'--verbose' if out.verbose else '--show'} contradict each other: give one of them"
    return ""


def sharpen(runs: list[Run], models: Survey) -> None:
    """Note in each run the bound that models of a fingerprint give beside the general one; it decides nothing."""
    from corrbench.fingerprint import bound
    from corrbench.result import Status

    for run in runs:
        errors = [
            (one.case, one.numbers.ratio)
            for one in run.results
            if one.status is Status.PASS and isinstance(one.numbers.ratio, float) and one.check.startswith("values.")
        ]
        run.notes += [f"fingerprint of {models.target}: {said}" for said in bound.notes(models, errors)]


def code(runs: list[Run], *, strict: bool = False, covered: bool = False) -> int:
    """The exit code of runs; a finding outweighs what could not be judged, in one run and among several.

    Args:
        runs: of one command.
        strict: whether a finding of the baseline that is seen no more counts as one.
        covered: whether a line or branch that never ran does.
    """
    verdicts = {"fail" if strict and run.fixed else run.verdict for run in runs}
    if covered and verdicts == {"pass"} and not all(run.coverage.get("complete") for run in runs):
        return cli.FOUND
    return cli.FOUND if "fail" in verdicts else cli.PASSED if verdicts == {"pass"} else cli.UNJUDGED


def show(console: Console, digests: list[Digest], extras: list[Run], out: Outputs) -> None:
    """Every file that a user asked for, and then what they see: an output that is closed costs no file."""
    from corrbench.analysis import baseline
    from corrbench.render import crosscheck, markdown, terminal

    runs = [digest.run for digest in digests]
    if out.json_file:
        cli.save(out.json_file, runs[0].to_json() if len(runs) == 1 else combined(runs))
    if out.record_baseline:
        cli.save(out.record_baseline, baseline.record(runs[0], out.reason))
    if out.page:
        from corrbench.render import html

        cli.save(out.page, html.write(digests, extras))
    if out.junit or out.report:
        from corrbench.render import junit

        text = junit.write(runs, places(runs))
        cli.save(out.junit, text)
        cli.save(out.report and Path(out.report, "correctness.xml"), text)
    if out.sarif:
        import corrbench
        from corrbench.render import sarif

        cli.save(out.sarif, sarif.write(digests, places(runs), corrbench.__version__))
    if out.markdown or out.report:
        for file in filter(None, (out.markdown, out.report and str(Path(out.report, "correctness.md")))):
            cli.save(file, markdown.write(digests, extras, methods(file)))
    for digest in digests:
        if out.quiet:
            console.print(terminal.verdict(digest.run), soft_wrap=True)
        else:
            terminal.show(console, digest, verbose=out.verbose, code=out.show)
    if extras and not out.quiet:
        console.print(crosscheck.table(crosscheck.rows([*runs, *extras])))
    if out.report:
        console.print(f"Report: {Path(out.report, 'correctness.md')}")


def methods(file: str) -> str:
    """METHODOLOGY.md seen from a report that is written into a checkout of corrbench; empty elsewhere."""
    top = Path(__file__).parents[2]
    here = Path(file).resolve().parent
    if not (top / "METHODOLOGY.md").is_file() or not here.is_relative_to(top):
        return ""
    return Path(os.path.relpath(top / "METHODOLOGY.md", here)).as_posix()


def places(runs: list[Run]) -> dict[str, tuple[str, int]]:
    """Where the targets are defined that are in this checkout."""
    return {run.target: found for run in runs if (found := cli.place(run.target))}


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
