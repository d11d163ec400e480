"""The `campaign` command: let a machine look for faults of a library for an hour, or a night."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.api.request import seconds
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.analysis.campaigns import Campaign
    from corrbench.runner import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    names: tuple[str, ...] = ()
    duration: str = "1h"
    until_quiet: str = ""
    corpus: str = ""
    seed: int | None = None
    executor: str = "local"
    workers: int = 0
    resume: bool = False
    json_file: str = ""
    report: str = ""
    quiet: bool = False
    given: dict[str, Any] = field(default_factory=dict)


@click.command(short_help="Random cases of a library for an hour, or a night.")
@click.argument("names", nargs=-1, required=True, shell_complete=_completion.targets)
@click.option(
    "--for", "duration", default="1h", show_default=True, help="How long to search each target: 90s, 10m, 8h."
)
@click.option("--until-quiet", default="", help="End once no new cause was found for so long.")
@click.option(
    "--corpus", type=click.Path(file_okay=False), help="Folder of cases that failed: asked first, and new ones added."
)
@click.option("--seed", type=click.IntRange(0), help="What the cases are drawn from; by default a secret one, printed.")
@click.option("--executor", default="local", show_default=True, help="local, dask, or a scheduler at tcp://HOST:PORT.")
@click.option("--workers", type=click.IntRange(1), help="Judges at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted campaign of the same command.")
@cli.json_file("what was found")
@click.option(
    "--report",
    type=click.Path(file_okay=False),
    help="Write campaign.md, and a draft for every cause, into this folder.",
)
@cli.target_options
@cli.quiet
def campaign(**given: Any) -> None:
    """Search TARGETS for faults with random cases, for as long as wanted.

    Geometry, layouts, element types, data, gradients, threads and ways to call are crossed with each other. What fails
    is made as small as it gets, and what comes down to the same smallest case is one cause.

    Exit codes: 0 nothing found, 1 a cause, 2 nothing was judged.
    """
    asked = cli.taken(Asked, given | {"given": given})
    console = cli.output(asked.json_file)
    cli.writable(asked.json_file, folder=asked.report)
    with cli.working("campaign", quiet=asked.quiet, then=cli.RESUME) as step:
        found = searched(asked, step)
    from corrbench.render import campaign as render

    for one in found:
        if not asked.quiet:
            render.show(console, one)
        console.print(render.verdict(one), soft_wrap=True)
    cli.save(asked.json_file, {"schema": "corrbench-campaign/1", "campaigns": [one.to_json() for one in found]})
    if asked.report:
        cli.save(Path(asked.report, "campaign.md"), render.markdown(found))
        for one in found:
            for name, text in render.drafts(one):
                cli.save(Path(asked.report, f"{name}.md"), text)
        console.print(f"Report: {Path(asked.report, 'campaign.md')}")
    judged = all(one.asked > one.unsupported for one in found)
    raise SystemExit(cli.FOUND if any(one.fresh for one in found) else cli.PASSED if judged else cli.UNJUDGED)


def searched(asked: Asked, step: Step) -> list[Campaign]:
    """What was found of every target.

    Raises:
        ValueError: an option that is none, an unknown target, one that cannot be loaded, a corpus or a record that
            cannot be used.
    """
    most, quiet = seconds(asked.duration, "--for"), seconds(asked.until_quiet, "--until-quiet")
    if most <= 0:
        raise ValueError("--for 0 leaves no time to search: write 90s, 10m or 8h")
    specs = [cli.spec(name, asked.given) for name in asked.names]
    from corrbench.judge.client import NotLoaded
    from corrbench.runner import campaign, corpus, executors, secret_seed, store, verify

    executors.known(asked.executor)
    folder = Path(asked.corpus) if asked.corpus else None
    before = corpus.read(folder) if folder else ()
    header: dict[str, Any] = {"campaign": [asdict(spec) for spec in specs], "corpus": asked.corpus}
    place = Path(".corrbench", f"campaign-{store.digest(json.dumps(header).encode())}.jsonl")
    kind = store.Store
    seed = secret_seed() if asked.seed is None else asked.seed
    record = kind.resume(place, header, asked.seed) if asked.resume else kind.create(place, header | {"seed": seed})
    workers = asked.workers or verify.Options().workers
    made = []
    with executors.opened(asked.executor, workers) as start:
        for spec in specs:
            found = campaign.resumed(spec.name or spec.target, record)
            watch = Watch(step, most, folder, asked.quiet, {cause.key for cause in found.causes})
            try:
                campaign.campaign(
                    spec, start, found, seconds=most, quiet=quiet, workers=workers, before=before, store=record,
                    progress=watch,
                )  # fmt: skip
            except NotLoaded as error:
                raise ValueError(f"{spec.name or spec.target}: {error}") from None
            except KeyboardInterrupt:
                if not found.asked:
                    raise
                found.stopped = verify.INTERRUPTED
            made.append(found)
            if found.stopped == verify.INTERRUPTED:
                break
    return made


@dataclass(slots=True)
class Watch:
    """Shows how far a campaign is, tells each new cause once, and keeps its case."""

    step: Step
    most: float
    folder: Path | None
    quiet: bool
    told: set[Any]

    def __call__(self, found: Campaign) -> None:
        from corrbench.runner import corpus

        for cause in [one for one in found.causes if one.key not in self.told]:
            self.told.add(cause.key)
            if not self.quiet:
                sys.stderr.write(f"{cause.smallest.case}: {cause.smallest.message}\n")  # above the bar
            if self.folder:
                corpus.add(self.folder, found.target, [cause.smallest])
        idle, causes = found.seconds - found.newest, len(found.causes)
        said = f"{found.target}: {found.asked} cases, {found.rate:.0f}/s, {causes} causes, none new for {idle:.0f} s"
        self.step(min(round(found.seconds), round(self.most)), round(self.most), said)
