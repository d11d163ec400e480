"""Options in Python: those of the command line, read by its own table, so that names, defaults and messages are one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import click


def read(
    command: click.Command, given: Mapping[str, Any], names: Iterable[str] = (), *, but: Collection[str] = ()
) -> dict[str, Any]:
    """What a command makes of its arguments and of options by name.

    Args:
        command: of the command line.
        given: options, ``no_guess=True`` for ``--no-guess``; several values of one option in a list.
        names: its arguments.
        but: the options of the command that mean nothing here, such as the names of files.

    Raises:
        TypeError: no such option.
        ValueError: the command line would refuse it, in the same words.
    """
    known = {
        text.removeprefix("--").replace("-", "_"): one
        for one in command.params
        if isinstance(one, click.Option) and one.name not in but
        for text in one.opts
        if text.startswith("--")
    }
    known |= {one.name: one for one in [*known.values()] if one.name}
    words: list[str] = []
    for name, value in given.items():
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise TypeError(
                f"no option {name!r}"
                + (f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(known))}")
            )
        words += typed(known[name], value)
    try:
        return command.make_context(command.name, [*words, "--", *names]).params
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
