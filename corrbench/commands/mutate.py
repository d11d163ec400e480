"""The `mutate` command: what share of small mistakes in this very code would `verify` have noticed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from corrbench import cli
from corrbench.api.request import seconds
from corrbench.commands import _completion, _help


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is shown and written, named as the options are."""

    json_file: str = ""
    markdown: str = ""
    quiet: bool = False
    verbose: bool = False


@click.command(cls=_help.Sections, short_help="Would small mistakes in this code be noticed?")
@click.argument("target", shell_complete=_completion.targets)
@cli.profile("standard", help="As of `verify`.")
@click.option("--sample", type=click.IntRange(0), default=0, help="So many mutants at most.  [default: all]")
@click.option("--limit", default="", help="Begin no more after this: 90s, 10m, 1h.")
@click.option("--least", type=click.FloatRange(0, 1), default=0.0, help="Exit 1 if a smaller share is noticed.")
@click.option("--workers", type=click.IntRange(1), help="Mutants at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted command.")
@click.option("--seed", type=click.IntRange(0), help="Of data, and of the order of mutants; by default a secret one.")
@cli.json_file("all mutants")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the report as Markdown.")
@cli.target_options
@cli.target_option("memory")
@cli.quiet
@cli.verbose
def mutate(target: str, least: float, limit: str, sample: int, seed: int | None, resume: bool, profile: str,
           workers: int | None, **given: Any) -> None:  # fmt: skip
    """Change one thing at a time in a copy of TARGET's source, and have `verify --fail-fast` judge it.

    Exit codes: 0 judged, 1 a smaller share than --least was noticed, 2 could not judge.
    """
    out = cli.taken(Outputs, given)
    console = cli.output(out.json_file)
    cli.writable(out.json_file, out.markdown)
    with cli.working("mutate", quiet=out.quiet, then=cli.RESUME) as step:
        spec, most = cli.spec(target, given), seconds(limit, "--limit")
        from corrbench.mutation import mutate as making
        from corrbench.runner import verify

        options = making.Options(
            profile=profile,
            seed=seed,
            sample=sample,
            limit=most,
            workers=workers or verify.Options().workers,
            resume=resume,
        )

        def watch(fate: Any, made: Any, total: int) -> None:
            if fate.outcome == "survived" and not out.quiet:
                cli.seen(f"line {fate.line}: {fate.kind}: {fate.message}")
            step(len(made.fates), total, f"{len(made.of('survived'))} survived")

        made = making.mutate(spec, options, watch)
    from corrbench.render import mutation as render

    cli.save(out.json_file, made.to_json())
    cli.save(out.markdown, render.markdown(made))
    if not out.quiet:
        render.show(console, made, equivalent=out.verbose)
    console.print(render.verdict(made), soft_wrap=True)
    if not made.of("noticed") and not made.of("survived"):
        raise SystemExit(cli.UNJUDGED)
    raise SystemExit(cli.FOUND if made.share < least else cli.PASSED)
