"""Layers of real networks, read from ``networks.csv`` with their sources."""

from __future__ import annotations

import csv
from importlib.resources import files

from corrbench.case import Case


def cases(thorough: int, seed: int) -> list[Case]:
    """All layers; in quick those of less than ten million multiply-accumulates."""
    table = files("corrbench.suites").joinpath("networks.csv").read_text(encoding="utf-8")
    found = [Case.parse(f"{row['case']} data=small") for row in csv.DictReader(table.splitlines())]
    return found if thorough else [case for case in found if case.macs < 1e7]
