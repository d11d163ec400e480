"""The `peers` command: which released library gets what wrong?"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.commands import _completion
from corrbench.target import shell_line

if TYPE_CHECKING:
    from corrbench.peers import Conformance
    from corrbench.runner import Step
    from corrbench.runner.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    names: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    profile: str
    check: str = ""
    suites: tuple[str, ...] = ()
    seed: int | None = None
    baselines: str = ""
    limit: float
    speed: bool
    fingerprint: bool
    workers: int = 0
    resume: bool
    json_file: str = ""
    markdown: str = ""
    report: str = ""
    quiet: bool

    def typed(self, seed: int) -> str:
        """The command that makes the same table again; where the environments are is the reader's to say."""
        words = ["corrbench", "peers", *self.names, "--profile", self.profile]
        words += ["--check", self.check] if self.check else []
        words += ["--limit", f"{self.limit:g}"]
        words += [word for suite in self.suites for word in ("--suite", suite)]
        words += ["--baselines", self.baselines] if self.baselines else []
        return shell_line([*words, "--seed", str(seed)])


@click.command(short_help="Which released library gets what wrong?")
@click.argument("names", nargs=-1, shell_complete=_completion.targets)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    help="Interpreter of another environment, for libraries that are not installed here; may be repeated.",
)
@cli.profile("quick", help="As of `verify`.")
@click.option(
    "--check", default="", shell_complete=_completion.checks, help="Only this check, or this family of checks."
)
@click.option(
    "--suite",
    "suites",
    multiple=True,
    shell_complete=_completion.suites,
    help="Other cases than a sample of all suites; may be repeated.",
)
@click.option("--seed", type=click.IntRange(0), help="Of every run; by default a secret one, printed at the end.")
@click.option(
    "--baselines",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of what is known of each target.  [default: what corrbench knows of it]",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, min_open=True),
    default=240.0,
    show_default=True,
    help="Seconds for the questions to one target; those that tell most come first.",
)
@click.option("--speed/--no-speed", default=True, show_default=True, help="Time them beside PyTorch as well.")
@click.option(
    "--fingerprint/--no-fingerprint",
    default=True,
    show_default=True,
    help="Say in what order each sums, and how it rounds.",
)
@cli.json_file("the table")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write it as Markdown.")
@click.option("--report", type=click.Path(file_okay=False), help="Write conformance.md and .json into this folder.")
@click.option("--workers", type=click.IntRange(1), help="Libraries judged at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run of the same command.")
@cli.quiet
def peers(**given: Any) -> None:
    """Judge released libraries: all that are installed, or those of NAMES (jax, torch.plain).

    Exit codes: 0 nothing new, 1 a finding that no baseline records, 2 nothing was judged.
    """
    asked = cli.taken(Asked, given)
    console = cli.output(asked.json_file)
    cli.writable(asked.json_file, asked.markdown, folder=asked.report)
    began = time.monotonic()
    with cli.working("peers", quiet=asked.quiet, then=cli.RESUME) as step:
        made = table(asked, step)
    from corrbench.render.conformance import markdown, score, show

    made.seconds = time.monotonic() - began
    if not asked.quiet:
        show(console, made)
    word = {"pass": "PASS", "fail": "FAIL", "error": "NOTHING JUDGED"}[made.verdict]
    console.print(f"{word} {score(made)}; {made.seconds:.0f} s; seed {made.seed}", soft_wrap=True)
    command = asked.typed(made.seed)
    record, prose = made.to_json() | {"command": command}, markdown(made, command)
    cli.save(asked.json_file, record)
    cli.save(asked.markdown, prose)
    if asked.report:
        cli.save(Path(asked.report, "conformance.json"), record)
        cli.save(Path(asked.report, "conformance.md"), prose)
    raise SystemExit({"pass": cli.PASSED, "fail": cli.FOUND, "error": cli.UNJUDGED}[made.verdict])


def table(asked: Asked, step: Step) -> Conformance:
    """The table.

    Raises:
        ValueError: an unknown name, suite or check, an interpreter that does not run, or a file that cannot be used.
    """
    from corrbench.peers import SUITES, Conformance, baselines, fingerprint_them, names, places, rows, time_them
    from corrbench.runner import plan, secret_seed, signature, verify
    from corrbench.suites import select

    chosen = names(asked.names)
    select(asked.suites)
    plan.select(asked.check)
    known = baselines(chosen, asked.baselines)
    where = places(chosen, asked.pythons)
    record = recorded(asked, secret_seed() if asked.seed is None else asked.seed)
    seed = record.header["seed"]
    options = verify.Options(
        profile=asked.profile, check=asked.check, seed=seed, limit=asked.limit, suites=asked.suites or SUITES
    )
    options = replace(options, workers=asked.workers or options.workers)
    narrow = " ".join([asked.check, *asked.suites]).strip()
    made = Conformance(profile=asked.profile, seed=seed, narrow=narrow, wanted=bool(asked.names))
    made.environment = signature.summary_environment()
    step(0, len(where), "")
    for row in rows(options, where, known, record):
        made.peers.append(row)
        step(len(made.peers), len(where), row.name)
    made.peers.sort(key=lambda row: chosen.index(row.name))
    if asked.speed:
        time_them(made.judged, where, made.seed, step)
    if asked.fingerprint:
        fingerprint_them(made.judged, where, made.seed, step)
    return made


def recorded(asked: Asked, seed: int) -> Store:
    """Where rows are kept as they come, a file for each command. What is known goes into them: it must be the same.

    Raises:
        BadStore: the file cannot be used, or belongs to another seed or to other baselines.
    """
    from corrbench.runner.store import Store, digest

    header: dict[str, Any] = {
        "names": list(asked.names), "pythons": list(asked.pythons), "profile": asked.profile, "check": asked.check,
        "suites": list(asked.suites), "baselines": asked.baselines or None, "limit": asked.limit,
    }  # fmt: skip
    path = Path(".corrbench", f"peers-{digest(json.dumps(header).encode())}.jsonl")
    files = sorted(Path(asked.baselines).glob("*.json")) if asked.baselines else []
    header["known"] = digest(b"".join(file.name.encode() + file.read_bytes() for file in files))
    return Store.resume(path, header, asked.seed) if asked.resume else Store.create(path, header | {"seed": seed})
