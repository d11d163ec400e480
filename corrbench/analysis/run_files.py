"""Runs read back from the files that they left: the store, or what --json wrote."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from corrbench.result import PACE, SCHEMA, Figures, Result, Run

INTERRUPTED = "an interruption"  # where a run stopped that left no closing line: what it refused is not known
# what a comparison of arrays has, and reports take for granted
COMPARED = {"array", "at", "elements", "wrong", "off", "allowed", "ratio", "rounded", "got", "exact"}
KINDS = {kind: get_type_hints(kind) for kind in (Run, Result, Figures)}


class Unreadable(ValueError):
    """The file holds no run; the message says why and what to do."""


def load(path: Path) -> list[Run]:
    """The runs in a file, in the order in which they were made.

    Args:
        path: a store (``.corrbench/*.jsonl``), or what ``verify --json`` wrote; that may hold several runs.

    Raises:
        Unreadable: it is not there, of another schema, or not what corrbench writes.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not text; give a file of .corrbench/, or one that --json wrote") from None
    first = unsealed(text.partition("\n")[0], first=True)
    record = first if isinstance(first, dict) and "header" in first else _parse(text)
    if not isinstance(record, dict) or not ("header" in record or "results" in record):
        raise Unreadable(f"{path} holds no run; give a file of .corrbench/, or one that --json wrote")
    if record.get("schema") != SCHEMA:
        raise Unreadable(f"{path} was written with schema {record.get('schema')!r}, this is {SCHEMA!r}")
    try:
        runs = [_stored(record["header"], text)] if "header" in record else _written(record)
        for run in runs:
            _typed(run)
            for result in run.results:
                _typed(result)
                _typed(result.numbers)
                _check(result)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise Unreadable(f"{path} is damaged ({said}); make it anew with corrbench verify") from None
    if not runs:
        raise Unreadable(f"{path} holds no run; give a file of .corrbench/, or one that --json wrote")
    return runs


def newest(folder: Path, target: str = "") -> Path:
    """The file of the last run in a folder, or of the last one of a target.

    Raises:
        Unreadable: there is none; the message says of which targets there are.
    """
    found: dict[Path, str] = {}
    for path in folder.glob("*.jsonl"):
        if re.search(r"\.\d+$", path.stem):  # the run before
            continue
        with path.open(encoding="utf-8") as file:
            first = _parse(file.readline())
        spec = first.get("header", {}).get("spec") if isinstance(first, dict) else None
        if isinstance(spec, dict):
            found[path] = str(spec.get("name") or spec.get("target"))
    wanted = [path for path, name in found.items() if target in ("", name)]
    if not wanted:
        there = ", ".join(sorted(set(found.values()))) or "none"
        said = f"no run of {target} in {folder}" if target else f"no run in {folder}"
        raise Unreadable(f"{said}; there are runs of: {there}. corrbench verify makes one")
    return max(wanted, key=lambda path: path.stat().st_mtime_ns)


def _typed(thing: Run | Result | Figures) -> None:
    """Refuse what is of another type than its class says: a file may hold anything.

    Raises:
        TypeError: a field is.
    """
    for name, kind in KINDS[type(thing)].items():
        if not _fits(getattr(thing, name), kind):
            raise TypeError(f"{name} is {str(getattr(thing, name))[:60]!r}")


def _fits(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if not isinstance(value, (int, float) if kind is float else get_origin(kind) or kind):
        return False
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(_fits(one, get_args(kind)[-1]) for one in inside)


def _check(result: Result) -> None:
    """Refuse what no report can show.

    Raises:
        ValueError, TypeError, KeyError: a figure is missing, or a picture is none.
    """
    n = result.numbers
    needed = COMPARED if n.tier is not None or n.got is not None else {"at", "wrong"} if n.map is not None else set()
    for name in needed | ({"bits"} if n.tier == "bound" else set()):
        if getattr(n, name) is None:
            raise TypeError(f"{result.check} on {result.case}: there is no {name}")
    if "" in (n.array, n.got, n.exact):
        raise TypeError(f"{result.check} on {result.case}: an array or a value is empty")
    if n.map is not None and n.at is not None:
        _chart(n.map, n.at, f"{result.check} on {result.case}")


def _chart(chart: dict[str, str], at: list[int], place: str) -> None:
    """Refuse what is no picture of the wrong elements of an array; see `corrbench.numerics.diagnose.chart`."""
    shape = chart["shape"].split(",")
    if not all(re.fullmatch(r"[1-9]\d*", length) for length in shape) or len(shape) != len(at):
        raise ValueError(f"{place}: {chart['shape']!r} is no shape of what has an element {at}")
    for grid in (chart["plane"], *([chart["planes"]] if "planes" in chart else [])):
        match = re.fullmatch(r"(\d+),(\d+):((?:[0-9a-f]{2})*)", grid)
        if not match or 4 * len(match[3]) < int(match[1]) * int(match[2]):
            raise ValueError(f"{place}: {grid!r} is no grid")


def _written(record: dict[str, Any]) -> list[Run]:
    """The runs that ``--json`` wrote; several stand in one object, each result with its target."""
    runs = []
    for one in record.get("runs", [record]):
        mine = [result for result in record["results"] if result.get("target", one["target"]) == one["target"]]
        bare = [{key: value for key, value in result.items() if key != "target"} for result in mine]
        runs.append(Run.from_json(one | {"results": bare}))
    return runs


def _stored(header: dict[str, Any], text: str) -> Run:
    """A store's run. One that was interrupted lacks the closing line; what is known of it is in the header."""
    spec = header["spec"]
    said: dict[str, Any] = {
        "target": spec.get("name") or spec["target"], "seed": header["seed"], "profile": header["profile"],
        **{key: spec.get(key, "") for key in ("form", "arrays", "accuracy", "device")},
    }  # fmt: skip
    done: dict[str, list[dict[str, Any]]] = {}
    ended: dict[str, Any] | None = None
    lines, damaged = text.split("\n")[1:], 0
    for line in lines[:-1]:  # what comes after the last end of a line was cut off in mid-write
        record = unsealed(line)
        if record is not None and isinstance(record.get("run"), dict):
            ended = record["run"]
        elif record is not None and record.get("job") == PACE:
            continue
        elif record is not None and isinstance(record.get("job"), str):
            ended, done[record["job"]] = None, record["results"]
        else:
            damaged += 1
    missing = int(ended.get("judged", 0)) - len(done) if ended else damaged
    if missing > 0:
        raise ValueError(f"{missing} results are missing or cannot be read")
    counts = {"judged": len(done), "planned": len(done)}
    run = Run.from_json(said | (ended or counts) | {"results": [result for some in done.values() for result in some]})
    if ended is None:
        run.stopped = INTERRUPTED
        doubt(run)
    run.sort()
    return run


def doubt(run: Run) -> None:
    """Note that an interrupted run without a finding, or without one that no baseline accepts, is no pass."""
    if run.stopped == INTERRUPTED and not run.findings:
        run.problem = f"the run was interrupted after {run.judged} questions; the same command with --resume goes on"


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def sealed(record: dict[str, Any]) -> str:
    """A record as a line of a file, with a checksum of itself: damage shows, whatever it hits."""
    text = json.dumps(record, separators=(",", ":"))
    return f'{text[:-1]},"sum":"{zlib.crc32(text.encode()):08x}"}}'


def unsealed(line: str | bytes, *, first: bool = False) -> dict[str, Any] | None:
    """The record of a line that `sealed` made; None where the line is damaged or none. The first line of a file need
    not have a checksum: earlier releases wrote none.
    """
    try:
        text = line if isinstance(line, str) else line.decode()
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    if (said := record.pop("sum", None)) is None:
        return record if first else None
    plain = text.rstrip().rpartition(',"sum":')[0] + "}"
    return record if said == f"{zlib.crc32(plain.encode()):08x}" else None
