"""Where the pages are that a report points to: those of the documentation's site, or the command that says the same."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import metadata

SCHEMA = "https"


@cache
def site() -> str:
    """The address of the documentation that the distribution gives among its URLs; empty if it gives none."""
    with suppress(metadata.PackageNotFoundError):
        for line in metadata.metadata("corrbench").get_all("Project-URL") or []:
            name, _, address = line.partition(", ")
            if name == "Documentation" and address.startswith(SCHEMA):
                return str(address).rstrip("/")
    return ""


def anchor(check: str) -> str:
    """The part of the page of checks that is about one."""
    return check.replace(".", "")  # as GitHub and Python-Markdown make it of a heading


def check(name: str, base: str = "") -> str:
    """The address at which a check is explained; empty without a site."""
    base = base or site()
    return f"{base}/docs/checks.html#{anchor(name)}" if base else ""


def methodology(base: str = "") -> str:
    """The address of METHODOLOGY; empty without a site."""
    base = base or site()
    return f"{base}/METHODOLOGY.html" if base else ""


def explained(name: str) -> str:
    """Where a check is explained: its address, or the command."""
    return check(name) or f"corrbench explain {name}"
