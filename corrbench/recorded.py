"""What did an earlier run find? Runs read back from the files that they left: the store, or what --json wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from corrbench.case import Case
from corrbench.result import SCHEMA, Result, Run

INTERRUPTED = "an interruption"  # where a run stopped that left no closing line: what it refused is not known
# What reports take for granted of a comparison of arrays: see corrbench.compare.
FIGURES: dict[str, Any] = {"array": str, "at": list, "elements": int, "wrong": int,
           **dict.fromkeys(("off", "allowed", "ratio", "rounded"), (int, float))}  # fmt: skip


class Unreadable(Exception):
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
    first = _parse(text.partition("\n")[0])
    record = first if isinstance(first, dict) and "header" in first else _parse(text)
    if not isinstance(record, dict) or not ("header" in record or "results" in record):
        raise Unreadable(f"{path} holds no run; give a file of .corrbench/, or one that --json wrote")
    if record.get("schema") != SCHEMA:
        raise Unreadable(f"{path} was written with schema {record.get('schema')!r}, this is {SCHEMA!r}")
    try:
        runs = [_stored(record["header"], text)] if "header" in record else _written(record)
        for run in runs:
            for result in run.results:
                _check(result)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise Unreadable(f"{path} is damaged ({said}); make it anew with corrbench verify") from None
    return runs


def _check(result: Result) -> None:
    """Refuse what no report can show.

    Raises:
        ValueError, TypeError: the case is none, or a figure is missing or of another type.
    """
    Case.parse(result.case)
    for name, kind in FIGURES.items() if "tier" in result.numbers else ():
        if not isinstance(result.numbers.get(name), kind):
            raise TypeError(f"{result.check} on {result.case}: {name} is {result.numbers.get(name)!r}")
    chart = result.numbers.get("map", {})
    for grid in (chart["plane"], chart.get("planes", "1,1:80")) if chart else ():
        match = re.fullmatch(r"(\d+),(\d+):((?:[0-9a-f]{2})*)", grid)
        if not match or 4 * len(match[3]) < int(match[1]) * int(match[2]):
            raise ValueError(f"{result.check} on {result.case}: {grid!r} is no grid")


def _written(record: dict[str, Any]) -> list[Run]:
    """The runs that ``--json`` wrote; several stand in one object, each result with its target."""
    several = record.get("runs", [record])
    results = record["results"]
    return [
        Run.from_json(
            one
            | {
                "results": [
                    {key: value for key, value in result.items() if key != "target"}
                    for result in results
                    if result.get("target", one["target"]) == one["target"]
                ]
            }
        )
        for one in several
    ]


def _stored(header: dict[str, Any], text: str) -> Run:
    """A store's run. One that was interrupted lacks the closing line; what is known of it is in the header."""
    spec = header["spec"]
    said: dict[str, Any] = {
        "target": spec.get("name") or spec["target"], "seed": header["seed"], "profile": header["profile"],
        **{key: spec.get(key, "") for key in ("form", "arrays", "accuracy", "device")},
    }  # fmt: skip
    done: dict[str, list[dict[str, Any]]] = {}
    ended: dict[str, Any] | None = None
    for line in text.splitlines()[1:]:
        record = _parse(line)
        if not isinstance(record, dict):  # cut off in mid-write
            continue
        if "run" in record:
            ended = record["run"]
        elif "job" in record:
            ended, done[record["job"]] = None, record["results"]
    counts = {"judged": len(done), "planned": len(done)}
    run = Run.from_json(said | (ended or counts) | {"results": [result for some in done.values() for result in some]})
    if ended is None:
        run.stopped = INTERRUPTED
    if ended is None and not run.findings:
        run.problem = f"the run was interrupted after {len(done)} questions; the same command with --resume goes on"
    run.results.sort(key=lambda r: (r.check, r.case, r.status, r.message))
    return run


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
