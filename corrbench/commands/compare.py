"""The `compare` command: which of two targets is faster?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from corrbench import cli
from corrbench.commands import _completion, _help


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    cases: tuple[str, ...] = ()
    backward: bool
    tolerance: float
    seed: int
    json_file: str = ""
    quiet: bool


@click.command(cls=_help.Sections, short_help="Which of two targets is faster?")
@click.argument("a", shell_complete=_completion.targets)
@click.argument("b", shell_complete=_completion.targets)
@cli.target_options
@click.option(
    "--case",
    "cases",
    multiple=True,
    shell_complete=_completion.cases,
    help="Only this case; may be repeated.  [default: the suite speed]",
)
@click.option("--backward", is_flag=True, help="Time the result and all its gradients.")
@click.option(
    "--tolerance", type=click.FloatRange(0, 100, min_open=True), default=3.0, show_default=True,
    help="Per cent by which B may be slower, and within which a change counts as none.",
)  # fmt: skip
@cli.seed("Of data and of the order of samples.  [default: a secret one]")
@cli.json_file("the comparison")
@cli.quiet
def compare(a: str, b: str, **given: Any) -> None:
    """Time B against A, sample by sample in turn.

    Exit codes: 0 B is not slower, 1 it is by more than the tolerance (or wrong while it was timed), 2 could not
    compare, 3 inconclusive.
    """
    asked = cli.taken(Asked, given)
    cli.writable(asked.json_file)
    console = cli.output(asked.json_file)
    with cli.working("compare", quiet=asked.quiet) as step:
        specs = cli.spec(a, given), cli.spec(b, given)
        from corrbench.timing import requests

        found = requests.compare(
            *specs, asked.cases, step, backward=asked.backward, tolerance=asked.tolerance, seed=asked.seed
        )
    from corrbench.render.compare import show, summary
    from corrbench.runner import signature
    from corrbench.timing.significance import Verdict

    slower, unsure = found.having(Verdict.SLOWER, Verdict.FAILED), found.having(Verdict.INCONCLUSIVE)
    judged = len(found.cases) - len(found.having(Verdict.SKIPPED))
    code = cli.INCONCLUSIVE if unsure else cli.PASSED
    code = cli.FOUND if slower or found.wrong else code if judged else cli.UNJUDGED
    if not asked.quiet:
        show(console, found, (a, b))
    passed = "FASTER" if len(found.having(Verdict.FASTER)) == judged else "NOT SLOWER"
    words = {cli.UNJUDGED: "NOTHING TIMED", cli.INCONCLUSIVE: "INCONCLUSIVE", cli.PASSED: passed}
    word = words.get(code, "SLOWER" if slower else "WRONG")
    console.print(f"{word}: {summary(found)}; {found.seconds:.0f} s; seed {asked.seed}", soft_wrap=True)
    record = {"schema": "corrbench-compare/1", "a": a, "b": b, "verdict": word.lower(), "seed": asked.seed,
              "tolerance": asked.tolerance / 100, "environment": signature.summary_environment(),
              **found.to_json()}  # fmt: skip
    cli.save(asked.json_file, record)
    raise SystemExit(code)
