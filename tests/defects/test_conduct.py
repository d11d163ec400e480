"""Do the mutants of conduct show: state, memory, arguments, the module, the process?

What no single case decides. Faults that end, hang or change the process are met in forked copies of a child.
"""

from __future__ import annotations

import json
import mmap
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from corrbench.defects import Mutant, absent, catalogue
from tests.support.defect_judge import load

ALL = [one for one in catalogue() if not absent(one)]
Trial = Callable[[Any], bool]
torch.set_num_threads(1)


def whole(*shape: int, seed: int = 0) -> torch.Tensor:
    """Small whole numbers: every right sum of them is exact."""
    return torch.randint(-3, 4, shape, generator=torch.Generator().manual_seed(seed)).float()


def in_torch(mutant: Mutant) -> Any:
    """The target, called with tensors whatever it takes; memory is shared."""
    target = load(mutant)
    if mutant.arrays == "torch":
        return target

    def call(*operands: torch.Tensor, **config: Any) -> torch.Tensor:
        config = {name: one.detach().numpy() if name == "bias" else one for name, one in config.items()}
        return torch.from_numpy(target(*(one.detach().numpy() for one in operands), **config))

    return call


def right(f: Any, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None = None, **geometry: Any) -> bool:
    """Whether f gives what torch gives, taken before f may change anything."""
    want = F.conv2d(x.clone(), w.clone(), None if b is None else b.clone(), **geometry)
    got = f(x, w, **({} if b is None else {"bias": b}), **geometry)
    same_kind = type(got) is torch.Tensor and got.shape == want.shape and got.dtype == want.dtype
    return same_kind and torch.equal(got, want)


# Each trial tells whether a conv2d behaves; they are passed by every honest one.


def keeps_its_operands(f: Any) -> bool:
    x, w, b = whole(2, 3, 7, 9), whole(4, 3, 3, 3, seed=1) + 0.125, whole(4, seed=2) + 2.0**-20
    before = [one.clone() for one in (x, w, b)]
    f(x, w, b)
    return all(torch.equal(one, was) for one, was in zip((x, w, b), before, strict=True))


def answers_new_data(f: Any) -> bool:
    """A, B, A; the same memory with other data; other memory; data that differ in one inner element or in order."""
    a, b, w = whole(2, 3, 6, 7, seed=3), whole(2, 3, 6, 7, seed=4), whole(4, 3, 3, 2, seed=5)
    inner, turned = a.clone(), a.clone()
    inner[1, 1, 2, 3] += 1
    turned[0, 0, 1, 1:4] = a[0, 0, 1, 1:4].roll(1)
    good = all(right(f, x, w) for x in (a, b, a, inner, turned))
    other = w.clone()
    other[1, 1, 1, 0] += 1
    good &= right(f, a, other)
    w[2, 1, 1] += 1
    good &= right(f, a, w)
    a.copy_(b)
    good &= right(f, a, w)
    a.detach().numpy()[...] = inner.numpy()
    return good and right(f, a, w)


def answers_at_length(f: Any) -> bool:
    return all(right(f, whole(1, 2, 4, 5, seed=i), whole(3, 2, 2, 2, seed=i)) for i in range(260))


def answers_other_geometry(f: Any) -> bool:
    x, w = whole(1, 2, 12, 13, seed=6), whole(3, 2, 3, 3, seed=7)
    steps = ({"dilation": 1}, {"dilation": 2}, {"padding": 1}, {"stride": 2}, {"dilation": (2, 1)}, {})
    return all(right(f, x, w, **geometry) for geometry in steps)


def answers_other_dtypes(f: Any) -> bool:
    x, w = torch.rand(1, 2, 7, 8, dtype=torch.float64), torch.rand(3, 2, 3, 2, dtype=torch.float64)
    try:
        f(x.float(), w.float())
        got = f(x, w)
    except (NotImplementedError, TypeError):
        return True
    return bool((got - F.conv2d(x, w)).abs().max() < 1e-12)


def keeps_its_results(f: Any) -> bool:
    x, y, w = whole(1, 1, 6, 7, seed=8), whole(1, 1, 6, 7, seed=9), torch.ones(1, 1, 1, 1)
    first = f(x, w)
    was = first.clone()
    second = f(y, w)
    apart = first.untyped_storage().data_ptr() != second.untyped_storage().data_ptr()
    apart &= first.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    return apart and torch.equal(first, was)


