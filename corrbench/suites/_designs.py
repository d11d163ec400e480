"""Covering designs that take a while to compute, and are therefore read from a table beside their suite."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from corrbench.case import Case

Parameters = Mapping[str, tuple[Any, ...]]
QUICK = 4e5  # multiply-accumulates in the quick profile


def read(
    name: str, parameters: Parameters, build: Callable[[dict[str, Any]], Case | None], thorough: int,
    *, rows: int, light: int,
) -> list[Case]:  # fmt: skip
    """The first `rows` cases of the table ``name.csv``, in deep all; in quick so many `light` ones."""
    text = files("corrbench.suites").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    found = [built for row in csv.DictReader(text.splitlines()) if (built := build(parsed(row, parameters)))]
    if not thorough:
        return [case for case in found if case.macs <= QUICK][:light]
    return found[: rows if thorough < 2 else None]


def parsed(row: dict[str, str], parameters: Parameters) -> dict[str, Any]:
    """A row of a table as the values that it stands for."""
    return {name: next(value for value in parameters[name] if str(value) == row[name]) for name in parameters}


def write(design: list[dict[str, Any]], parameters: Parameters) -> None:
    """Print the table of a design."""
    table = csv.DictWriter(sys.stdout, parameters, lineterminator="\n")
    table.writeheader()
    table.writerows(design)
