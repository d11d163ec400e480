"""Fingerprints that lie in files, for the commands that take one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corrbench.fingerprint.survey import Survey


def read(name: str) -> Survey:
    """The fingerprint in a file.

    Raises:
        ValueError: it cannot be read, or is none; the message says why and how one is made.
    """
    from corrbench.fingerprint.survey import Survey

    try:
        said = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {name}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise ValueError(f"{name} holds no object of JSON, and hence no fingerprint")
    try:
        return Survey.from_json(said)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
