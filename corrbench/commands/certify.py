"""The `certify` command: is it shown, for one case, that a target is right whatever the operands are?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from corrbench import cli
from corrbench.commands import _completion, _help
from corrbench.commands._choice import Choice

CODES = {"certified": cli.PASSED, "refuted": cli.FOUND, "open": cli.INCONCLUSIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is shown and written, named as the options are."""

    json_file: str = ""
    markdown: str = ""
    page: str = ""
    quiet: bool = False


@click.command(cls=_help.Sections, short_help="Show for one case that there is no trigger, and what is assumed.")
@click.argument("target", shell_complete=_completion.targets)
@click.option("--case", required=True, shell_complete=_completion.cases, help="The case, as findings name it.")
@click.option(
    "--memcheck", type=Choice(("auto", "always", "never")), default="auto", show_default=True,
    help="Run the machine code under valgrind: auto leaves torch out, which takes minutes to start there.",
)  # fmt: skip
@click.option("--no-tests", is_flag=True, help="Leave out the checks of verify.")
@cli.seed("What operands and primes are drawn from; by default a secret one, printed.")
@cli.json_file("the certificate")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the certificate as Markdown.")
@click.option("--html", "page", type=click.Path(dir_okay=False), help="Write the certificate as a page for a browser.")
@cli.target_options
@cli.target_option("memory")
@cli.quiet
def certify(target: str, case: str, memcheck: str, no_tests: bool, seed: int, **given: Any) -> None:
    """Examine TARGET for one case: its program over prime fields, its machine code, its state, exact integers, tests.

    Exit codes: 0 certified, 1 refuted, 2 could not judge, 3 open: neither.
    """
    out = cli.taken(Outputs, given)
    console = cli.output(out.json_file)
    cli.writable(out.json_file, out.markdown, out.page)
    with cli.working("certify", quiet=out.quiet) as step:
        spec = cli.spec(target, given)
        from corrbench.runner import plan

        plan.known(case)
        from corrbench.certificate import certify as making
        from corrbench.judge.client import NotLoaded

        options = making.Options(case=case, seed=seed, memcheck=memcheck, test=not no_tests)
        try:
            made = making.certify(spec, options, lambda text: step(0, 1, text))
        except NotLoaded as error:
            cli.give_up(f"{target}: {error}")
    from corrbench.render import certificate as render

    cli.save(out.json_file, made.to_json())
    cli.save(out.markdown, render.markdown(made))
    cli.save(out.page, render.page(made))
    if not out.quiet:
        render.show(console, made)
    console.print(render.verdict(made), soft_wrap=True)
    raise SystemExit(CODES[made.verdict])
