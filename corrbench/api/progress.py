"""Progress in Python: the command line's bar on a terminal, a line that changes in a notebook, nothing elsewhere."""

from __future__ import annotations

import contextlib
import html
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from corrbench.runner import Step

OFTEN = 0.2  # seconds between two pictures of a bar in a notebook
Tell = Callable[[str], None]


@contextlib.contextmanager
def shown(what: str, *, quiet: bool = False) -> Iterator[tuple[Step, Tell]]:
    """Functions to be told how far it is, and what has been found."""
    kernel = None if quiet else notebook()
    if kernel is not None:
        with _in_notebook(what, kernel) as both:
            yield both
        return
    from corrbench import cli

    loud = not quiet and sys.stderr.isatty()
    with cli.steps(what, quiet=not loud) as step:
        yield step, cli.seen if loud else _nobody


def notebook() -> Any:
    """IPython's shell where it is one of a kernel; None elsewhere."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    return shell if getattr(shell, "kernel", None) is not None else None


@contextlib.contextmanager
def _in_notebook(what: str, shell: Any) -> Iterator[tuple[Step, Tell]]:
    from IPython.display import HTML, display

    first, last = f"{what}: loading", 0.0
    found: list[str] = []
    handle: Any = display(HTML(html.escape(first)), display_id=True)

    def drawn(done: int, total: int, text: str) -> Any:
        bar = f'<progress value="{done}" max="{total or 1}"></progress> {done} of {total}'
        return HTML("<br>".join([f"<small>{bar} · {html.escape(text)}", *map(html.escape, found[-8:])]) + "</small>")

    def step(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last > OFTEN or done == total:
            last = time.monotonic()
            handle.update(drawn(done, total, text))

    try:
        yield step, found.append
    finally:
        handle.update(HTML(""))  # what is shown afterwards says it all


def _nobody(text: str) -> None:
    """What is found is told when all is."""
