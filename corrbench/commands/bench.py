"""The `bench` command: how fast are these targets?"""

from __future__ import annotations

import importlib.util
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import FOUND, PASSED, UNJUDGED, give_up, output, quiet, steps, target_options, writable
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.cli import Step
    from corrbench.timing.bench import Bench

PICTURES = (".svg", ".png", ".pdf")


@click.command()
@click.argument("targets", nargs=-1, required=True, shell_complete=_completion.targets)
@target_options
@click.option(
    "--suite",
    default="speed",
    show_default=True,
    shell_complete=_completion.suites,
    help="The cases: speed, kernels, or another suite.",
)
@click.option(
    "--case", "cases", multiple=True, shell_complete=_completion.cases, help="Only this case; may be repeated."
)
@click.option("--backward", is_flag=True, help="Time the result and all its gradients.")
@click.option("--seed", type=click.IntRange(0), help="Of data and of the order of samples.  [default: a secret one]")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="Write the measurement as JSON; - for stdout."
)
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write it as Markdown.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw it: a file that ends in .svg, .png or .pdf.")
@click.option("--report", type=click.Path(file_okay=False), help="Write performance.md and .svg into this folder.")
@quiet
def bench(targets: tuple[str, ...], **given: Any) -> None:
    """Time TARGETS beside each other, PyTorch's conv2d and what the machine can do.

    Exit codes: 0 measured, 1 wrong while it was timed or faster than possible, 2 could not measure.
    """
    console = output(given["json_file"])
    possible(given)
    try:
        with steps("bench", quiet=given["quiet"]) as step:
            made, seed = measured(targets, given, step)
    except ValueError as error:
        give_up(str(error))
    except KeyboardInterrupt:
        click.echo("corrbench: interrupted", err=True)
        raise SystemExit(130) from None
    from corrbench.render import bench as render

    if not given["quiet"]:
        render.show(console, made)
    code = {"passed": PASSED, "unjudged": UNJUDGED}.get(made.verdict, FOUND)
    word = {"passed": "MEASURED", "unjudged": "NOTHING TIMED"}.get(made.verdict, made.verdict.upper())
    console.print(f"{word}: {render.summary(made)}; seed {seed}", soft_wrap=True)
    write(made, typed(targets, seed, given), seed, given)
    raise SystemExit(code)


def measured(targets: tuple[str, ...], given: dict[str, Any], step: Step) -> tuple[Bench, int]:
    """The targets timed side by side, and the seed.

    Raises:
        ValueError: one of them, or the machine, cannot be measured.
    """
    from corrbench import target
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.sandbox import Died
    from corrbench.runner import verify
    from corrbench.runner.session import spec
    from corrbench.timing import bench as measuring
    from corrbench.timing import cases
    from corrbench.timing.interleaved import Task
    from corrbench.timing.roofline import Unmeasured

    seed = verify.secret_seed() if given["seed"] is None else given["seed"]
    mode = "backward" if given["backward"] else "forward"
    if len(set(targets)) < len(targets):
        raise ValueError(f"{max(targets, key=targets.count)} is named more than once")
    try:
        wanted = cases.wanted(given["cases"], given["suite"])
        specs = {name: spec(name, given) for name in targets}
        if measuring.BASELINE not in specs:
            specs[measuring.BASELINE] = target.find(measuring.BASELINE, device=given["device"])
        supports = [cases.support(one) for one in specs.values()]
        tasks = [Task(case, mode) for case in cases.timeable(wanted, supports, mode, named=bool(given["cases"]))]
        return measuring.measure(specs, targets, tasks, seed, step), seed
    except (NotLoaded, Died, Unmeasured) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None


def possible(given: dict[str, Any]) -> None:
    """Give up before anything is measured if what was asked for cannot be written."""
    if given["plot"] and Path(given["plot"]).suffix not in PICTURES:
        give_up(f"--plot {given['plot']}: the name must end in {', '.join(PICTURES)}")
    if (given["plot"] or given["report"]) and importlib.util.find_spec("matplotlib") is None:
        give_up("a plot needs matplotlib: pip install 'corrbench[plot]'")
    writable(given["json_file"], given["markdown"], given["plot"], folder=given["report"])


def typed(targets: tuple[str, ...], seed: int, given: dict[str, Any]) -> str:
    """The command that measures the same again."""
    words = ["corrbench", "bench", *targets]
    for name in ("form", "arrays", "accuracy", "device", "python", "timeout"):
        words += [f"--{name}", str(given[name])] if given[name] else []
    words += [word for case in given["cases"] for word in ("--case", case)] or ["--suite", given["suite"]]
    words += ["--backward"] if given["backward"] else []
    return shlex.join([*words, "--seed", str(seed)])


def write(made: Bench, command: str, seed: int, given: dict[str, Any]) -> None:
    """The files that were asked for."""
    from corrbench.render import bench as render
    from corrbench.runner import verify

    environment = verify.summary_environment()
    try:
        if given["json_file"]:
            record = {**made.to_json(), "command": command, "seed": seed, "environment": environment}
            with click.open_file(given["json_file"], "w") as file:
                file.write(json.dumps(record, indent=1, allow_nan=False) + "\n")
        if given["markdown"]:
            Path(given["markdown"]).write_text(
                render.markdown(made, command, environment=environment), encoding="utf-8"
            )
        if given["plot"]:
            draw(render.figure(made), given["plot"])
        if given["report"]:
            text = render.markdown(made, command, "performance.svg", environment)
            Path(given["report"], "performance.md").write_text(text, encoding="utf-8")
            draw(render.figure(made), str(Path(given["report"], "performance.svg")))
    except OSError as error:
        give_up(f"cannot write {error.filename}: {error.strerror}")


def draw(figure: Any, name: str) -> None:
    """A figure as a file: the same bytes for the same figure, text as text."""
    import matplotlib as mpl

    dated = {"Date": None} if name.endswith(".svg") else {}
    with mpl.rc_context({"svg.hashsalt": "corrbench", "svg.fonttype": "none"}):
        figure.savefig(name, dpi=144, metadata=dated)