def done_at_return(f: Any) -> bool:
    x, w = whole(2, 3, 7, 9), whole(4, 3, 3, 2, seed=1)
    got = f(x, w)
    was = got.detach().numpy().copy()
    time.sleep(0.1)
    return bool((was == got.detach().numpy()).all()) and type(got) is torch.Tensor


def bears_dirty_memory(f: Any) -> bool:
    x, w = whole(1, 2, 5, 9), whole(3, 2, 3, 2, seed=1)
    good = True
    for _ in range(30):
        held = [torch.full((1, 3, 3, 8), torch.nan) for _ in range(8)]
        del held
        good &= right(f, x, w)
    return good


def same_every_time(f: Any) -> bool:
    x, w = torch.rand(2, 3, 9, 9), torch.rand(4, 3, 3, 2)
    torch.set_num_threads(2)
    try:
        first = f(x, w)
        return all(torch.equal(first, f(x, w)) for _ in range(40))
    finally:
        torch.set_num_threads(1)


def right_on_the_way_back(f: Any) -> bool:
    x, w, b = whole(2, 3, 6, 7), whole(4, 3, 3, 2, seed=1), whole(4, seed=2).requires_grad_()
    y = f(x, w, b)
    if not y.requires_grad:
        return True
    g = whole(*y.shape, seed=3)
    was = g.clone()
    (gb,) = torch.autograd.grad(y, b, g, retain_graph=True)
    good = torch.equal(g, was) and torch.equal(gb, was.sum((0, 2, 3)))
    w.requires_grad_()
    y = f(x, w, b)
    y.backward(was.clone(), retain_graph=True)
    once = w.grad.clone()
    y.backward(was.clone())
    return good and torch.equal(w.grad, 2 * once)


def refuses(f: Any) -> bool:
    """Calls that have no result are errors."""
    one = torch.ones
    calls = [
        (one(1, 1, 3, 4), one(1, 1, 4, 5), {}), (one(1, 1, 4, 4), one(1, 1, 2, 2), {"padding": -1}),
        (one(1, 3, 4, 4), one(2, 2, 2, 2), {}), (one(1, 3, 4, 4), one(2, 1, 2, 2), {}),
        (one(1, 4, 4, 4), one(3, 2, 2, 2), {"groups": 2}), (one(1, 1, 4, 4), one(1, 1, 2, 2), {"stride": 0}),
        (one(1, 1, 4, 4), one(3, 1, 2, 2), {"bias": one(1)}),
    ]  # fmt: skip
    for x, w, more in calls:
        try:
            f(x, w, **more)
        except (ValueError, TypeError, RuntimeError):
            continue
        return False
    return True


def takes_pairs_as_lists(f: Any) -> bool:
    return right(f, whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1), stride=[2, 1])


def takes_defaults_spelled_out(f: Any) -> bool:
    return right(f, whole(1, 2, 6, 7), whole(3, 2, 3, 2, seed=1), stride=(1, 1), padding=(0, 0), dilation=(1, 1))


def bears_any_cotangent(f: Any) -> bool:
    """One that is zero but for one element, and one with a NaN."""
    x, w = whole(1, 2, 6, 7).requires_grad_(), whole(3, 2, 3, 2, seed=1)
    y = f(x, w)
    if not y.requires_grad:
        return True
    g = torch.zeros_like(y)
    g[0, 1, 2, 3] = 1
    (one,) = torch.autograd.grad(y, x, g, retain_graph=True)
    (nan,) = torch.autograd.grad(y, x, g * torch.nan)
    return bool(torch.equal(one[0, :, 2:5, 3:5], w[1]) and nan.isnan().any())


def overflows(f: Any) -> bool:
    return bool(f(torch.full((1, 1, 4, 5), 1e30), torch.full((1, 1, 2, 2), 1e30)).isinf().all())


def answers_another_thread(f: Any) -> bool:
    x, w = whole(1, 2, 6, 7, seed=3), whole(3, 2, 3, 2, seed=1)
    with ThreadPoolExecutor(1) as other:
        return other.submit(right, f, x, w).result()


def reads_far_apart(f: Any) -> bool:
    """The second sample lies 2^31 places after the first, in memory of which only what is touched is taken."""
    x, w = whole(2, 1, 6, 7, seed=3), whole(3, 1, 3, 2, seed=1)
    room = mmap.mmap(-1, 4 * (2**31 + 100), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)
    apart = torch.frombuffer(room, dtype=torch.float32).as_strided(x.shape, (2**31, 42, 7, 1)).copy_(x)
    return right(f, apart, w)


