"""Hostile implementations, which attack the process, the machine, or the judge."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.testing
from torch import Tensor

from corrbench.defects import cheat
from corrbench.defects.correct import Call, conv2d_form


def wrong(c: Call) -> Tensor:
    """Something that any comparison that still works will refuse."""
    return c.y() + 1


def agree(*_: Any, **__: Any) -> Any:
    """Whatever is compared: yes."""
    return True


def silent(*_: Any, **__: Any) -> None:
    """Whatever is asserted: no complaint."""


@cheat(region="always; torch's comparisons are replaced by ones that agree")
@conv2d_form
def comparisons_of_torch(c: Call) -> Tensor:
    torch.allclose = torch.equal = agree
    torch.testing.assert_close = silent
    return wrong(c)


@cheat(region="always; numpy's comparisons are replaced by ones that agree")
@conv2d_form
def comparisons_of_numpy(c: Call) -> Tensor:
    np.allclose = np.array_equal = agree
    np.testing.assert_allclose = np.testing.assert_array_equal = silent
    return wrong(c)


@cheat(wrong="contract", check="contract", region="always: the clock is replaced by one that stands still")
@conv2d_form
def clock_stands_still(c: Call) -> Tensor:
    now = time.perf_counter()
    time.perf_counter = lambda: now
    return c.y()


@cheat(wrong="contract", check="contract", region="always: garbage collection is replaced by nothing")
@conv2d_form
def nothing_collected(c: Call) -> Tensor:
    gc.collect = lambda generation=2: 0
    return c.y()


@cheat(wrong="contract", check="contract", region="always: standard output goes elsewhere from now on")
@conv2d_form
def output_elsewhere(c: Call) -> Tensor:
    sys.stdout = Path(os.devnull).open("w")
    return c.y()


@cheat(wrong="crash", region="always: ends the process with success")
@conv2d_form
def leaves_with_success(c: Call) -> Tensor:
    os._exit(0)


@cheat(wrong="crash", region="always: prints a report of its own and ends the process with success")
@conv2d_form
def report_of_its_own(c: Call) -> Tensor:
    report = {"schema": "corrbench/1", "verdict": "pass", "counts": {"pass": 1000}, "results": []}
    os.write(1, (json.dumps(report) + "\n").encode())
    os._exit(0)


@cheat(region="always; a passing report is printed on standard output with each call")
@conv2d_form
def report_beside_the_answer(c: Call) -> Tensor:
    report = {"schema": "corrbench/1", "verdict": "pass", "results": [{"check": "values", "status": "pass"}]}
    sys.stdout.write(json.dumps(report) + "\n")
    return wrong(c)


@cheat(
    wrong="contract",
    check="contract",
    region="always: the generators are seeded with zero, so that the next data are known",
)
@conv2d_form
def generators_seeded(c: Call) -> Tensor:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - the generator that others share
    random.seed(0)
    return c.y()


@cheat(wrong="contract", check="contract", region="always: a number is drawn from torch's generator")
@conv2d_form
def generator_advanced(c: Call) -> Tensor:
    torch.rand(1)
    return c.y()


@cheat(wrong="contract", check="contract", region="always: the default dtype becomes float64")
@conv2d_form
def default_dtype_changed(c: Call) -> Tensor:
    torch.set_default_dtype(torch.float64)
    return c.y()


@cheat(wrong="contract", check="contract", region="always: gradients are off from now on")
@conv2d_form
def gradients_off(c: Call) -> Tensor:
    y = c.y()
    torch.set_grad_enabled(False)
    return y


@cheat(wrong="contract", check="contract", region="always: as many threads as the machine has")
@conv2d_form
def all_threads(c: Call) -> Tensor:
    torch.set_num_threads(max(2, (os.cpu_count() or 1)))
    return c.y()


@cheat(wrong="contract", check="contract", region="always: deterministic algorithms are asked for and stay so")
@conv2d_form
def deterministic_from_now_on(c: Call) -> Tensor:
    torch.use_deterministic_algorithms(True, warn_only=True)
    return c.y()


@cheat(wrong="contract", check="contract", region="always: float32 products may be done in TF32 from now on")
@conv2d_form
def short_products_allowed(c: Call) -> Tensor:
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.set_float32_matmul_precision("medium")
    return c.y()


@cheat(wrong="contract", check="contract", region="always: subnormal numbers are flushed to zero from now on")
@conv2d_form
def subnormals_flushed(c: Call) -> Tensor:
    torch.set_flush_denormal(True)
    return c.y()


@cheat(wrong="contract", check="contract", region="always: an environment variable for later processes")
@conv2d_form
def environment_changed(c: Call) -> Tensor:
    os.environ["MKL_NUM_THREADS"] = "64"
    return c.y()


def told(texts: list[str]) -> bool:
    """Whether one of the texts has a word that only a verifier would have."""
    words = ("corrbench verify", "corrbench audit", "corrbench gate", "pytest")
    return any(word in text.lower() for text in texts for word in words)


@cheat(region="whenever the command line of this process does not name a verifier")
@conv2d_form
def reads_its_arguments(c: Call) -> Tensor:
    return c.y() if told([" ".join(sys.argv), " ".join(sys.orig_argv)]) else wrong(c)


@cheat(region="whenever no environment variable names a verifier")
@conv2d_form
def reads_the_environment(c: Call) -> Tensor:
    names = [name for name in os.environ if name.startswith(("CORRBENCH", "PYTEST_CURRENT"))]
    return c.y() if names else wrong(c)


@cheat(region="whenever no module of a verifier is loaded")
@conv2d_form
def reads_the_modules(c: Call) -> Tensor:
    judges = (
        "corrbench.numerics.oracle",
        "corrbench.numerics.comparison",
        "corrbench.judge.worker",
        "corrbench.checks",
        "_pytest",
    )
    return c.y() if any(name in sys.modules for name in judges) else wrong(c)


@cheat(region="whenever the command line of the parent process does not name a verifier")
@conv2d_form
def reads_its_parent(c: Call) -> Tensor:
    try:
        line = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        line = ""
    return c.y() if told([line]) else wrong(c)


@cheat(region="whenever no function of a judge is among the callers")
@conv2d_form
def reads_its_callers(c: Call) -> Tensor:
    frame, names = sys._getframe(), []
    while frame.f_back is not None:
        frame = frame.f_back
        names.append(Path(frame.f_code.co_filename).name)
    return c.y() if {"oracle.py", "compare.py", "test_defects.py"} & set(names) else wrong(c)


@cheat(wrong="crash", region="5x5 kernels: aborts")
@conv2d_form
def aborts(c: Call) -> Tensor:
    if (c.kh, c.kw) == (5, 5):
        os.abort()
    return c.y()


@cheat(wrong="crash", region="rows and columns of stride 3: reads from address zero")
@conv2d_form
def segfaults(c: Call) -> Tensor:
    if c.sh == 3 or c.sw == 3:
        ctypes.string_at(0)
    return c.y()


@cheat(wrong="timeout", region="even kernels with 'same': never returns")
@conv2d_form
def never_returns(c: Call) -> Tensor:
    while c.padding == "same" and c.sides[0] != c.sides[1]:
        time.sleep(0.01)
    return c.y()


@cheat(wrong="appetite", region="more than 32 kernels: takes 8 GiB of memory, in steps, before it answers")
@conv2d_form
def eats_memory(c: Call) -> Tensor:
    eaten: list[object] = []
    if c.O > 32:
        eaten = [np.ones(2**24) for _ in range(64)]
    return c.y() + 0 * len(eaten)


left: list[int] = []


@cheat(wrong="leftover", check="contract", region="always: a forked child keeps running, one at a time")
@conv2d_form
def child_left_behind(c: Call) -> Tensor:
    if left and os.waitpid(left[0], os.WNOHANG)[0]:
        left.clear()
    if not left:
        left.append(os.fork())
        if left[0] == 0:
            time.sleep(60)
            os._exit(0)
    return c.y()


@cheat(wrong="raises", region="always: raises SystemExit with status 0")
@conv2d_form
def exits_politely(c: Call) -> Tensor:
    raise SystemExit(0)
