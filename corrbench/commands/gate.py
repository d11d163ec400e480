"""Did the last commit make it worse? The `gate` command."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from corrbench.cli import (
    FOUND,
    INCONCLUSIVE,
    PASSED,
    UNJUDGED,
    announce,
    give_up,
    json_file,
    output,
    place,
    quiet,
    refuse,
    save,
    seed,
    target_options,
    unheeded,
    verbose,
    working,
    writable,
)
from corrbench.commands import _completion

if TYPE_CHECKING:
    from corrbench.cli import Step
    from corrbench.gate import Gate
    from corrbench.target import Spec

BUILT = "for a built package give --base-python and --head-python"
CODES = {"passed": PASSED, "new": PASSED, "regressed": FOUND, "inconclusive": INCONCLUSIVE, "unjudged": UNJUDGED}


@click.command()
@click.argument("target", shell_complete=_completion.targets)
@click.option("--base", default="", help="The revision to compare with, such as origin/main.")
@click.option("--dirty", is_flag=True, help="Judge the working tree as it is, uncommitted changes included.")
@click.option(
    "--base-python", default="", help="Interpreter that has the built package of the base, instead of --base."
)
@click.option("--head-python", default="", help="Interpreter that has the built package to be judged.")
@target_options
@click.option(
    "--case",
    "cases",
    multiple=True,
    shell_complete=_completion.cases,
    help="Time only this case; may be repeated.  [default: the suite speed]",
)
@click.option("--no-correctness", is_flag=True, help="Compare times only.")
@click.option("--no-counts", is_flag=True, help="Count no instructions.")
@seed("Of data and of the order of samples.  [default: a secret one]")
@json_file("the verdict")
@click.option(
    "--markdown", type=click.Path(dir_okay=False), help="Append a summary to this file: $GITHUB_STEP_SUMMARY."
)
@click.option("--junit", type=click.Path(dir_okay=False), help="Write JUnit XML.")
@click.option("--github", is_flag=True, help="Print what is worse as GitHub's annotations, and add to its summary.")
@quiet
@verbose
def gate(target: str, **given: Any) -> None:
    """Compare TARGET in this checkout with what it was at --base: findings, accuracy, time, instructions.

    Exit codes: 0 no worse, or new and right; 1 worse; 2 could not judge; 3 inconclusive (timing noise).
    """
    console = output(given["json_file"])
    if bool(given["base_python"]) != bool(given["head_python"]):
        give_up("--base-python and --head-python are given together, or neither")
    if not given["base"] and not given["base_python"]:
        give_up("--base REV says what to compare with, such as --base origin/main or --base HEAD~1")
    writable(given["json_file"], given["markdown"], given["junit"])
    title = f"corrbench gate cannot judge {target}"
    refused = partial(refuse, console, title, target=target, github=given["github"])
    with working("gate", quiet=given["quiet"], then="; the checkout is as it was", refused=refused) as step:
        found = judged(target, given, step)
    from corrbench.render import gate as render

    with unheeded(console, github=given["github"]):
        if given["quiet"]:
            console.print(render.last(found), soft_wrap=True)
        else:
            render.show(console, found, verbose=given["verbose"])
    write(found, given)
    if given["github"]:
        from corrbench.render import github

        announce(console, github.gate_notes(found, place(target)), render.markdown(found))
    raise SystemExit(CODES[found.verdict])


def judged(target: str, given: dict[str, Any], step: Step) -> Gate:
    """What became of the target between the two revisions.

    Raises:
        ValueError: git, the target, or its process does not let it be judged.
    """
    from corrbench import gate as judge
    from corrbench.cli import spec
    from corrbench.judge.client import NotLoaded
    from corrbench.judge.sandbox import Died

    seed = given["seed"]
    try:
        with contextlib.ExitStack() as stack:
            head = spec(target, given)
            if given["base_python"]:
                base = replace(head, python=given["base_python"])
                head = replace(head, python=given["head_python"])
                names = given["base"] or given["base_python"], given["head_python"]
            else:
                base, head, names = sides(stack, head, given)
            found = judge.Gate(target=target, base=names[0], head=names[1])
            judge_all(found, base, head, given, seed, step)
            return found
    except (NotLoaded, Died) as error:
        raise ValueError(getattr(error, "message", "") or str(error)) from None


def judge_all(found: Gate, base: Spec, head: Spec, given: dict[str, Any], seed: int, step: Step) -> None:
    """Fill in a gate."""
    from corrbench import gate
    from corrbench.runner import executors, verify

    found.new = absent(base, head, found.base)
    old = None if found.new else base
    if not given["no_correctness"] or old is None:
        with executors.opened("local", verify.Options().workers) as start:
            gate.correctness(found, old, head, seed, start, step)
    if old is not None:
        gate.speed(found, old, head, given["cases"], seed, step)
        if not given["no_counts"]:
            gate.count_instructions(found, old, head, given["cases"], step)


def absent(base: Spec, head: Spec, name: str) -> str:
    """Why there is no such target in base; empty if there is.

    Raises:
        ValueError: base has it and it cannot be loaded, or what is loaded is not what the revision holds.
        NotLoaded: head cannot be loaded.
    """
    from corrbench.judge.client import NotLoaded, Remote

    with Remote(head) as remote:
        ours = remote.load()["file"]
    if head.tree and not inside(ours, head.tree):
        raise ValueError(f"{head.target} is loaded from {ours}, not from this repository: {BUILT}")
    new = f"{name} has no {base.target.removeprefix(f'{base.tree}/')}"
    try:
        with Remote(base) as remote:
            theirs = remote.load()["file"]
    except NotLoaded as error:
        if lacks(str(error), base):
            return new
        raise ValueError(f"base, {name}: {error}") from None
    return "" if not base.tree or inside(theirs, base.tree) else new


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


def sides(stack: contextlib.ExitStack, head: Spec, given: dict[str, Any]) -> tuple[Spec, Spec, tuple[str, str]]:
    """The target in a worktree of base and in one of head (or where it is, with --dirty), and the names of the two.

    Raises:
        GitError: git cannot give the two, or there are changes that would not be judged.
    """
    from corrbench.environment import git_worktree

    here = Path.cwd()
    top = git_worktree.root(here).resolve()
    commits = [git_worktree.commit(top, revision) for revision in (given["base"], "HEAD")]
    edited = git_worktree.changed(top)
    if edited and not given["dirty"]:
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        raise git_worktree.GitError(
            f"uncommitted changes in {edited[0]}{more}: commit or stash them, or give --dirty to judge them as they are"
        )
    trees = [stack.enter_context(git_worktree.checkout(top, commits[0]))]
    trees.append(top if given["dirty"] else stack.enter_context(git_worktree.checkout(top, commits[1])))
    found = []
    for tree in trees:
        folder = tree / here.resolve().relative_to(top)
        place, colon, attribute = head.target.rpartition(":")
        if place.endswith(".py") and Path(place).is_absolute():
            if not Path(place).resolve().is_relative_to(top):
                raise git_worktree.GitError(f"{place} is not in the repository {top}: {BUILT}")
            place = str(tree / Path(place).resolve().relative_to(top))
        found.append(
            replace(head, target=f"{place}{colon}{attribute}", tree=str(tree),
                    folder=str(folder if folder.is_dir() else tree))
        )  # fmt: skip
    return found[0], found[1], (given["base"], "the working tree" if given["dirty"] else commits[1][:10])


def write(found: Gate, given: dict[str, Any]) -> None:
    """The files that were asked for."""
    from corrbench.render import gate as render

    save(given["json_file"], found.to_json())
    save(given["markdown"], render.markdown(found), "a")
    if given["junit"]:
        save(given["junit"], render.xml(found))
