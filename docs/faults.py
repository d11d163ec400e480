"""The part of docs/faults.md that follows from the code: reports of each class of fault, and what is seeded for it."""

from __future__ import annotations

import re

from corrbench.defects import catalogue

CLASS = re.compile(r"### (\d+)\. ")


def page(text: str) -> str:
    """The page, with the last paragraph of each class written anew."""
    parts = re.split(r"^(?=#)", text, flags=re.MULTILINE)
    return "".join(map(section, parts)).rstrip() + "\n"


def section(text: str) -> str:
    """One class; what is none stays as it is."""
    found = CLASS.match(text)
    return text.partition("\nReported in ")[0].rstrip() + f"\n\n{line(int(found[1]))}\n\n" if found else text


def classes(text: str) -> list[int]:
    """The numbers of all classes on the page."""
    return [int(number) for number in re.findall(rf"^{CLASS.pattern}", text, re.MULTILINE)]


def line(number: int) -> str:
    """Where a class has been reported, and the faults that stand for it."""
    seeded = [one for one in catalogue() if one.number == number]
    reports = sorted({cite for one in seeded for cite in one.cites}, key=str.lower)
    links = ", ".join(f"[{cite}](https://github.com/{cite.replace('#', '/issues/')})" for cite in reports)
    return f"Reported in {links or 'no place that we cite'}. Seeded: {', '.join(f'`{one.name}`' for one in seeded)}."
