"""The command line: the group of commands, what they share, and the exit codes that a user gets."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from corrbench import commands
from corrbench.commands import _completion, _steady
from corrbench.commands._choice import Choice
from corrbench.environment.platforms import foreign
from corrbench.runner import Step, secret_seed
from corrbench.runner.store import replace_file, unwritable
from corrbench.target import PROFILES, Given, Spec, UnknownTarget, artefact, find

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from rich.console import Console

PASSED, FOUND, UNJUDGED, INCONCLUSIVE = 0, 1, 2, 3
FILES = (".py", ".ipynb")  # how a target ends that is a file without a name in it
RESUME = "; the same command with --resume goes on"  # after an interrupt
ANYWHERE = ("completion", "doctor", "explain", "list", "report")  # commands that judge nothing, under any system
FLAGS = [one.name for one in fields(Given) if one.default is False]
Command = TypeVar("Command", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound="DataclassInstance")


class Commands(click.Group):
    """The commands of `corrbench.commands`, a file each, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(info.name for info in pkgutil.iter_modules(commands.__path__) if info.name[0] != "_")

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        found: click.Command = getattr(importlib.import_module(f"{commands.__name__}.{name}"), name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """With a hint where there is no such command."""
        near = get_close_matches(args[0], self.list_commands(ctx), 1)
        if args[0][0] != "-" and args[0] not in self.list_commands(ctx) and near:
            raise click.UsageError(f"No such command {args[0]!r}. Did you mean {near[0]!r}?", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="corrbench")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Point it at a 2-D cross-correlation or convolution: is it correct, and how accurate?

    Exit codes: 0 passed, 1 findings, 2 could not judge, 3 inconclusive.
    """
    _steady.steady()
    if ctx.invoked_subcommand not in ANYWHERE and (said := foreign()):
        give_up(said)


def give_up(message: str) -> NoReturn:
    """One clear message, exit code 2."""
    click.echo(f"corrbench: {message}", err=True)
    raise SystemExit(UNJUDGED)


def output(json_file: str | None) -> Console:
    """Where people read: standard output, or standard error where JSON goes to the former. A log has wide lines."""
    from rich.console import Console

    console = Console(stderr=json_file == "-", highlight=False)
    if console.width < 100 and not console.file.isatty() and "COLUMNS" not in os.environ:
        console.width = 160
    return console


def writable(*names: str | None, folder: str | None = None) -> None:
    """Give up before anything is judged if one of the files or the folder that are asked for cannot be written."""
    for name in names:
        if name and name != "-" and (said := unwritable(Path(name))):
            give_up(f"cannot write {name}: {said}")
    if folder:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            give_up(f"cannot write {error.filename}: {error.strerror}")
        if not os.access(folder, os.W_OK):
            give_up(f"cannot write into {folder}: no permission")


def save(name: str | Path | None, made: str | Mapping[str, Any], mode: str = "w") -> None:
    """Write a text, or a record as JSON, into a file or for - to standard output; nothing where no name was given."""
    if not name:
        return
    text = made if isinstance(made, str) else json.dumps(made, indent=1, allow_nan=False) + "\n"
    try:
        if mode != "w" or str(name) == "-" or (Path(name).exists() and not Path(name).is_file()):
            with click.open_file(name, mode, encoding="utf-8") as file:
                file.write(text)
                file.flush()
            if str(name) == "-" and (lost := _steady.lost()):
                raise lost
        else:
            replace_file(Path(name), text)
    except OSError as error:
        give_up(f"cannot write {error.filename or name}: {error.strerror}")


# ---- what is given on the command line


def taken(kind: type[Kind], given: Mapping[str, Any]) -> Kind:
    """A dataclass from the options of the same names; its defaults stand for those that were not given."""
    names = [one.name for one in fields(kind)]
    return kind(**{name: given[name] for name in names if given.get(name) not in (None, "", ())})


def spec(name: str, given: Mapping[str, Any]) -> Spec:
    """The target of a name with the options that say how it is called.

    Raises:
        corrbench.target.UnknownTarget: no such name.
        corrbench.environment.naming.Unnamed: a file that has no such name, or from which one is to be chosen.
        corrbench.environment.project.BadProject: the targets that pyproject.toml names cannot be used.
        ValueError: an option is none of its choices, or contradicts another.
    """
    said: dict[str, Any] = {one.name: one.default for one in fields(Given)}
    said |= {key: value for key, value in given.items() if isinstance(value, type(said.get(key, ...)))}
    if ":" not in name and not name.endswith(FILES):
        from corrbench.environment import project

        name, said = project.called(name, said)
    Given(**said)
    place, _, attribute = name.rpartition(":") if ":" in name else (name, "", "")
    if place.endswith(FILES) and not artefact(name):
        from corrbench.environment import naming

        if attribute:
            naming.checked(place, attribute, foreign=bool(said["python"]))
        else:
            at = click.get_current_context(silent=True)
            attribute = naming.chosen(place, at.command_path if at else "corrbench verify")
            click.echo(f"corrbench: {place}:{attribute} is what looks like a convolution there", err=True)
            name = f"{place}:{attribute}"
    try:
        return find(name, **said)
    except UnknownTarget:
        module, _, attribute = name.rpartition(".")
        if not Path(f"{module.replace('.', '/')}.py").is_file():
            raise
        raise UnknownTarget(
            f"{name!r} is not a registered target; did you mean {module.replace('.', '/')}.py:{attribute}?"
        ) from None


def target_option(name: str) -> Callable[[Command], Command]:
    """An option made from a field of `Given`."""
    [said] = [one.metadata for one in fields(Given) if one.name == name]
    choices, least, default = said["choices"], said["least"], said["default"]
    if name in FLAGS:
        return click.option(f"--{name.replace('_', '-')}", is_flag=True, help=said["about"])
    number = least is not None and click.FloatRange(least, min_open=not least)
    return click.option(
        f"--{name}",
        type=Choice(choices) if choices else number or (click.Path() if name == "python" else str),
        help=said["about"] + (f"  [default: {default}]" if default else ""),
        shell_complete=_completion.devices if name == "device" else None,
    )


def target_options(command: Command) -> Command:
    """The options that say how a target is called, for commands that take any number of them; not those of the same
    name that the command has for another purpose.
    """
    taken = {"memory", "sanitize", *(param.name for param in getattr(command, "__click_params__", ()))}
    for one in reversed(fields(Given)):
        command = command if one.name in taken else target_option(one.name)(command)
    return command


def profile(default: str | None, help: str) -> Callable[[Command], Command]:  # noqa: A002 - as click's
    """The option that says how thoroughly to judge."""
    return click.option("--profile", type=Choice(PROFILES), default=default, show_default=bool(default), help=help)


def json_file(what: str) -> Callable[[Command], Command]:
    """The option that names a file for JSON."""
    where = click.Path(dir_okay=False)
    return click.option("--json", "json_file", type=where, help=f"Write {what} as JSON; - for stdout.")


def seed(help: str) -> Callable[[Command], Command]:  # noqa: A002 - as click's
    """The option for a seed; a secret one if none is given."""
    return click.option("--seed", type=click.IntRange(0), default=secret_seed, help=help)


quiet = click.option("--quiet", "-q", is_flag=True, help="Only the verdict.")
verbose = click.option("--verbose", "-v", is_flag=True, help="All there is to say.")


@contextlib.contextmanager
def unheeded(console: Console, *, github: bool) -> Iterator[None]:
    """On GitHub no line that is printed meanwhile is a command: it may hold words of a target. The token that ends this
    is drawn here, after the target has ended.
    """
    token = secrets.token_hex(16) if github else ""
    if token:
        click.echo(f"::stop-commands::{token}", err=console.stderr)
    try:
        yield
    finally:
        if token:
            click.echo(f"::{token}::", err=console.stderr)


def announce(console: Console, notes: Iterable[object], summary: str) -> None:
    """Write annotations, one a line, and add to the summary of GitHub's job if there is one."""
    for note in notes:
        click.echo(note, err=console.stderr)
    if name := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(name).open("a", encoding="utf-8", errors="replace") as file:
                file.write(summary)
        except OSError as error:
            give_up(f"cannot write {name}, which GITHUB_STEP_SUMMARY names: {error.strerror}")


def place(target: str) -> tuple[str, int] | None:
    """Where a target is, as GitHub counts: the file seen from the top of the checkout, and the line."""
    from corrbench.environment import definitions

    found = definitions.where(target, Path.cwd())
    top = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    if found is None or not found[0].resolve().is_relative_to(top):
        return None
    return str(found[0].resolve().relative_to(top)), found[1]


def refuse(console: Console, title: str, said: str, target: str, *, github: bool) -> NoReturn:
    """Give up on a target that cannot be judged, and say so on GitHub's page as well."""
    if github:
        from corrbench.render import github as page

        announce(console, [page.Note(title=title, message=said, place=place(target))], page.problem(title, said))
        said = page.quoted(said)
    give_up(said)


@contextlib.contextmanager
def working(
    what: str, *, quiet: bool = False, then: str = "", refused: Callable[[str], NoReturn] = give_up
) -> Iterator[Step]:
    """What a command does its work in. A `ValueError` is what it cannot do, said in one line with exit code 2; an
    interrupt ends it with 130, and `then` says what became of the work.
    """
    try:
        with steps(what, quiet=quiet) as step:
            yield step
    except KeyboardInterrupt:
        click.echo(f"corrbench: interrupted{then}", err=True)
        raise SystemExit(130) from None
    except ValueError as error:
        refused(str(error))


def seen(text: str) -> None:
    """Say of a cause that it was seen while the work goes on: above the bar, if there is one."""
    click.echo(f"seen  {' '.join(text.split())}", err=True)


@contextlib.contextmanager
def steps(what: str, *, quiet: bool = False) -> Iterator[Step]:
    """A bar on a terminal that is told how far it is, and nothing elsewhere. It moves from the start, so that a command
    opens it before the imports that take a second; what goes to standard error meanwhile appears above it.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        BarColumn(bar_width=max(8, min(30, console.width // 5))),
        TextColumn("{task.fields[count]}", table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, expand=True, redirect_stdout=False) as bar:
        task = bar.add_task(f"{what}: loading", total=None, count="")

        def step(done: int, total: int, text: str) -> None:
            bar.update(task, completed=done, total=total, description=f"{what}: {text}", count=f"{done}/{total}")

        yield step
