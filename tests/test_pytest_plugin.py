"""What a user of pytest gets to see: ids, outcomes, messages and exit codes, with one process and with two."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import corrbench
from corrbench.runner.by_item import Inquiries, Request, Unjudgeable
from corrbench.testing import Options, parametrize_with_checks, place
from tests.support.small_targets import CONV2D, FLIPPED, RIGHT

pytest_plugins = ["pytester"]

HEAVY = ("torch", "numpy", "scipy", "hypothesis", "rich", "click", "corrbench.testing", "corrbench.runner.executors")
OPTIONS = ("-p", "corrbench.pytest_plugin", "-p", "no:benchmark", "--corrbench-profile=quick", "--corrbench-seed=5")
NUMPY = (*OPTIONS, "--corrbench-arrays=numpy", "--corrbench-check=values.exact", "--corrbench-suite=article")
KINDS = """
import numpy as np
import os
import time
from right import corr2d as right

def crash(X, K):
    if X.dtype == "float32" and K.shape == (1, 1):
        os._exit(3)
    return right(X, K)

def hang(X, K):
    if X.dtype == "float32" and K.shape == (1, 1):
        time.sleep(60)
    return right(X, K)

def floats(X, K):
    if X.dtype.kind != "f":
        raise NotImplementedError("floating point only")
    return right(X, K)

def shy(X, K):
    if X.shape != (6, 7):
        raise NotImplementedError("only of the probe's size")
    return right(X, K)

def refuses(X, K):
    raise NotImplementedError("not today")
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with targets: right, wrong and kinds are modules in it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(corrbench.__file__).parents[1]))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(right=RIGHT, wrong=FLIPPED, kinds=KINDS)
    return pytester


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess(*words, timeout=120)


