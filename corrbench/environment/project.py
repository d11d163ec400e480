"""The project's file: targets with their options, named in ``[tool.corrbench.targets]`` of pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

FILE = "pyproject.toml"


class BadProject(ValueError):
    """The table cannot be used; the message says why."""


def targets(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """The named targets of the nearest pyproject.toml at or above a folder, each with its options; none without one.

    Raises:
        BadProject: the file is no TOML, or the table is no table of targets.
    """
    here = (folder or Path.cwd()).resolve()
    place = next((one / FILE for one in (here, *here.parents) if (one / FILE).is_file()), None)
    if place is None:
        return {}
    try:
        tool = tomllib.loads(place.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadProject(f"cannot read {place}: {error}") from None
    found = tool.get("corrbench", {}).get("targets", {})
    wanted = f'{place}, [tool.corrbench.targets]: write NAME = {{ target = "ops.py:conv2d", layout = "NHWC,HWIO" }}'
    if not isinstance(found, dict):
        raise BadProject(wanted)
    for name, options in found.items():
        if not isinstance(options, dict) or not isinstance(options.get("target"), str):
            raise BadProject(f"{wanted}; {name} has no target")
    return found


def called(name: str, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The target that a name stands for, and its options: those that are given, those of the table where none is.

    Args:
        name: a name in the table, or the target itself.
        options: every option that there is, empty or false where it is not given.

    Raises:
        BadProject: the table cannot be used, or has an option that there is not; the message lists what there is.
    """
    found = targets().get(name, {})
    for option in found:
        if option.replace("-", "_") not in {*options, "target"}:
            there = ", ".join(sorted(one.replace("_", "-") for one in options))
            raise BadProject(f"{FILE}: the target {name} has an option {option!r}; there are: target, {there}")
    said = {option.replace("-", "_"): value for option, value in found.items()}
    return said.pop("target", name), options | said | {option: value for option, value in options.items() if value}
