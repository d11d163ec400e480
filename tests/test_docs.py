"""The pages are true: what follows from the code is up to date, links lead somewhere, options exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from corrbench import suites
from corrbench.cli import main
from corrbench.defects import catalogue
from docs import api, faults, pages

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")


def test_what_follows_from_the_code_is_up_to_date() -> None:
    old = [str(page.relative_to(ROOT)) for page, text in pages.pages().items() if page.read_text("utf-8") != text]
    assert not old, "run `make docs`, which writes what these pages say of the code"


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
def test_what_is_seeded_is_counted(page: str) -> None:
    counted = {found[1] for found in pages.COUNT.finditer((ROOT / page).read_text(encoding="utf-8"))}
    assert counted >= {"defects", "cheats", "honest"}


def test_every_family_suite_and_command_is_told() -> None:
    usage = (ROOT / "docs" / "usage.md").read_text(encoding="utf-8")
    assert "<!-- table:families -->" in README
    assert "<!-- table:suites -->" in usage
    assert not [name for name in main.list_commands(click.Context(main)) if f"corrbench {name}" not in README + usage]


def test_counts_and_tables_follow_the_registries() -> None:
    head = "<!-- table:suites -->\n| suite | cases |\n|---|---|\n"
    text = head + "| `gone` | x |\n| `article`, `gone` | by hand |\n<!-- /table -->\n"
    made = pages.filled(f"<!-- count:defects -->1<!-- /count --> *defects*\n{text}")
    assert made.startswith(f"<!-- count:defects -->{pages.counts()['defects']}<!-- /count --> *defects*\n{head}")
    assert "| `article`, `gone` | by hand |\n" in made
    assert "| `gone` | x |" not in made
    assert {name for name in suites.registry() if f"| `{name}` | " not in made} == {"article"}
    assert pages.filled(made) == made


def test_every_class_of_fault_has_its_section() -> None:
    text = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    numbers = faults.classes(text)
    assert numbers == list(range(1, len(numbers) + 1))
    assert {one.number for one in catalogue() if one.number} == set(numbers), "describe the class in docs/faults.md"
    sections = re.findall(r"^### \d+\. .*\n((?:.+\n)+)\n(Reported in .*)\n", text, re.MULTILINE)
    assert len(sections) == len(numbers), "each class is described by hand, and then says where it was reported"
    cited = re.findall(r"\[([\w.-]+/[\w.-]+)#(\d+)\]\(https://github\.com/(\S+?)/issues/(\d+)\)", text)
    assert cited
    assert all((repository, number) == (place, same) for repository, number, place, same in cited)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_that_are_shown_exist(page: Path) -> None:
    """Those in a command line that is typed as `corrbench COMMAND ...`."""
    for name, line in re.findall(r"corrbench ([a-z]+)\b([^`\n|]*)", page.read_text(encoding="utf-8")):
        command = main.get_command(click.Context(main), name)
        if command is None:
            continue
        known = {word for parameter in command.params for word in parameter.opts}
        assert not set(re.findall(r"(?<!\S)--[a-z-]+", line)) - known - {"--help"}, line


EXAMPLES = """
import sys, torch
from corrbench.case import Case
from corrbench.checks import CHECKS
blocks = sys.argv[1:]
target, check, defect, suite = made = [{"__name__": f"example_{place}"} for place in range(len(blocks))]
for block, names in zip(blocks, made, strict=True):
    exec(block, names)
assert target["DECLARED"].keys() <= target.keys()
assert CHECKS["values.ones"].run is check["ones"]
from corrbench.defects import mutants
[mutant] = mutants("example", blocks[2])
assert mutant.name == "last-row-twice"
for text, right in ((mutant.witness, False), (mutant.near_miss, True)):
    case = Case.parse(text)
    x, w = torch.randn(case.x, dtype=float), torch.randn(case.w, dtype=float)
    got = defect["last_row_twice"](x, w, stride=case.stride)
    assert torch.allclose(got, torch.nn.functional.conv2d(x, w, stride=case.stride)) == right == mutant.right_on(case)
assert set(suite["cases"](0, 1)) < set(suite["cases"](2, 1))
"""


def test_the_worked_examples_work() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    assert max(sum(map(bool, block.splitlines())) for block in blocks) <= 15
    words = [sys.executable, "-c", EXAMPLES, *blocks]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
