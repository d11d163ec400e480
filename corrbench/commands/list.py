"""The `list` command: which checks, suites, targets and fills are there?"""

from __future__ import annotations

import click

from corrbench import cli
from corrbench.commands._choice import Choice

KINDS = ("checks", "suites", "targets", "fills")


@click.command("list", short_help="Checks, suites, targets or fills, a line each.")
@click.argument("kind", type=Choice(KINDS))
def list_(kind: str) -> None:
    """List checks, suites of cases, registered targets, or fills, which are the kinds of data of a case."""
    with cli.working("list"):
        from corrbench.render import explain as render

        found = render.listed(kind)
    console = cli.output(None)
    width = max(map(len, found))
    for name, about in found.items():
        console.print(f"{name:{width}}  {about}".rstrip(), soft_wrap=True, markup=False)


list = list_  # noqa: A001 - the name of the command
