"""The command line: what a user types, and the exit codes they get."""

from __future__ import annotations

import importlib
import pkgutil
from typing import NoReturn

import click

from corrbench import __version__, commands

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
