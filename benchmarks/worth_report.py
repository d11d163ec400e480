"""The report on what a pass is worth, from records that are kept as they come."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

Record = dict[str, Any]


class Kept:
    """The records that there are, by part and name; new ones are appended to a file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.records = {(one["part"], one["name"]): one for one in map(json.loads, lines)}

    def of(self, part: str) -> list[Record]:
        """The records of a part."""
        return [one for (which, _), one in self.records.items() if which == part]

    def make(self, part: str, name: str, work: Callable[[], Record]) -> None:
        """A record, unless it is there."""
        if (part, name) in self.records:
            return
        began = time.monotonic()
        made = {"part": part, "name": name, **work()} | {"seconds": round(time.monotonic() - began, 2)}
        self.records[part, name] = made
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(made) + "\n")
        said = f"{made.get('verdict', '')} {made['seconds']} s {str(made.get('reason', ''))[:100]}"
        click.echo(f"{part} {name}: {said}", err=True)


def page(kept: Kept, missing: dict[str, int]) -> str:
    """What is written of it, and how much of each part is not examined yet."""
    return (
        "\n".join([*triggers(kept, missing), *honest(kept), *falsely(kept), *mutants(kept), *costs(kept)]).rstrip()
        + "\n"
    )


def triggers(kept: Kept, missing: dict[str, int]) -> Iterator[str]:
    found, tried = kept.of("triggers"), {one["name"]: one for one in kept.of("read")}
    read = {name for name, one in tried.items() if one["verdict"] == "fail"}
    open_ = {one["name"] for one in found if one["verdict"] != "certified"}
    yield from ["# What a pass is worth", ""]
    yield (f"**{len(read | open_)} of {len(found)} trigger faults are told: {len(read)} of {len(tried)} with readable "
           f"constants are found by `verify`, and {len(open_)} of {len(found)} get no certificate.**")  # fmt: skip
    if left := ", ".join(f"{count} of the part {part}" for part, count in missing.items()):
        yield from ["", f"Not examined yet: {left}. `make worth` goes on."]
    said = (
        "`verify` with the profile standard, and a certificate, without tests, for an ordinary case outside the region."
    )
    heads = ["| fault | constant | found by | certificate | where, or why |", "|---|---|---|---|---|"]
    yield from ["", "## Trigger faults", "", said, "", *heads]
    for one in found:
        asked = tried.get(one["name"])
        by = "" if asked is None else f"{asked['by']}: {asked['case']}" if asked["by"] else asked["verdict"]
        yield f"| {one['name']} | {one['constant']} | {cell(by)} | {one['verdict']} | {cell(one['reason'])} |"
    yield ""


def honest(kept: Kept) -> Iterator[str]:
    found = kept.of("honest")
    tests = {one["name"]: one for one in kept.of("tested")}
    failed = [name for name, one in tests.items() if one["verdict"] == "refuted"]
    done = [one for one in found if one["verdict"] == "certified" and one["name"] not in failed]
    modelled = [one for one in found if one.get("known", {}).get("rounding") == "predicted"]
    said = (
        f"{len(done)} of {len(found)} certified; {len(modelled)} have a model that predicts every bit. The tests of "
        f"the case were made of {len(tests)}, and {len(failed)} fail."
    )
    heads = [
        "| implementation | certificate | machine code | rounding | tests | why not |",
        "|---|---|---|---|---|---|",
    ]
    yield from ["## Honest implementations", "", said, "", *heads]
    for one in found:
        known = [one.get("known", {}).get(name, "") for name in ("machine code", "rounding")]
        asked = tests.get(one["name"])
        known += ["" if asked is None else "fail" if one["name"] in failed else "pass"]
        why = asked["reason"] if asked and one["name"] in failed else one["reason"]
        yield f"| {one['name']} | {one['verdict']} | {' | '.join(known)} | {cell(why)} |"
    yield ""


def falsely(kept: Kept) -> Iterator[str]:
    found = kept.of("wrong")
    bad = [one for one in found if one["verdict"] == "certified"]
    asked = Counter(bool(one.get("program")) for one in found)
    yield from ["## Certified though wrong", ""]
    yield (f"{len(bad)} of {len(found)} wrong implementations are certified for a case of their region: "
           f"{asked[True]} fail by their program, the others by the tests of the case.")  # fmt: skip
    yield ""
    for one in bad:
        yield f"- {one['name']} ({one['wrong']}): {one['case']}"
    if bad:
        yield ""


def mutants(kept: Kept) -> Iterator[str]:
    found = kept.of("mutants")
    noticed, survived = (sum(one[name] for one in found) for name in ("noticed", "survived"))
    times = [second for one in found for second in one["times"]]
    yield from ["## Mutants", ""]
    if found:
        yield (f"{noticed} of {noticed + survived} mutants that are not equivalent noticed, "
               f"{noticed / max(1, noticed + survived):.1%}; median {statistics.median(times):.2f} s.")  # fmt: skip
    yield from ["", "| implementation | judged of | noticed | survived | equivalent |", "|---|---:|---:|---:|---:|"]
    for one in found:
        judged = one["noticed"] + one["survived"] + one["equivalent"]
        counts = " | ".join(str(one[name]) for name in ("noticed", "survived", "equivalent"))
        yield f"| {one['name']} | {judged} of {one['made']} | {counts} |"
    for one in found:
        for diff in one["survivors"]:
            yield from ["", f"Survivor of {one['name']}:", "", "```diff", diff.rstrip(), "```"]
    yield ""


def costs(kept: Kept) -> Iterator[str]:
    said = (
        "Seconds of a certificate by its parts, on the clock, with whatever else the machine did: the median, and the "
        "most. Under Memcheck are those in NumPy alone."
    )
    yield from ["## Costs", "", said, "", "| part | torch | NumPy |", "|---|---|---|"]
    every = [one for part in ("triggers", "honest", "tested") for one in kept.of(part) if "costs" in one]
    for name in ("loading", "white box", "exact integers", "state", "black box", "rounding", "tests"):
        row = []
        for arrays in ("torch", "numpy"):
            mine = [one for one in every if one["arrays"] == arrays]
            spent = [seconds for one in mine if (seconds := one["costs"].get(name, 0.0))]
            row.append(f"{statistics.median(spent):.1f}, {max(spent):.1f}" if spent else "")
        yield f"| {name} | {row[0]} | {row[1]} |"


def cell(text: str) -> str:
    """A text in a table."""
    return " ".join(text.split()).replace("|", "\\|")[:200]
