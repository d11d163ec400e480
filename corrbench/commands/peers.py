"""Which released library gets what wrong? The `peers` command."""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import FOUND, PASSED, UNJUDGED, give_up, output, quiet, steps, writable
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.cli import Step
    from corrbench.peers import Conformance
    from corrbench.runner.store import Store
    from corrbench.runner.verify import Options


@click.command()
@click.argument("names", nargs=-1, shell_complete=_completion.targets)
@click.option(
    "--python", "pythons", multiple=True,
    help="Interpreter of another environment, for libraries that are not installed here; may be repeated.",
)  # fmt: skip
@click.option(
    "--profile", type=click.Choice(["quick", "standard", "deep"]), default="quick", help="As of `verify`.",
    show_default=True,
)  # fmt: skip
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
    "--baselines", type=click.Path(exists=True, file_okay=False), help="Folder of what is known of each target."
)
@click.option(
    "--limit", type=click.FloatRange(0, min_open=True), default=240.0, show_default=True,
    help="Seconds for the questions to one target; those that tell most come first.",
)  # fmt: skip
@click.option("--speed/--no-speed", default=True, show_default=True, help="Time them beside PyTorch as well.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Write the table as JSON; - for stdout.")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write it as Markdown.")
@click.option("--report", type=click.Path(file_okay=False), help="Write conformance.md and .json into this folder.")
@click.option("--workers", type=click.IntRange(1), help="Libraries judged at a time.  [default: one a core]")
@click.option("--resume", is_flag=True, help="Go on with the interrupted run of the same command.")
@quiet
def peers(names: tuple[str, ...], **given: Any) -> None:
    """Judge released libraries: all that are installed, or those of NAMES (jax, torch.plain).

    Exit codes: 0 nothing new, 1 a finding that no baseline records, 2 nothing was judged.
    """
    console = output(given["json_file"])
    writable(given["json_file"], given["markdown"], folder=given["report"])
    began = time.monotonic()
    try:
        with steps("peers", quiet=given["quiet"]) as step:
            made = judge(names, given, step)
    except ValueError as error:
        give_up(str(error))
    except KeyboardInterrupt:
        click.echo("corrbench: interrupted; the same command with --resume goes on", err=True)
        raise SystemExit(130) from None
    from corrbench.render import conformance as render

    made.seconds = time.monotonic() - began
    if not given["quiet"]:
        render.show(console, made)
    word = {"pass": "PASS", "fail": "FAIL", "error": "NOTHING JUDGED"}[made.verdict]
    console.print(f"{word} {render.score(made)}; {made.seconds:.0f} s; seed {made.seed}", soft_wrap=True)
    write(made, typed(names, made.seed, given), given)
    raise SystemExit({"pass": PASSED, "fail": FOUND, "error": UNJUDGED}[made.verdict])


def judge(names: tuple[str, ...], given: dict[str, Any], step: Step) -> Conformance:
    """The table.

    Raises:
        ValueError: an unknown name, suite or check, an interpreter that does not run, or a file that cannot be used.
    """
    from corrbench import checks, peers
    from corrbench.analysis import baseline
    from corrbench.runner import plan, store, verify

    try:
        chosen = peers.names(names)
        options = asked(given)
        checks.registry()
        plan.select(options.check)
        where = peers.places(chosen, given["pythons"])
        record = recorded({"names": list(names), **given}, options.seed or 0, resume=given["resume"])
        options = replace(options, seed=record.header["seed"])
        narrow = " ".join([given["check"], *given["suites"]]).strip()
        made = peers.Conformance(
            profile=given["profile"], seed=record.header["seed"], narrow=narrow, wanted=bool(names)
        )
        made.environment = verify.summary_environment()
        folder = Path(given["baselines"]) if given["baselines"] else None
        step(0, len(where), "")
        for row in peers.judge(options, where, folder, record):
            made.peers.append(row)
            step(len(made.peers), len(where), row.name)
        made.peers.sort(key=lambda row: chosen.index(row.name))
        if given["speed"]:
            peers.time_them(made.judged, where, made.seed, step)
    except (baseline.BadBaseline, store.BadStore) as error:
        raise ValueError(str(error)) from None
    return made


def asked(given: dict[str, Any]) -> Options:
    """The options of every run.

    Raises:
        ValueError: an unknown suite.
    """
    from corrbench import peers, suites
    from corrbench.runner import verify

    seed = verify.secret_seed() if given["seed"] is None else given["seed"]
    options = verify.Options(profile=given["profile"], check=given["check"], seed=seed, limit=given["limit"])
    options = replace(options, suites=tuple(suites.select(given["suites"])) or peers.SUITES)
    return replace(options, workers=given["workers"]) if given["workers"] else options


def recorded(given: dict[str, Any], seed: int, *, resume: bool) -> Store:
    """Where rows are kept as they come, a file for each command. What is known goes into them: it must be the same.

    Raises:
        BadStore: the file cannot be used, or belongs to another seed or to other baselines.
    """
    from corrbench.runner.store import BadStore, Store

    keys = ("names", "pythons", "profile", "check", "suites", "baselines", "limit")
    header = {key: list(given[key]) if isinstance(given[key], tuple) else given[key] for key in keys}
    path = Path(".corrbench", f"peers-{digest(json.dumps(header).encode())}.jsonl")
    files = sorted(Path(given["baselines"]).glob("*.json")) if given["baselines"] else []
    header["known"] = digest(b"".join(file.name.encode() + file.read_bytes() for file in files))
    if not resume:
        return Store.create(path, {**header, "seed": seed})
    store = Store.resume(path, header)
    if given["seed"] not in (None, store.header["seed"]):
        raise BadStore(f"{path} belongs to a run with --seed {store.header['seed']}: give that seed, or none")
    return store


def digest(data: bytes) -> str:
    """A short name for some bytes."""
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def typed(names: tuple[str, ...], seed: int, given: dict[str, Any]) -> str:
    """The command that makes the same table again; where the environments are is the reader's to say."""
    words = ["corrbench", "peers", *names, "--profile", given["profile"]]
    words += ["--check", given["check"]] if given["check"] else []
    words += ["--limit", f"{given['limit']:g}"]
    words += [word for suite in given["suites"] for word in ("--suite", suite)]
    words += ["--baselines", given["baselines"]] if given["baselines"] else []
    return shlex.join([*words, "--seed", str(seed)])


def write(made: Conformance, command: str, given: dict[str, Any]) -> None:
    """The files that were asked for."""
    from corrbench.render import conformance as render

    text = json.dumps(made.to_json() | {"command": command}, indent=1, allow_nan=False) + "\n"
    try:
        if given["json_file"]:
            with click.open_file(given["json_file"], "w") as file:
                file.write(text)
        if given["markdown"]:
            Path(given["markdown"]).write_text(render.markdown(made, command), encoding="utf-8")
        if given["report"]:
            Path(given["report"], "conformance.json").write_text(text, encoding="utf-8")
            Path(given["report"], "conformance.md").write_text(render.markdown(made, command), encoding="utf-8")
    except OSError as error:
        give_up(f"cannot write {error.filename}: {error.strerror}")
