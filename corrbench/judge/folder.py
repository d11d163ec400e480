"""The folder that is a target's to write: what is lent to it there, and its end."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
LENT = ("__init__.py", "case.py", "convention", "target.py", "targets", "reference.py")


def lend(folder: str) -> str:
    """A place below `folder` from which another environment imports our adapters, and no more of this one."""
    place = Path(folder, "lent")
    (place / "corrbench").mkdir(parents=True)
    for name in LENT:
        (place / "corrbench" / name).symlink_to(PACKAGE / name)
    return str(place)


def remove(folder: str) -> None:
    """Delete a folder that was a target's to write, however deep it is and whatever it may not be used for."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.isdir(folder):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            with contextlib.suppress(OSError):
                subprocess.run([*command, "--", folder], check=False, capture_output=True, stdin=subprocess.DEVNULL)