def heeds_the_flag(f: Any) -> bool:
    x, w = torch.rand(2, 3, 9, 9), torch.rand(4, 3, 3, 2)
    torch.use_deterministic_algorithms(True)
    try:
        first = f(x, w)
        return all(torch.equal(first, f(x, w)) for _ in range(40))
    finally:
        torch.use_deterministic_algorithms(False)


def leaves_switches(f: Any) -> bool:
    f(whole(1, 2, 9, 9), whole(3, 2, 3, 2, seed=1))
    left, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, False
    return not left


def of_right_form(f: Any) -> bool:
    return right(f, whole(2, 3, 41, 33), whole(20, 3, 3, 2, seed=1), whole(20, seed=2))


TRIALS: dict[str, tuple[Trial, ...]] = {
    "silent": (refuses,),
    "state": (answers_new_data, answers_at_length, answers_other_geometry, answers_other_dtypes, same_every_time,
              right_on_the_way_back),
    "memory": (keeps_its_operands, keeps_its_results, done_at_return, bears_dirty_memory, right_on_the_way_back,
               of_right_form),
    "contract": (of_right_form, done_at_return),
    "value": (of_right_form,),
    "use": (takes_pairs_as_lists, takes_defaults_spelled_out, bears_any_cotangent, overflows, answers_another_thread,
            reads_far_apart, heeds_the_flag, leaves_switches),
}  # fmt: skip


def of(*kinds: str, wrong: set[str], form: str = "conv2d", beside: str = "hostile") -> list[Any]:
    chosen = [one for one in ALL if one.kind in kinds and one.wrong in wrong and one.form == form]
    return [pytest.param(one, id=one.name) for one in chosen if beside not in one.target]


MISFITS = [*of("defect", wrong={"silent", "state", "memory", "use"}), *of("cheat", wrong=set(TRIALS))]
EVERY = sorted({one for trials in TRIALS.values() for one in trials}, key=lambda one: one.__name__)


@pytest.mark.parametrize("mutant", MISFITS)
def test_misconduct_shows(mutant: Mutant, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    target = in_torch(mutant)
    # what freed memory holds is up to the allocator: some need more than one try
    assert any(not trial(target) for _ in range(20) for trial in TRIALS[mutant.wrong])


@pytest.mark.parametrize("trial", EVERY)
def test_the_honest_conduct_themselves(trial: Trial) -> None:
    for mutant in ALL:
        plain = mutant.kind == "honest" and mutant.form == "conv2d" and mutant.arrays == "torch"
        if not plain or mutant.accuracy != "direct" or mutant.name == "three-arguments":
            continue
        if mutant.name == "atomics-unless-told" and trial is same_every_time:
            continue  # it need not be, as long as nobody has asked for that
        assert trial(load(mutant)), mutant.name


@pytest.mark.parametrize("mutant", of("defect", wrong={"silent"}, form="corr2d"))
def test_corr2d_that_should_refuse(mutant: Mutant) -> None:
    x, k = torch.ones(3, 4), torch.ones(4, 5)
    load(mutant)(*((x.numpy(), k.numpy()) if mutant.arrays == "numpy" else (x, k)))


@pytest.mark.parametrize("mutant", of("defect", wrong={"module"}, form="module"))
def test_a_faulty_layer_shows(mutant: Mutant) -> None:
    assert not conducts(load(mutant))


@pytest.mark.parametrize("mutant", of("honest", wrong={"value"}, form="module"))
def test_a_right_layer_passes(mutant: Mutant) -> None:
    assert conducts(load(mutant))


def conducts(layer: Any) -> bool:
    """Parameters, evaluation, state, two layers made one after the other, gradients at every step."""
    x, w = torch.rand(6, 7), torch.rand(3, 2)
    one, two = layer((3, 2), w), layer((3, 2))
    if {name for name, _ in one.named_parameters()} != {"weight", "bias"}:
        return False
    good = not torch.equal(layer((3, 2)).weight, two.weight)
    good &= torch.equal(one.train()(x), one.eval()(x))
    with torch.no_grad():
        one.bias.fill_(2.0)
    two.load_state_dict(one.state_dict())
    for _ in range(12):
        one.weight.grad = None
        one(x).sum().backward()
        good &= one.weight.grad is not None
    return good and torch.equal(one(x), two(x))


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
        signal.alarm(4)
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
