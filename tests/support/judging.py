"""A whole run in this process, for targets that are tested end to end: only the target has a process of its own."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from corrbench.judge.client import Remote
from corrbench.result import Run
from corrbench.runner import executors
from corrbench.runner.verify import Options, verify
from corrbench.target import find


def judged(target: str, *, check: str = "", case: str = "", **given: Any) -> Run:
    """The run of `corrbench verify TARGET --profile quick --suite article`."""
    options = Options(profile="quick", suites=("article",), check=check, case=case, seed=5, workers=1)
    with ThreadPoolExecutor(1) as pool:

        def start() -> Executor:
            return pool

        spec = find(target, **given)
        try:
            return verify(spec, options, start)
        finally:
            pool.submit(lambda: executors.kept(Remote, spec).close()).result()
