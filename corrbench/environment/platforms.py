"""The systems that corrbench runs under."""

from __future__ import annotations

import sys


def foreign() -> str:
    """Why targets cannot be judged under this system; empty under Linux."""
    system = str(sys.platform)  # which mypy takes for that of its own
    if system == "linux":
        return ""
    name = {"darwin": "macOS", "win32": "Windows"}.get(system, system)
    return (
        f"this is {name}, and corrbench judges targets under Linux only: it watches and ends their processes through "
        "/proc. Run it in a Linux container or virtual machine" + (" (WSL)" if name == "Windows" else "")
    )
