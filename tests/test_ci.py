"""What runs elsewhere: the action's own steps executed as GitHub would, workflows and hooks that name what there is."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from corrbench.cli import main
from tests.support import small_targets

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def scripts(document: dict[str, Any]) -> list[str]:
    """Every `run` of an action or a workflow."""
    steps = document.get("runs", {}).get("steps", [])
    for job in document.get("jobs", {}).values():
        steps = [*steps, *job.get("steps", [])]
    return [step["run"] for step in steps if "run" in step]


def documents() -> list[Any]:
    return [pytest.param(yaml.safe_load(path.read_text()), id=path.name) for path in [ROOT / "action.yml", *WORKFLOWS]]


# ---- what the files say


@pytest.mark.parametrize("document", documents())
def test_no_expression_stands_in_a_script(document: dict[str, Any]) -> None:
    assert scripts(document)
    assert not [text for text in scripts(document) if "${{" in text]


@pytest.mark.parametrize("document", documents())
def test_scripts_are_bash(document: dict[str, Any]) -> None:
    for text in scripts(document):
        done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("document", documents())
def test_actions_are_pinned_to_a_major_version(document: dict[str, Any]) -> None:
    used = re.findall(r"'uses': '([^']+)'", str(document))
    assert used
    known = re.compile(r"actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@release/v\d+|\./")
    assert not [name for name in used if not known.fullmatch(name)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_may_little_and_end(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]
    assert all(job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())
    assert "pull_request_target" not in workflow[True], "YAML reads `on` as true"
    for job in workflow["jobs"].values():
        assert job.get("permissions", {"id-token": "write"}) == {"id-token": "write"}
        assert "permissions" not in job or not scripts({"jobs": {"": job}}), "who may publish runs no script"


def made(goal: str) -> str:
    """What `make` would run."""
    done = subprocess.run(["make", "--dry-run", goal], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_only_one_goal_writes_what_is_committed() -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    goals = ("verify", "audit", "peers", "fingerprints", "performance", "score", "follows")
    [folder] = {folder for goal in goals for folder in re.findall(r"--report (\S+)", made(goal))}
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    assert folder.partition("/")[0] in ignored, "the checkout stays as it is"
    written = re.findall(r"--report (\S+)", made("reports"))
    assert len(written) == 7
    assert set(written) == {"reports"}


def test_ci_closes_with_the_count_of_all_tests(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "== 9 failed in words ==\n==== 10 passed, 2 skipped, 5 deselected in 181.28s (0:03:01) ====\n"
        "-- slow --\n= 5 passed, 10 deselected, 1 xfailed, 2 warnings in 3.50s =\n"
    )
    script = (ROOT / ".ci" / "run").read_text().partition("\ngrep ")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"log={shlex.quote(str(log))}; grep {script[2]}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "======== 15 passed, 2 skipped, 1 xfailed, 2 warnings in 184.78s ========"


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "action.yml"])
def test_a_placeholder_cannot_be_copied_unchanged(page: str) -> None:
    """An account of that name might exist, and its action would run: angle brackets are refused by the forge."""
    shown = re.findall(r"uses: (\S+)/corrbench@\S+ *(#.*)?", (ROOT / page).read_text(encoding="utf-8"))
    assert shown
    assert all(owner == "<OWNER>" and "<OWNER>" in said for owner, said in shown)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_goal_of_make_exists(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    named = {goal for line in re.findall(r"\bmake ([a-z ]+)", "\n".join(scripts(workflow))) for goal in line.split()}
    for job in workflow["jobs"].values():
        named |= set(job.get("strategy", {}).get("matrix", {}).get("goal", ()))
    goals = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named <= goals
    assert (ROOT / ".ci" / "run").exists()


def test_inputs_are_those_that_are_used() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", str(ACTION["runs"])))
    assert used == set(ACTION["inputs"])
    assert all(one["description"] for one in ACTION["inputs"].values())
    assert {key for key, one in ACTION["inputs"].items() if one.get("required")} == {"target"}


def test_the_workflow_of_ours_gives_the_action_inputs_that_it_has() -> None:
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                assert step.get("uses") != "./" or set(step["with"]) <= set(ACTION["inputs"])


def options(command: str) -> set[str]:
    found = main.get_command(click.Context(main), command)
    assert found is not None
    return {word for parameter in found.params for word in parameter.opts}


def test_the_options_that_the_action_gives_exist() -> None:
    for step in ACTION["runs"]["steps"]:
        if step.get("id") in ("verify", "gate"):
            assert set(re.findall(r"\(?\"?(--[a-z]+)\b(?==|\s)", step["run"])) <= options(step["id"])


# ---- the action's steps, executed


class Job:
    """A scratch repository in which the steps are run as a runner does; installing and keeping reports left out."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder / "repository"
        self.temp = folder / "temp"
        (self.temp / "corrbench" / "bin").mkdir(parents=True)
        self.folder.mkdir()
        place = self.temp / "corrbench" / "bin" / "corrbench"
        place.write_text(program)
        place.chmod(0o755)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> None:
        known = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
        subprocess.run(["git", *known, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, source: str, name: str = "ops.py") -> None:
        (self.folder / name).write_text(source)
        self.git("add", name)
        self.git("commit", "--quiet", "--message", "x")

    def run(self, **inputs: str) -> tuple[int, str, dict[str, dict[str, str]]]:
        """Exit code of the last step, the log, and the outputs of all."""
        given = {key: one.get("default", "") for key, one in ACTION["inputs"].items()} | {
            key.replace("_", "-"): value for key, value in inputs.items()
        }
        outputs: dict[str, dict[str, str]] = {}
        code, log = 0, ""
        for step in ACTION["runs"]["steps"]:
            if "uses" in step or step["id"] == "install" or not self.wanted(step.get("if", ""), given):
                continue
            variables = {key: self.value(text, given, outputs) for key, text in step["env"].items()}
            output = self.temp / "output"
            output.write_text("")
            script = self.temp / "script.sh"
            script.write_text(step["run"])
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "RUNNER_"))}
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)], cwd=self.folder,
                env=clean | {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.summary),
                             "GITHUB_WORKSPACE": str(self.folder), "RUNNER_TEMP": str(self.temp),
                             "GITHUB_ACTIONS": "true"} | variables,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            code, log = done.returncode, log + done.stdout + done.stderr
            assert step["id"] == "verdict" or code == 0, log
            outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return code, log, outputs

    @property
    def summary(self) -> Path:
        return self.temp / "summary.md"

    @staticmethod
    def wanted(condition: str, given: dict[str, str]) -> bool:
        for part in filter(None, condition.split(" && ")):
            match = re.fullmatch(r"inputs\.([a-z-]+) != ''", part)
            assert match or part == "always()", condition
            if match and not given[match[1]]:
                return False
        return True

    @staticmethod
    def value(text: str, given: dict[str, str], outputs: dict[str, dict[str, str]]) -> str:
        match = EXPRESSION.fullmatch(text)
        assert match, text
        kind, name, *rest = match[1].split(".")
        if kind == "inputs":
            return given[name]
        assert kind == "steps"
        assert rest[0] == "outputs"
        return outputs.get(name, {}).get(rest[1], "")


