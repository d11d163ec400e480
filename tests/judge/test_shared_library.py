"""Functions with a C interface: a right one passes, a wrong one is found, a missing one is refused."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import corrbench
from corrbench.judge.client import NotLoaded, Remote
from corrbench.result import Status
from corrbench.target import find
from tests.support.judging import judged

HEADERS = Path(corrbench.__file__).parent / "include"
SOURCE = """
#include "corrbench.h"
#include <stdlib.h>

int conv2d(const corrbench_conv2d *a) {
    if (a->version != 1) return 2;
    if (a->dtype != CORRBENCH_FLOAT32) return 1;
    const float *x = a->x, *w = a->w, *b = a->b;
    float *y = a->y;
    for (int64_t n = 0; n < a->y_size[0]; n++) for (int64_t o = 0; o < a->y_size[1]; o++)
    for (int64_t i = 0; i < a->y_size[2]; i++) for (int64_t j = 0; j < a->y_size[3]; j++) {
        double sum = b ? b[o * a->b_stride] : 0;
        int64_t first = o / (a->y_size[1] / a->groups) * a->w_size[1];
        for (int64_t c = 0; c < a->w_size[1]; c++)
        for (int64_t p = 0; p < a->w_size[2]; p++) for (int64_t q = 0; q < a->w_size[3]; q++) {
            int64_t row = i * a->stride[0] + p * a->dilation[0] - a->padding[0];
            int64_t column = j * a->stride[1] + q * a->dilation[1] - a->padding[2];
            if (row < 0 || row >= a->x_size[2] || column < 0 || column >= a->x_size[3]) continue;
            const float *at = x + n * a->x_stride[0] + (first + c) * a->x_stride[1];
            sum += (double)at[row * a->x_stride[2] + column * a->x_stride[3]]
                 * w[o * a->w_stride[0] + c * a->w_stride[1] + p * a->w_stride[2] + q * a->w_stride[3]];
        }
        y[n * a->y_stride[0] + o * a->y_stride[1] + i * a->y_stride[2] + j * a->y_stride[3]] = (float)sum;
    }
    return 0;
}

int corr2d(const float *x, int h, int w, const float *k, int kh, int kw, float *y) {
    for (int i = 0; i <= h - kh; i++) for (int j = 0; j <= w - kw; j++) {
        double sum = 0;
        for (int p = 0; p < kh; p++) for (int q = 0; q < kw; q++)
            sum += (double)x[(i + p) * w + j + q] * k[p * kw + q];
        *y++ = (float)sum;
    }
    return 0;
}

int fails(const corrbench_conv2d *a) { return -3; }
int dies(const corrbench_conv2d *a) { abort(); }
"""
WRONG = {  # a name, and what a kernel author might have written
    "dense": ("column * a->x_stride[3]", "column"),
    "unpadded_right": ("column >= a->x_size[3]", "column > a->x_size[3]"),
    "ungrouped": ("(first + c)", "c"),
    "flipped": ("k[p * kw + q]", "k[(kh - 1 - p) * kw + kw - 1 - q]"),
    "overrun": ("*y++ = (float)sum;", "*y++ = (float)sum; ((float *)x)[0] = 0;"),
}

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def build(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}.c"
    path.write_text(source)
    words = ["gcc", "-O2", "-shared", "-fPIC", f"-I{HEADERS}", "-o", f"{path.with_suffix('.so')}", f"{path}"]
    subprocess.run(words, check=True)
    return path.with_suffix(".so")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("c"), "right", SOURCE)


@pytest.mark.first(1)
@pytest.mark.parametrize("form", ["conv2d", "corr2d"])
def test_a_right_kernel_passes(library: Path, form: str) -> None:
    run = judged(f"{library}:{form}", form=form)
    assert run.verdict == "pass", run.findings[:1]
    assert run.counts["pass"] > 150
    assert "float64" in run.unsupported
    assert ("conv2d's arguments" in run.unsupported) is (form == "corr2d")


@pytest.mark.first(1)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_kernel_is_found(tmp_path: Path, name: str) -> None:
    right, wrong = WRONG[name]
    assert right in SOURCE
    form = "corr2d" if name in ("flipped", "overrun") else "conv2d"
    made = build(tmp_path, name, SOURCE.replace(right, wrong))
    case = {  # the article knows no groups, and no padding of columns
        "ungrouped": "x=1,4,5,6 w=6,2,3,2 groups=2 data=small",
        "unpadded_right": "x=1,1,5,6 w=1,1,3,3 padding=1 data=small",
    }.get(name, "")
    run = judged(f"{made}:{form}", form=form, case=case, check="values.exact" if case else "")
    assert run.verdict == "fail"
    assert {"dense": "memory.views", "overrun": "memory.operands"}.get(name, "values.exact") in {
        one.check for one in run.findings
    }
    assert all(f"{made}:{form}" in one.reproduce for one in run.findings)
    assert all("--arrays" not in one.reproduce for one in run.findings)


def test_a_number_that_is_returned_is_said(library: Path) -> None:
    failed = judged(f"{library}:fails", check="values.exact").findings
    assert "fails returned -3" in failed[0].message


def test_its_death_is_a_crash(library: Path) -> None:
    run = judged(f"{library}:dies", check="values.exact", case="x=1,1,3,3 w=1,1,2,2 data=small")
    assert [one.status for one in run.results] == [Status.CRASH]
    assert "SIGABRT" in run.results[0].message


def test_what_cannot_be_had_is_said_with_what_to_type(library: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.so"
    other.write_bytes(library.read_bytes()[:18] + b"\xf3\x00" + library.read_bytes()[20:])  # RISC-V
    (tmp_path / "text.so").write_text("no library")
    for target, said in (
        ("absent.so:f", "no such file: absent.so; build it first, for example cc -O2 -shared"),
        (f"{tmp_path}/text.so:f", "cannot be loaded as a shared library: .*; `file .*/text.so`"),
        (f"{other}:conv2d", "cannot be loaded as a shared library"),
        (f"{library}:conv", "exports no 'conv': `nm -D .*int NAME.const corrbench_conv2d"),
        (f"{library}:", "exports no ''"),
    ):
        with Remote(find(target)) as remote, pytest.raises(NotLoaded, match=said):
            remote.load()
