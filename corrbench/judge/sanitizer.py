"""compute-sanitizer around the target's process: what it says of kernels, read from what the process prints."""

from __future__ import annotations

import re
import shutil

from corrbench.target import SANITIZERS

PROGRAM = "compute-sanitizer"
FOUND = re.compile(
    r"^=+ (?!COMPUTE-SANITIZER|ERROR SUMMARY|RACECHECK SUMMARY|LEAK SUMMARY)(\w[^\n]*\w[^\n]*)$", re.MULTILINE
)


def command(tool: str) -> tuple[str, ...]:
    """The words that the target's process is started under; none for no tool.

    Raises:
        ValueError: unknown tool, or the program is not installed; the message says what to do.
    """
    if not tool:
        return ()
    if tool not in SANITIZERS:
        raise ValueError(f"no tool {tool!r} of {PROGRAM}; there are: {', '.join(SANITIZERS)}")
    if shutil.which(PROGRAM) is None:
        raise ValueError(f"--sanitize {tool} needs {PROGRAM}, which is not on the path: it is part of the CUDA toolkit")
    return (PROGRAM, "--tool", tool, "--target-processes", "all", "--print-limit", "10")


def first(printed: str) -> str:
    """The first thing that was found, in a line; empty if nothing was. More is said of it in indented lines."""
    match = FOUND.search(printed)
    return match[1].strip()[:200] if match else ""
