"""What a terminal would show, as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120  # columns


def captured(show: Callable[[Console], object]) -> str:
    """All that `show` prints on a console, without colours."""
    from rich.console import Console

    console = Console(width=WIDTH, highlight=False, color_system=None, force_terminal=False)
    with console.capture() as text:
        show(console)
    return text.get().rstrip()
