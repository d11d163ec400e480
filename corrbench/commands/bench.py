"""The `bench` command: how fast are these targets?"""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import (
    FOUND,
    PASSED,
    UNJUDGED,
    give_up,
    json_file,
    output,
    quiet,
    save,
    seed,
    target_options,
    working,
    writable,
)
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
@seed("Of data and of the order of samples.  [default: a secret one]")
@json_file("the measurement")
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
    with working("bench", quiet=given["quiet"]) as step:
        made, seed = measured(targets, given, step)
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
    from corrbench.cli import spec
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.sandbox import Died
    from corrbench.timing import bench as measuring
    from corrbench.timing import cases
    from corrbench.timing.interleaved import Task
    from corrbench.timing.roofline import Unmeasured

    seed = given["seed"]
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
    words += ["--compile"] if given["compile"] else []
    words += ["--backward"] if given["backward"] else []
    return shlex.join([*words, "--seed", str(seed)])


def write(made: Bench, command: str, seed: int, given: dict[str, Any]) -> None:
    """The files that were asked for."""
    from corrbench.render import bench as render
    from corrbench.runner import verify

    environment = verify.summary_environment()
    try:
        save(given["json_file"], {**made.to_json(), "command": command, "seed": seed, "environment": environment})
        save(given["markdown"], render.markdown(made, command, environment=environment))
        if given["plot"]:
            draw(render.figure(made), given["plot"])
        if given["report"]:
            text = render.markdown(made, command, "performance.svg", environment)
            save(Path(given["report"], "performance.md"), text)
            draw(render.figure(made), str(Path(given["report"], "performance.svg")))
    except OSError as error:
        give_up(f"cannot write {error.filename}: {error.strerror}")


def draw(figure: Any, name: str) -> None:
    """A figure as a file: the same bytes for the same figure, text as text."""
    import matplotlib as mpl

    dated = {"Date": None} if name.endswith(".svg") else {}
    with mpl.rc_context({"svg.hashsalt": "corrbench", "svg.fonttype": "none"}):
        figure.savefig(name, dpi=144, metadata=dated)
