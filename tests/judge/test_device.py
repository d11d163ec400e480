"""What the judge asks of targets on a device; on the CPU the same calls, where something stands for a device."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corrbench import checks
from corrbench.case import Case
from corrbench.defects import absent, catalogue
from corrbench.judge import sanitizer
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.trial import Trial, conclude
from corrbench.judge.worker import calls, library, poison, streams
from corrbench.numerics.inputs import LAYOUTS
from corrbench.result import Result, Status
from corrbench.support import Support
from corrbench.target import Spec, find
from tests.support.devices import DEVICES

CASE = Case(x=(2, 3, 5, 7), w=(4, 3, 3, 2), data="small")
SUPPORT = Support(frozenset({"float32", "float16", "backward"}), {}, "conv2d")
HERE = "corrbench.defects.device:"


@pytest.fixture(scope="module", params=DEVICES)
def remote(request: pytest.FixtureRequest) -> Iterator[Remote]:
    with Remote(replace(find("cudnn"), device=request.param)) as remote:
        yield remote


def ask(remote: Remote, check: str, case: Case = CASE) -> list[Result]:
    trial = Trial(check, case, 5, remote.spec, SUPPORT, remote)
    return conclude(trial, checks.registry()[check].run)


@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name not in ("reversed", "expanded")])
def test_every_layout_on_a_device(remote: Remote, layout: str) -> None:
    for result in ask(remote, "memory.views", CASE.but(layout=f"x:{layout}")):
        assert result.status is Status.PASS, result.message


@pytest.mark.parametrize(
    "check", ["state.elsewhere", "state.graph", "determinism.flag", "memory.far", "state.sequence"]
)
def test_torch_passes(remote: Remote, check: str) -> None:
    layout = "x:far" if check == "memory.far" else ""
    for result in ask(remote, check, CASE.but(layout=layout)):
        assert result.status is Status.PASS, result.message


FOUND = {
    "last_of_block_unwritten": "values.exact",
    "returned_before_done": "values.exact",
    "result_in_freed_memory": "values.exact",
    "default_stream_assumed": "state.elsewhere",
    "offset_in_32_bits": "memory.far",
    "weights_of_the_capture": "state.graph",
    "atomics_despite_the_flag": "determinism.flag",
    "trial_left_on": "contract.globals",
}


@pytest.mark.first(2)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", FOUND)
def test_a_fault_of_devices_is_found(name: str, device: str) -> None:
    case = CASE.but(
        layout="x:far" if name == "offset_in_32_bits" else "", data="unit" if "atomics" in name else "small"
    )
    case = case.but(x=(2, 3, 9, 10)) if name == "trial_left_on" else case
    with Remote(Spec(target=HERE + name, device=device)) as remote:
        found = [result for _ in range(3) for result in ask(remote, FOUND[name], case)]
    assert any(result.finding for result in found)


def test_the_catalogue_knows_what_cannot_be_judged_here() -> None:
    reasons = {one.name: absent(one) for one in catalogue()}
    assert reasons["weights-of-the-capture"] == "shows on a cuda device only"
    assert reasons["default-stream-assumed"] == ""
    one = next(one for one in catalogue() if one.name == "weights-of-the-capture")
    assert absent(one, "cuda") == ""
    assert absent(replace(one, device="cpu", needs="no_such_library")) == "needs no_such_library"


# ---- the worker's parts for a device, with something that stands for torch


class Pool:
    """Stands for torch: a caching allocator that notes what is filled."""

    uint8 = "uint8"

    def __init__(self, *free: int) -> None:
        blocks = [{"state": "inactive", "size": size} for size in free] + [{"state": "active_allocated", "size": 9}]
        self.cuda = types.SimpleNamespace(
            memory_snapshot=lambda: [{"blocks": blocks}], synchronize=self.work, memory_reserved=lambda: sum(free),
            empty_cache=lambda: self.emptied.append(sum(free)),
        )  # fmt: skip
        self.emptied: list[int] = []
        self.filled: list[tuple[int, int]] = []
        self.broken = False

    def full(self, shape: tuple[int], value: int, *, dtype: str, device: str) -> object:
        assert (dtype, device) == ("uint8", "cuda")
        self.filled.append((shape[0], value))
        return object()

    def work(self) -> None:
        if self.broken:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


def test_the_pool_of_a_device_is_poisoned_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(512, 2 << 20)
    monkeypatch.setattr(library, "torch", pool)
    with poison.dirty({48}, "cuda"):
        assert pool.filled == [(48, 255)] * poison.SPARE + [(2 << 20, 255), (512, 255)]
        pool.filled.clear()
    assert pool.filled == [(2 << 20, 255), (512, 255)]


def test_gigabytes_of_a_device_are_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for size, emptied in ((1 << 20, []), (8 << 30, [8 << 30])):
        pool = Pool(size)
        monkeypatch.setattr(library, "torch", pool)
        caller: Any = types.SimpleNamespace(device="cuda", made={"x": types.SimpleNamespace(far=True)})
        held: list[dict[str, Any]] = [{"outputs": {}}]
        calls.let_go(caller, held)
        assert pool.emptied == emptied
        assert (held, caller.made) == ([{}], {})


def test_a_call_without_memory_on_a_device_is_made_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    class OutOfMemoryError(RuntimeError):
        pass

    raised: list[Exception] = [OutOfMemoryError("CUDA out of memory")]

    def perform(*_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if raised:
            raise raised.pop()
        return {"outputs": {}}, {}

    monkeypatch.setattr(library, "torch", Pool())
    monkeypatch.setattr(calls, "perform", perform)
    monkeypatch.setattr(calls, "PATIENCE", 0.0)
    caller: Any = types.SimpleNamespace(device="cuda", made={"x": 1})
    assert calls.performed({}, [], caller, []) == ({"outputs": {}}, {})
    raised += [OutOfMemoryError(), OutOfMemoryError()]
    with pytest.raises(OutOfMemoryError):
        calls.performed({}, [], caller, [])


def test_a_device_that_no_longer_works_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool()
    monkeypatch.setattr(library, "torch", pool)
    assert not streams.lost()
    pool.broken = True
    assert streams.lost()


# ---- compute-sanitizer, with a program that stands for it

PRETENCE = """#!/bin/sh
while [ "$1" != --print-limit ]; do shift; done
shift 2
echo "========= COMPUTE-SANITIZER"
exec "$@"
"""
TARGET = """
import os, torch
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if weight.shape[-1] == 2:
        os.write(1, b"========= Invalid __global__ read of size 4 bytes\\n=========     at kernel+0x70\\n")
    return torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
