"""The `audit` command: mutation testing of the suite, and the score."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from corrbench import cli
from corrbench.commands import _completion
from corrbench.commands._choice import Choice
from corrbench.target import PROFILES

if TYPE_CHECKING:
    from types import ModuleType

    from rich.console import Console

    from corrbench.audit import Audit
    from corrbench.runner import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    profile: str
    honest_profile: str = ""
    only: str = ""
    full: bool
    rivals: bool
    explained: bool
    sample: int
    seed: int
    workers: int = 0
    resume: bool
    json_file: str = ""
    report: str = ""
    quiet: bool
    verbose: bool


@click.command(short_help="Does corrbench itself find faults?")
@cli.profile("standard", help="As of `verify`.")
@click.option(
    "--honest-profile",
    type=Choice(PROFILES),
    help="For the honest ones and triggers with a computed constant, which have no first finding to stop at.  "
    "[default: as --profile]",
)
@click.option(
    "--only",
    default="",
    shell_complete=_completion.mutants,
    help="Names, kinds (defect, cheat, trigger, honest) or families of checks, with commas.",
)
@click.option("--full", is_flag=True, help="Let every check go on until it has found something: who finds what.")
@click.option("--rivals", is_flag=True, help="Ask other suites as well: how many of the same faults do they find?")
@click.option("--explained", is_flag=True, help="Instead: is what a report says of each defect's cause true?")
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=0,
    help="With --explained: only so many of each half; --resume may ask for more of them.",
)
@cli.seed("Of every run; by default a secret one, printed at the end.")
@cli.json_file("the audit")
@click.option("--report", type=click.Path(file_okay=False), help="Write audit.md, or audit-full.md, into this folder.")
@click.option("--workers", type=click.IntRange(1), help="Targets at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted audit of the same command.")
@cli.quiet
@cli.verbose
def audit(**given: Any) -> None:
    """Test the suite by mutation: run `verify` on defects, cheats and honest implementations.

    Exit code 1 if an honest one is flagged, or a wrong one survives that is not known to.
    """
    asked = cli.taken(Asked, given)
    console = cli.output(asked.json_file)
    cli.writable(asked.json_file, folder=asked.report)
    if asked.explained:
        explain(asked)
    with cli.working("audit", quiet=asked.quiet, then=cli.RESUME) as step:
        made = scored(asked, step)
    from corrbench.render import audit as render

    made.fates.sort(key=lambda fate: (fate.kind, fate.name))
    tell(asked, console, made, render, "audit-full.md" if made.full else "audit.md")
    raise SystemExit(cli.PASSED if made.passed else cli.FOUND)


def tell(asked: Asked, console: Console, made: Any, render: ModuleType, report: str) -> None:
    """Show what came of it, and write the files that were asked for, the report under its name."""
    if asked.quiet:
        console.print(render.last(made), soft_wrap=True)
    else:
        render.show(console, made)
    cli.save(asked.json_file, made.to_json())
    if asked.report:
        place = Path(asked.report, report)
        cli.save(place, render.markdown(made))
        console.print(f"Report: {place}")


def explain(asked: Asked) -> NoReturn:
    """Measure explanations, and show what came of it; exit code 0 whatever did, for the figures are the result."""
    from corrbench.audit_explanations import Explanations, planted, told
    from corrbench.render import explanations as render
    from corrbench.runner import signature, store, verify

    console = cli.output(asked.json_file)
    place = Path(".corrbench", "explanations.jsonl")
    began = time.monotonic()
    with cli.working("audit", quiet=asked.quiet, then=cli.RESUME) as step:
        waiting = planted(asked.sample)
        header = {"explanations": True, "seed": asked.seed}  # a larger sample goes on with a smaller one
        record = store.Store.resume(place, header) if asked.resume else store.Store.create(place, header)
        made = Explanations(seed=record.header["seed"], environment=signature.summary_environment())
        words = {"profile": "quick", "seed": made.seed, "workers": asked.workers or None}
        step(0, len(waiting), "the first of them")
        for one in told(waiting, cli.taken(verify.Options, words), record):
            made.told.append(one)
            if asked.verbose:
                sys.stderr.write(f"{render.line(one)}\n")
            step(len(made.told), len(waiting), one.name)
    made.seconds = time.monotonic() - began
    tell(asked, console, made, render, "explained.md")
    raise SystemExit(cli.PASSED)


def scored(asked: Asked, step: Step) -> Audit:
    """What became of all mutants.

    Raises:
        ValueError: nothing is called so, or there is no record that the audit could go on with.
    """
    from corrbench.audit import Audit, chosen, fates, left_out
    from corrbench.render.audit import line, rival
    from corrbench.rivals import _run
    from corrbench.runner import signature, store, verify

    calm = asked.honest_profile or asked.profile
    header = {"audit": asked.only, "profile": asked.profile, "honest": calm, "full": asked.full, "seed": asked.seed}
    place = Path(".corrbench", f"audit-{asked.profile}{'-full' if asked.full else ''}.jsonl")
    began = time.monotonic()
    mutants = chosen(asked.only)
    record = store.Store.resume(place, header) if asked.resume else store.Store.create(place, header)
    seed = record.header["seed"]
    made = Audit(profile=asked.profile, honest_profile=calm, full=asked.full, seed=seed)
    options = cli.taken(verify.Options, {"profile": asked.profile, "seed": seed, "workers": asked.workers or None})
    made.absent = {} if asked.only else left_out()
    made.environment = signature.summary_environment()
    step(0, len(mutants), "the first of them")
    for fate in fates(options, full=made.full, only=asked.only, record=record, calm=calm):
        made.fates.append(fate)
        if asked.verbose or (not fate.right and sys.stderr.isatty() and not asked.quiet):
            sys.stderr.write(f"{line(fate).plain}\n")  # above the bar; click would write over it
        step(len(made.fates), len(mutants), fate.name)
    made.seconds = time.monotonic() - began
    if asked.rivals:
        step(0, 1, "other suites")
        asked_of = [one for one in mutants if one.kind != "trigger"]  # no suite but one that reads can have these
        for score in _run.scores(asked_of, options.workers, record):
            sys.stderr.write(f"{rival(score)}\n")
            made.others.append(score)
    return made
