"""The `explain` command: what does a check ask, and what is a known finding?"""

from __future__ import annotations

import click

from corrbench import cli
from corrbench.commands import _completion


@click.command(short_help="What a check asks, or what is known by a name.")
@click.argument("name", shell_complete=_completion.checks)
def explain(name: str) -> None:
    """Say what a check asks (values.exact), a family of checks (values), or a finding that a baseline knows by NAME.

    Exit codes: 0 said, 2 there is nothing of that name.
    """
    with cli.working("explain"):
        from corrbench.render import explain as render

        text = render.text(name)
    cli.output(None).print(text, soft_wrap=True, markup=False)
