"""Runs as JUnit XML: a suite for each target, a test case for each check and element type."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from corrbench.render import pytest_text
from corrbench.result import FINDINGS, Result, Run, Status

UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 has no form for these
SHORT = 200  # characters of the message of a failure, which many programs show on one line
Place = tuple[str, int]  # a file and a line of it


def write(runs: list[Run], places: Mapping[str, Place] | None = None) -> str:
    """The XML text.

    Args:
        runs: what was judged.
        places: where the targets are defined, by name.
    """
    document = JUnitXml("corrbench")
    for run in runs:
        suite = TestSuite(run.target)
        told = {"seed": str(run.seed), "profile": run.profile, "verdict": run.verdict} | run.environment
        for name, value in told.items():
            suite.add_property(name, plain(value))
        groups: dict[tuple[str, str], list[Result]] = {}
        for result in run.results:
            groups.setdefault((result.check, result.case.dtype), []).append(result)
        suite.add_testcases([_case(run, *key, results) for key, results in sorted(groups.items())])
        document.add_testsuite(suite)
    tree = ET.fromstring(document.tostring())  # type: ignore[no-untyped-call]
    for name, (file, line) in (places or {}).items():
        for one in tree.iterfind(f"testsuite[@name='{name}']/testcase" if "'" not in name else "none"):
            one.set("file", file)
            one.set("line", str(line))
    ET.indent(tree)
    return ET.tostring(tree, "unicode", xml_declaration=True) + "\n"


def _case(run: Run, check: str, dtype: str, results: list[Result]) -> TestCase:
    """A check on one element type; its name is unlike all others of the run."""
    made = TestCase(f"{check}[{dtype}]", classname=run.target, time=round(sum(one.seconds for one in results), 6))
    part = replace(run, results=results, planned=len(results), judged=len(results), unsupported={}, stopped="")
    kinds = {result.status for result in results}
    if kinds & FINDINGS:
        text = plain(pytest_text.findings(part, check))
        worst = next(result.status for result in results if result.finding)
        made.result = [_with_body(Failure(_first(text), worst.value), text)]
    elif Status.ERROR in kinds:
        text = plain(pytest_text.unjudged(part))
        made.result = [_with_body(Error(_first(text), "error"), text)]
    elif Status.PASS not in kinds:
        made.result = [Skipped(plain(pytest_text.known(part) or pytest_text.aside(part))[: 4 * SHORT])]
    return made


def _with_body(made: Failure | Error, text: str) -> Failure | Error:
    made.text = text
    return made


def _first(text: str) -> str:
    line = text.partition("\n")[0]
    return line if len(line) <= SHORT else line[: SHORT - 1] + "…"


def plain(text: str) -> str:
    """Text that XML can hold."""
    return UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
