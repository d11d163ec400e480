"""What does the suite miss? The `audit` command: faults planted in corrbench's own mouth, and the score."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import FOUND, PASSED, give_up, output, quiet, steps, verbose, writable
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.audit import Audit
    from corrbench.cli import Step


@click.command()
@click.option(
    "--profile", type=click.Choice(["quick", "standard", "deep"]), default="standard", help="As of `verify`.",
    show_default=True,
)  # fmt: skip
@click.option(
    "--honest-profile", type=click.Choice(["quick", "standard", "deep"]),
    help="For the honest ones, which have no first finding to stop at.  [default: as --profile]",
)  # fmt: skip
@click.option(
    "--only",
    default="",
    shell_complete=_completion.planted,
    help="Names, kinds (defect, cheat, honest) or families of checks, with commas.",
)
@click.option("--full", is_flag=True, help="Let every check go on until it has found something: who finds what.")
@click.option("--rivals", is_flag=True, help="Ask other suites as well: how many of the same faults do they find?")
@click.option("--seed", type=click.IntRange(0), help="Of every run; by default a secret one, printed at the end.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the audit as JSON; - for stdout.")
@click.option("--report", type=click.Path(file_okay=False), help="Write audit.md, or audit-full.md, into this folder.")
@click.option("--workers", type=click.IntRange(1), help="Targets at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted audit of the same command.")
@quiet
@verbose
def audit(**given: Any) -> None:
    """Judge the judge: run `verify` on planted defects, cheats and honest implementations.

    Exit code 1 if an honest one is flagged, or a wrong one survives that is not known to.
    """
    console = output(given["json_file"])
    writable(given["json_file"], folder=given["report"])
    try:
        with steps("audit", quiet=given["quiet"]) as step:
            made = judged(given, step)
    except ValueError as error:
        give_up(str(error))
    except KeyboardInterrupt:
        click.echo("corrbench: interrupted; the same command with --resume goes on", err=True)
        raise SystemExit(130) from None
    from corrbench.render import audit as render

    made.fates.sort(key=lambda fate: (fate.kind, fate.name))
    if given["quiet"]:
        console.print(render.last(made), soft_wrap=True)
    else:
        render.show(console, made)
    try:
        if given["json_file"]:
            with click.open_file(given["json_file"], "w") as file:
                file.write(json.dumps(made.to_json(), indent=1, allow_nan=False) + "\n")
        if given["report"]:
            folder = Path(given["report"])
            folder.mkdir(parents=True, exist_ok=True)
            report = folder / ("audit-full.md" if made.full else "audit.md")
            report.write_text(render.markdown(made), encoding="utf-8")
            console.print(f"Report: {report}")
    except OSError as error:
        give_up(f"cannot write {error.filename}: {error.strerror}")
    raise SystemExit(PASSED if made.passed else FOUND)


def judged(given: dict[str, Any], step: Step) -> Audit:
    """What became of all that is planted.

    Raises:
        ValueError: nothing is called so, or there is no record that the audit could go on with.
    """
    from corrbench import audit as judge
    from corrbench.render import audit as render
    from corrbench.rivals import _run
    from corrbench.runner import store, verify

    seed = verify.secret_seed() if given["seed"] is None else given["seed"]
    calm = given["honest_profile"] or given["profile"]
    header = {"audit": given["only"], "profile": given["profile"], "honest": calm, "full": given["full"], "seed": seed}
    place = Path(".corrbench", f"audit-{given['profile']}{'-full' if given['full'] else ''}.jsonl")
    began = time.monotonic()
    planted = judge.chosen(given["only"])
    try:
        record = store.Store.resume(place, header) if given["resume"] else store.Store.create(place, header)
        made = judge.Audit(
            profile=given["profile"], honest_profile=calm, full=given["full"], seed=record.header["seed"]
        )
        options = verify.Options(profile=made.profile, seed=made.seed)
        options = replace(options, workers=given["workers"]) if given["workers"] else options
        made.environment = verify.summary_environment()
        step(0, len(planted), "the first of them")
        for fate in judge.audit(options, full=made.full, only=given["only"], record=record, calm=calm):
            made.fates.append(fate)
            if given["verbose"] or (not fate.right and sys.stderr.isatty() and not given["quiet"]):
                sys.stderr.write(f"{render.line(fate).plain}\n")  # above the bar; click would write over it
            step(len(made.fates), len(planted), fate.name)
        made.seconds = time.monotonic() - began
        if given["rivals"]:
            step(0, 1, "other suites")
            for score in _run.scores(planted, options.workers, record):
                sys.stderr.write(f"{render.rival(score)}\n")
                made.others.append(score)
    except store.BadStore as error:
        raise ValueError(str(error)) from None
    return made
