"""Change points of speed, memory and error over the history: series from asv's results, analysed by apache-otava.

A gate compares two revisions and lets through what is smaller than its tolerance; ten such steps are a regression that
no gate has seen. Over the history they show as steps, which otava finds (E-divisive means with tests of significance).
asv's own step detection is faster, but where times vary by 8 % from commit to commit it found a step of 20 % in 50 of
240 made-up series, otava in 128, and one of 50 % in 148 against 218; both said something of 5 to 6 % of level series.
"""

from __future__ import annotations

import csv
import datetime
import itertools
import json
import math
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FEWEST = 4  # points below which nothing can be a change
KEPT = ".venv-otava"
GET = f"python -m venv {KEPT} && {KEPT}/bin/pip install apache-otava"


class NoHistory(ValueError):
    """There are no results, or nothing to analyse them with; the message says what to type next."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value at one commit; `date` in seconds since 1970."""

    commit: str
    date: float
    value: float


@dataclass(slots=True, kw_only=True)
class Series:
    """One benchmark with one set of parameters on one machine, oldest first. Lower is better in all of asv's."""

    benchmark: str
    params: tuple[str, ...]
    machine: str
    unit: str = ""
    points: list[Point] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join((self.benchmark, *(word.strip("'\"") for word in self.params)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """From `commit` on a series has another level.

    Attributes:
        series: of which it is a part.
        commit: the first one of the new level.
        before, after: the medians of the points on either side, up to the next change, in the unit of the series.
        p: of so large a difference by chance (Student's t).
    """

    series: Series
    commit: str
    before: float
    after: float
    p: float

    @property
    def change(self) -> float:
        """after / before - 1."""
        return self.after / self.before - 1 if self.before else math.inf

    @property
    def worse(self) -> bool:
        return self.after > self.before

    def to_json(self) -> dict[str, Any]:
        one = self.series
        return {"benchmark": one.benchmark, "params": list(one.params), "machine": one.machine, "unit": one.unit,
                "commit": self.commit, "before": self.before, "after": self.after, "p": self.p,
                "change": self.change if math.isfinite(self.change) else None, "worse": self.worse}  # fmt: skip


def series(folder: Path) -> list[Series]:
    """All series in a folder of asv's results, those of the newest version of each benchmark.

    Raises:
        NoHistory: asv is not installed, or there are no results in the folder.
    """
    try:
        from asv.results import iter_results
    except ImportError:
        raise NoHistory("asv is not installed: pip install 'corrbench[bench]'") from None
    known: dict[str, Any] = {}
    with_units = folder / "benchmarks.json"
    if with_units.exists():
        known = json.loads(with_units.read_text(encoding="utf-8"))
    found: dict[tuple[str, tuple[str, ...], str, str], Series] = {}
    newest: dict[str, str] = {}
    for result in sorted(iter_results(str(folder)), key=lambda one: one.date):
        machine = result.params.get("machine", "")
        for name in result.get_all_result_keys():
            newest[name] = version = str(result.benchmark_version.get(name))
            grid = result.get_result_params(name)
            values = result.get_result_value(name, grid)
            for params, value in zip(itertools.product(*grid), values, strict=True):
                if value is None or math.isnan(value):
                    continue
                unit = (known.get(name) or {}).get("unit", "")
                key = (name, params, machine, version)
                one = found.setdefault(key, Series(benchmark=name, params=params, machine=machine, unit=unit))
                one.points.append(Point(result.commit_hash, result.date / 1000, float(value)))
    if not found:
        raise NoHistory(f"no results of asv in {folder}: `make history` measures, --results FOLDER looks elsewhere")
    return [one for (name, _, _, version), one in found.items() if version == newest[name]]


def otava(given: str = "") -> str:
    """The otava program: the given one, one in ``.venv-otava`` here, or one on the path.

    Raises:
        NoHistory: there is none; the message says how to get it.
    """
    for name in (given,) if given else (f"{KEPT}/bin/otava", "otava"):
        if (path := shutil.which(name)) is not None:
            return str(Path(path).absolute())
    what = f"{given} cannot be run" if given else "apache-otava is not installed"
    raise NoHistory(f"{what}; it pins an old numpy, so give it an environment of its own: {GET}")


def changes(found: Sequence[Series], program: str, *, last: int = 0, smallest: float = 0.0) -> list[ChangePoint]:
    """ChangePoint points of all series, the largest changes for the worse first.

    Args:
        found: to be analysed; those with fewer than four points are left out.
        program: otava.
        last: number of newest points to look at; 0 for all.
        smallest: the relative change below which one is not worth a word.

    Raises:
        NoHistory: otava failed.
    """
    long = [replace(one, points=one.points[-last:]) for one in found if len(one.points[-last:]) >= FEWEST]
    if not long:
        return []
    with tempfile.TemporaryDirectory() as folder:
        tests = [f"t{index}" for index in range(len(long))]
        for test, one in zip(tests, long, strict=True):
            _table(Path(folder, f"{test}.csv"), one)
        config = Path(folder, "otava.yaml")
        config.write_text(json.dumps({"tests": {test: _test(folder, test) for test in tests}}))  # YAML holds JSON
        words = [program, "analyze", *tests, "--since", "1970-01-02", "--until", "2200-01-01", "--output", "json",
                 *(["-M", str(smallest)] if smallest else [])]  # fmt: skip
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=os.environ | {"OTAVA_CONFIG": str(config)}
        )
        reports = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(reports) != len(long):
        raise NoHistory(f"otava failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1][:300]}")
    told = {test: points for report in reports for test, points in report.items()}
    made = [change for test, one in zip(tests, long, strict=True) for change in _changes(one, told[test])]
    return sorted(made, key=lambda one: -one.change)


def _table(path: Path, one: Series) -> None:
    """One series as CSV. otava wants times that ascend; commits of one second are moved apart."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("time", "commit", "value"))
        before = -math.inf
        for point in one.points:
            before = max(point.date, before + 1)
            when = datetime.datetime.fromtimestamp(before, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
            rows.writerow((when, point.commit, repr(point.value)))


def _test(folder: str, test: str) -> dict[str, Any]:
    return {"type": "csv", "file": str(Path(folder, f"{test}.csv")), "time_column": "time", "attributes": ["commit"],
            "metrics": {"value": {"column": "value", "direction": -1}}}  # fmt: skip


def _changes(one: Series, told: Sequence[dict[str, Any]]) -> Iterator[ChangePoint]:
    """otava's change points. It writes six decimals, too few for microseconds: the levels are taken from the points."""
    starts = [int(change["index"]) for point in told for change in point["changes"]]
    levels = [
        statistics.median(point.value for point in one.points[begin:end])
        for begin, end in itertools.pairwise((0, *starts, len(one.points)))
    ]
    ps = [float(change["pvalue"]) for point in told for change in point["changes"]]
    for start, p, (before, after) in zip(starts, ps, itertools.pairwise(levels), strict=True):
        yield ChangePoint(series=one, commit=one.points[start].commit, before=before, after=after, p=p)
