"""A choice of words on the command line that says which of them is near one that it does not have."""

from __future__ import annotations

from typing import Any

import click


class Choice(click.Choice[str]):
    """Click's own choice, but for what it says of another word."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word, if it is one of the choices.

        Raises:
            click.BadParameter: it is none; the message names those that are near, then all.
        """
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            from corrbench.case import there_are

            words = list(map(str, self.choices))
            self.fail(f"{value!r} is not one of them; {there_are(str(value), words)}: {', '.join(words)}", param, ctx)
