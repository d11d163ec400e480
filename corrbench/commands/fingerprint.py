"""The `fingerprint` command: in what order, with what roundings, does a target compute?"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.commands import _completion, _fingerprints, _help
from corrbench.commands._choice import Choice
from corrbench.target import words

if TYPE_CHECKING:
    from corrbench.fingerprint.differences import Comparison
    from corrbench.fingerprint.survey import Point, Survey
    from corrbench.runner import Step
    from corrbench.runner.store import Store
    from corrbench.target import Spec

DTYPES = ("float32", "float64", "float16", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    profile: str
    dtype: str
    cases: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    expect: str = ""
    limit: float
    seed: int = 1
    resume: bool
    json_file: str = ""
    markdown: str = ""
    page: str = ""
    quiet: bool


@click.command(cls=_help.Sections, short_help="In what order, with what roundings, does a target compute?")
@click.argument("target", required=False, default="", shell_complete=_completion.targets)
@cli.target_options
@click.option(
    "--diff",
    nargs=2,
    metavar="A B",
    help="Do A and B give the same bits? Each a target, TARGET@PYTHON in another environment, or FILE.json.",
)
@click.option(
    "--expect", type=click.Path(), help="The fingerprint FILE.json that TARGET must still have, cell by cell."
)
@cli.profile("standard", help="How many cells.")
@click.option("--dtype", type=Choice(DTYPES), default="float32", show_default=True, help="Element type of all cells.")
@click.option(
    "--case", "cases", multiple=True, shell_complete=_completion.cases, help="Only this case; may be repeated."
)
@click.option(
    "--limit",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds after which no further cell is begun.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the data that models are held to."
)
@cli.json_file("the fingerprint")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write it as Markdown.")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False),
    help="Write one page: trees and switch points drawn; with --diff or --expect, where both give the same bits.",
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted run of the same command.")
@cli.quiet
def fingerprint(target: str, **given: Any) -> None:
    """Recover how TARGET sums: order, roundings, fused multiply-adds; every claim is held to fresh data, bit by bit.

    Exit codes: 0 every cell has a model that predicts all bits, or is a named transform (with --diff or --expect: the
    same bits); 1 some have not (or other bits); 2 could not judge: not a function, or nothing to ask.
    """
    asked = cli.taken(Asked, given)
    if bool(target) == bool(asked.diff) or (asked.diff and asked.expect):
        cli.give_up("give a TARGET, perhaps with --expect FILE, or --diff A B")
    cli.writable(asked.json_file, asked.markdown, asked.page)
    console = cli.output(asked.json_file)
    with cli.working("fingerprint", quiet=asked.quiet, then=cli.RESUME) as step:
        second = asked.diff[1] if asked.diff else asked.expect
        first = prepared(asked.diff[0] if asked.diff else target, given, asked)
        other = prepared(second, given, asked, file=bool(asked.expect)) if second else None
        made, against = surveys(first, other, asked, step)
    from corrbench.render import fingerprint as render

    made.environment = environment()
    if against is None:
        if not asked.quiet:
            console.print(render.text(made), soft_wrap=True, markup=False)
        code = {"fingerprinted": cli.PASSED, "partial": cli.FOUND}.get(made.verdict, cli.UNJUDGED)
        console.print(f"{made.verdict.upper()}: {render.summary(made)}", soft_wrap=True, markup=False)
        write(asked, made.to_json(), render.markdown(made, typed(target, given, asked)), render, [made])
        raise SystemExit(code)
    from corrbench.fingerprint.differences import compare

    # what is expected comes first, as A of A and B
    pair = (against, made) if asked.expect else (made, against)
    found = compare(*pair)
    console.print(render.difference(*pair, found, quiet=asked.quiet), soft_wrap=True, markup=False)
    write(asked, record(pair, found), render.difference_markdown(*pair, found), render, [made, against])
    raise SystemExit({"same": cli.PASSED, "different": cli.FOUND}.get(found.verdict, cli.UNJUDGED))


def prepared(name: str, given: dict[str, Any], asked: Asked, *, file: bool = False) -> Survey | tuple[str, Spec]:
    """A fingerprint that lies in a file, or the target to take one of.

    Raises:
        ValueError: no such target, no such interpreter, or a file that is no fingerprint.
    """
    if file or name.endswith(".json"):
        return _fingerprints.read(name)
    called, _, python = name.partition("@")
    if python:
        if not os.access(python, os.X_OK):
            raise ValueError(
                f"{python} is no interpreter that can be run: give TARGET@PYTHON, as in torch@.venv/bin/python"
            )
        given = given | {"python": python}
    spec = cli.spec(called, given)
    points(asked)
    return name, spec


def points(asked: Asked) -> list[Point]:
    """The cells that were asked for; none for those of the profile.

    Raises:
        ValueError: one is no case.
    """
    from corrbench.case import Case
    from corrbench.fingerprint.survey import Point

    found = []
    for text in asked.cases:
        case = Case.parse(text)
        if case.dtype not in DTYPES:
            raise ValueError(
                f"--case {text!r}: {case.dtype} has no roundings that are told apart; give one of {', '.join(DTYPES)}"
            )
        found.append(Point(case))
    return found


def surveys(
    first: Survey | tuple[str, Spec], other: Survey | tuple[str, Spec] | None, asked: Asked, step: Step
) -> tuple[Survey, Survey | None]:
    """Both fingerprints: taken, unless they lie in files. The cells of a second are those of the first, and those of a
    target that is compared with a file are the file's.

    Raises:
        ValueError: a target cannot be loaded.
    """
    from corrbench.fingerprint.survey import Survey

    if isinstance(other, Survey) and not isinstance(first, Survey):
        return taken(first, asked, step, like=other), other
    made = first if isinstance(first, Survey) else taken(first, asked, step)
    if other is None or isinstance(other, Survey):
        return made, other
    return made, taken(other, asked, step, like=made)


def taken(target: tuple[str, Spec], asked: Asked, step: Step, like: Survey | None = None) -> Survey:
    """The fingerprint of a target, recorded as it comes; `like` another one in its cells.

    Raises:
        ValueError: the target cannot be loaded, or the record cannot be used.
    """
    from corrbench.fingerprint import exploration
    from corrbench.fingerprint.found import Found
    from corrbench.fingerprint.survey import Point
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.target_process import Died

    name, spec = target
    chosen = [Point(found.case, found.threads) for found in like.cells.values()] if like else points(asked)
    store = recorded(name, spec, asked, [str(point) for point in chosen])
    try:
        known = {key: Found.from_json(results[0]) for key, results in store.done.items()}
        return exploration.survey(
            spec, name, profile=asked.profile, dtype=asked.dtype, seed=asked.seed,
            limit=float("inf") if like else asked.limit, step=step, points=chosen, known=known,
            keep=lambda key, found: store.append([(key, [found.to_json()])]),
        )  # fmt: skip
    except (NotLoaded, Died) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None


def recorded(name: str, spec: Spec, asked: Asked, chosen: list[str]) -> Store:
    """Where cells are kept as they come, a file for each command and target.

    Raises:
        BadStore: the file cannot be used.
    """
    from corrbench.runner.store import Store, digest

    header: dict[str, Any] = {
        "target": name, "spec": asdict(spec), "profile": asked.profile, "dtype": asked.dtype, "seed": asked.seed,
        "points": chosen,
    }  # fmt: skip
    path = Path(".corrbench", f"fingerprint-{digest(json.dumps(header).encode())}.jsonl")
    if asked.resume and path.exists():
        return Store.resume(path, header)
    return Store.create(path, header)


def record(pair: tuple[Survey, Survey], found: Comparison) -> dict[str, Any]:
    """A comparison as JSON."""
    a, b = pair
    return {
        "schema": "corrbench-fingerprint-diff/1", "verdict": found.verdict, "a": a.to_json(), "b": b.to_json(),
        "same": found.same, "alike": found.alike, "different": [asdict(one) for one in found.different],
        "unjudged": found.unjudged, "missing": found.missing,
    }  # fmt: skip


def environment() -> dict[str, Any]:
    """Libraries and machine, the instruction sets that order and fusing depend on among them."""
    from corrbench.environment.facts import instruction_sets
    from corrbench.runner import signature

    return signature.summary_environment() | {"instructions": instruction_sets()}


def typed(target: str, given: dict[str, Any], asked: Asked) -> str:
    """The command that asks the same again."""
    default = replace(asked, profile="standard", dtype="float32", seed=1, limit=60.0)
    said = [
        word for name in ("profile", "dtype", "limit", "seed")
        if getattr(asked, name) != getattr(default, name) for word in (f"--{name}", f"{getattr(asked, name)}")
    ]  # fmt: skip
    said += [word for case in asked.cases for word in ("--case", case)]
    return shlex.join(["corrbench", "fingerprint", target, *words(given), *said])


def write(asked: Asked, made: dict[str, Any], prose: str, render: Any, surveys: list[Survey]) -> None:
    """The files that were asked for; a page is of the first fingerprint, beside the second."""
    cli.save(asked.json_file, made)
    cli.save(asked.markdown, prose)
    if asked.page:
        cli.save(asked.page, render.page(*surveys))
