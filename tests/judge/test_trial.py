"""A finding is shown again by the target called in the same way."""

from __future__ import annotations

import shlex
from dataclasses import fields
from typing import Any

from click.testing import CliRunner

from corrbench import cli
from corrbench.case import Case
from corrbench.judge.trial import reproducer
from corrbench.target import Given, find

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
