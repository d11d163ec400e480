"""Layers of real networks at the sizes and batches that they are trained with, and other large cases, with their data.

They are too large for the exact answer of every element on real numbers: only `corrbench.checks.large` asks for them.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from math import prod

from corrbench.case import Case

MACS = (2.5e8, 2.5e9, 1e11)  # at most in each profile
ELEMENTS = (3e6, 2e7, 1e9)  # of input and result together


def cases(thorough: int, seed: int) -> list[Case]:
    """All of the table that a profile affords, the light ones first."""
    table = files("corrbench.suites").joinpath("large.csv").read_text(encoding="utf-8")
    found = [Case.parse(row["case"]) for row in csv.DictReader(table.splitlines())]
    fits = (c for c in found if c.macs <= MACS[thorough] and prod(c.x) + prod(c.out) <= ELEMENTS[thorough])
    return sorted(fits, key=lambda case: case.macs)