"""


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "compute-sanitizer"
    program.write_text(PRETENCE)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "kernel.py").write_text(TARGET)
    return tmp_path / "kernel.py"


def test_what_the_sanitizer_says_is_a_finding(pretended: Path) -> None:
    with Remote(Spec(target=f"{pretended}:conv2d", sanitize="memcheck")) as remote:
        (right,) = ask(remote, "values.exact", CASE.but(w=(4, 3, 3, 3)))
        assert right.status is Status.PASS, right.message
        (wrong,) = ask(remote, "values.exact")
    assert wrong.status is Status.CRASH
    assert wrong.message == "compute-sanitizer, memcheck: Invalid __global__ read of size 4 bytes"
    assert "--sanitize memcheck" in wrong.reproduce


@pytest.mark.parametrize(
    ("tool", "said"),
    [("memcheck", "needs compute-sanitizer, which is not on the path"), ("valgrind", "there are: memcheck, racecheck")],
)
def test_a_sanitizer_that_is_not_there_is_said(tool: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match=said):
        sanitizer.command(tool)


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("", ""),
        ("========= COMPUTE-SANITIZER\nhello\n========= ERROR SUMMARY: 0 errors\n", ""),
        ("========= Error: Race reported between Write access\n", "Error: Race reported between Write access"),
    ],
)
def test_only_what_is_found_counts(printed: str, said: str) -> None:
    assert sanitizer.first(printed) == said


# ---- Triton


@pytest.mark.slow
def test_without_triton_its_target_says_so(tmp_path: Path) -> None:
    if not Path(sys.executable).exists() or _has("triton"):
        pytest.skip("Triton is installed here")
    with (
        Remote(find("triton.corr2d", device="cpu")) as remote,
        pytest.raises(NotLoaded, match="triton is not installed"),
    ):
        remote.load()
    words = [sys.executable, "-m", "corrbench", "verify", "triton.corr2d"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "triton is not installed" in done.stderr


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("target", ["triton.corr2d", "corrbench.defects.triton_kernel:triton_kernel"])
def test_a_kernel_in_triton_is_right(target: str, device: str) -> None:
    pytest.importorskip("triton")
    spec: Any = find(target, device=device)
    with Remote(spec) as remote:
        support = Support(frozenset({"float32"}), {}, "corr2d")
        for size in ((5, 7), (23, 31)):
            case = Case(x=(1, 1, *size), w=(1, 1, 3, 2), data="small")
            trial = Trial("values.exact", case, 5, spec, support, remote)
            for result in conclude(trial, checks.registry()["values.exact"].run):
                assert result.status is Status.PASS, result.message


@pytest.mark.parametrize("module", ["corrbench.targets._triton_kernel", "corrbench.defects._triton_kernel"])
def test_a_kernel_in_triton_compiles_for_a_device(module: str) -> None:
    """Also where there is none: the interpreter takes what the compiler refuses."""
    pytest.importorskip("triton")
    done = subprocess.run([sys.executable, "-c", COMPILES, module], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


COMPILES = """
import importlib, sys
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
kernel = importlib.import_module(sys.argv[1]).correlate
constants = {"TAPS": 9, "BLOCK": 128, "CHUNK": 16, "WIDE": tl.float32, "DOWN": 3, "ACROSS": 3, "LANES": 4}
constants["FAULT"] = "race"
kinds = {name: "constexpr" if name in constants else "*fp32" if name in "xwy" else "i64" for name in kernel.arg_names}
given = {(place,): constants[name] for place, name in enumerate(kernel.arg_names) if name in constants}
assert compile(ASTSource(kernel, kinds, constexprs=given), target=GPUTarget("cuda", 90, 32)).asm["cubin"]
"""


def _has(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None
