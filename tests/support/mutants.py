"""Would it be noticed if a check were broken? Each line breaks one, and names a defect that must then survive.

`python -m tests.support.mutants` judges each fault with the check as it is, which must find it, and as it is broken,
which must not: a broken check that finds it all the same is a mutant that lives. The oracle, the bounds and the
comparison are mutated by mutmut (`make mutants` does both); checks are not, for each of their mutants takes seconds to
judge.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
CASES = "picked = others if outline.thorough > 1 else [others[(index + place) % len(others)]]"
# check, file, what is replaced, by what, a defect that only this part of the check finds; conduct is watched in
# every call, by whichever check it is made
MUTANTS: list[tuple[str, str, str, str, str]] = [
    ("values.exact", "values", " or dtype in INTEGERS", "", "int64-through-float64"),
    ("values.exact", "values", CASES, "picked = []", "int32-through-float32"),
    ("values.bound", "values", 'yield base.but(dtype=dtype, data="unit")', 'yield base.but(dtype=dtype, data="small")',
     "large-in-fixed-point"),
    ("values.bound", "values", "for place, dtype in enumerate(kinds)", "for place, dtype in enumerate(kinds[:1])",
     "bias-after-rounding"),
    ("gradients.first", "gradients", "if expected.truth.hi.any():", "if False:", "kernel-as-numbers"),
    ("gradients.first", "gradients", '"gw": problem.weight_gradient(g)}', "}", "batch-added-in-half"),
    ("gradients.first", "gradients", '| ({"gb": problem.bias_gradient(g)} if problem.bias is not None else {})', "",
     "bias-gradient-averaged"),
    ("gradients.first", "gradients", '"gx": problem.input_gradient(g), ', "", "gradient-off-by-a-millionth"),
    ("gradients.first", "gradients", "for place, dtype in enumerate(differentiable(outline)):",
     "for place, dtype in enumerate(differentiable(outline)[:1]):", "gradient-not-conjugated"),
    ("gradients.subsets", "gradients", "wanted = [chosen for size in range(1, len(names))",
     "wanted = [chosen for size in range(0)", "bias-gradient-with-weight-only"),
    ("gradients.subsets", "gradients", "for chosen, reply in zip(wanted, replies, strict=True):",
     "for chosen, reply in zip(wanted[:-1], replies, strict=False):", "second-pass-adds-nothing"),
    ("gradients.second", "higher", '"ggg": joined(problem, arrays["vx"], arrays["vw"], arrays.get("vb")),', "",
     "cotangent-constant-in-backward"),
    ("gradients.second", "higher",
     '"ggw": problem.with_data(arrays["vx"], problem.w).weight_gradient(g),', "", "kernel-constant-in-backward"),
    ("gradients.forward", "higher", 'verdicts(trial, reply, {"t": tangents}', "verdicts(trial, reply, {}",
     "tangent-of-kernel-lost"),
    ("gradients.vmap", "higher", "for index, one in enumerate(stack):", "for index, one in enumerate(stack[:0]):",
     "bias-twice-under-vmap"),
    ("gradients.gradcheck", "gradients", "nondet_tol=1e-12)", "nondet_tol=1e-12, fast_mode=True)",
     "sparse-cotangent-skipped"),
    ("memory.views", "memory", "turn += 7", "turn += 0", "first-of-expanded"),
    ("memory.views", "memory", "case = base.but(x=(2, *base.x[1:])) if batched and base.x[0] == 1 else base",
     "case = base", "first-of-expanded"),
    ("memory.views", "memory", "backward = trial.differentiable\n", "backward = False\n", "cotangent-read-flat"),
    ("memory.byte_order", "memory", 'for name in ("x", "w"):', 'for name in ("w",):', "byte-order-not-looked-at"),
    ("memory.operands", "../judge/calls", "for name in reply.changed:", "for name in ():", "input-overwritten"),
    ("", "../judge/calls", "for words in reply.aliases:", "for words in ():", "input-returned"),
    ("contract.result", "../judge/calls", "if output.dtype != want_dtype and", "if False and", "half-result-widened"),
    ("values.exact", "../judge/calls", "if output.shape != tuple(want)", "if False", "same-without-dilation"),
    ("contract.globals", "../judge/calls", "for words in reply.globals:", "for words in ():", "default-dtype-changed"),
    ("contract.globals", "contract", "if copies:", "if False:", "child-left-behind"),
    ("contract.arguments", "contract", '"dilation": list(case.dilation),', "", "dilation-spelled-out"),
    ("contract.errors", "contract", "grave and got is not None and", "False and", "kernel-cut-to-fit"),
    ("contract.empty", "contract", "or got.values.any():", "or False:", "one-without-channels"),
    ("contract.errors", "contract", "elif extra and not grave and", "elif False and", "negative-padding-as-zero"),
    ("state.sequence", "state", 'options={"reuse": reuse}', 'options={"reuse": False}', "answer-by-identity"),
    ("state.arguments", "state", '{"dilation": pair} for pair in ((1, 1), (2, 1), (1, 2))',
     '{"dilation": pair} for pair in ()', "plan-without-dilation"),
    ("state.many", "state", "rounds = trial.case, 120", "rounds = trial.case, 60", "tuned-at-a-hundred"),
    ("determinism.repeats", "determinism", "for count in (4, 2, 1):", "for count in (1,):", "race-at-the-half"),
    ("relations.laws", "relations", "broken |= law.must", "law.must = False", "rounded-upwards"),
    ("special.footprint", "special", "if mask.any():", "if False:", "nan-spread"),
    ("special.footprint", "special", "lost = ~same & ~clean", "lost = ~same & False", "nan-swallowed"),
    ("special.extremes", "special", "wrong = touched & (values != np.inf)", "wrong = touched & False",
     "overflow-saturates"),
    ("special.gradients", "special_gradients", "lost = must_reach(trial, plain, name, where, gradient) & ~odd",
     "lost = np.zeros(values.shape, bool)", "nan-gradient-swallowed"),
    ("module.parameters", "module", 'if name not in given["trainable"]:', "if False:", "bias-without-gradient"),
    ("module.parameters", "module", 'if fresh["same"]:', "if False:", "one-draw-for-all"),
    ("module.state", "module", '({"same": True, "same again": True}, "train()', '(found["modes"], "train()',
     "narrow-in-evaluation"),
    ("module.state", "module", '({"same": True}, "state_dict()', '(found["round_trip"], "state_dict()',
     "state-without-bias"),
    ("module.training", "module", "if off < 1e-2 and abs(sum(look[\"bias\"])) < 1e-2:", "if True:", "frozen-after-ten"),
    ("memory.far", "../numerics/inputs", 'pairs = (part.partition(":") for part in case.layout.split(",") if part)',
     'pairs = (part.partition(":") for part in case.layout.split(",") if part and "far" not in part)',
     "offset-in-32-bits"),
    ("state.elsewhere", "state", 'compared(trial, "elsewhere",', 'compared(trial, "forward",',
     "default-stream-assumed"),
    ("determinism.flag", "determinism", "RUNS = 12", "RUNS = 4", "atomics-despite-the-flag"),
    ("contract.globals", "../judge/worker/global_state", '"backends.cudnn.benchmark",', "", "trial-left-on"),
    ("fuzz.search", "fuzz", "EXAMPLES = 40", "EXAMPLES = 2", "storage-offset-ignored"),
    ("fuzz.crossed", "crossed", "SIZE = 48", "SIZE = 1", "storage-offset-ignored"),
]  # fmt: skip


def found(root: Path, check: str, defect: str) -> bool:
    """Whether a copy of the package finds a defect with one check, in the quick profile."""
    from corrbench.defects import catalogue

    one = {one.name: one for one in catalogue()}[defect]
    words = [sys.executable, "-m", "corrbench", "verify", one.target, "--check", check, "--seed", "1", "--quiet",
             "--profile", "quick", "--arrays", one.arrays, "--accuracy", one.accuracy, "--fail-fast", "--workers", "1",
             "--store", "record.jsonl"]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            words, cwd=folder, env=os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
    if done.returncode not in (0, 1, 2) or "Traceback" in done.stderr:
        raise RuntimeError(f"{check} on {defect}: {done.stderr[-500:]}")
    return done.returncode == 1


def outcome(mutant: tuple[str, str, str, str, str]) -> str:
    """``killed``, ``lives``, or what is wrong with the line itself."""
    check, file, old, new, defect = mutant
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "corrbench", Path(folder, "corrbench"), ignore=shutil.ignore_patterns("__pycache__"))
        if not found(Path(folder), check, defect):
            return "the check does not find the fault in the first place"
        path = Path(folder, "corrbench", "checks", f"{file}.py").resolve()
        text = path.read_text(encoding="utf-8")
        if old not in text:
            return "the text to be replaced is not there"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return "lives" if found(Path(folder), check, defect) else "killed"


@click.command()
@click.option("--only", default="", help="Mutants of this check.")
def main(only: str) -> None:
    """Judge every mutant; exit 1 if one lives."""
    chosen = [mutant for mutant in MUTANTS if not only or mutant[0] == only]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as crew:
        results = []
        for mutant, said in zip(chosen, crew.map(outcome, chosen), strict=True):
            results.append(said)
            click.echo(f"{said}: {mutant[0]}, {mutant[2].strip()!r} -> {mutant[3].strip()!r} ({mutant[4]})")
    click.echo(f"{results.count('killed')} of {len(results)} killed")
    raise SystemExit(results.count("killed") < len(results))


if __name__ == "__main__":
    main()
