"""How often honest implementations are flagged: `corrbench verify` on ten of them with fresh seeds, again and again.

Every other run is beside two busy loops, as on a shared machine. A finding counts as a false alarm unless it is one
that the library beneath shares. Interrupted, the same command goes on.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import click

from corrbench.defects import Mutant, absent, catalogue

TARGETS = 10
BUSY = "while True: pass"


def targets(seed: int) -> list[Mutant]:
    """The honest implementations that are judged."""
    honest = [one for one in catalogue() if one.kind == "honest" and not absent(one)]
    return random.Random(seed).sample(honest, TARGETS)


def judged(one: Mutant, seed: int, *, busy: bool) -> dict[str, object]:
    """One run, as a record."""
    loops = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2 * busy)]
    words = [
        sys.executable, "-m", "corrbench", "verify", one.target, "--arrays", one.arrays, "--accuracy", one.accuracy,
        "--profile", "quick", "--seed", str(seed), "--json", "-", "--quiet",
    ]  # fmt: skip
    began = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    finally:
        for loop in loops:
            loop.kill()
    record = json.loads(done.stdout or "{}")
    found = [f"{one['check']} {one['case']}: {one['message']}" for one in record.get("results", ())
             if one["status"] in ("fail", "crash", "timeout", "memory")]  # fmt: skip
    return {
        "name": one.name, "seed": seed, "busy": busy, "verdict": record.get("verdict", done.stderr[-300:]),
        "found": found[:5], "seconds": round(time.monotonic() - began, 1),
    }  # fmt: skip


@click.command()
@click.option("--runs", default=300, show_default=True, type=click.IntRange(1), help="How many in all.")
@click.option("--seed", default=1, show_default=True, help="Of the choice of targets and of the seeds of the runs.")
@click.option("--report", type=click.Path(file_okay=False), help="Write false_alarms.md into this folder.")
def main(runs: int, seed: int, report: str | None) -> None:
    """Judge honest implementations with fresh seeds; exit code 1 if one was flagged."""
    rng, place = random.Random(f"false alarms {seed}"), Path(".corrbench", f"false-alarms-{seed}.jsonl")
    place.parent.mkdir(exist_ok=True)
    done = [json.loads(line) for line in place.read_text().splitlines()] if place.exists() else []
    chosen = targets(seed)
    for number in range(runs):
        drawn = rng.getrandbits(48)
        if number < len(done):
            continue
        done.append(judged(chosen[number % TARGETS], drawn, busy=number // TARGETS % 2 == 1))
        with place.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        click.echo(f"{number + 1} of {runs}: {done[-1]['name']} {done[-1]['verdict']}", err=True)
    wrong = [one for one in done[:runs] if one["verdict"] != "pass"]
    text = page(done[:runs], wrong)
    click.echo(text)
    if report:
        Path(report, "false_alarms.md").write_text(text, encoding="utf-8")
    raise SystemExit(1 if wrong else 0)


def page(done: list[dict[str, object]], wrong: list[dict[str, object]]) -> str:
    """What is written of it."""
    names = sorted({str(one["name"]) for one in done})
    busy = sum(bool(one["busy"]) for one in done)
    what = f"{len(done)} runs of `corrbench verify --profile quick`, fresh seeds, {len(names)} honest implementations"
    lines = ["# False alarms", "", f"{what}, {busy} of them beside two busy loops: {len(wrong)} flagged.", ""]
    lines += [f"Judged: {', '.join(names)}.", ""]
    for one in wrong:
        lines += [f"- {one['name']}, seed {one['seed']}: {one['verdict']}; {one['found']}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