def real() -> str:
    """corrbench itself."""
    return (
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from corrbench.cli import main\nif __name__ == '__main__':\n    main(prog_name='corrbench')\n"
    )


STUB = """#!/usr/bin/env python3
import json, os, sys
with open(os.environ["TOLD"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
sys.exit(int(os.environ["CODES"].split(",")[sys.argv[1] == "gate"]))
"""
QUICK = "--arrays=numpy\n--workers=1\n--seed=3\n--check=values.exact\n--suite=article"


@pytest.fixture(autouse=True)
def _has_git() -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")


@pytest.mark.slow
@pytest.mark.parametrize(("source", "code"), [(small_targets.RIGHT, 0), (small_targets.FLIPPED, 1)])
def test_the_action_judges_a_target(source: str, code: int, tmp_path: Path) -> None:
    job = Job(tmp_path, real())
    job.commit(source)
    ended, log, outputs = job.run(target="ops.py:corr2d", profile="quick", args=QUICK)
    assert ended == code, log
    assert outputs["verify"] == outputs["verdict"] == {"code": str(code)}
    run = json.loads((job.folder / "corrbench-report" / "verify.json").read_text())
    assert run["verdict"] == ("fail" if code else "pass")
    assert (job.folder / "corrbench-report" / "verify.xml").exists()
    assert f"**{run['verdict']}**" in job.summary.read_text()
    line = source.splitlines().index("def corr2d(X, K):") + 1
    assert (f"::error file=ops.py,line={line},title=" in log) == bool(code)


@pytest.mark.slow
def test_the_action_with_a_base_that_is_not_there(tmp_path: Path) -> None:
    job = Job(tmp_path, real())
    job.commit(small_targets.RIGHT)
    ended, log, outputs = job.run(target="ops.py:corr2d", base="none", profile="quick", args=QUICK)
    assert ended == 2, log
    assert outputs["verify"] == {"code": "0"}
    assert "there is no revision 'none'" in log
    assert "gate cannot judge ops.py:corr2d" in job.summary.read_text()


