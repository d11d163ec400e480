"""`corrbench.verify` and what it gives, from a program, a prompt and with options that the command line knows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import corrbench
from corrbench.api import objects, options
from corrbench.api.runs import Run
from corrbench.case import Case
from corrbench.result import Figures, Result, Status
from corrbench.result import Run as Record
from corrbench.target import Spec

HASTE: dict[str, Any] = {
    "profile": "quick", "suite": "article", "check": "values", "arrays": "numpy", "seed": 1, "dtypes": ["float64"],
}  # fmt: skip
ROOT = Path(corrbench.__file__).parents[1]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def python(text: str, *words: str) -> str:
    """What a program prints that is not guarded: its own lines are run, by nobody else."""
    Path("program.py").write_text(dedent(text))
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words, "program.py"], capture_output=True, text=True, check=False, env=environ, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_function_that_only_this_test_has_is_judged_elsewhere() -> None:
    def twice(X: Any, K: Any) -> Any:
        rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
        windows = np.lib.stride_tricks.sliding_window_view(X, K.shape)
        return 2 * (windows * K).sum((2, 3)).reshape(rows, cols)

    run = corrbench.verify(twice, watch=False, **HASTE | {"check": "values.exact"})
    assert isinstance(run, Run)
    assert (bool(run), run.verdict, run.seed) == (False, "fail", 1)
    smallest = run.causes[0].smallest
    x, w, words = smallest.operands
    assert (x.ndim, w.ndim, words) == (2, 2, {})
    assert np.array_equal(smallest.call(twice), 2 * corrbench.exact(x, w))
    assert smallest.arrays["exact"] == corrbench.exact(x, w).reshape(1, 1, *corrbench.exact(x, w).shape).tolist()
    assert smallest.got == 2 * smallest.exact  # type: ignore[operator]
    assert repr(run).startswith("<Run .corrbench/objects/twice-")
    assert repr(run).endswith("seed 1>")
    honest = corrbench.verify(twice, watch=False, **HASTE | {"check": "attempts.judge"})
    assert bool(honest), "that its file lies in .corrbench is no attempt to reach a record"
    assert "FAIL" in run._repr_html_()
    assert str(run).splitlines()[-1].startswith("FAIL")
    assert run.diff(run).verdict == "same"
    with pytest.raises(AssertionError, match=r"values.exact: .* elements differ(.|\n)*corrbench verify"):
        corrbench.check(twice, **HASTE | {"check": "values.exact"})
    place = smallest.reproduce.split()[2].partition(":")[0]
    assert Path(place).is_file(), "the command works in a shell"


@pytest.mark.slow
def test_a_program_without_a_guard_is_run_once() -> None:
    said = python(
        """
        import os, corrbench
        from corrbench.reference import corr2d as own
        print("once")
        def corr2d(X, K):
            return own(X, K)
        before = dict(os.environ)
        corrbench.check(corr2d, profile="quick", suite="article", check="values.exact", dtypes="float32", seed=1)
        assert dict(os.environ) == before
        print("right")
        """
    )
    assert said.split() == ["once", "right"]


def test_no_such_option_and_no_such_choice_are_said_as_the_command_line_says_them() -> None:
    with pytest.raises(TypeError, match="no option 'profil'; did you mean 'profile'"):
        corrbench.verify("torch", profil="quick")
    with pytest.raises(ValueError, match=r"'fast' is not one of them; there are: quick, standard, deep"):
        corrbench.verify("torch", profile="fast")
    with pytest.raises(TypeError, match="no option 'html'"):
        corrbench.verify("torch", html="a.html")
    with pytest.raises(ValueError, match="is not a registered target"):
        corrbench.verify("no.such.name")
    with pytest.raises(ValueError, match="a target is a name, a function or a class"):
        corrbench.verify(3)  # type: ignore[arg-type]


def test_options_have_the_names_of_the_command_line() -> None:
    given = {"suite": ["article", "common"], "dtypes": ["float32", "float16"], "no_guess": True, "timeout": 3}
    found = options.read("verify", given, ["a.py:f"])
    assert found["suites"] == ("article", "common")
    assert (found["dtypes"], found["no_guess"], found["timeout"]) == ("float32,float16", True, 3.0)
    assert (found["target"], found["seed"], found["profile"]) == ("a.py:f", None, None)


def finding(case: str, **words: Any) -> Run:
    """A run with one finding."""
    command = f"corrbench verify ops.py:corr2d --check values.exact --case '{case}' --seed 4"
    one = Result(check="values.exact", case=Case.parse(case), status=Status.FAIL, message="wrong", reproduce=command,
                 numbers=Figures(**words))  # fmt: skip
    record = Record(target="ops.py:corr2d", form="corr2d", seed=4, results=[one], planned=1, judged=1)
    return Run(record, Spec(target="ops.py:corr2d"))


WRONG = "import torch\ndef corr2d(X, K):\n    return {}\n"
SUM = "torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]"


@pytest.mark.parametrize("size", ["x=1,1,3,4 w=1,1,2,2", "x=1,1,30,40 w=1,1,3,3"])
@pytest.mark.parametrize("data", ["small", "unit"])
def test_a_snippet_fails_without_corrbench_where_the_target_is_wrong_and_only_there(
    size: str, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from corrbench.numerics import inputs
    from corrbench.numerics.comparison import Expected

    case = Case.parse(f"{size} dtype=float32 data={data}")
    expected = Expected(inputs.problem(case, 4), case.dtype)
    numbers = expected.compare(expected.truth.rounded(case.dtype) * np.float32(1.5)).numbers
    text = finding(str(case), **numbers).causes[0].smallest.snippet()
    assert "corrbench" not in text
    assert len(text.splitlines()) <= 20
    for body, right in ((f"1.5 * {SUM}", False), (SUM, True)):
        ops = ModuleType("ops")
        exec(WRONG.format(body), vars(ops))
        monkeypatch.setitem(sys.modules, "ops", ops)
        if right:
            exec(text, {})
        else:
            with pytest.raises(AssertionError):
                exec(text, {})


def test_where_no_line_draws_the_operands_there_is_the_command() -> None:
    smallest = finding("x=1,1,30,40 w=1,1,3,3 data=range", array="y", got=1.0, exact=2.0, at=[0, 0, 0, 0],
                       allowed=0.1).causes[0].smallest  # fmt: skip
    assert smallest.snippet() == f"# {smallest.reproduce}"


# ---- what a notebook defines


FACTOR = 2.0
TABLE = {"a": [1, 2.5, None], "b": {"c": (1, "x")}}
ODD = np.float32(3.0)


def helper(a: Any) -> Any:
    return a * FACTOR * ODD


class Whole:
    factor = FACTOR

    def __call__(self, X: Any, K: Any) -> Any:
        return helper(X), TABLE, len(K)


@pytest.mark.parametrize("module", ["__main__", None])
def test_a_definition_is_written_with_all_that_it_uses(module: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if module:  # as it is in a notebook: what is defined there cannot be imported
        monkeypatch.setattr(helper, "__module__", module)
    name = objects.saved(Whole, Path("made"))
    place = name.partition(":")[0]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), "."])} if not module else {**os.environ}
    ask = f"import runpy; print(*runpy.run_path({place!r})['Whole']()(2.0, [1]))"
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=False, env=environ, timeout=60
    )
    assert done.stdout.split(" ", 1) == ["12.0", f"{TABLE} 1\n"], done.stderr


def test_what_cannot_be_written_is_said() -> None:
    import threading

    lock = threading.Lock()
    with pytest.raises(ValueError, match=r"cannot be pickled .*path/to/file.py"):
        objects.saved(lambda X, K: (X, lock))
