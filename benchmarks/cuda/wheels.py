"""Which packages does corrbench need beside torch, numpy and scipy? Collected as wheels for another Python.

`python -m benchmarks.cuda.wheels --python-version 3.12 FOLDER`, from corrbench's own environment, which says the
versions.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = ("click", "hypothesis", "jinja2", "junitparser", "rich", "pytest", "psutil", "asv", "asv_runner", "pyyaml")
THERE = {
    "torch",
    "numpy",
    "scipy",
    "pip",
    "setuptools",
    "virtualenv",
}  # asv makes environments with the last; here none
MANYLINUX = ("2_17", "2_24", "2_27", "2_28", "2_31", "2_34", "2_35", "2_39")
MOST = 30 << 20  # bytes


def closure(version: str, roots: tuple[str, ...] = ROOTS) -> dict[str, str]:
    """The packages that are needed, with the versions that are installed here.

    Args:
        version: of the other Python, such as ``3.12``.
        roots: what is needed first.
    """
    there = {"python_version": version, "python_full_version": f"{version}.0", "extra": ""}
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found or name in THERE:
            continue
        found[name] = metadata.version(name)
        wanted = [Requirement(line) for line in metadata.requires(name) or ()]
        waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate(there)]
    return dict(sorted(found.items()))


def main(words: list[str] | None = None) -> int:
    """Download them and note the commit beside them. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda.wheels", description=__doc__)
    parser.add_argument("--python-version", default="3.12")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args(words)
    given.folder.mkdir(parents=True, exist_ok=True)
    for old in given.folder.glob("*.whl"):
        old.unlink()
    wanted = [f"{name}=={version}" for name, version in closure(given.python_version).items()]
    arch = platform.machine()
    tags = [word for tag in MANYLINUX for word in ("--platform", f"manylinux_{tag}_{arch}")]
    tags += ["--platform", f"manylinux2014_{arch}", "--platform", f"manylinux1_{arch}"]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", given.python_version, *tags, "-d",
        str(given.folder), *wanted,
    ]  # fmt: skip
    if (code := subprocess.run(command, check=False).returncode) != 0:
        sys.stderr.write(f"wheels: pip could not download all of {', '.join(wanted)}\n")
        return 2 if code else 0
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout
    (given.folder / "COMMIT").write_text(head, encoding="utf-8")
    size = sum(file.stat().st_size for file in given.folder.glob("*.whl"))
    sys.stdout.write(f"{len(wanted)} wheels, {size / 2**20:.1f} MiB, in {given.folder}\n")
    if size > MOST:
        sys.stderr.write(f"wheels: that is more than {MOST >> 20} MiB\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
