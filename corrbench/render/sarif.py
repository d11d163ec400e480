"""Runs as SARIF 2.1.0, which code scanning reads: a rule for each check, a result for each cause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corrbench.analysis.causes import Digest, Group
from corrbench.checks import registry
from corrbench.render import links
from corrbench.result import FINDINGS, Run, Status

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": (*FINDINGS,), "warning": (Status.WARN,)}
Place = tuple[str, int]  # a file, seen from the top of the repository, and a line of it


def write(digests: Sequence[Digest], places: Mapping[str, Place], version: str) -> str:
    """The JSON text.

    Args:
        digests: what was judged.
        places: where the targets are defined, by name; code scanning shows only what has a place.
        version: of corrbench.
    """
    found = [one for digest in digests for one in _results(digest, places.get(digest.run.target))]
    used = sorted({one["ruleId"] for one in found})
    driver = {"name": "corrbench", "semanticVersion": version, "rules": [_rule(name) for name in used]}
    body = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": found}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [body]}, indent=1) + "\n"


def _rule(name: str) -> dict[str, Any]:
    check = registry().get(name)
    about = {"text": check.about if check else name}
    rule = {"id": name, "shortDescription": about, "help": {"text": f"{about['text']} (corrbench explain {name})"}}
    address = links.check(name)
    return rule | ({"helpUri": address} if address else {})


def _results(digest: Digest, place: Place | None) -> Iterator[dict[str, Any]]:
    for level, statuses in LEVELS.items():
        for group in digest.groups(*statuses):
            yield _result(digest.run, group, level, place)


def _result(run: Run, group: Group, level: str, place: Place | None) -> dict[str, Any]:
    one = group.smallest
    cause = "|".join([run.target, one.check, *group.cause, group.where])
    made: dict[str, Any] = {
        "ruleId": one.check,
        "level": level,
        "message": {"text": "\n".join([*group.text, *filter(None, [one.reproduce])])},
        "partialFingerprints": {"corrbenchCause/v1": hashlib.sha256(cause.encode()).hexdigest()[:32]},
        "properties": {"target": run.target, "case": str(one.case), "seed": run.seed, "cases": group.cases},
    }
    if place:
        file, line = place
        region = {"artifactLocation": {"uri": file, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
        made["locations"] = [{"physicalLocation": region}]
    return made
