"""The index of the folder of reports, with what each says in one line; writes its README.md."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

REPORTS = Path(__file__).parents[1] / "reports"
# File, what it answers, the line of it that says what came out, and what makes it again.
PARTS = (
    (
        "correctness.md",
        "Is the reference right, and do SciPy and PyTorch agree with it?",
        r"^- (\*\*\w+\*\* .*)$",
        "make verify",
    ),
    (
        "audit.md",
        "Which mutants does the suite catch, and which does it miss?",
        r"^\*\*(.+?)\*\*",
        "make audit",
    ),
    ("rivals.md", "What do other suites find in the same?", r"^\*\*(.+?)\*\*", "make audit RIVALS=--rivals"),
    ("audit-full.md", "Which check finds what?", r"^\*\*(.+?)\*\*", "make audit FULL='--profile quick --full'"),
    ("conformance.md", "Which released library gets what wrong?", r"^\*\*(.+?)\*\*", "make peers"),
    ("campaign.md", "What do random cases find in released libraries?", r"^\*\*(.+?)\*\*", "make campaign"),
    ("fingerprints.md", "In what order does each library sum?", r"^\*\*(.+?)\*\*", "make fingerprints"),
    ("gate.md", "How often does the gate err, beside other tools?", r"^\*\*(.+?)\*\*", "make score"),
    ("worth.md", "What is a pass worth, and what is certified?", r"^\*\*(.+?)\*\*", "make worth"),
    ("performance.md", "How fast, beside SciPy and PyTorch?", r"^- (Geometric mean.*)$", "make performance"),
)


def conclusion(text: str, pattern: str) -> list[str]:
    """The lines of a report that say what came out.

    Raises:
        ValueError: there is none.
    """
    found = re.findall(pattern, text, re.MULTILINE)
    if not found:
        raise ValueError(f"no line like {pattern!r}")
    return found if pattern.startswith("^- ") else found[:1]


def write(folder: Path) -> str:
    """The index of a folder of reports, as Markdown."""
    lines = [
        "# Reports",
        "",
        "Made by `make reports`; one alone by the command beside it with `REPORT=reports`, else that is written into",
        "`.corrbench/reports/`, and this folder stays as it is. What changed shows in a diff.",
        "",
    ]
    for name, question, pattern, command in PARTS:
        said = conclusion((folder / name).read_text(encoding="utf-8"), pattern)
        lines += [f"## [{name}]({name})", "", f"{question} `{command}`", "", *(f"- {one}" for one in said), ""]
    kinds = Counter(
        kind
        for file in (folder / "findings").glob("*.md")
        for kind in re.findall(r"^class: *(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    )
    counted = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    commits = len(list((folder / "asv").glob("*/*-*.json")))
    entries = (
        "What released libraries get wrong, an entry each, with a reproducer that uses the library alone: "
        f"{counted}. *Different* is a documented convention of a library's own, and no fault."
    )
    history = f"Speed, memory, error and instructions of {commits} commits, for `asv publish`. `make history`"
    lines += ["## [findings](findings)", "", entries, "", "## [asv](asv)", "", history]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (REPORTS / "README.md").write_text(write(REPORTS), encoding="utf-8")
