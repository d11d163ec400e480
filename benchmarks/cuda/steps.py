"""What is done, in order of worth, and with what words?"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cuda.place import ROOT, Place

PLANTED = {
    "planted-pool": "corrbench.defects.device:last_of_block_unwritten",
    "planted-synchronisation": "corrbench.defects.device:returned_before_done",
}
CORES = len(os.sched_getaffinity(0))
WORKERS = str(min(8, CORES))
LANES = max(1, CORES // 8)  # steps at a time
FULL = {"JAX_DEFAULT_MATMUL_PRECISION": "highest"}  # JAX computes in TF32 unless told otherwise
ALSO = {"triton.corr2d": "triton", "jax": "jax", "cupy.correlate2d": "cupy", "cupy.fftconvolve": "cupy"}


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        name: of its files in the record.
        about: what it asks.
        words: the command; ``{limit}`` stands for the seconds that it is given.
        least, most: seconds that it is worth starting with, and that it is given at the most.
        good: the exit codes that are an answer; any other is a failure.
        must: whether a failure is one of the whole command.
        tail: seconds that it takes to end after its own limit.
        lacks: why it cannot be done here; empty if it can.
        alone: whether it measures times, so that nothing else may run.
    """

    name: str
    about: str
    words: tuple[str, ...]
    least: float
    most: float
    good: tuple[int, ...] = (0,)
    must: bool = True
    tail: float = 5.0
    lacks: str = ""
    alone: bool = False
    variables: dict[str, str] = field(default_factory=dict)


def plan(there: Place) -> list[Step]:
    """All steps, in order of worth."""
    made = [tests(there)]
    made.append(verify(there, "verify-float32", "cudnn", "--dtypes", "float32", most=60))
    for name, target in PLANTED.items():
        made.append(verify(there, name, target, "--fail-fast", good=(1,), most=40))
    made.append(verify(there, "verify-tf32", "cudnn.tf32", "--dtypes", "float32"))
    made += [verify(there, f"verify-{dtype}", "cudnn", "--dtypes", dtype) for dtype in ("float16", "bfloat16")]
    made += [algorithms(there), asv(there)]
    for target, module in ALSO.items():
        lacks = "" if there.has(module) else f"{module} is not installed there"
        if module == "cupy" and there.device == "cpu":
            lacks = "CuPy computes on a CUDA device only"
        made.append(verify(there, f"verify-{target}", target, "--check", "values", lacks=lacks, variables=FULL))
    made.append(verify(there, "verify-reference", "reference.conv2d"))
    made.append(sanitized(there))
    return made


def python(there: Place, *words: str) -> tuple[str, ...]:
    return (there.python, "-m", *words)


def verify(
    there: Place, name: str, target: str, *words: str, good: tuple[int, ...] = (0, 1), most: float = 45.0,
    lacks: str = "", variables: dict[str, str] | None = None,
) -> Step:  # fmt: skip
    """A run of `corrbench verify`, quick. Findings are an answer; of a planted fault they are the only right one."""
    planted = good == (1,)
    command = python(
        there, "corrbench", "verify", target, *words, "--device", there.device, "--profile", "quick", "--seed", "1",
        "--memory", "24", "--workers", WORKERS, "--limit", "{limit}s", "--sandbox", there.sandbox,
        "--store", str(there.scratch / f"{name}.jsonl"), "--json", str(there.report / f"{name}.json"),
        "--markdown", str(there.report / f"{name}.md"),
    )  # fmt: skip
    about = f"is the planted fault {target} found?" if planted else f"is {target} right? {' '.join(words)}".strip()
    return Step(
        name,
        about,
        command,
        least=25,
        most=most,
        good=good,
        must=planted,
        tail=12,
        lacks=lacks,
        variables=variables or {},
    )


def sanitized(there: Place) -> Step:
    """A few questions under compute-sanitizer, which looks at every access to memory of a kernel."""
    lacks = "" if shutil.which("compute-sanitizer") else "compute-sanitizer is not installed there"
    lacks = lacks if there.device == "cuda" else "compute-sanitizer looks at a CUDA device only"
    words = ("--sanitize", "memcheck", "--check", "values", "--suite", "article", "--dtypes", "float32")
    return verify(there, "sanitize-memcheck", "cudnn", *words, lacks=lacks)


def tests(there: Place) -> Step:
    """The tests that have a device among their parameters."""
    files = [
        str(file.relative_to(ROOT))
        for file in sorted(Path(ROOT, "tests").rglob("test_*.py"))
        if re.search(r"DEVICES|pytest\.mark\.cuda", file.read_text(encoding="utf-8"))
    ]
    chosen = ("-m", "cuda") if there.device == "cuda" else ("-k", "device-cpu")
    spread = ("-n", WORKERS) if there.has("xdist") else ()
    words = python(there, "pytest", "-q", "-p", "no:cacheprovider", *spread, *chosen, *files)
    lacks = "" if there.has("pytest") else "pytest is not installed there"
    return Step("tests", f"do the tests pass that compute on {there.device}?", words, 10, 120, lacks=lacks)


def algorithms(there: Place) -> Step:
    """cuDNN's algorithms beside each other, by the device's own clock."""
    words = python(
        there, "benchmarks.cuda.algorithms", "--device", there.device, "--limit", "{limit}",
        "--json", str(there.report / "algorithms.json"), "--markdown", str(there.report / "algorithms.md"),
    )  # fmt: skip
    about = "how long is the device at work under each of cuDNN's switches?"
    return Step("algorithms", about, words, 20, 60, tail=15, alone=True)


def asv(there: Place) -> Step:
    """asv's benchmarks of the device, in the environment as it is."""
    words = python(
        there, "benchmarks.cuda.asv_existing", "--python", there.python, "--device", there.device, "--limit", "{limit}",
        "--commit", there.commit, "--machine", there.machine, "--scratch", str(there.scratch / "asv"),
        "--results", str(there.report / "asv"),
    )  # fmt: skip
    lacks = "" if there.has("asv", "asv_runner", "psutil") else "asv, asv_runner or psutil is not installed there"
    lacks = lacks or ("" if there.commit else "no commit is known: give --commit")
    return Step("asv", "what do asv's benchmarks of the device measure?", words, 40, 90, lacks=lacks, alone=True)
