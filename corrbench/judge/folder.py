"""The end of a folder that was a target's to write."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess


def remove(folder: str) -> None:
    """Delete a folder that was a target's to write, however deep it is and whatever it may not be used for."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.isdir(folder):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            with contextlib.suppress(OSError):
                subprocess.run([*command, "--", folder], check=False, capture_output=True, stdin=subprocess.DEVNULL)
