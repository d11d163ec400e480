"""The gate of the verifier itself: instructions of a judge's process for some questions, now and at a revision.

The revision is a fixed one (VERIFIER_BASE in the Makefile), not the last commit: many small steps then add up and show.
Whoever makes the judge dearer on purpose moves it, and says why in the commit. The target's process is not counted: it
is the target that asv and `corrbench bench` time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from corrbench.environment import git_worktree
from corrbench.timing import instructions
from corrbench.timing.stopwatch import Unmeasurable

ROOT = Path(__file__).parents[1]
FAMILIES = ("values", "gradients", "memory", "relations")
COUNTED = 2  # times that each is counted; the smaller number has less chance in it
# The judge of any revision, asked one family at a time: a line in, a line out. Names are looked for where they
# were before the rooms first: an editable install lends an older revision the rooms that it does not have.
PROGRAM = """
import sys
from corrbench import target
try:
    from corrbench import child as sandbox, executors, plan
except ImportError:
    try:
        from corrbench.judge import sandbox
    except ImportError:
        from corrbench.judge import target_process as sandbox
    from corrbench.runner import executors, plan

sandbox.POLL = 60.0  # looking after the target's process meanwhile takes as many instructions as there is time
spec = target.find("reference.conv2d")
old = hasattr(plan.Batch, "to_json")  # before dataclasses crossed processes
if old:
    from dataclasses import asdict
    support = target.Support.from_json(executors.run_probe(asdict(spec)))
else:
    support = executors.run_probe(spec)
shape = plan.outline(spec, support, "quick", 1, ("article", "common"))
for line in sys.stdin:
    todo = plan.jobs(shape, line.strip())[:12]
    for batch in plan.batches(spec, support, todo, 12):
        done = executors.run_batch(batch.to_json() if old else batch)
        assert not [r for _, results in done for r in results if (r["status"] if old else r.status) == "error"], done
    print("done", flush=True)
"""


class Failed(Exception):
    """The judge of a revision cannot be counted."""


def cost(tree: Path, families: tuple[str, ...] = FAMILIES) -> dict[str, int]:
    """Instructions of a judge for the first twelve questions of each family, by the code in `tree`.

    Raises:
        Failed: its judge does not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(Path(folder, "vgdb"))
        with Path(folder, "said").open("w+") as errors, subprocess.Popen(
            [*instructions.under(prefix), sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=errors, text=True, cwd=folder, env=os.environ | {"PYTHONPATH": str(tree)},
        ) as judge:  # fmt: skip
            assert judge.stdin
            assert judge.stdout

            def ask(family: str) -> None:
                print(family, file=judge.stdin, flush=True)
                if judge.stdout.readline() != "done\n":
                    raise Failed(f"the judge of {tree.name} fails: {Path(folder, 'said').read_text()[-500:]}")

            meter, found = instructions.Meter(judge.pid, prefix), {}
            for family in families:
                ask(family)  # what is loaded and translated once
                found[family] = min(meter.count(partial(ask, family)) for _ in range(COUNTED))
            judge.stdin.close()
        return found


@click.command()
@click.option("--base", required=True, help="The revision to compare with.")
@click.option("--tolerance", default=1.0, show_default=True, help="Per cent by which the cost may grow.")
def main(base: str, tolerance: float) -> None:
    """Compare the judge's instructions with those of another revision.

    Exit codes: 0 no dearer, 1 dearer, 2 not to be counted.
    """
    if reason := instructions.missing():
        click.echo(f"verifier not gated: {reason}")
        raise SystemExit(2)
    try:
        with git_worktree.checkout(ROOT, git_worktree.commit(ROOT, base)) as tree, ThreadPoolExecutor(2) as crew:
            before, after = crew.map(cost, (tree, ROOT))
    except (git_worktree.GitError, Failed, Unmeasurable, OSError) as error:
        click.echo(f"verifier not gated: {error}", err=True)
        raise SystemExit(2) from None
    for family, count in after.items():
        click.echo(f"{family:12}{count / 1e6:9.1f} million instructions, {count / before[family] - 1:+.2%}")
    total = sum(after.values()) / sum(before.values()) - 1
    worse = total > tolerance / 100
    click.echo(f"{'DEARER' if worse else 'NO DEARER'}: {total:+.2%} against {base[:10]}, {tolerance:g} % allowed")
    raise SystemExit(worse)


if __name__ == "__main__":
    main()