# ---- what may be asked


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"profile": "fast"}, "right:corr2d: no profile 'fast'; there are: quick, standard, deep"),
        ({"arrays": "cupy"}, "no arrays 'cupy'; there are: torch, numpy"),
        ({"accuracy": "none"}, "no accuracy 'none'; there are: direct, winograd, fft, tf32"),
        ({"form": "conv3d"}, "no form 'conv3d'; there are: corr2d, conv2d, module"),
        ({"timeout": -1.0}, "timeout=-1.0: give seconds, more than 0, or 0 for the default"),
        ({"timeout": float("nan")}, "timeout=nan"),
        ({"timeout": "10"}, "timeout='10'"),
        ({"memory": 0.05}, "memory=0.05: give 0.1 GiB or more, or 0 for the default"),
    ],
)
def test_an_option_that_is_none_of_its_choices_is_refused(option: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Request(target="right:corr2d", **option)
    with pytest.raises(ValueError, match=re.escape(said)):
        parametrize_with_checks("right:corr2d", **option)


def test_the_options_of_a_test_file_are_those_of_a_request() -> None:
    fields = {name: kind for name, kind in get_type_hints(Request).items() if name != "target"}
    several = {name: Sequence[str] for name, kind in fields.items() if kind == tuple[str, ...]}
    assert fields | several == get_type_hints(Options)


def test_a_baseline_of_another_target_is_refused_before_a_judge_is_started(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(json.dumps({"schema": "corrbench-baseline/1", "target": "other", "known": []}))
    inquiries = Inquiries(1)
    with pytest.raises(Unjudgeable, match="this baseline was recorded for other, not for torch"):
        inquiries.open(Request(target="torch", baseline=str(file)))
    assert inquiries._start is None


def test_a_wrong_option_ends_the_collection_in_one_line(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        from corrbench.testing import ConvConformance

        class TestIt(ConvConformance):
            target = "right:corr2d"
            arrays = "cupy"
        """
    )
    for words, said in (
        (("--corrbench=right:corr2d", "--corrbench-timeout=-1"), "corrbench: right:corr2d: timeout=-1.0"),
        (("test_it.py",), "corrbench: right:corr2d: no arrays 'cupy'; there are: torch, numpy"),
    ):
        done = run(project, *OPTIONS, *words)
        assert done.ret == pytest.ExitCode.INTERRUPTED
        assert said in done.stdout.str()
        assert "Traceback" not in done.stdout.str()


# ---- targets of the command line


def test_a_right_target_passes(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=right:corr2d", "-v", "-k", "float32 or float64")
    assert done.ret == 0
    done.stdout.fnmatch_lines([
        "corrbench: right:corr2d, quick, seed 5",
        "corrbench::right:corr2d::values.exact[[]float32] PASSED*",
        "corrbench::right:corr2d::values.exact[[]float64] PASSED*",
    ])  # fmt: skip
    done.assert_outcomes(passed=2)


def test_a_wrong_target_fails_with_its_message_and_the_command_that_shows_it_again(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=wrong:corr2d", "-k", "float32", "--junitxml=out.xml")
    assert done.ret == 1
    done.stdout.fnmatch_lines([
        "*__ wrong:corr2d values.exact[[]float32] __*",
        "* elements differ; worst at row *, column *: got *exact*",
        "  looks as if the kernel was flipped*",
        "  corrbench verify wrong:corr2d --arrays numpy --check values.exact --case 'x=1,1,* dtype=float32*' --seed 5",
        "* wrong, * asked (wrong:corr2d, quick, seed 5)",
        "FAILED corrbench::wrong:corr2d::values.exact[[]float32] - *",
    ])  # fmt: skip
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*def runtest*")
    written = (project.path / "out.xml").read_text()
    assert "values.exact[float32]" in written
    assert 'name="corrbench_seed" value="5"' in written
    command = next(line.strip() for line in done.outlines if line.startswith("  corrbench verify"))
    shown = project.run("bash", "-c", f"{sys.executable} -m {command}", timeout=60)
    assert shown.ret == 1, "the command shows it again"


@pytest.mark.first(1)
@pytest.mark.parametrize("name", ["refuses", "nowhere"])
def test_what_cannot_be_judged_is_an_error_of_collection(project: pytest.Pytester, name: str) -> None:
    done = run(project, *NUMPY, f"--corrbench=kinds:{name}")
    assert done.ret == 2
    said = {"refuses": "*nothing to ask*NotImplementedError: not today*", "nowhere": "*kinds has no 'nowhere'*"}
    done.stdout.fnmatch_lines([said[name], f"ERROR corrbench::kinds:{name}*"])
    done.stdout.no_fnmatch_line("*Traceback*")


def test_unsupported_is_skipped_in_the_words_of_the_target(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=kinds:floats", "-rs", "-k", "float32 or int8")
    assert done.ret == 0
    done.assert_outcomes(passed=1, skipped=2)
    done.stdout.fnmatch_lines(["*kinds:floats::unsupported[[]int8]: NotImplementedError: floating point only"])


def test_nothing_passed_is_not_a_pass(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=kinds:shy", "-k", "values", "-rs")
    assert done.ret == 2
    done.stdout.fnmatch_lines(["*nothing passed for kinds:shy*this is not a pass", "*only of the probe's size*"])
    assert "passed" not in done.parseoutcomes()


@pytest.mark.slow
def test_deaths_are_findings(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=kinds:crash", "-k", "float32 or float64")
    assert done.ret == 1
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["the target's process*", "  corrbench verify kinds:crash * --seed 5"])


@pytest.mark.slow
def test_a_target_that_hangs_costs_little(project: pytest.Pytester) -> None:
    done = run(project, *NUMPY, "--corrbench=kinds:hang", "--corrbench-timeout=0.5", "-k", "float32 or float64")
    assert done.ret == 1
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["no answer within 0.5 s*", "  corrbench verify kinds:hang * --seed 5"])


@pytest.mark.slow
def test_two_workers_collect_and_find_the_same(project: pytest.Pytester) -> None:
    words = [word for word in NUMPY if "seed" not in word]
    done = run(project, *words, "--corrbench=wrong:corr2d", "-n2", "-k", "float32 or float64", "-v")
    assert done.ret == 1
    done.assert_outcomes(failed=2)
    seeds = {line.rsplit("--seed ")[1] for line in done.outlines if "--seed " in line}
    assert len(seeds) == 1
    done.stdout.fnmatch_lines(
        [f"corrbench: wrong:corr2d, quick, seed {seeds.pop()}", "*[[]gw[01][]] *FAILED corrbench::*"]
    )


@pytest.mark.slow
def test_last_failed_asks_the_same_with_the_same_seed(project: pytest.Pytester) -> None:
    words = [word for word in NUMPY if "seed" not in word]
    project.makepyfile(test_it="def test_it(): pass")
    first = run(project, *words, "--corrbench=wrong:corr2d", "-k", "float32 or test_it")
    again = run(project, *words, "--corrbench=wrong:corr2d", "--lf")
    assert first.ret == again.ret == 1
    first.assert_outcomes(passed=1, failed=1)
    again.assert_outcomes(failed=1)
    asked = [[line for line in done.outlines if "--seed " in line] for done in (first, again)]
    assert asked[0] == asked[1] != []


@pytest.mark.slow
def test_an_id_is_an_argument(project: pytest.Pytester) -> None:
    project.makepyfile(test_it="def test_it(): pass")
    done = run(project, *NUMPY, "corrbench::right:corr2d::values.exact[float32]", "--collect-only", "-q")
    assert done.ret == 0
    assert [line for line in done.outlines if "::" in line] == ["corrbench::right:corr2d::values.exact[float32]"]
    done = run(project, *NUMPY, "corrbench::right:corr2d::values.exact[float80]")
    assert done.ret == 4
    done.stderr.fnmatch_lines(["ERROR: not found: corrbench::right:corr2d::values.exact[[]float80]*"])


@pytest.mark.slow
def test_ids_are_the_same_from_run_to_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [word for word in OPTIONS if "seed" not in word]
    project.makepyfile(convs=CONV2D)
    ids = []
    for salt in "12":
        monkeypatch.setenv("PYTHONHASHSEED", salt)
        done = run(project, *words, "--corrbench-arrays=numpy", "--corrbench=convs:conv2d", "--collect-only", "-q")
        ids.append([line for line in done.outlines if line.startswith("corrbench::")])
    assert ids[0] == ids[1]
    assert "corrbench::convs:conv2d::relations.laws[float32]" in ids[0]
    assert "corrbench::convs:conv2d::unsupported[groups]" in ids[0]


@pytest.mark.slow
def test_known_findings_are_expected_and_worse_ones_are_not(project: pytest.Pytester) -> None:
    recorded = project.run(
        sys.executable, "-m", "corrbench", "verify", "wrong:corr2d", "--arrays=numpy", "--check=values.exact",
        "--profile=quick", "--suite=article", "--seed=5", "--record-baseline=known.json",
        "--reason=issue 7", "--quiet", timeout=60,
    )  # fmt: skip
    assert recorded.ret == 1
    words = (*NUMPY, "--corrbench=wrong:corr2d", "-k", "float32", "-rx")
    done = run(project, *words, "--corrbench-baseline=known.json")
    assert done.ret == 2, "what is accepted is no pass"
    done.assert_outcomes(xfailed=1)
    done.stdout.fnmatch_lines(["XFAIL corrbench::wrong:corr2d::values.exact[[]float32] - *known: issue 7*"])
    assert json.loads((project.path / "known.json").read_text())["known"]
    (project.path / "known.json").write_text("{}")
    assert run(project, *words, "--corrbench-baseline=known.json").ret == 2


@pytest.mark.slow
def test_warnings_are_no_reason_to_fail_unless_they_are_named(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        from corrbench.testing import _warn

        def test_it():
            _warn("bits change", "some:target")
        """
    )
    done = run(project, *OPTIONS, "-W", "error")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["*some:target:0: CorrbenchWarning: bits change"])
    named = run(project, *OPTIONS, "-W", "error::corrbench.testing.CorrbenchWarning")
    assert named.ret == 1
    named.stdout.no_fnmatch_line("*def _warn*")


# ---- corrbench.testing


@pytest.mark.slow
def test_the_decorator_and_the_class(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import right
        from corrbench.testing import ConvConformance, parametrize_with_checks

        few = {"arrays": "numpy", "profile": "quick", "checks": ["values.exact"], "suites": "article"}

        @parametrize_with_checks(right.corr2d, **few)
        def test_right(check):
            check()

        @parametrize_with_checks("wrong:corr2d", **few)
        def test_wrong(check):
            check()

        class TestRight(ConvConformance):
            target = right.corr2d
            arrays = "numpy"
            profile = "quick"
            checks = ("values.exact",)
            suites = ("article",)
        """
    )
    done = run(project, "-p", "corrbench.pytest_plugin", "--strict-markers", "-v", "-W", "error", "-k", "float32")
    assert done.ret == 1
    done.assert_outcomes(passed=2, failed=1)
    done.stdout.fnmatch_lines([
        "test_it.py::test_right[[]values.exact-float32] PASSED*",
        "test_it.py::test_wrong[[]values.exact-float32] FAILED*",
        "test_it.py::TestRight::test_conforms[[]values.exact-float32] PASSED*",
        "  corrbench verify wrong:corr2d --arrays numpy --check values.exact --case *",
        "corrbench: the seed was *",
    ])  # fmt: skip
    done.stdout.no_fnmatch_line("*check()*")


def test_a_target_of_the_test_file_itself(project: pytest.Pytester) -> None:
    project.makepyfile(
        **{"tests/test_own": RIGHT + """
from corrbench.testing import parametrize_with_checks

@parametrize_with_checks(corr2d, arrays="numpy", profile="quick", checks=["values.exact"], suites=["article"])
def test_own(check):
    check()
"""}
    )  # fmt: skip
    done = run(project, "-p", "corrbench.pytest_plugin", "--import-mode=importlib", "-k", "float32")
    assert done.ret == 0
    done.assert_outcomes(passed=1)


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("@parametrize_with_checks(lambda X, K: X)", "*<lambda>*cannot be found by a name*"),
        ("@parametrize_with_checks('nowhere:f')", "*no module named 'nowhere'*"),
        ("@parametrize_with_checks('right:corr2d', color='red')", "*unexpected keyword argument 'color'*"),
    ],
)
def test_what_cannot_be_asked_for_is_an_error_that_says_so(project: pytest.Pytester, line: str, said: str) -> None:
    text = f"from corrbench.testing import parametrize_with_checks\n{line}\ndef test_it(check): check()"
    project.makepyfile(test_it=text)
    done = run(project, *NUMPY)
    assert done.ret == 2
    done.stdout.fnmatch_lines([said])


def test_places() -> None:
    assert place(place) == "corrbench.api.targets:place"
    assert place(pytest.Pytester.run) == "_pytest.pytester:Pytester.run"
    with pytest.raises(ValueError, match="cannot be found by a name"):
        place(len.__call__)


@pytest.mark.slow
def test_problems_to_be_timed_are_those_of_bench(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import pytest
        from right import corr2d

        @pytest.mark.conv_problems(form="corr2d", arrays="numpy")
        def test_speed(benchmark, conv_problem):
            assert benchmark(corr2d, *conv_problem.args, **conv_problem.kwargs).shape == conv_problem.case.out[2:]

        @pytest.mark.conv_problems(form="conv3d")
        def test_typing(conv_problem): ...
        """
    )
    words = ("-p", "corrbench.pytest_plugin", "--strict-markers", "--benchmark-disable", "-v")
    assert run(project, *words).ret == 2
    text = (project.path / "test_it.py").read_text().replace("conv3d", "conv2d").replace("...", "conv_problem.args")
    (project.path / "test_it.py").write_text(text)
    done = run(project, *words)
    assert done.ret == 0
    done.stdout.fnmatch_lines([
        "test_it.py::test_speed[[]x=1,1,5,5-w=1,1,3,3] PASSED*",
        "test_it.py::test_typing[[]x=1,16,56,56-w=16,16,3,3-stride=2-padding=1] PASSED*",
    ])  # fmt: skip


# ---- whoever does not use it does not notice


def test_the_plugin_imports_nothing_heavy(project: pytest.Pytester) -> None:
    alone = f"import sys, corrbench.pytest_plugin; print([name for name in {HEAVY} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
    project.makepyfile(test_it=f"import sys\ndef test_it(): assert not [n for n in {HEAVY[:4]} if n in sys.modules]")
    plugins = ("-p", "corrbench.pytest_plugin", "-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:xdist")
    done = run(project, *plugins, "-W", "error")
    assert done.ret == 0
    done.stdout.no_fnmatch_line("*seed*")


def test_other_tests_do_not_notice(project: pytest.Pytester) -> None:
    """Neither the seed nor what judges are asked for is in the environment, and warnings stay errors."""
    project.makepyfile(
        test_it="""
        import os
        import warnings

        import pytest
        from corrbench.testing import parametrize_with_checks

        BEFORE = dict(os.environ)

        few = {"arrays": "numpy", "profile": "quick", "checks": "values.exact", "suites": "article"}

        @parametrize_with_checks("right:corr2d", **few)
        def test_right(check):
            check()

        def test_it(request):
            now = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
            assert now == {name: value for name, value in BEFORE.items() if name != "PYTEST_CURRENT_TEST"}
            assert not [name for name, value in now.items() if "40490" in value]
            with pytest.raises(UserWarning):
                warnings.warn("an error")
        """
    )
    done = run(project, "-p", "corrbench.pytest_plugin", "-W", "error", "--corrbench-seed=40490")
    assert done.ret == 0


def test_it_may_be_loaded_twice(project: pytest.Pytester) -> None:
    project.makeconftest("pytest_plugins = ['corrbench.pytest_plugin']")
    project.makepyfile(test_it="def test_it(): pass")
    assert run(project, "-p", "corrbench.pytest_plugin", "-p", "corrbench.pytest_plugin").ret == 0
