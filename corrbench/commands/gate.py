"""The `gate` command: did the last commit make it worse?"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench import cli
from corrbench.api.request import seconds
from corrbench.commands import _completion, _help

if TYPE_CHECKING:
    from corrbench.gate import Gate, Side
    from corrbench.runner import Step
    from corrbench.target import Spec

BUILT = "for a built package give --base-python and --head-python"
CODES = {
    "passed": cli.PASSED, "new": cli.PASSED, "regressed": cli.FOUND, "inconclusive": cli.INCONCLUSIVE,
    "unjudged": cli.UNJUDGED,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed, named as the options are."""

    base: str = ""
    dirty: bool
    base_python: str = ""
    head_python: str = ""
    cases: tuple[str, ...] = ()
    no_correctness: bool
    no_counts: bool
    limit: str = ""
    seed: int
    json_file: str = ""
    markdown: str = ""
    junit: str = ""
    github: bool
    quiet: bool
    verbose: bool


@click.command(cls=_help.Sections, short_help="Did the last commit make a target worse?")
@click.argument("target", shell_complete=_completion.targets)
@click.option("--base", default="", help="The revision to compare with, such as origin/main.")
@click.option("--dirty", is_flag=True, help="Judge the working tree as it is, uncommitted changes included.")
@click.option(
    "--base-python", default="", help="Interpreter that has the built package of the base, instead of --base."
)
@click.option("--head-python", default="", help="Interpreter that has the built package to be judged.")
@cli.target_options
@click.option(
    "--case",
    "cases",
    multiple=True,
    shell_complete=_completion.cases,
    help="Time only this case; may be repeated.  [default: the suite speed]",
)
@click.option("--no-correctness", is_flag=True, help="Compare times only.")
@click.option("--limit", default="", help="About how long it may take: 90s, 10m, 1h; what is not asked is not judged.")
@click.option("--no-counts", is_flag=True, help="Count no instructions.")
@cli.seed("Of data and of the order of samples.  [default: a secret one]")
@cli.json_file("the verdict")
@click.option(
    "--markdown", type=click.Path(dir_okay=False), help="Append a summary to this file: $GITHUB_STEP_SUMMARY."
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write JUnit XML.")
@click.option("--github", is_flag=True, help="Print what is worse as GitHub's annotations, and add to its summary.")
@cli.quiet
@cli.verbose
def gate(target: str, **given: Any) -> None:
    """Compare TARGET in this checkout with what it was at --base: findings, accuracy, time, instructions.

    Exit codes: 0 no worse, or new and right; 1 worse; 2 could not judge; 3 inconclusive (timing noise).
    """
    asked = cli.taken(Asked, given)
    console = cli.output(asked.json_file)
    if bool(asked.base_python) != bool(asked.head_python):
        cli.give_up("--base-python and --head-python are given together, or neither")
    if not asked.base and not asked.base_python:
        cli.give_up("--base REV says what to compare with, such as --base origin/main or --base HEAD~1")
    cli.writable(asked.json_file, asked.markdown, asked.junit)
    title = f"corrbench gate cannot judge {target}"
    refused = partial(cli.refuse, console, title, target=target, github=asked.github)
    with cli.working("gate", quiet=asked.quiet, then="; the checkout is as it was", refused=refused) as step:
        found = compared(target, cli.spec(target, given), asked, step)
    from corrbench.render import gate as render

    with cli.unheeded(console, github=asked.github):
        if asked.quiet:
            console.print(render.last(found), soft_wrap=True)
        else:
            render.show(console, found, verbose=asked.verbose)
    cli.save(asked.json_file, found.to_json())
    cli.save(asked.markdown, render.markdown(found), "a")
    if asked.junit:
        cli.save(asked.junit, render.xml(found))
    if asked.github:
        from corrbench.render import github

        cli.announce(console, github.gate_notes(found, cli.place(target)), render.markdown(found))
    raise SystemExit(CODES[found.verdict])


def compared(target: str, spec: Spec, asked: Asked, step: Step) -> Gate:
    """What became of the target between the two revisions. All that can be refused without running it is refused first.

    Raises:
        ValueError: a case, git, the target or its process does not let it be judged.
    """
    from corrbench.gate import Side, examine
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.target_process import Died
    from corrbench.timing import cases
    from corrbench.timing.interleaved import Task

    try:
        wanted, most = cases.wanted(asked.cases), seconds(asked.limit, "--limit")
        until = time.monotonic() + most if most else 0.0
        with contextlib.ExitStack() as stack:
            if asked.base_python:
                base = Side(asked.base or asked.base_python, replace(spec, python=asked.base_python))
                head = Side(asked.head_python, replace(spec, python=asked.head_python))
            else:
                base, head = revisions(stack, spec, asked.base, dirty=asked.dirty)
            base, head = probed(base, head)
            there = [side.support for side in (base, head) if side.support]
            chosen = [] if base.absent else cases.timeable(wanted, there, named=bool(asked.cases))
            tasks = [Task(case) for case in chosen]
            wants: dict[str, Any] = {"correctness": not asked.no_correctness, "counts": not asked.no_counts}
            return examine(target, base, head, tasks, seed=asked.seed, step=step, until=until, **wants)
    except (NotLoaded, Died) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None


def probed(base: Side, head: Side) -> tuple[Side, Side]:
    """Both with what they take, or why base has no such target.

    Raises:
        ValueError: base has it and it cannot be loaded, or what is loaded is not what the revision holds.
        NotLoaded: head cannot be loaded.
    """
    from corrbench.judge.client import NotLoaded, Remote
    from corrbench.judge.probe import probe

    with Remote(head.spec) as remote:
        file = remote.load()["file"]
        if head.spec.tree and not inside(file, head.spec.tree):
            raise ValueError(f"{head.spec.target} is loaded from {file}, not from this repository: {BUILT}")
        try:
            support = probe(head.spec, remote)
        except NotLoaded:  # whatever a head does that its base did not is for the judgement
            support = probe(replace(head.spec, no_guess=True), remote)
        head = replace(head, support=support, spec=replace(head.spec, **support.adopted))
    tree = base.spec.tree
    try:
        with Remote(base.spec) as remote:
            if not tree or inside(remote.load()["file"], tree):
                return replace(base, support=probe(base.spec, remote)), head
    except NotLoaded as error:
        if not lacks(str(error), base.spec):
            raise ValueError(f"base, {base.name}: {error}") from None
    return replace(base, absent=f"{base.name} has no {base.spec.target.removeprefix(f'{tree}/')}"), head


def lacks(said: str, spec: Spec) -> bool:
    """Whether what loading said is that the target itself is not there. A built package is always there, as a whole."""
    place, _, attribute = spec.target.rpartition(":")
    if said.startswith((f"no such file: {place}", f"{place} has no {attribute!r}")):
        return True
    missing = re.match("no module named '([^']+)'", said)
    itself = missing is not None and f"{place}.".startswith(f"{missing[1]}.")
    return itself and bool(spec.tree or (missing and "." in missing[1]))


def inside(file: str, tree: str) -> bool:
    """Whether a file lies in a folder, links followed."""
    return bool(file) and Path(file).resolve().is_relative_to(Path(tree).resolve())


def revisions(stack: contextlib.ExitStack, asked: Spec, base: str, *, dirty: bool) -> tuple[Side, Side]:
    """The target in a worktree of base and in one of head, or where it is if that is dirty.

    Raises:
        GitError: git cannot give the two, or there are changes that would not be judged.
    """
    from corrbench.environment import git_worktree
    from corrbench.gate import Side

    here = Path.cwd()
    top = git_worktree.root(here).resolve()
    commits = [git_worktree.commit(top, revision) for revision in (base, "HEAD")]
    edited = git_worktree.changed(top)
    if edited and not dirty:
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        raise git_worktree.GitError(
            f"uncommitted changes in {edited[0]}{more}: commit or stash them, or give --dirty to judge them as they are"
        )
    trees = [stack.enter_context(git_worktree.checkout(top, commits[0]))]
    trees.append(top if dirty else stack.enter_context(git_worktree.checkout(top, commits[1])))
    found = []
    for name, tree in zip((base, "the working tree" if dirty else commits[1][:10]), trees, strict=True):
        folder = tree / here.resolve().relative_to(top)
        place, colon, attribute = asked.target.rpartition(":")
        if place.endswith((".py", ".ipynb")) and Path(place).is_absolute():
            if not Path(place).resolve().is_relative_to(top):
                raise git_worktree.GitError(f"{place} is not in the repository {top}: {BUILT}")
            place = str(tree / Path(place).resolve().relative_to(top))
        target, folder = f"{place}{colon}{attribute}", folder if folder.is_dir() else tree
        found.append(Side(name, replace(asked, target=target, tree=str(tree), folder=str(folder))))
    return replace(found[0], commit=commits[0]), found[1]
