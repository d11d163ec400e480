"""asv in an environment as it is: the benchmarks of a device, a few at a time, so that what there is time for is kept.

asv needs a git repository to note a commit. Where the checkout is none, it is given an empty one, and the results are
written under the commit that was said. The environment's name in asv is a path of this machine, and becomes its
releases.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SLICES = {  # regular expressions of benchmarks with their parameters, the most telling first
    "cuda": (
        r"cuda\.Device.*ResNet-18 3x3.*forward", r"cuda\.Device.*ResNet-18 3x3.*backward",
        r"cuda\.Device.*2048x2048.*forward", r"cuda\.Device.*1024x1024.*forward", r"layers\.Forward.*cuda",
        r"forward\.Time\.time_forward.*cuda", r"cuda\.Device.*20.*backward", r"layers\.Backward.*cuda",
        r"cuda\.Device.*10.*backward", r"forward\.Types.*cuda",
    ),
    "cpu": (r"forward\.Time\.time_forward.*torch\.conv2d.*article.*cpu", r"cuda\.Device.*ResNet-18 3x3.*forward.*hot"),
}  # fmt: skip
WORST = 1.3  # times that a slice may take what the one before took


def git(folder: Path, *words: str) -> str:
    """What git says.

    Raises:
        OSError, subprocess.CalledProcessError: there is no git, or it refuses.
    """
    names = ("-c", "user.name=asv", "-c", "user.email=asv@localhost", "-c", "init.defaultBranch=main")
    command = ["git", *names, "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def repository(scratch: Path, commit: str) -> tuple[Path, str]:
    """A repository for asv, and the name of a commit in it: the checkout, or an empty one."""
    try:
        return ROOT, git(ROOT, "rev-parse", "--verify", f"{commit}^{{commit}}")
    except (OSError, subprocess.CalledProcessError):
        empty = scratch / "repository"
        empty.mkdir(parents=True)
        git(empty, "init", "--quiet")
        git(empty, "commit", "--quiet", "--allow-empty", "-m", "stands for the commit that is measured")
        return empty, git(empty, "rev-parse", "HEAD")


def described(device: str) -> dict[str, str]:
    """The machine, as asv notes it: no name of a host."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        model = lines[0].partition(":")[2].strip() if lines else model
    gpu = ""
    if device == "cuda":
        import torch

        gpu = f", {torch.cuda.get_device_name()}"
    return {"os": platform.system(), "cpu": f"{len(os.sched_getaffinity(0))} x {model}{gpu}"}


def configure(scratch: Path, results: Path, repo: Path, machine: str, device: str) -> dict[str, str]:
    """Write asv's configuration and the machine. Returns the environment to run it in."""
    home = scratch / "home"
    home.mkdir(parents=True, exist_ok=True)
    words = {
        "version": 1, "project": "corrbench", "project_url": "", "repo": str(repo), "branches": ["HEAD"],
        "benchmark_dir": str(ROOT / "benchmarks" / "history"), "env_dir": str(scratch / "env"),
        "environment_type": "existing", "results_dir": str(results), "html_dir": str(scratch / "html"),
        "default_benchmark_timeout": 60,
    }  # fmt: skip
    (scratch / "asv.conf.json").write_text(json.dumps(words), encoding="utf-8")
    known = {machine: {"machine": machine, **described(device)}, "version": 1}
    (home / ".asv-machine.json").write_text(json.dumps(known), encoding="utf-8")
    path = os.environ.get("PYTHONPATH", "")
    return os.environ | {"HOME": str(home), "ASV_PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def renamed(results: Path, machine: str, stand_in: str, commit: str) -> int:
    """Give the results the name of the commit and of the releases; the number of files."""
    releases = {name: metadata.version(name).partition("+")[0] for name in ("numpy", "scipy", "torch")}
    python = ".".join(platform.python_version_tuple()[:2])
    name = "-".join(["existing", f"py{python}", *(f"{package}{version}" for package, version in releases.items())])
    files = list((results / machine).glob(f"{stand_in[:8]}-*.json"))
    for file in files:
        made: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        made |= {"commit_hash": commit, "env_name": name, "requirements": releases}
        made["params"] = made["params"] | releases
        file.unlink()
        (results / machine / f"{commit[:8]}-{name}.json").write_text(json.dumps(made), encoding="utf-8")
    return len(files)


def main(words: list[str] | None = None) -> int:
    """Run slice after slice until the limit. Returns 0 if anything was measured, else 2."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda.asv_existing", description=__doc__)
    for name in ("--python", "--device", "--commit", "--machine"):
        parser.add_argument(name, required=True)
    parser.add_argument("--limit", type=float, default=120.0)
    for name in ("--scratch", "--results"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args(words)
    began = time.monotonic()
    given.scratch.mkdir(parents=True, exist_ok=True)
    repo, commit = repository(given.scratch, given.commit)
    variables = configure(given.scratch, given.results, repo, given.machine, given.device)
    config = str(given.scratch / "asv.conf.json")
    done, longest = 0, 0.0
    for pattern in SLICES[given.device]:
        left = given.limit - (time.monotonic() - began)
        if left < max(15.0, WORST * longest):
            break
        started = time.monotonic()
        command = [
            given.python, "-m", "asv", "--config", config, "run", "--machine", given.machine, "-E",
            f"existing:{given.python}", "--set-commit-hash", commit, "--launch-method", "spawn", "--bench", pattern,
            "--no-pull", "--show-stderr",
        ]  # fmt: skip
        try:
            code = subprocess.run(command, env=variables, cwd=given.scratch, check=False, timeout=left).returncode
        except subprocess.TimeoutExpired:
            break
        longest = max(longest, time.monotonic() - started)
        done += code in (0, 2)  # 2: a benchmark failed, and the others are kept
    files = renamed(given.results, given.machine, commit, given.commit)
    sys.stdout.write(f"{done} of {len(SLICES[given.device])} slices, {files} files of results\n")
    return 0 if files else 2


if __name__ == "__main__":
    raise SystemExit(main())
