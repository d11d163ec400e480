"""Standard output and error that may be closed, full or of few characters, and cost no result."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any


class Steady(io.FileIO):
    """Standard output or error, which may be closed or full: what cannot be shown is lost, and nothing else is."""

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        """Write what can be written; the first failure is said on the terminal, if there is one."""
        try:
            return super().write(data) if self.lost is None else len(data)
        except OSError as error:
            self.lost = error
            if self.fileno() == 1 and not isinstance(error, BrokenPipeError):
                said = f"corrbench: cannot write to standard output: {error.strerror}; files are written all the same\n"
                with contextlib.suppress(OSError):
                    os.write(2, said.encode())
            return len(data)


def steady() -> None:
    """Let no output that is closed, full or of few characters end the command. What is closed is opened to nowhere, so
    that no file or pipe of ours takes its number.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, number in (("stdout", 1), ("stderr", 2)):
        given = getattr(sys, name)
        if given is None or given is getattr(sys, f"__{name}__"):
            raw = Steady(number, "w", closefd=False)
            encoding = getattr(given, "encoding", None) or "utf-8"
            setattr(sys, name, io.TextIOWrapper(
                io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=number == 2 or raw.isatty(),
                write_through=number == 2,
            ))  # fmt: skip


def lost() -> OSError | None:
    """Why standard output could not be written; None where it could, or where its reader wanted no more."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    found = raw.lost if isinstance(raw, Steady) else None
    return None if isinstance(found, BrokenPipeError) else found
