"""The `doctor` command: can corrbench work here?"""

from __future__ import annotations

import importlib.util
import sys

import click

from corrbench.cli import PASSED, UNJUDGED, give_up, output, quiet, save, working, writable


@click.command(short_help="Can corrbench work here?")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write all facts as JSON; - for stdout.")
@quiet
def doctor(json_file: str | None, *, quiet: bool) -> None:
    """Say what is installed, what changes results or times here, and what to type.

    ✓ as it should be, ! worth a look, – not there and not needed. Exit codes: 0 corrbench can work here, 2 it cannot.
    """
    if importlib.util.find_spec("rich") is None:
        give_up("rich is not installed, and needed: pip install rich")
    writable(json_file)
    console = output(json_file)
    with working("doctor", quiet=quiet):
        from corrbench.environment import doctor as rules
        from corrbench.environment import facts
        from corrbench.judge import boundary
        from corrbench.render.doctor import last, show

        found = facts.gather()
        found["Sandbox"] = {"sandbox": boundary.measured(sys.executable).said()}
    lines = rules.examine(found)
    if quiet:
        console.print(last(lines))
    else:
        show(console, lines)
    if json_file:
        save(json_file, rules.to_json(found, lines))
    raise SystemExit(PASSED if rules.works(lines) else UNJUDGED)
