"""Cases that some implementation failed on: the corpus of ``regressions.csv``, with what each of them showed.

They keep their element type, data and layout. `corrbench campaign` finds such cases; the smallest of every cause is
added here, so that every target is asked it in every profile.
"""

from __future__ import annotations

import csv
from importlib.resources import files

from corrbench.case import Case


def cases(thorough: int, seed: int) -> list[Case]:
    """All of them."""
    text = files("corrbench.suites").joinpath("regressions.csv").read_text(encoding="utf-8")
    return [Case.parse(row["case"]) for row in csv.DictReader(text.splitlines())]
