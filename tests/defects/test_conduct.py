"""Do the mutants of conduct show: state, memory, arguments, the module, the process?

What no single case decides, in the trials of tests/support/trials/. Faults that end, hang or change the process are
met in forked copies of a child.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import torch

from corrbench.defects import Mutant, absent, catalogue
from tests.support.defect_judge import load
from tests.support.trials import trials

ALL = [one for one in catalogue() if not absent(one)]
TRIALS = trials()
torch.set_num_threads(1)


def in_torch(mutant: Mutant) -> Any:
    """The target, called with tensors whatever it takes; memory is shared."""
    target = load(mutant)
    if mutant.arrays == "torch":
        return target

    def call(*operands: torch.Tensor, **config: Any) -> torch.Tensor:
        try:
            arrays = [one.detach().numpy() for one in operands]
        except (TypeError, RuntimeError) as error:
            raise NotImplementedError("no such array") from error
        config = {name: one.detach().numpy() if name == "bias" else one for name, one in config.items()}
        return torch.from_numpy(target(*arrays, **config))

    return call


def of(*kinds: str, wrong: set[str], form: str = "conv2d", beside: str = "hostile") -> list[Any]:
    chosen = [one for one in ALL if one.kind in kinds and one.wrong in wrong and one.form == form]
    return [pytest.param(one, id=one.name) for one in chosen if beside not in one.target]


CONDUCT = {"silent", "state", "memory", "use"}
MISFITS = [*of("defect", wrong=CONDUCT), *of("cheat", wrong=set(TRIALS))]
HONEST = [
    one for one in of("honest", wrong={"value"})
    if (one.values[0].arrays, one.values[0].accuracy) == ("torch", "direct") and one.values[0].name != "three-arguments"
]  # fmt: skip


@pytest.mark.parametrize("mutant", MISFITS)
def test_misconduct_shows(mutant: Mutant, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target = in_torch(mutant)
    # what freed memory holds is up to the allocator, and who wins a race to nobody: some need more than one try
    assert any(not trial(target) for _ in range(20) for trial in TRIALS[mutant.wrong])


@pytest.mark.first(6)
@pytest.mark.parametrize("mutant", HONEST)
def test_the_honest_conduct_themselves(mutant: Mutant) -> None:
    target = load(mutant)
    every = dict.fromkeys(trial for wrong, group in TRIALS.items() if wrong != "layer" for trial in group)
    failed = {trial.__name__ for trial in every if not trial(target)}
    if mutant.name == "atomics-unless-told":
        failed -= {"same_every_time"}  # it need not be, as long as nobody has asked for that
    assert not failed


@pytest.mark.parametrize("mutant", of("defect", wrong={"silent"}, form="corr2d"))
def test_corr2d_that_should_refuse(mutant: Mutant) -> None:
    x, k = torch.ones(3, 4), torch.ones(4, 5)
    load(mutant)(*((x.numpy(), k.numpy()) if mutant.arrays == "numpy" else (x, k)))


@pytest.mark.parametrize("mutant", of("defect", wrong={"module", *CONDUCT}, form="module"))
def test_a_faulty_layer_shows(mutant: Mutant) -> None:
    def behaves(trial: Any) -> bool:
        try:
            return bool(trial(load(mutant)))
        except AttributeError:
            return False

    assert not all(map(behaves, TRIALS["layer"]))


@pytest.mark.parametrize("mutant", of("honest", wrong={"value"}, form="module"))
def test_a_right_layer_passes(mutant: Mutant) -> None:
    assert all(trial(load(mutant)) for trial in TRIALS["layer"])


# ---- in forked copies of a child

CHILD = """
import gc, json, os, resource, signal, sys, time
import numpy as np, torch, random
from corrbench.defects import catalogue
from importlib import import_module
torch.set_num_threads(1)
CASES = [((1, 2, 9, 9), (3, 2, 3, 3), {}), ((1, 2, 9, 9), (3, 2, 5, 5), {}),
         ((1, 2, 9, 9), (3, 2, 3, 3), {"stride": 3}), ((1, 2, 9, 9), (3, 2, 2, 2), {"padding": "same"}),
         ((1, 2, 9, 9), (40, 2, 1, 1), {})]
def state():
    b = torch.backends
    return repr([
        torch.allclose, torch.equal, torch.testing.assert_close, np.allclose, time.perf_counter, gc.collect,
        id(sys.stdout), hash(torch.get_rng_state().numpy().tobytes()), np.random.get_state()[1][:5],
        random.getstate()[1][:5],
        torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads(), b.cuda.matmul.allow_tf32,
        torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision(),
        float(np.float64(5e-324) * 1.0), sorted(os.environ.items())])
def judge(f):
    equal = torch.equal
    before = state()
    for x, w, more in CASES:
        x, w = torch.randint(-3, 4, x).float(), torch.randint(-3, 4, w).float()
        seen = state()
        want = torch.nn.functional.conv2d(x.clone(), w.clone(), **more)
        try:
            got = f(x, w, **more)
        except MemoryError:
            return "appetite"
        if not equal(got, want):
            return "value"
        if state() != seen:
            return "contract"
    return "right"
report = {}
for one in catalogue():
    if "defects.hostile:" not in one.target:
        continue
    place, _, name = one.target.partition(":")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        signal.alarm(12)
        now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (1 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (now, now))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        try:
            said = judge(getattr(import_module(place), name))
        except BaseException as error:
            said = "raises"
        os.write(write, said.encode())
        os._exit(7)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    left = False
    try:
        os.killpg(pid, signal.SIGKILL)
        left = True
    except ProcessLookupError:
        pass
    said = os.read(read, 100).decode()
    if os.WIFSIGNALED(status):
        said = "timeout" if os.WTERMSIG(status) == signal.SIGALRM else "crash"
    elif os.WEXITSTATUS(status) != 7:
        said = "crash"
    report[one.name] = "leftover" if left and said == "right" else said
    os.close(read)
sys.stdout.write(json.dumps(report))
"""


@pytest.mark.slow
def test_hostile_ones_do_what_they_say() -> None:
    run = subprocess.run(
        ["sh", "-c", '"$0" -W ignore -c "$1"; exit $?', sys.executable, CHILD], capture_output=True, text=True,
        timeout=100,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    hostile = {one.name: one.wrong for one in ALL if "defects.hostile:" in one.target}
    assert found == hostile
