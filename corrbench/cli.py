"""The command line: what a user types, and the exit codes they get."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from corrbench import __version__, commands

if TYPE_CHECKING:
    from rich.console import Console

PASSED, FOUND, UNJUDGED, INCONCLUSIVE = 0, 1, 2, 3


class Commands(click.Group):
    """The commands of `corrbench.commands`, a file each, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(info.name for info in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        found: click.Command = getattr(importlib.import_module(f"{commands.__name__}.{name}"), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Point it at a 2-D cross-correlation or convolution: is it correct, and how accurate?

    Exit codes: 0 passed, 1 findings, 2 could not judge, 3 inconclusive.
    """


def give_up(message: str) -> NoReturn:
    """One clear message, exit code 2."""
    click.echo(f"corrbench: {message}", err=True)
    raise SystemExit(UNJUDGED)


def output(json_file: str | None) -> Console:
    """Where people read: standard output, or standard error where JSON goes to the former. A log has wide lines."""
    from rich.console import Console

    console = Console(stderr=json_file == "-", highlight=False)
    if console.width < 100 and not console.is_terminal:
        console.width = 160
    return console


def writable(*names: str | None) -> None:
    """Give up before anything is measured if one of the files that are asked for cannot be written."""
    for name in names:
        if name and name != "-":
            place = Path(name) if Path(name).exists() else Path(name).parent
            if not place.exists() or not os.access(place, os.W_OK):
                give_up(f"cannot write {name}: {'no permission' if place.exists() else 'no such folder'}")


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a target is called, for commands that take any number of them."""
    for option in (
        click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds that one call may take."),
        click.option("--python", default="", help="Interpreter of another environment that targets run in."),
        click.option("--device", default="", help="cpu or cuda.  [default: cpu]"),
        click.option(
            "--accuracy", type=click.Choice(["direct", "winograd", "fft", "tf32"]), help="The declared accuracy class."
        ),
        click.option("--arrays", type=click.Choice(["torch", "numpy"]), help="What targets are given and return."),
        click.option("--form", type=click.Choice(["corr2d", "conv2d", "module"]), help="How targets are called."),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def steps(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal that is told (done, total, what is being done); nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=f"{what} {text[:40]}")
