"""The report of fingerprints: in what order installed libraries sum, who gives the same bits, what a release changed,
and how well corrbench itself does: cells predicted, models that were wrong, what it cost.

    python -m benchmarks.fingerprints --python .venv-peers/bin/python --pair opencv.filter2D OLD/python NEW/python

Fingerprints are kept in `.corrbench/fingerprints`; the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from corrbench import peers
from corrbench.case import Case
from corrbench.environment.facts import instruction_sets
from corrbench.fingerprint.asking import Cell, Unanswered, opened
from corrbench.fingerprint.differences import compare, equal_bits
from corrbench.fingerprint.exploration import survey
from corrbench.fingerprint.found import Found, Kind
from corrbench.fingerprint.prediction import agree, drawn, predicted, seen_operands
from corrbench.fingerprint.survey import Point, Survey
from corrbench.fingerprint.words import columns, told
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.target_process import Died
from corrbench.render.fingerprint import difference, named, together
from corrbench.render.markdown import escape, table
from corrbench.runner.signature import summary_environment
from corrbench.runner.store import digest
from corrbench.target import find

FOLDER = Path(".corrbench/fingerprints")
GRID = [  # K from 1 to 2,304
    Case(x=(1, 1, 8, 9), w=(1, 1, 1, 1)),
    Case(x=(1, 1, 9, 11), w=(1, 1, 3, 3)),
    Case(x=(1, 1, 20, 21), w=(1, 1, 5, 5)),
    Case(x=(1, 1, 30, 31), w=(1, 1, 11, 11)),
    Case(x=(1, 16, 8, 9), w=(16, 16, 1, 1)),
    Case(x=(1, 4, 8, 9), w=(4, 4, 3, 3)),
    Case(x=(2, 4, 8, 9), w=(4, 4, 3, 3)),
    Case(x=(1, 16, 10, 11), w=(16, 16, 3, 3)),
    Case(x=(2, 16, 10, 11), w=(16, 16, 3, 3)),
    Case(x=(1, 64, 6, 7), w=(64, 64, 3, 3)),
    Case(x=(1, 256, 5, 5), w=(256, 256, 3, 3)),
]
DTYPES = ("float32", "float64", "float16", "bfloat16")
PLAIN = 0, 1, 5, 7, 9  # of the grid, for the other element types
OTHERS = (Kind.TRANSFORM, Kind.CHANGING, Kind.REFUSED)  # cells that are no direct ones
DIRECT = (Kind.TREE, Kind.PARTIAL, Kind.UNKNOWN)
DOUBTFUL = (Kind.PARTIAL, Kind.UNKNOWN, Kind.CHANGING)
AGAIN = 6  # fresh inputs in a new process, to which every claimed model is held once more
SLOW = ("tinygrad",)  # which compile for every shape on one core: minutes for what others do in seconds
OVER = "the time was over"
PATIENCE = 300.0  # seconds for a library to be imported, on a busy machine
SECONDS = 90.0  # for the cells of one target in one element type


def kept(name: str, dtype: str, python: str, cases: Sequence[Case], file: Path, until: float) -> Survey | str:
    """The survey of a target, from its file where it is there; a sentence where there is none."""
    if file.exists():
        said = json.loads(file.read_text())
        return said if isinstance(said, str) else Survey.from_json(said)
    if time.monotonic() > until:
        return OVER
    try:
        spec = find(name, python=python, timeout=PATIENCE)
        made: Any = survey(
            spec, name, profile="standard", dtype=dtype, seed=1, limit=SECONDS, step=lambda *_: None,
            points=[Point(case.but(dtype=dtype)) for case in cases], invariant=dtype == "float32",
        )  # fmt: skip
        if not made.died:
            recheck(made, spec)
    except (NotLoaded, Died) as error:
        made = getattr(error, "message", "") or str(error)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made if isinstance(made, str) else made.to_json(), indent=1))
    return made  # type: ignore[no-any-return]


def recheck(made: Survey, spec: Any) -> None:
    """Hold every claimed model to more fresh inputs in a new process; cells that break are noted in `facts`."""
    broken, checked, calls = [], 0, {}
    with Remote(spec) as remote:
        target = opened(spec, remote)
        for name, found in made.cells.items():
            if found.kind is not Kind.TREE:
                continue
            cell = Cell(target, found.case, found.threads)
            pairs = seen_operands(cell, drawn(found.case, 20261127, AGAIN, salt=77))
            try:
                began = time.perf_counter()
                results = cell.ask(pairs)
                calls[name] = (time.perf_counter() - began) / len(pairs)
            except Unanswered:
                broken.append(name)
                continue
            wanted = [predicted(found, found.case, *pair) for pair in pairs]
            right = [agree(made, y, found.case).all() for made, y in zip(wanted, results, strict=True)]
            checked += sum(y.size for y in results)
            if not np.all(right):
                broken.append(name)
    made.facts |= {"broken": "; ".join(broken), "checked": str(checked)}
    made.facts |= {f"seconds of a call {name}": f"{seconds:.6f}" for name, seconds in calls.items()}


# ---- what is measured of corrbench itself


def score(surveys: list[Survey]) -> Iterator[str]:
    """How many cells were predicted, by element type; and how many models were wrong."""
    rows = []
    for dtype in DTYPES:
        cells = [found for one in surveys if one.dtype == dtype for found in one.cells.values()]
        direct = [found for found in cells if found.kind in DIRECT]
        trees = [found for found in direct if found.kind is Kind.TREE]
        broken = [one.facts.get("broken", "") for one in surveys if one.dtype == dtype]
        wrong = sum(len(names.split("; ")) for names in broken if names)
        if direct:
            counted = {kind: sum(found.kind is kind for found in cells) for kind in OTHERS}
            others = ", ".join(f"{number} {kind}" for kind, number in counted.items() if number)
            share = f"{len(trees) / len(direct):.1%}"
            rows.append((dtype, f"{len(trees)} of {len(direct)}", share, str(wrong), others))
    yield from table(("element type", "direct cells predicted", "share", "wrong models", "others"), rows)
    outputs = sum(int(one.facts.get("checked", 0)) for one in surveys)
    yield ""
    yield (
        "A direct cell is one that is neither refused, nor a named transform, nor not a function. *Predicted*: every "
        f"bit of every output of five fresh inputs. Each such model was then held to {AGAIN} more inputs in a new "
        f"process, {outputs:,} outputs in all; *wrong models* are those that broke there."
    )


def conclusion(surveys: list[Survey]) -> str:
    """What came out, in one line."""
    direct = [one for made in surveys for one in made.cells.values() if one.kind in DIRECT]
    trees = [one for one in direct if one.kind is Kind.TREE]
    broken = sum(len(made.facts["broken"].split("; ")) for made in surveys if made.facts.get("broken"))
    targets = len({made.target for made in surveys})
    said = f"{len(trees)} of {len(direct)} direct cells of {targets} targets predicted to the bit"
    return f"{said}, {broken or 'no'} wrong model{'' if broken == 1 else 's'}"


def costs(surveys: list[Survey]) -> Iterator[str]:
    """What the probes of a cell took, in seconds here and now and in calls."""
    rows = []
    for terms in (9, 36, 144, 576, 2304):
        found = [
            (cell, float(one.facts.get(f"seconds of a call {name}", "nan")))
            for one in surveys if one.dtype == "float32" for name, cell in one.cells.items()
            if cell.kind is Kind.TREE and cell.case.terms == terms
        ]  # fmt: skip
        if found:
            seconds, calls = [cell.seconds for cell, _ in found], [cell.calls for cell, _ in found]
            rows.append((
                str(terms), str(len(found)), f"{statistics.median(calls):.0f}", f"{min(seconds):.2f}",
                f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}",
            ))  # fmt: skip
    heads = ("K", "cells", "calls, median", "seconds of probing, least", "median", "most")
    yield from table(heads, rows)


# ---- the report


def library_rows(surveys: list[Survey]) -> list[tuple[str, ...]]:
    """A row for each target: the cell with most channels that is shared by most, in the columns of `peers`."""
    rows = []
    for one in surveys:
        cell = main_cell(one)
        if cell is None:
            continue
        said = columns(cell, one.matrix)
        done = len(one.having(Kind.TREE))
        head = (f"`{one.target}`", one.version.partition("-")[0], f"{done} of {len(one.cells)}")
        rows.append((*head, *map(escape, said.values())))
    return rows


def main_cell(one: Survey) -> Found | None:
    """The cell that stands for a target: 16 channels, or a plane."""
    for case in (GRID[7], GRID[1]):
        found = one.cells.get(str(Point(case.but(dtype=one.dtype))))
        if found is not None and found.kind is not Kind.REFUSED:
            return found
    return next(iter(one.cells.values()), None)


SAID = (
    "In what order, with what roundings, each library sums; recovered from its answers and checked by predicting every "
    "bit of its results on fresh data ([METHODOLOGY.md](../METHODOLOGY.md#21-fingerprints)). {minutes} minutes on "
    "{machine}; another instruction set may be another fingerprint."
)


def report(surveys: list[Survey], absent: dict[str, str], pairs: list[tuple[Survey, Survey]], seconds: float) -> str:
    """The page."""
    main = [one for one in surveys if one.dtype == "float32"]
    cells = [(one, name, found) for one in surveys for name, found in one.cells.items()]
    lines = [
        "# Fingerprints of released libraries", "",
        f"**{conclusion(surveys)}.**", "",
        SAID.format(minutes=f"{seconds / 60:.0f}", machine=instruction_sets() or "this processor"), "",
        "## How well they are predicted", "", *score(surveys), "", *costs(surveys), "",
        "## Libraries, float32", "",
        "Of one layer, 16 channels by a 3×3 kernel (a 3×3 kernel on one plane where that is all a library has).", "",
        *table(("", "version", "predicted", "accumulator", "FMA", "order", "batch", "threads"), library_rows(main)), "",
        "## Classes of equal bits", "",
        "Targets in one class have the same model for every output of a cell, so that they give the same bits.",
        "[fingerprints.html](fingerprints.html) shows them as a table, for all element types.", "",
    ]  # fmt: skip
    for name, classes in equal_bits(main).items():
        said = "; ".join("{" + ", ".join(one.target for one in members) + "}" for members in classes.values())
        lines.append(f"- `{name.partition(' dtype')[0]}`: {said}")
    lines += ["", "## Two releases", "", *(line for a, b in pairs for line in side_by_side(a, b))]
    lines += ["", "## What is not predicted", ""]
    lines += [
        f"- `{one.target}`, `{name}`: {escape(told(found))}" for one, name, found in cells if found.kind in DOUBTFUL
    ]
    lines += ["", "## Transforms", ""]
    lines += [
        f"- `{one.target}`, `{name}`: {escape(told(found))}; {escape(found.said)}"
        for one, name, found in cells
        if found.kind is Kind.TRANSFORM
    ]
    lines += ["", *(f"- `{name}` could not be asked: {escape(said)}" for name, said in absent.items() if said != OVER)]
    late = sorted(name for name, said in absent.items() if said == OVER)
    lines += [f"Not begun, since the time was over (--budget): {'; '.join(late)}."] if late else []
    said = ", ".join(f"{name} {value}" for name, value in summary_environment().items())
    return "\n".join([*lines, "", f"Environment: {said}."]) + "\n"


def side_by_side(a: Survey, b: Survey) -> Iterator[str]:
    """What a release changed, cell by cell; what cannot be compared for the same reason is told once."""
    found = compare(a, b)
    versions = " and ".join(one.version.partition("-")[0] for one in (a, b))
    yield f"- **{a.target} {versions}**: {difference(a, b, found, quiet=True).rpartition(' give ')[2]}"
    for one in found.different:
        where = f", {one.where}" if one.where != "all outputs" else ""
        yield f"  - `{one.cell.partition(' dtype')[0]}`{where}: {escape(one.was)} → {escape(one.now)}"
    if late := max(a.skipped, b.skipped):
        yield f"  - not asked, since the time was over: {late} cells"
    reasons = [one.partition(": ")[2] for one in found.unjudged]
    for reason in dict.fromkeys(reasons):
        yield f"  - cannot be compared, {reasons.count(reason)} of {len(a.cells)}: {escape(reason)}"


def main() -> None:
    """Fingerprint what is there, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="targets or libraries; all that are installed by default")
    parser.add_argument("--python", action="append", default=[], help="interpreter of another environment")
    parser.add_argument("--pair", nargs=3, action="append", default=[], metavar=("TARGET", "OLD", "NEW"))
    parser.add_argument("--report", default=".corrbench/reports", help="folder of the report")
    parser.add_argument("--budget", type=float, default=math.inf, help="seconds after which none is begun")
    asked = parser.parse_args()
    began = time.monotonic()
    until = began + asked.budget
    chosen = [name for name in peers.names(asked.names) if name.partition(".")[0] not in SLOW]
    if asked.names:  # in the order in which they were named
        chosen.sort(
            key=lambda name: min(
                asked.names.index(word) for word in (name, name.partition(".")[0]) if word in asked.names
            )
        )
    where = peers.places(chosen, asked.python)
    surveys: list[Survey] = []
    absent: dict[str, str] = {}
    for dtype in DTYPES:
        cases = GRID if dtype == "float32" else [GRID[place] for place in PLAIN]
        for name in (name for name, python in where.items() if python is not None):
            found = kept(name, dtype, where[name] or "", cases, FOLDER / f"{name}-{dtype}.json", until)
            if isinstance(found, str):
                absent[f"{name}, {dtype}"] = found
            elif found.cells:
                surveys.append(found)
                done = f"{len(found.having(Kind.TREE))} of {len(found.cells)}"
                sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {named(found)} {dtype}: {done} {found.died}\n")
    pairs = []
    for name, *pythons in asked.pair:
        files = [  # what was asked above is not asked again
            FOLDER / f"{name}-float32.json" if where.get(name) == python
            else FOLDER / "pairs" / f"{name}-{digest(python.encode())}.json" for python in pythons
        ]  # fmt: skip
        sides = [kept(name, "float32", python, GRID, file, until) for python, file in zip(pythons, files, strict=True)]
        if all(isinstance(side, Survey) for side in sides):
            pairs.append((sides[0], sides[1]))
        else:
            absent[f"{name}, two releases"] = "; ".join(side for side in sides if isinstance(side, str))
    folder = Path(asked.report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fingerprints.md").write_text(report(surveys, absent, pairs, sum(one.seconds for one in surveys)))  # type: ignore[arg-type]
    (folder / "fingerprints.html").write_text(together(surveys))
    (folder / "fingerprints.json").write_text(json.dumps([one.to_json() for one in surveys], indent=1) + "\n")


if __name__ == "__main__":
    main()
