"""The `bench` command: how fast are these targets?"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.commands import _completion, _help
from corrbench.target import shell_line, words

if TYPE_CHECKING:
    from corrbench.timing.bench import Bench

PICTURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    device: str = ""
    suite: str
    cases: tuple[str, ...] = ()
    backward: bool
    limit: str = ""
    seed: int
    json_file: str = ""
    markdown: str = ""
    plot: str = ""
    report: str = ""
    quiet: bool


@click.command(cls=_help.Sections, short_help="How fast are targets, beside PyTorch?")
@click.argument("targets", nargs=-1, required=True, shell_complete=_completion.targets)
@cli.target_options
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
@click.option("--limit", default="", help="About how long it may take: 90s, 10m, 1h; fewer samples are taken then.")
@cli.seed("Of data and of the order of samples.  [default: a secret one]")
@cli.json_file("the measurement")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write it as Markdown.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Draw it: a file that ends in .svg, .png or .pdf.")
@click.option("--report", type=click.Path(file_okay=False), help="Write performance.md and .svg into this folder.")
@cli.quiet
def bench(targets: tuple[str, ...], **given: Any) -> None:
    """Time TARGETS beside each other, PyTorch's conv2d and what the machine can do.

    Exit codes: 0 measured, 1 wrong while it was timed or faster than possible, 2 could not measure.
    """
    asked, called = cli.taken(Asked, given), words(given)
    console = cli.output(asked.json_file)
    possible(asked)
    with cli.working("bench", quiet=asked.quiet) as step:
        if len(set(targets)) < len(targets):
            raise ValueError(f"{max(targets, key=targets.count)} is named more than once")
        specs = {name: cli.spec(name, given) for name in targets}
        from corrbench.api.request import seconds
        from corrbench.timing import requests

        made = requests.measure(
            specs, asked.suite, asked.cases, step, backward=asked.backward, device=asked.device, seed=asked.seed,
            limit=seconds(asked.limit, "--limit"),
        )  # fmt: skip
    from corrbench.render import bench as render

    if not asked.quiet:
        render.show(console, made)
    code = {"passed": cli.PASSED, "unjudged": cli.UNJUDGED}.get(made.verdict, cli.FOUND)
    word = {"passed": "NOISY" if made.noisy else "MEASURED", "unjudged": "NOTHING TIMED"}.get(
        made.verdict, made.verdict.upper()
    )
    console.print(f"{word}: {render.summary(made)}; seed {asked.seed}", soft_wrap=True)
    write(made, typed([*targets, *called], asked), asked)
    raise SystemExit(code)


def possible(asked: Asked) -> None:
    """Give up before anything is measured if what was asked for cannot be written."""
    if asked.plot and Path(asked.plot).suffix not in PICTURES:
        cli.give_up(f"--plot {asked.plot}: the name must end in {', '.join(PICTURES)}")
    if (asked.plot or asked.report) and importlib.util.find_spec("matplotlib") is None:
        cli.give_up("a plot needs matplotlib: pip install 'corrbench[plot]'")
    cli.writable(asked.json_file, asked.markdown, asked.plot, folder=asked.report)


def typed(called: list[str], asked: Asked) -> str:
    """The command that measures the same again, with the targets and how they are `called`."""
    chosen = [word for case in asked.cases for word in ("--case", case)] or ["--suite", asked.suite]
    chosen += ["--backward"] if asked.backward else []
    chosen += ["--limit", asked.limit] if asked.limit else []
    return shell_line(["corrbench", "bench", *called, *chosen, "--seed", str(asked.seed)])


def write(made: Bench, command: str, asked: Asked) -> None:
    """The files that were asked for."""
    from corrbench.render import bench as render
    from corrbench.runner import signature

    environment = signature.summary_environment()
    try:
        record = {**made.to_json(), "command": command, "seed": asked.seed, "environment": environment}
        cli.save(asked.json_file, record)
        cli.save(asked.markdown, render.markdown(made, command, environment=environment))
        if asked.plot:
            draw(render.figure(made), asked.plot)
        if asked.report:
            text = render.markdown(made, command, "performance.svg", environment)
            cli.save(Path(asked.report, "performance.md"), text)
            draw(render.figure(made), str(Path(asked.report, "performance.svg")))
    except OSError as error:
        cli.give_up(f"cannot write {error.filename}: {error.strerror}")


def draw(figure: Any, name: str) -> None:
    """A figure as a file: the same bytes for the same figure, text as text."""
    import matplotlib as mpl

    dated = {"Date": None} if name.endswith(".svg") else {}
    with mpl.rc_context({"svg.hashsalt": "corrbench", "svg.fonttype": "none"}):
        figure.savefig(name, dpi=144, metadata=dated)