GATE = "--arrays=numpy\n--seed=3\n--case=x=1,1,12,13 w=1,1,3,2 data=unit\n--no-counts"


@pytest.mark.slow
def test_the_action_with_a_base_judges_what_changed(tmp_path: Path) -> None:
    job = Job(tmp_path, real())
    job.commit(small_targets.RIGHT)
    job.commit(small_targets.FLIPPED)
    ended, log, outputs = job.run(target="ops.py:corr2d", base="HEAD~1", profile="quick", args=QUICK, gate_args=GATE)
    assert ended == 1, log
    assert outputs["gate"] == {"code": "1"}, log
    found = json.loads((job.folder / "corrbench-report" / "gate.json").read_text())
    assert found["verdict"] == "regressed"
    assert {"values.exact", "values.bound"} <= {one["check"] for one in found["findings"]}
    assert (job.folder / "corrbench-report" / "gate.xml").exists()
    line = small_targets.FLIPPED.splitlines().index("def corr2d(X, K):") + 1
    assert f"::error file=ops.py,line={line},title=ops.py%3Acorr2d against HEAD~1" in log
    assert "gate: regressed" in job.summary.read_text()


CODES = {"0,0": 0, "0,1": 1, "1,0": 1, "0,2": 2, "2,0": 2, "2,1": 1, "1,2": 1, "0,3": 3, "1,3": 1, "2,3": 2, "3,2": 2,
         "137,0": 2, "0,137": 2, "137,1": 1}  # fmt: skip


@pytest.mark.parametrize("codes", CODES)
def test_the_worst_of_two_codes_counts(codes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("CODES", codes)
    job = Job(tmp_path, STUB)
    ended, log, outputs = job.run(target="a.py:f", base="main", inconclusive="fail")
    assert ended == CODES[codes], log
    assert outputs["verdict"] == {"code": str(CODES[codes])}
    ended, log, _ = job.run(target="a.py:f", base="main")
    assert ended == (0 if CODES[codes] == 3 else CODES[codes])
    assert ("::warning" in log) == (CODES[codes] == 3), "nobody is to believe that it passed"


def test_inputs_are_words_and_never_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("CODES", "0,0")
    job = Job(tmp_path, STUB)
    evil = "a b.py:f\"; touch owned; echo '$(touch owned)`touch owned` * ~ ${HOME} \\"
    report = "re port; touch owned"
    ended, log, _ = job.run(target=evil, base=evil, profile=evil, baseline=evil, python=evil, report=report,
                            args=f"--case={evil}\n\n--suite=b c", gate_args="--dirty", inconclusive=evil)  # fmt: skip
    assert ended == 0, log
    assert not list(tmp_path.rglob("owned"))
    verify, gate = map(json.loads, (tmp_path / "told").read_text().splitlines())
    assert verify == ["verify", "--github", f"--profile={evil}", f"--json={report}/verify.json",
                      f"--junit={report}/verify.xml", f"--html={report}/verify.html",
                      f"--markdown={report}/verify.md", f"--baseline={evil}", f"--python={evil}", f"--case={evil}",
                      "--suite=b c", "--", evil]  # fmt: skip
    assert gate == ["gate", "--github", f"--base={evil}", f"--json={report}/gate.json", f"--junit={report}/gate.xml",
                    f"--python={evil}", "--dirty", "--", evil]  # fmt: skip


def test_a_target_that_looks_like_an_option_is_none(tmp_path: Path) -> None:
    job = Job(tmp_path, real())
    ended, log, _ = job.run(target="--help")
    assert ended == 2, log
    assert "'--help' is not a registered target" in log


# ---- the hook of pre-commit


def hook(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    [one] = HOOKS
    assert one["language"] == "system"
    program, *words = shlex.split(one["entry"])
    assert program == "corrbench"
    return subprocess.run(
        [sys.executable, "-m", "corrbench", *words, *(arguments or one["args"])], cwd=folder, capture_output=True,
        text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_hook_without_a_target_does_not_pass(tmp_path: Path) -> None:
    done = hook(folder=tmp_path)
    assert done.returncode == 2
    assert "name your own as" in done.stderr


def test_the_hook_stops_a_wrong_target(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.FLIPPED)
    done = hook(target, "--arrays=numpy", "--check=values.exact", "--suite=article", "--seed=1", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "the kernel was flipped" in done.stdout
