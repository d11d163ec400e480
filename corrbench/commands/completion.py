"""The `completion` command: a script by which the shell completes what is typed."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from corrbench.cli import main

INSTALL = """\b
For bash, once:
  corrbench completion bash > ~/.local/share/bash-completion/completions/corrbench

\b
For bash without the package bash-completion:
  corrbench completion bash > ~/.corrbench-complete.bash
  echo '. ~/.corrbench-complete.bash' >> ~/.bashrc

\b
For zsh, into a folder that is in $fpath:
  corrbench completion zsh > ~/.zfunc/_corrbench

\b
For fish:
  corrbench completion fish > ~/.config/fish/completions/corrbench.fish

It holds from the next shell on."""


@click.command(epilog=INSTALL, short_help="A script that completes what is typed.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that makes SHELL complete commands, targets, checks and cases.

    After path/file.py: the functions of the file are offered. Nothing is imported for that.
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "corrbench", "_CORRBENCH_COMPLETE").source())
