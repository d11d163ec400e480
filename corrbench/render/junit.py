"""Runs as JUnit XML, a suite for each target and a test case for each result."""

from __future__ import annotations

import re

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from corrbench.result import Result, Run, Status

UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 has no form for these


def write(runs: list[Run]) -> str:
    """The XML text."""
    document = JUnitXml("corrbench")
    for run in runs:
        suite = TestSuite(run.target)
        suite.add_property("seed", str(run.seed))
        suite.add_testcases([_case(result) for result in run.results])
        document.add_testsuite(suite)
    return str(document.tostring().decode())  # type: ignore[no-untyped-call]  # junitparser annotates in part


def _case(result: Result) -> TestCase:
    made = TestCase(str(result.case), classname=result.check, time=result.seconds)
    text = "\n".join(
        filter(None, (result.message, result.resembles and f"looks as if {result.resembles}", result.reproduce))
    )
    text = UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    if result.finding:
        made.result = [Failure(text, result.status.value)]
    elif result.status is Status.ERROR:
        made.result = [Error(text, "error")]
    elif result.status in (Status.SKIPPED, Status.UNSUPPORTED, Status.KNOWN):
        made.result = [Skipped(text)]
    return made
