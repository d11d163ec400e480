"""What a user types and what they get: exit codes, one clear message, JSON, reports that repeat."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from corrbench.analysis.causes import Digest
from corrbench.api.request import seconds
from corrbench.case import Case
from corrbench.cli import main
from corrbench.commands.verify import combined
from corrbench.render import junit, markdown
from corrbench.result import Result as Answer
from corrbench.result import Run, Status
from corrbench.runner import verify
from corrbench.runner.executors import opened
from corrbench.target import Spec
from tests.support import small_targets

CASE = "x=1,1,5,6 w=1,1,2,3 dtype=float64 data=small"
NUMPY = ["--arrays", "numpy", "--workers", "1", "--seed", "3"]
ONE = [*NUMPY, "--check", "values.exact", "--case", CASE]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of runs go to the working directory."""
    monkeypatch.chdir(tmp_path)


def typed(*words: str) -> Result:
    """The command in this process; whatever is printed holds no traceback."""
    done = CliRunner().invoke(main, ["verify", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert "Traceback" not in done.output
    return done


def shell(*words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


# ---- passed, findings


def test_a_right_target_passes(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.RIGHT)
    done = shell("-m", "corrbench", "verify", target, *ONE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("PASS 1 pass; 1 of 1 questions in ")
    assert done.stderr == ""


def test_a_wrong_target_fails_and_its_finding_reproduces(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.FLIPPED)
    done = typed(target, *ONE, "--json", "run.json")
    assert done.exit_code == 1
    assert "the kernel was flipped: convolution, not cross-correlation" in done.output
    assert done.output.splitlines()[-1].startswith("FAIL 1 fail")
    run = json.loads(Path("run.json").read_text())
    [finding] = run["results"]
    assert run["verdict"] == "fail"
    assert finding["reproduce"] in done.output
    words = shlex.split(finding["reproduce"])
    assert words[:2] == ["corrbench", "verify"]
    again = typed(*words[2:], "--workers", "1", "--json", "again.json")
    assert again.exit_code == 1
    [same] = json.loads(Path("again.json").read_text())["results"]
    assert {k: v for k, v in same.items() if k != "seconds"} == {k: v for k, v in finding.items() if k != "seconds"}


def test_what_only_other_reports_need_may_be_broken(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.RIGHT)
    code = (
        "import sys\nsys.modules |= {'jinja2': None, 'junitparser': None}\nfrom corrbench.cli import main\n"
        "if __name__ == '__main__':\n    main()"
    )
    done = shell("-c", code, "verify", target, *ONE, "--quiet")
    assert done.returncode == 0, done.stderr


def test_a_breach_of_contract_reproduces(tmp_path: Path) -> None:
    source = small_targets.RIGHT.replace("    return Y", "    X[0, 0] += 1\n    return Y")
    target = small_targets.write(tmp_path, source)
    done = typed(
        target, *NUMPY, "--check", "memory.operands", "--suite", "article", "--profile", "quick", "--json", "run.json"
    )
    assert done.exit_code == 1
    finding = json.loads(Path("run.json").read_text())["results"][0]
    assert finding["message"] == "operand x was changed by the call (forward)"
    again = typed(*shlex.split(finding["reproduce"])[2:], "--json", "again.json")
    assert again.exit_code == 1
    assert json.loads(Path("again.json").read_text())["results"][0]["message"] == finding["message"]


def test_the_form_conv2d_on_numpy_arrays(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.CONV2D, "conv2d")
    done = typed(
        target, *NUMPY, "--check", "values.exact", "--case", "x=2,3,7,9 w=4,3,3,2 stride=1,2 bias data=small", "-v"
    )
    assert done.exit_code == 0, done.output
    assert " conv2d · numpy " in done.output
    assert "groups: NotImplementedError: stride only" in done.output


@pytest.mark.slow
@pytest.mark.parametrize(("pairs", "asked"), [(True, 2), (False, 1)])
def test_arguments_without_a_pair_have_one_spelling(tmp_path: Path, pairs: bool, asked: int) -> None:
    source = small_targets.CONV2D
    if not pairs:
        refusal = "    if not isinstance(stride, int):\n        raise NotImplementedError('numbers only')\n"
        source = source.replace("    sh, sw", f"{refusal}    sh, sw")
    words = ["--check", "contract.arguments", "--case", "x=1,2,6,7 w=3,2,2,3 dtype=float32 data=small"]
    done = typed(small_targets.write(tmp_path, source, "conv2d"), *NUMPY, *words, "--json", "run.json")
    assert json.loads(Path("run.json").read_text())["counts"] == {"pass": asked}, done.output


def test_the_form_module(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.MODULE, "Layer")
    done = typed(target, "--check", "values.exact", "--case", "x=1,1,5,6 w=1,1,2,3 bias data=small", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert " module · torch " in done.output


def test_a_refused_case_is_neither_passed_nor_failed(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.CONV2D, "conv2d")
    done = typed(target, *NUMPY, "--check", "values.exact", "--case", "x=2,3,7,9 w=4,3,3,2 padding=1 data=small", "-q")
    assert done.exit_code == 2
    assert done.output.startswith("ERROR 1 unsupported")


# ---- could not judge


def test_a_word_that_is_none_of_a_choice_gets_those_that_are_near() -> None:
    done = typed("torch", "--profile", "quik")
    assert done.exit_code == 2
    assert "'quik' is not one of them; did you mean quick? There are: quick, standard, deep" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no.such:thing", *ONE], "no module named 'no'"),
        (["missing.py:f", *ONE], "no such file: missing.py"),
        (["nonsense"], "'nonsense' is not a registered target; name your own as pkg.mod:attr"),
        (["json:loads.nothing", *ONE], "json has no 'loads.nothing'"),
        (["json:__doc__", *ONE], "cannot be called"),
        (["torch", "--check", "value"], "no check or family named 'value'; did you mean values? There are: "),
        (["torch", "--suite", "hand"], "no suite named 'hand'; there are: article"),
        (["torch", "--case", "x=1"], "case 'x=1': "),
        (["torch", "--case", "x=1,1,5,5 w=1,1,3,3 data=big"], "no data named 'big'; there are: "),
        (["torch", "--budget", "soon"], "--budget 'soon' is no time: write 90s, 10m or 1h"),
        (["torch", "--executor", "slurm"], "unknown executor 'slurm'"),
        (["scipy.correlate2d", *ONE, "--resume", "--store", "none.jsonl"], "nothing to resume: none.jsonl"),
        (["scipy.correlate2d", *ONE, "--store", "file/none.jsonl"], "cannot write file/none.jsonl"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_judged_is_said_in_one_line(words: list[str], said: str) -> None:
    Path("file").touch()
    done = typed(*words)
    assert done.exit_code == 2
    assert done.stderr.startswith("corrbench: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_file_with_a_syntax_error(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, "def corr2d(X, K):\n    return X +\n")
    done = typed(target, *ONE)
    assert done.exit_code == 2
    assert "does not parse: line 2: invalid syntax" in done.stderr


def test_a_file_that_raises_when_imported(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, "def corr2d(X, K):\n    return eval('X')\nraise SystemExit(0)\n")
    done = typed(target, *ONE)
    assert done.exit_code == 2
    assert "raised SystemExit: 0" in done.stderr


@pytest.mark.parametrize(
    "words", [["--budget"], ["t", "--nothing"], ["t", "--workers", "0"], ["t", "--seed", "-1"], ["t", "--form", "x"]]
)
def test_bad_usage(words: list[str]) -> None:
    assert typed(*words).exit_code == 2


@pytest.mark.parametrize("option", ["--json", "--junit", pytest.param("--report", marks=pytest.mark.slow)])
def test_an_unwritable_file_is_said(option: str) -> None:
    Path("file").touch()
    done = typed("scipy.correlate2d", *ONE, "-q", option, "file/below")
    assert done.exit_code == 2
    assert "corrbench: cannot write file/below: Not a directory\n" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said() -> None:
    done = typed("scipy.correlate2d", *ONE, "-q", "--json", "/dev/full")
    assert done.exit_code == 2
    assert "corrbench: cannot write /dev/full: No space left on device\n" in done.stderr


@pytest.mark.parametrize(
    ("text", "value"), [("", 0), ("90s", 90), ("10m", 600), ("1h", 3600), ("1.5", 1.5), ("0.5m", 30)]
)
def test_budgets(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["-1s", "1d", "s", "1 m", "ten"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        seconds(text)


# ---- JSON


def strict(text: str) -> Any:
    """JSON without NaN and infinities."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_on_standard_output_is_all_there_is(tmp_path: Path) -> None:
    source = small_targets.RIGHT.replace(
        "    return Y", "    Y[0, 0] = np.nan if Y.dtype.kind == 'f' else 1\n    return Y"
    )
    target = small_targets.write(tmp_path, source)
    done = typed(target, *NUMPY, "--check", "values", "--suite", "article", "--profile", "quick", "--json", "-")
    assert done.exit_code == 1
    run = strict(done.stdout)
    assert run["schema"] == "corrbench/1"
    assert run["target"] == target
    assert run["verdict"] == "fail"
    assert run["seed"] == 3
    assert {"python", "numpy"} <= run["environment"].keys()
    assert sum(run["counts"].values()) == len(run["results"])
    statuses = {status.value for status in Status}
    for result in run["results"]:
        assert {"check", "case", "status"} <= result.keys()
        assert result["status"] in statuses
        if result["status"] == "fail":
            assert result["message"]
            assert result["numbers"]
            assert result["reproduce"].startswith("corrbench verify ")
    assert "FAIL" in done.stderr


def test_several_runs_are_one_object() -> None:
    def made(name: str, status: Status) -> Run:
        return Run(
            target=name,
            form="corr2d",
            seed=1,
            planned=1,
            judged=1,
            results=[Answer(check="values.exact", case=Case.parse(CASE), status=status)],
        )

    both = combined([made("one", Status.PASS), made("other", Status.FAIL)])
    assert both["verdict"] == "fail"
    assert both["counts"] == {"fail": 1, "pass": 1}
    assert [result["target"] for result in both["results"]] == ["one", "other"]
    assert combined([made("one", Status.PASS), made("other", Status.SKIPPED)])["verdict"] == "error"
    assert combined([made("one", Status.PASS), made("other", Status.KNOWN)])["verdict"] == "error"


# ---- reports


def test_the_same_seed_gives_the_same_report(tmp_path: Path) -> None:
    spec = Spec(target=small_targets.write(tmp_path, small_targets.FLIPPED), arrays="numpy")
    options = verify.Options(profile="quick", check="values", suites=("article", "hidden"), seed=4, workers=2)
    with opened("local", 2) as start:
        runs = [verify.verify(spec, options, start) for _ in range(2)]
    reports = []
    for run in runs:
        run.environment = {"seconds": str(run.seconds)}
        reports.append(markdown.write([Digest(run)]).partition("## Environment")[0])
    assert reports[0] == reports[1]
    assert "**FAIL**" in reports[0]
    assert [(r.check, r.case, r.status, r.message) for r in runs[0].results] == [
        (r.check, r.case, r.status, r.message) for r in runs[1].results
    ]


@pytest.mark.slow
def test_a_report_with_its_cross_check(tmp_path: Path) -> None:
    done = typed("scipy.correlate2d", *ONE, "--report", "reports")
    assert done.exit_code == 0
    text = Path("reports/correctness.md").read_text()
    assert "**PASS**" in text
    assert "`scipy.convolve2d`" in text
    assert Path("reports/correctness.xml").read_text().startswith("<?xml")


def test_whatever_a_target_says_can_be_written_as_xml() -> None:
    from xml.etree import ElementTree

    answer = Answer(
        check="values.exact", case=Case.parse(CASE), status=Status.FAIL, message="a\x00b\x1b[31m<&>\ud800\uffff é"
    )
    document = ElementTree.fromstring(junit.write([Run(target="t", form="", seed=0, results=[answer])]))
    assert "<&>" in "".join(document.itertext()) + str([e.attrib for e in document.iter()])


# ---- a target that dies of everything


@pytest.mark.slow
def test_one_that_always_dies_is_a_finding_and_soon(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, "import os\n\ndef corr2d(X, K):\n    os._exit(0)\n")
    began = time.monotonic()
    done = typed(target, "--arrays", "numpy", "--profile", "quick", "--workers", "1")
    assert done.exit_code == 1, done.output
    assert "deaths of the target's process" in done.output
    assert time.monotonic() - began < 60  # about 10 s; the bound is for a loaded machine


# ---- lightness


@pytest.mark.parametrize("words", [["--help"], ["verify", "--help"], ["audit", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    heavy = ("torch", "numpy", "scipy", "rich", "hypothesis", "distributed", "junitparser")
    code = (
        f"import sys\nfrom corrbench.cli import main\nmain({words!r}, standalone_mode=False)\n"
        f"print('heavy:', [m for m in {heavy!r} if m in sys.modules])"
    )
    done = shell("-c", code)
    assert done.stdout.splitlines()[-1] == "heavy: []"
    assert done.returncode == 0


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.mark.slow
def test_an_interrupt_ends_the_run_at_once_and_it_can_be_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "corrbench", "verify", "reference.corr2d", "--check", "values", "--quiet"]
    process = subprocess.Popen(
        [*command, "--profile", "standard"], cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(tmp_path.glob(".corrbench/*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "--resume" in said
    again = subprocess.run(
        [*command, "--profile", "standard", "--resume"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
