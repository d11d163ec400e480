"""The `doctor` command: can corrbench work here?"""

from __future__ import annotations

import importlib.util
import json

import click

from corrbench.cli import PASSED, UNJUDGED, give_up, output, quiet, steps, writable


@click.command()
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
    with steps("doctor", quiet=quiet):
        from corrbench.environment import doctor as rules
        from corrbench.environment import facts
        from corrbench.render import doctor as render

        found = facts.gather()
    lines = rules.examine(found)
    if quiet:
        console.print(render.last(lines))
    else:
        render.show(console, lines)
    if json_file:
        try:
            with click.open_file(json_file, "w") as file:
                file.write(json.dumps(rules.to_json(found, lines), indent=1, allow_nan=False) + "\n")
        except OSError as error:
            give_up(f"cannot write {error.filename}: {error.strerror}")
    raise SystemExit(PASSED if rules.works(lines) else UNJUDGED)
