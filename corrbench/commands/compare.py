"""The `compare` command: which of two targets is faster?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import FOUND, INCONCLUSIVE, PASSED, UNJUDGED, give_up, output, quiet, steps, target_options, writable
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.cli import Step
    from corrbench.timing.paired import PairedComparison


@click.command()
@click.argument("a", shell_complete=_completion.targets)
@click.argument("b", shell_complete=_completion.targets)
@target_options
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
@click.option("--seed", type=click.IntRange(0), help="Of data and of the order of samples.  [default: a secret one]")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="Write the comparison as JSON; - for stdout."
)
@quiet
def compare(a: str, b: str, **given: Any) -> None:
    """Time B against A, sample by sample in turn.

    Exit codes: 0 B is not slower, 1 it is by more than the tolerance (or wrong while it was timed), 2 could not
    compare, 3 inconclusive.
    """
    writable(given["json_file"])
    console = output(given["json_file"])
    try:
        with steps("compare", quiet=given["quiet"]) as step:
            found, seed = compared(a, b, given, step)
    except ValueError as error:
        give_up(str(error))
    except KeyboardInterrupt:
        click.echo("corrbench: interrupted", err=True)
        raise SystemExit(130) from None
    from corrbench.render import compare as render
    from corrbench.runner import verify
    from corrbench.timing.significance import Verdict

    slower, unsure = found.having(Verdict.SLOWER, Verdict.FAILED), found.having(Verdict.INCONCLUSIVE)
    judged = len(found.cases) - len(found.having(Verdict.SKIPPED))
    code = FOUND if slower or found.wrong else UNJUDGED if not judged else INCONCLUSIVE if unsure else PASSED
    if not given["quiet"]:
        render.show(console, found, (a, b))
    faster = len(found.having(Verdict.FASTER)) == judged
    words = {UNJUDGED: "NOTHING TIMED", INCONCLUSIVE: "INCONCLUSIVE", PASSED: "FASTER" if faster else "NOT SLOWER"}
    word = words.get(code, "SLOWER" if slower else "WRONG")
    console.print(f"{word}: {render.summary(found)}; {found.seconds:.0f} s; seed {seed}", soft_wrap=True)
    if given["json_file"]:
        record = {"schema": "corrbench-compare/1", "a": a, "b": b, "verdict": word.lower(), "seed": seed,
                  "tolerance": given["tolerance"] / 100, "environment": verify.summary_environment(),
                  **found.to_json()}  # fmt: skip
        with click.open_file(given["json_file"], "w") as file:
            file.write(json.dumps(record, indent=1, allow_nan=False) + "\n")
    raise SystemExit(code)


def compared(a: str, b: str, given: dict[str, Any], step: Step) -> tuple[PairedComparison, int]:
    """The two timed in turn, and the seed.

    Raises:
        ValueError: one of them cannot be timed.
    """
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.sandbox import Died
    from corrbench.runner import verify
    from corrbench.runner.session import spec
    from corrbench.timing import cases, paired
    from corrbench.timing.interleaved import Task

    seed = verify.secret_seed() if given["seed"] is None else given["seed"]
    tolerance = given["tolerance"] / 100
    mode = "backward" if given["backward"] else "forward"
    try:
        wanted, one, other = cases.wanted(given["cases"]), spec(a, given), spec(b, given)
        supports = [cases.support(one), cases.support(other)]
        tasks = [Task(case, mode) for case in cases.timeable(wanted, supports, mode, named=bool(given["cases"]))]
        found = paired.compare(one, other, tasks, tolerance=tolerance, resolution=tolerance, seed=seed, step=step)
    except (NotLoaded, Died) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None
    return found, seed
