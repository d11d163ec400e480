"""A finding is shown again by the target called in the same way."""

from __future__ import annotations

import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from corrbench import checks, cli
from corrbench.analysis.baseline import Known
from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.trial import Trial, conclude, reproducer
from corrbench.support import Support
from corrbench.target import Given, Spec, find

CASE = Case(x=(1, 1, 5, 6), w=(1, 1, 3, 2))
OTHERS: dict[str, Any] = {
    "form": "conv2d", "arrays": "torch", "accuracy": "fft", "device": "cuda", "sanitize": "memcheck",
    "python": "/other/python", "compile": True, "sandbox": "require",
    "timeout": 2.5, "memory": 1.5, "call": "f(x, w, b, s)[0]", "layer": "C(cin, cout)", "params": "W,b",
    "backward": "g, .dW", "layout": "NHWC,HWIO", "output": "same:edge", "kernels": "odd", "result": "float64",
    "dtypes": "float32", "flip": True, "strict": True, "no_guess": True,
}  # fmt: skip


def test_a_reproducer_has_every_option_that_is_not_what_the_adapter_declares() -> None:
    assert OTHERS.keys() == {one.name for one in fields(Given)}
    said = shlex.split(reproducer(find("scipy.correlate2d", **OTHERS), "values.exact", CASE, 7))
    flags = [f"--{name.replace('_', '-')}" for name, value in OTHERS.items() if value is True]
    assert set(flags) <= set(said)
    said = [word for word in said if word not in flags]
    options = dict(zip(said[3::2], said[4::2], strict=True))
    assert said[:3] == ["corrbench", "verify", "scipy.correlate2d"]
    assert options == {f"--{name}": str(value) for name, value in OTHERS.items() if value is not True} | {
        "--check": "values.exact", "--case": str(CASE), "--seed": "7"
    }  # fmt: skip


def test_a_reproducer_says_nothing_of_what_is_declared() -> None:
    assert shlex.split(reproducer(find("scipy.correlate2d"), "values.exact", CASE, 7))[3] == "--check"


def test_the_command_knows_every_option_of_a_reproducer() -> None:
    said = CliRunner().invoke(cli.main, ["verify", "--help"]).output
    assert all(f"--{one.name.replace('_', '-')}" in said for one in fields(Given))


@pytest.mark.parametrize(
    ("fault", "status"), [("os.abort()", "crash"), ("raise ValueError(dilation)", "fail"), ("y += 1", "fail")]
)
def test_a_result_says_which_call_of_a_sequence_it_is_of(tmp_path: Path, fault: str, status: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import os\nfrom torch.nn import functional as F\n"
        "def conv2d(x, w, bias=None, *, stride=1, padding=0, dilation=1, groups=1):\n"
        "    y = F.conv2d(x, w, bias, stride, padding, dilation, groups)\n"
        f"    if dilation not in (1, (1, 1)):\n        {fault}\n"
        "    return y\n"
    )
    takes = frozenset({"float32", "dilation", "dilation by axis", "stride", "padding", "bias"})
    spec = Spec(target=f"{file}:conv2d", form="conv2d", arrays="torch", timeout=20.0, memory=2.0)
    with Remote(spec) as remote:
        trial = Trial("state.arguments", CASE, 7, spec, Support(takes, {}, "conv2d"), remote)
        (result,) = conclude(trial, checks.registry()["state.arguments"].run)
    assert (result.status, result.case, max(result.asked.dilation)) == (status, CASE, 2)
    dilated = Known(check="*", where=("there is dilation",), reason="known", statuses=("crash",))
    assert dilated.covers(result)
    assert not Known(check="*", where=("there is no dilation",), reason="known").covers(result)
