"""The pages are true: the API page is what docstrings say, links lead somewhere, numbers and options are right."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import click
import pytest

from corrbench import suites
from corrbench.checks import registry
from corrbench.cli import main
from corrbench.defects import catalogue
from docs import api

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")


def test_the_api_page_is_what_the_docstrings_say() -> None:
    assert api.PAGE.read_text(encoding="utf-8") == api.page(), "make docs writes it anew"


def test_a_docstring_becomes_markdown() -> None:
    example = "::\n\n    a = 1\n        b\n\nMore.\n\n"
    sections = "Args:\n    x, y: two\n        lines.\n    z: one.\n\nRaises:\n    E: no."
    assert api.prose(f"What it is, ``so``.\n\n{example}{sections}") == (
        "What it is, `so`.\n\n```python\na = 1\n    b\n```\n\nMore.\n\n"
        "**Args**\n\n- `x`, `y`: two lines.\n- `z`: one.\n\n**Raises**\n\n- `E`: no.\n"
    )


def test_the_first_example_is_the_one_that_the_tutorial_runs() -> None:
    tutorial = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    source, session = re.findall(r"^```(?:python)?\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[:2]
    assert source.replace("    h, w =", "    # size of the kernel: h, w =") in tutorial
    assert all(part.strip() in tutorial for part in session.split("..."))


def anchors(page: Path) -> set[str]:
    """As a forge makes them of headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for place, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        to = (page.parent / place).resolve() if place else page
        assert to.exists(), place
        assert not anchor or anchor in anchors(to), f"{place}#{anchor}"


@pytest.mark.parametrize("page", ["README.md", "METHODOLOGY.md"])
def test_the_catalogue_has_as_many_as_is_said(page: str) -> None:
    counts = Counter(one.kind for one in catalogue())
    said = re.findall(r"(\d+) (?:planted )?\*?(defect|cheat|honest)", (ROOT / page).read_text(encoding="utf-8"))
    assert {kind for _, kind in said} == set(counts)
    assert [(int(number), kind) for number, kind in said] == [(counts[kind], kind) for _, kind in said]


def test_every_family_suite_and_command_is_told() -> None:
    families = {name.partition(".")[0] for name in registry()}
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) >= families
    told = README + (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    assert not [name for name in suites.registry() if f"`{name}`" not in told]
    assert not [name for name in main.list_commands(click.Context(main)) if f"corrbench {name}" not in told]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_are_shown_exist(page: Path) -> None:
    """Those in a command line that is typed as `corrbench COMMAND ...`."""
    for name, line in re.findall(r"corrbench ([a-z]+)\b([^`\n|]*)", page.read_text(encoding="utf-8")):
        command = main.get_command(click.Context(main), name)
        if command is None:
            continue
        known = {word for parameter in command.params for word in parameter.opts}
        assert not set(re.findall(r"(?<!\S)--[a-z-]+", line)) - known - {"--help"}, line
