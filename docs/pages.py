"""What on the pages follows from the code: the API, the seeded faults of each class, counts, and rows of tables.

``python -m docs.pages`` writes it. A count stands between ``<!-- count:defects -->`` and ``<!-- /count -->``. Rows of a
table between ``<!-- table:suites -->`` and ``<!-- /table -->`` are written by hand; what is new gets a row with the
first line of its docstring, and what is gone loses its own.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable
from inspect import getdoc
from pathlib import Path

from corrbench import suites, target
from corrbench.checks import registry
from corrbench.defects import catalogue
from corrbench.render import explain
from docs import api, faults

ROOT = Path(__file__).parents[1]
CHECKS = ROOT / "docs" / "checks.md"
COUNT = re.compile(r"<!-- count:(\w+) -->.*?<!-- /count -->", re.DOTALL)
TABLE = re.compile(r"<!-- table:(\w+) -->\n(.*?\n)<!-- /table -->", re.DOTALL)


def counts() -> dict[str, int]:
    """What can be counted on a page."""
    kinds = Counter(one.kind for one in catalogue())
    wrong = kinds["defect"] + kinds["cheat"]
    audited = re.findall(r"of (\d+) defects and cheats found", (ROOT / "reports" / "audit.md").read_text("utf-8"))
    return {
        "defects": kinds["defect"], "cheats": kinds["cheat"], "honest": kinds["honest"], "wrong": wrong,
        "triggers": kinds["trigger"],
        "classes": len({one.number for one in catalogue() if one.number}), "audited": int(audited[0]),
        "checks": len(registry()),
        "families": len(families()), "suites": len(suites.registry()), "targets": len(target.registered()),
    }  # fmt: skip


def families() -> dict[str, str]:
    """Each family of checks, and the first line of its module."""
    return {name.partition(".")[0]: first(one.run.__module__) for name, one in registry().items()}


def sources() -> dict[str, str]:
    """Each suite, and the first line of its module."""
    return {name: first(cases.__module__) for name, cases in suites.registry().items()}


TABLES: dict[str, Callable[[], dict[str, str]]] = {"families": families, "suites": sources}


def first(module: str) -> str:
    """The first line of a module's docstring."""
    return (getdoc(sys.modules[module]) or "").partition("\n")[0]


def filled(text: str) -> str:
    """A page with its counts and tables as they are."""
    known = counts()
    text = COUNT.sub(lambda found: f"<!-- count:{found[1]} -->{known[found[1]]}<!-- /count -->", text)
    return TABLE.sub(table, text)


def table(found: re.Match[str]) -> str:
    """A table with the rows of what there is; a row may be of several, in its first cell."""
    members = TABLES[found[1]]()
    head, rows = found[2].splitlines()[:2], found[2].splitlines()[2:]
    named = {row: re.findall(r"`([\w-]+)`", row.split("|")[1]) for row in rows}
    new = members.keys() - {name for names in named.values() for name in names}
    rows = [row for row in rows if set(named[row]) & members.keys()]
    rows += [f"| `{name}` | {members[name]} |" for name in sorted(new)]
    return f"<!-- table:{found[1]} -->\n" + "\n".join([*head, *rows]) + "\n<!-- /table -->"


def pages() -> dict[Path, str]:
    """Every page as it should be."""
    own: dict[Path, Callable[[str], str]] = {
        api.PAGE: lambda _: api.page(),
        CHECKS: lambda _: explain.page(),
        ROOT / "docs" / "faults.md": faults.page,
    }
    every = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    return {page: own.get(page, filled)(page.read_text(encoding="utf-8")) for page in every}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
