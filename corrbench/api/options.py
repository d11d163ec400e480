"""Options in Python: those of the command line, read by its own table: names, defaults and messages are the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import click

from corrbench.cli import main

OUTPUTS = (  # options that say what is shown and written, for which a run is asked in Python
    "json_file", "junit", "markdown", "page", "report", "sarif", "show", "record_baseline", "reason",
    "strict_baseline", "github", "quiet", "verbose", "plot",
)  # fmt: skip


def read(name: str, given: Mapping[str, Any], arguments: Iterable[str]) -> dict[str, Any]:
    """What a command makes of its arguments and of options by name.

    Args:
        name: of the command.
        given: options, ``no_guess=True`` for ``--no-guess``; several values of one option in a list.
        arguments: its arguments.

    Raises:
        TypeError: no such option.
        ValueError: the command line would refuse it, in the same words.
    """
    command = main.get_command(click.Context(main), name)
    assert command is not None
    known = {
        text.removeprefix("--").replace("-", "_"): one
        for one in command.params
        if isinstance(one, click.Option) and one.name not in OUTPUTS
        for text in one.opts
        if text.startswith("--")
    }
    known |= {one.name: one for one in [*known.values()] if one.name}
    words: list[str] = []
    for option, value in given.items():
        if option not in known:
            near = get_close_matches(option, known, 1)
            raise TypeError(
                f"no option {option!r}"
                + (f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(known))}")
            )
        words += typed(known[option], value)
    try:
        return command.make_context(command.name, [*words, "--", *arguments]).params
    except click.UsageError as error:
        raise ValueError(error.format_message()) from None


def typed(option: click.Option, value: Any) -> list[str]:
    """A value as it would be typed."""
    if option.is_flag:
        return [option.opts[0]] if value else []
    if value is None:
        return []
    several = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
    texts = [str(one).removeprefix("torch.") for one in several]
    texts = texts if option.multiple else [",".join(texts)]
    return [f"{option.opts[0]}={text}" for text in texts if text]
