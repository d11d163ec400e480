"""The command: options, the device looked for, the steps in turn, the record."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from benchmarks.cuda import place, steps
from benchmarks.cuda.place import Outcome, Place
from benchmarks.cuda.record import Record
from benchmarks.cuda.steps import Step

RESERVE = 8.0  # seconds kept for the record


def seconds(text: str) -> float:
    """``90s``, ``8m`` or ``1h`` in seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text)
    if not match or not float(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 90s, 8m or 1h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def options(words: list[str] | None = None) -> argparse.Namespace:
    """What was typed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cuda",
        description="Prove corrbench on a CUDA device within a budget of time, and record it in a folder. Exit codes: "
        "0 recorded, 1 a test failed or a planted fault was not found, 2 no device, or nothing could be done.",
    )
    parser.add_argument("--python", default=sys.executable, help="The interpreter that has torch.")
    parser.add_argument("--report", type=Path, default=Path(".corrbench/cuda"), help="Folder of the record.")
    parser.add_argument("--budget", type=seconds, default=480.0, help="Time in all: 90s, 8m, 1h.  [default: 8m]")
    parser.add_argument("--wheels", type=Path, help="Folder of wheels that `make wheels` collected.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu rehearses it without a device.")
    parser.add_argument("--commit", default="", help="The commit that is measured, where there is no git to say it.")
    parser.add_argument("--machine", default="cuda", help="Name under which asv's results are recorded.")
    parser.add_argument("--sandbox", default="auto", help="As that of `corrbench verify`.")
    parser.add_argument("--only", default="", help="Only steps whose names contain this.")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Make every step that fits, and leave one folder and one archive. Returns the exit code."""
    began, given = time.monotonic(), options(words)
    with tempfile.TemporaryDirectory(prefix="cuda-") as scratch:
        try:
            there = place.found(given, Path(scratch))
        except place.Unusable as error:
            sys.stderr.write(f"benchmarks.cuda: {error}\n")
            return 2
        record = Record(given.report, there, given.budget, began)
        make([step for step in steps.plan(there) if given.only in step.name], there, record)
        return record.close()


def make(wanted: list[Step], there: Place, record: Record) -> None:
    """Make the steps that there is time for: as many side by side as there are cores for; alone what measures times."""
    running: dict[Future[Outcome], Step] = {}

    def finish(most: int) -> None:
        """Wait until no more than so many are running."""
        while len(running) > most:
            for one in wait(running, return_when=FIRST_COMPLETED).done:
                record.add(running.pop(one), one.result())

    with ThreadPoolExecutor(steps.LANES) as pool:
        for step in wanted:
            if step.lacks:
                record.left_out(step, step.lacks)
                continue
            finish(0 if step.alone else steps.LANES - 1)
            left = record.budget - record.elapsed - RESERVE
            if left < step.least:
                why = f"the budget: {max(0.0, left):.0f} s left, and it takes {step.least:.0f} s at least"
                record.left_out(step, why)
                continue
            running[pool.submit(place.run, step, there, min(step.most, left))] = step
            if step.alone:
                finish(0)
        finish(0)


if __name__ == "__main__":
    sys.exit(main())
