"""Checks, suites, targets, fills and known findings in words: for `explain`, `list` and the page of checks."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from difflib import get_close_matches
from inspect import getdoc

from corrbench.analysis import baseline
from corrbench.checks import Check, registry
from corrbench.defects import catalogue
from corrbench.render import links
from corrbench.target import registered

ALLOWED = {  # families, and the sections of METHODOLOGY.md that say why so much is allowed and what is not proved
    "values": "1, 3 and 7", "gradients": "8", "special": "1", "relations": "1", "contract": "15", "memory": "1",
    "state": "10", "determinism": "3", "fuzz": "1", "module": "17", "use": "17",
}  # fmt: skip
EXAMPLES = 4  # seeded faults that are named


class Unknown(ValueError):
    """There is nothing of that name; the message says what is near."""


def text(name: str) -> str:
    """What there is to say of a check, a family, or a known finding.

    Raises:
        Unknown: there is none of that name.
    """
    checks, families = registry(), dict.fromkeys(one.partition(".")[0] for one in registry())
    if name in checks:
        return "\n".join(of_check(checks[name]))
    if name in families:
        mine = [one for one in checks.values() if one.name.startswith(f"{name}.")]
        width = max(len(one.name) for one in mine)
        return "\n".join([f"{name}: {about(mine[0])}", "", *(f"  {one.name:{width}}  {one.about}" for one in mine)])
    if found := known(name):
        return found
    near = get_close_matches(name, [*checks, *families], 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "corrbench list checks says what there is"
    raise Unknown(f"no check, family or known finding named {name!r}; {hint}")


def of_check(check: Check) -> Iterator[str]:
    """The lines on one check."""
    family = check.name.partition(".")[0]
    yield check.name
    yield f"  {check.about}"
    if more := (getdoc(check.run) or "").partition("\n\n")[2]:
        yield from ("", textwrap.indent(more, "  "))
    yield ""
    yield f"  family {family}: {about(check)}"
    if family in ALLOWED:
        yield f"  what is allowed, and why: METHODOLOGY.md, section {ALLOWED[family]}"
    if seeded := faults(family):
        more = f" and {len(seeded) - EXAMPLES} more" if len(seeded) > EXAMPLES else ""
        yield f"  seeded faults that the family must find: {', '.join(seeded[:EXAMPLES])}{more}"
    if address := links.check(check.name):
        yield f"  {address}"
    yield f"  to ask it alone: corrbench verify TARGET --check {check.name}"


def about(check: Check) -> str:
    """The first line of the module of a check's family."""
    return (getdoc(sys.modules[check.run.__module__]) or "").partition("\n")[0]


def faults(family: str) -> list[str]:
    """The seeded faults that a family must find."""
    return [one.name for one in catalogue() if one.check == family and one.kind == "defect"]


def known(name: str) -> str:
    """What the baselines say of a finding by its name; empty if none has it."""
    lines: dict[str, list[str]] = {}
    for target in sorted(registered()):
        shipped = baseline.shipped(target)
        for one in shipped.known if shipped else ():
            if one.finding == name:
                where = f" where {' and '.join(one.where)}" if one.where else ""
                release = f" (recorded of {shipped.version})" if shipped and shipped.version else ""
                lines.setdefault(one.reason, []).append(f"  {target}{release}: {one.check}{where}")
    parts = [line for reason, places in lines.items() for line in (reason, *dict.fromkeys(places))]
    written = f"reports/findings/{name}.md in corrbench's sources has a reproducer with the library alone"
    return "\n".join([name, *parts, written]) if parts else ""


def listed(kind: str) -> dict[str, str]:
    """Names of a kind, each with one line about it."""
    if kind == "checks":
        return {name: check.about for name, check in registry().items()}
    if kind == "targets":
        return {name: declared.about for name, (_, declared) in sorted(registered().items())}
    if kind == "suites":
        from corrbench import suites

        return {name: first(sys.modules[cases.__module__].__doc__) for name, cases in suites.registry().items()}
    from corrbench.numerics import inputs, natural_inputs

    own = {name: first(made.__doc__) for name, made in inputs.FILLS.items()}
    natural = f"natural data, under {', '.join(natural_inputs.KERNELS)}"
    return own | {f"{name}+KERNEL": natural for name in natural_inputs.INPUTS}


def first(doc: str | None) -> str:
    """The first line of a docstring."""
    return (doc or "").strip().partition("\n")[0]


def page() -> str:
    """The page of checks, as Markdown: a part each, whose anchor reports point to."""
    checks = registry()
    lines = [
        "# Checks", "",
        "What each check asks. `corrbench explain NAME` says the same, `corrbench verify TARGET --check NAME` asks it",
        "alone. `make docs` writes this page from the checks themselves.",
    ]  # fmt: skip
    family = ""
    for name, check in checks.items():
        if name.partition(".")[0] != family:
            family = name.partition(".")[0]
            where = (
                f" What is allowed: [METHODOLOGY](../METHODOLOGY.md), section {ALLOWED[family]}."
                if family in ALLOWED
                else ""
            )
            lines += ["", f"## {family}", "", f"{about(check)}{where}"]
        more = (getdoc(check.run) or "").partition("\n\n")[2]
        lines += ["", f"### {name}", "", check.about, *(["", more] if more else [])]
    return "\n".join(lines) + "\n"
