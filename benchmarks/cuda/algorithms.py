"""How long is a device at work on the cases of `bench` under each of cuDNN's switches, with its cache cold and hot?

By the device's own clock, that is by events (`benchmarks.history.cuda`); with ``--device cpu``, a rehearsal, by the
wall. Results of light cases are compared with the exact answer. Clocks and what throttles them are noted as well.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from benchmarks.history import cuda
from corrbench.case import Case
from corrbench.numerics import inputs
from corrbench.numerics.comparison import Expected
from corrbench.numerics.problem import Array, Problem
from corrbench.support import config
from corrbench.timing import cases

SCHEMA = "corrbench-cuda-algorithms/1"
OFF = {"cudnn.enabled": True, "cudnn.benchmark": False, "cudnn.deterministic": False, "cudnn.allow_tf32": False,
       "cuda.matmul.allow_tf32": False}  # fmt: skip
ALGORITHMS: dict[str, dict[str, bool]] = {  # by name, what differs from OFF
    "default": {},
    "benchmark": {"cudnn.benchmark": True},
    "channels_last": {},
    "channels_last, benchmark": {"cudnn.benchmark": True},
    "deterministic": {"cudnn.deterministic": True},
    "tf32": {"cudnn.allow_tf32": True, "cuda.matmul.allow_tf32": True},
    "without cuDNN": {"cudnn.enabled": False},
}
CHECKED = 3e7  # multiply-accumulates up to which a result is compared with the exact one
CALLS = 5  # for the median, on the CPU
SWEEP = 1 << 26  # bytes that are overwritten to leave nothing in a processor's cache
SMI = ("clocks.sm", "clocks.max.sm", "clocks.mem", "temperature.gpu", "power.draw")
REASONS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")  # the newer name first
HARMLESS = 0x3  # idle; clocks as an application has set them


def switch(changes: dict[str, bool]) -> None:
    """Set torch's switches."""
    for path, value in (OFF | changes).items():
        *way, name = path.split(".")
        owner: Any = torch.backends
        for part in way:
            owner = getattr(owner, part)
        setattr(owner, name, value)


def clocks() -> dict[str, str]:
    """What the driver says of clocks (MHz), temperature (°C), power (W) and throttling; empty where it says nothing."""
    for reasons in REASONS:
        names = (*SMI, reasons)
        command = ["nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv,noheader,nounits", "--id=0"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            continue
        return dict(zip((*SMI, "throttled"), (word.strip() for word in done.stdout.split(",")), strict=False))
    return {}


def throttled(seen: dict[str, str]) -> bool:
    """Whether something held the clocks back."""
    try:
        return bool(int(seen.get("throttled", "0"), 16) & ~HARMLESS)
    except ValueError:
        return False


def operands(case: Case) -> dict[str, Array]:
    return {name: inputs.draw(case, 1, name) for name in ("x", "w", *(("b",) if case.bias else ()))}


def closure(case: Case, algorithm: str, arrays: dict[str, Array], device: str) -> Callable[[], Any]:
    """One call."""
    kind = getattr(torch, case.dtype)
    tensors = {name: torch.from_numpy(array).to(device, kind) for name, array in arrays.items()}
    if "channels_last" in algorithm:
        for name in "xw":
            tensors[name] = tensors[name].contiguous(memory_format=torch.channels_last)
    return partial(functional.conv2d, tensors["x"], tensors["w"], tensors.get("b"), **config(case))


def seconds(call: Callable[[], Any], device: str) -> dict[str, float]:
    """Median seconds of a call, cold and hot."""
    if device != "cpu":
        return {"cold": cuda.seconds(call, cuda.overwritten()), "hot": cuda.seconds(call, call)}
    sweep = torch.empty(SWEEP, dtype=torch.uint8)
    return {name: _by_wall(call, before) for name, before in (("cold", sweep.zero_), ("hot", call))}


def _by_wall(call: Callable[[], Any], before: Callable[[], Any]) -> float:
    taken = []
    for _ in range(CALLS):
        before()
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def judged(case: Case, algorithm: str, arrays: dict[str, Array], y: Any) -> str:
    """``right``, ``not compared`` or what is wrong."""
    if case.macs > CHECKED:
        return "not compared"
    problem = Problem.of_case(case, arrays["x"], arrays["w"], arrays.get("b"))
    values = (y.float() if case.dtype == "bfloat16" else y).cpu().numpy()
    found = Expected(problem, case.dtype, "tf32" if "tf32" in algorithm else "direct").compare(values)
    return "right" if found.right else f"wrong: {found.message}"


def measure(case: Case, device: str, deadline: float) -> list[dict[str, Any]]:
    """A row for each algorithm that there is time for."""
    rows: list[dict[str, Any]] = []
    arrays = operands(case)
    for name, changes in ALGORITHMS.items():
        if time.monotonic() > deadline:
            break
        switch(changes)
        row: dict[str, Any] = {"algorithm": name}
        try:
            call = closure(case, name, arrays, device)
            for _ in range(3):
                y = call()
            row |= {"result": judged(case, name, arrays, y), **seconds(call, device)}
        except RuntimeError as error:
            row |= {"result": f"raised: {str(error).partition(chr(10))[0][:200]}"}
        rows.append(row)
    return rows


def markdown(made: dict[str, Any]) -> str:
    """The measurement as tables, times in microseconds."""
    whose = "the device's own clock" if made["device"] != "cpu" else "the wall, on the CPU: a rehearsal"
    lines = ["# cuDNN's algorithms", "", f"Median microseconds of a call, by {whose}. {made['note']}"]
    for case in made["cases"]:
        lines += ["", f"`{case['case']}`", "", "| algorithm | cold | hot | result |", "|---|---:|---:|---|"]
        for row in case["rows"]:
            times = [f"{row[name] * 1e6:.1f}" if name in row else "" for name in ("cold", "hot")]
            lines.append(f"| {row['algorithm']} | {' | '.join(times)} | {row['result']} |")
        if case["clocks"]:
            lines += ["", "After it: " + ", ".join(f"{name} {value}" for name, value in case["clocks"].items()) + "."]
    return "\n".join(lines) + "\n"


def main(words: list[str] | None = None) -> int:
    """Measure until all is done or the limit is reached; what was measured is written after each case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda.algorithms", description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=float, default=90.0)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--markdown", type=Path, required=True)
    given = parser.parse_args(words)
    deadline = time.monotonic() + given.limit
    torch.set_num_threads(1)
    asked = [case.but(dtype=dtype) for dtype in ("float32", "float16", "bfloat16") for case in cases.wanted()]
    asked = list(dict.fromkeys(case.but(data="unit") for case in asked))
    made: dict[str, Any] = {"schema": SCHEMA, "device": given.device, "torch": torch.__version__, "cases": []}
    for case in asked:
        if time.monotonic() > deadline:
            break
        rows = measure(case, given.device, deadline)
        seen = clocks() if given.device != "cpu" else {}
        made["cases"].append({"case": str(case), "rows": rows, "clocks": seen})
        held = "Clocks were held back." if any(throttled(one["clocks"]) for one in made["cases"]) else ""
        made["note"] = f"{len(made['cases'])} of {len(asked)} cases. {held}".strip()
        given.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        given.markdown.write_text(markdown(made), encoding="utf-8")
    wrong = [row for one in made["cases"] for row in one["rows"] if row["result"].startswith("wrong")]
    print(f"{made.get('note', 'nothing measured')} {len(wrong)} wrong results")  # noqa: T201 - a program of its own
    return 0 if made["cases"] else 2


if __name__ == "__main__":
    raise SystemExit(main())
