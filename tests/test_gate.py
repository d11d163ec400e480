"""The gate says what got worse, touches no checkout, and gives one clear message for what it cannot judge."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from junitparser import JUnitXml

from corrbench import gate as whole
from corrbench.analysis.run_diff import lost, refusals, unknown
from corrbench.case import Case
from corrbench.cli import main
from corrbench.commands import gate as command
from corrbench.environment.git_worktree import GitError, checkout
from corrbench.gate import Gate, counted
from corrbench.judge.client import NotLoaded, Remote
from corrbench.render import gate as render
from corrbench.result import Figures, Run, Status
from corrbench.result import Result as Finding
from corrbench.target import Spec
from corrbench.timing import cases, instructions, interleaved, paired
from corrbench.timing.interleaved import Task
from corrbench.timing.paired import PairedComparison
from corrbench.timing.significance import CaseComparison, Verdict
from tests.support import small_targets
from tests.support.refusals import within_two_seconds

CASE = "x=1,1,12,13 w=1,1,3,2 data=unit"
SLOW = small_targets.RIGHT.replace("    return Y", "    for _ in range(9):\n        Y = Y * 1\n    return Y")


def git(folder: Path, *words: str) -> str:
    words = ("git", "-c", "user.name=n", "-c", "user.email=n@example.com", *words)
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three commits: another file; a right target; the same, slower."""
    git(tmp_path, "init", "-q", "-b", "main")
    for text, name in (("", "other.py"), (small_targets.RIGHT, "ops.py"), (SLOW, "ops.py")):
        (tmp_path / name).write_text(text)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def gate(*words: str) -> Result:
    return CliRunner().invoke(
        main, ["gate", "ops.py:corr2d", "--arrays", "numpy", "--no-counts", "--seed", "1", *words]
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--base REV says what to compare with"),
        (["--base", "nowhere"], "there is no revision 'nowhere' here"),
        (["--base", "HEAD", "--case", "x=1"], "x=1"),
        (["--base", "HEAD", "--case", "x=1,1,9,9 w=1,1,3,3 data=nosuch"], "no data named 'nosuch'"),
        (["--base-python", "python"], "given together"),
        (["--base", "HEAD", "--junit", "no/such.xml"], "cannot write no/such.xml"),
    ],
)
def test_bad_input_is_one_message(repository: Path, words: list[str], said: str) -> None:
    with within_two_seconds():
        done = gate(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    assert git(repository, "status", "--porcelain") == ""


def test_a_dirty_tree_is_not_judged_unless_asked(repository: Path) -> None:
    (repository / "ops.py").write_text(small_targets.FLIPPED)
    done = gate("--base", "HEAD")
    assert done.exit_code == 2
    assert "uncommitted changes in ops.py" in done.output
    assert (repository / "ops.py").read_text() == small_targets.FLIPPED


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ops.py").write_text(small_targets.RIGHT)
    done = gate("--base", "HEAD")
    assert done.exit_code == 2
    assert "is not in a git repository" in done.output


def test_without_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    done = gate("--base", "HEAD")
    assert done.exit_code == 2
    assert "git is not installed" in done.output


def test_a_base_that_does_not_import(repository: Path) -> None:
    (repository / "ops.py").write_text("def corr2d(X, K:\n")
    git(repository, "commit", "-qam", "broken")
    (repository / "ops.py").write_text(small_targets.RIGHT)
    git(repository, "commit", "-qam", "mended")
    done = gate("--base", "HEAD~1")
    assert done.exit_code == 2
    assert "base, HEAD~1: ops.py does not parse: line 1" in done.output


def test_a_base_whose_package_misses_a_part_is_not_new(repository: Path) -> None:
    (repository / "broken").mkdir()
    (repository / "broken" / "__init__.py").write_text("import broken.missing\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "broken")
    (repository / "broken" / "__init__.py").write_text(small_targets.RIGHT)
    git(repository, "commit", "-qam", "mended")
    words = ["gate", "broken:corr2d", "--arrays", "numpy", "--base", "HEAD~1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert "base, HEAD~1: no module named 'broken.missing'" in done.output


def loaded(target: str) -> list[str]:
    """The first lines of the files from which base and head load a target."""
    head = Spec(target=target, arrays="numpy", form="corr2d")
    with contextlib.ExitStack() as stack:
        base, after = command.probed(*command.revisions(stack, head, "HEAD~1", dirty=False))
        if base.absent:
            return [base.absent]
        found = []
        for one in (base, after):
            with Remote(one.spec) as remote:
                found.append(Path(remote.load()["file"]).read_text().splitlines()[0])
        return found


@pytest.fixture
def versions(repository: Path) -> Path:
    """Two commits, each of whose files says in its first line which one it is; one file only the second has."""
    both = ("ops.py", "python/lay/__init__.py", "src/packed/__init__.py")
    for version, names in (("# old", both), ("# new", (*both, "late.py"))):
        for name in names:
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{version}\n{small_targets.RIGHT}")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", version)
    return repository


@pytest.mark.slow
def test_each_side_is_loaded_from_its_own_revision(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loaded("ops.py:corr2d") == ["# old", "# new"]
    assert loaded(f"{versions}/ops.py:corr2d") == ["# old", "# new"]
    assert loaded("packed:corr2d") == ["# old", "# new"]
    assert loaded("ops:corr2d") == ["# old", "# new"]
    assert loaded(f"{versions}/late.py:corr2d") == ["HEAD~1 has no late.py:corr2d"]
    monkeypatch.syspath_prepend(str(versions))
    assert loaded("late:corr2d") == ["HEAD~1 has no late:corr2d"]


def test_what_comes_from_elsewhere_is_not_compared(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(versions / "python"))
    with pytest.raises(ValueError, match="not from this repository: for a built package give --base-python"):
        loaded("lay:corr2d")
    with pytest.raises(GitError, match="is not in the repository"):
        loaded(f"{Path(__file__).resolve()}:corr2d")
    with pytest.raises(ValueError, match="not from this repository"):
        loaded("scipy.signal:correlate2d")


def test_the_users_index_and_worktrees_are_left_alone(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hook git names its index in the environment; and a worktree on a disk that is away is not forgotten."""
    away = repository.parent / "away"
    git(repository, "worktree", "add", "-q", str(away), "HEAD~1")
    away.rename(repository.parent / "unmounted")
    index = repository / ".git" / "index"
    before = index.read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    with checkout(repository, "HEAD~2") as tree:
        assert not (tree / "ops.py").exists()
    assert index.read_bytes() == before
    monkeypatch.delenv("GIT_INDEX_FILE")
    monkeypatch.delenv("GIT_DIR")
    (repository.parent / "unmounted").rename(away)
    assert git(away, "status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said"),
    [("raise ValueError('not today')", "head: "), ("import os; os._exit(3)", "head: the target's process ended with")],
)
def test_a_head_that_fails_while_it_is_timed_is_a_regression(
    repository: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.setattr(paired, "SCREEN", 1)
    monkeypatch.setattr(cases, "timeable", lambda *_, **__: [Case.parse(CASE)])
    (repository / "ops.py").write_text(small_targets.RIGHT.replace("    Y = ", f"    {line}\n    Y = "))
    git(repository, "commit", "-qam", "fails")
    done = gate("--base", "HEAD~1", "--no-correctness", "--case", CASE, "--json", "-")
    record = json.loads(done.stdout)
    assert done.exit_code == 1, done.output
    assert record["speed"]["cases"][0]["verdict"] == "failed"
    assert said in record["speed"]["cases"][0]["note"]
    back = gate("--base", "HEAD", "--no-correctness", "--case", CASE)
    assert back.exit_code == 2, "neither side was timed"


@pytest.mark.slow
def test_a_much_slower_head_is_measured_in_a_bounded_time(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "SCREEN", 7)
    monkeypatch.setattr(paired, "CONFIRM", 8)
    monkeypatch.setattr(interleaved, "PAIRED", replace(interleaved.PAIRED, patience=0.5))
    (repository / "ops.py").write_text(small_targets.SLOW)  # 40 ms a call
    git(repository, "commit", "-qam", "sleeps")
    began = time.monotonic()
    done = gate("--base", "HEAD~1", "--no-correctness", "--case", CASE, "--json", "-")
    assert json.loads(done.stdout)["speed"]["cases"][0]["verdict"] == "slower"
    assert time.monotonic() - began < 120


def test_a_valgrind_that_fails_ends_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise NotLoaded("loading: exit status 1")

    monkeypatch.setattr(instructions, "missing", lambda: "")
    monkeypatch.setattr(instructions, "counts", broken)
    found, why = counted(Spec(target="t"), Spec(target="t"), [Task(Case.parse(CASE))], lambda *_: None)
    assert found == {}
    assert why == "valgrind does not run it: loading: exit status 1"
    assert made(uncounted=why).verdict == "passed"


@pytest.mark.parametrize("name", ["compare", "gate", "history"])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(repository: Path, name: str) -> None:
    words = {"compare": ["ops.py:corr2d", "ops.py:corr2d"], "gate": ["ops.py:corr2d", "--base", "HEAD"], "history": []}
    done = CliRunner().invoke(main, [name, *words[name], "--json", "no/such/folder.json"])
    assert done.exit_code == 2
    assert "cannot write no/such/folder.json: no such folder" in done.output
    assert "Traceback" not in done.output


@pytest.mark.slow
def test_a_target_that_base_has_not_is_new(repository: Path) -> None:
    done = gate("--base", "HEAD~2", "--json", "-")
    record = json.loads(done.stdout)
    assert record["new"] == "HEAD~2 has no ops.py:corr2d"
    assert record["verdict"] in ("new", "regressed")  # it is not right in 16 bits
    assert record["speed"] is None
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.slow
def test_a_slower_commit_is_a_regression(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "SCREEN", 7)
    monkeypatch.setattr(paired, "CONFIRM", 9)
    files = [str(tmp_path / name) for name in ("gate.json", "gate.md", "gate.xml")]
    done = gate("--base", "HEAD~1", "--case", CASE, "--no-correctness", "--json", files[0], "--markdown", files[1],
                "--junit", files[2])  # fmt: skip
    record = json.loads(Path(files[0]).read_text())
    assert record["speed"]["cases"][0]["change"] > 0.05
    assert record["speed"]["cases"][0]["verdict"] == "slower"
    if not record["speed"]["unfit"]:  # a busy machine may be called so, and then nothing is judged
        assert done.exit_code == 1, done.output
        assert "REGRESSED" in done.output
        assert JUnitXml.fromfile(files[2]).failures == 1
        assert "gate: regressed" in Path(files[1]).read_text()
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.slow
def test_two_built_packages_are_named_by_their_interpreters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "SCREEN", 7)
    monkeypatch.setattr(paired, "CONFIRM", 9)
    pythons = []
    for name, text in (("old", small_targets.RIGHT), ("new", SLOW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "packaged.py").write_text(text)
        python = tmp_path / f"python-{name}"
        python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path / name} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
        pythons.append(str(python))
    monkeypatch.chdir(tmp_path)
    words = ["gate", "packaged:corr2d", "--arrays", "numpy", "--no-correctness", "--no-counts", "--case", CASE,
             "--json", "-", "--base-python", pythons[0], "--head-python", pythons[1]]  # fmt: skip
    done = CliRunner().invoke(main, words)
    record = json.loads(done.stdout)
    assert (record["base"], record["head"]) == tuple(pythons)
    assert record["speed"]["cases"][0]["verdict"] == "slower", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(bool(instructions.missing()), reason="valgrind is not installed")
def test_instructions_are_the_same_each_time(tmp_path: Path) -> None:
    spec = Spec(target=small_targets.write(tmp_path, small_targets.RIGHT), arrays="numpy", form="corr2d")
    task = Task(Case.parse(CASE))
    one, other = (instructions.counts(spec, [task])[task] for _ in range(2))
    assert one > 1000
    assert other == pytest.approx(one, rel=1e-3)


# ---- verdicts


def finding(case: str, status: Status = Status.FAIL, **numbers: float | str) -> Finding:
    return Finding(
        check="values.exact",
        case=Case.parse(case),
        status=status,
        numbers=Figures(**numbers),
        message="12 elements differ",
    )


def run(*results: Finding) -> Run:
    return Run(target="t", form="corr2d", seed=1, results=list(results), planned=1, judged=1)


def stopped(*results: Finding) -> Run:
    return Run(target="t", form="corr2d", seed=1, results=list(results), planned=9, judged=1, stopped="12 deaths")


RIGHT = finding("x=1,1,2,2 w=1,1,1,1 dtype=float32 data=unit", Status.PASS, bits=24.0)


def made(**changes: object) -> Gate:
    return Gate(**({"target": "t", "base": "a", "head": "b", "runs": [run(RIGHT), run(RIGHT)]} | changes))  # type: ignore[arg-type]


def speed(verdict: Verdict, **rest: object) -> PairedComparison:
    case = CaseComparison(case=CASE, mode="forward", verdict=verdict)
    return PairedComparison(cases=[case], **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gate_", "verdict"),
    [
        (made(), "passed"),
        (made(worse=[finding(CASE)]), "regressed"),
        (made(accuracy={"float32": 1.2}), "regressed"),
        (made(refused={"groups": "not yet"}), "regressed"),
        (made(speed=speed(Verdict.SAME)), "passed"),
        (made(speed=speed(Verdict.FASTER)), "passed"),
        (made(speed=speed(Verdict.SLOWER)), "regressed"),
        (made(speed=speed(Verdict.SLOWER, unfit="noise")), "inconclusive"),
        (made(speed=speed(Verdict.INCONCLUSIVE)), "inconclusive"),
        (made(speed=speed(Verdict.FAILED)), "regressed"),
        (made(speed=speed(Verdict.SKIPPED)), "unjudged"),
        (made(untimed="loading failed"), "unjudged"),
        (made(untimed="loading failed", worse=[finding(CASE)]), "regressed"),
        (made(speed=speed(Verdict.SAME, wrong={"head": "wrong", "base": "wrong"})), "passed"),
        (made(runs=[run(RIGHT), stopped(RIGHT)]), "unjudged"),
        (made(speed=speed(Verdict.SAME, wrong={"head": "wrong"})), "regressed"),
        (made(speed=speed(Verdict.SAME, wrong={"base": "wrong"})), "passed"),
        (made(speed=speed(Verdict.INCONCLUSIVE), instructions={"c": (100.0, 102.0)}), "regressed"),
        (made(instructions={"c": (100.0, 100.5)}), "passed"),
        (made(new="there was none", runs=[run(RIGHT)]), "new"),
        (made(new="there was none", runs=[run(finding(CASE))]), "regressed"),
        (made(runs=[run(RIGHT), run()]), "unjudged"),
    ],
)
def test_the_verdict(gate_: Gate, verdict: str) -> None:
    assert gate_.verdict == verdict
    assert f"gate: {verdict}" in render.markdown(gate_)
    failures = JUnitXml.fromstring(render.xml(gate_).encode()).failures
    assert (failures > 0) is (verdict == "regressed" and not gate_.new)
    json.dumps(gate_.to_json(), allow_nan=False)


def test_a_refusal_of_what_was_right_is_told_once_a_reason() -> None:
    cases = [f"x=1,4,5,{k} w=4,1,1,1 groups=4 dtype=float32 data=unit" for k in range(2, 9)]
    before = run(*(finding(case, Status.PASS) for case in cases[:5]), finding(cases[5]))
    after = run(*(finding(case, Status.UNSUPPORTED) for case in cases))
    ((name, said),) = refusals(before, after).items()
    assert name == f"5 questions, such as values.exact on {cases[0]}"
    assert said == "12 elements differ"
    after.unsupported = {"bias": "no bias"}
    assert refusals(before, after)["bias"] == "no bias"
    assert refusals(after, after) == {}


def test_findings_of_one_cause_are_told_together() -> None:
    worse = [finding(f"x=1,1,{k},9 w=1,1,3,2 dtype=float32 data=unit", array="y") for k in range(5, 30)]
    said = list(render.lines(made(worse=worse, runs=[run(RIGHT), run(RIGHT, *worse)])))
    assert len(said) == 1
    assert "(on 25 cases)" in said[0]


def test_odd_words_and_numbers_are_written_all_the_same() -> None:
    odd = made(worse=[finding(CASE, ratio=math.inf, off=math.nan)])
    odd.worse[0].message = "\x1b[31m | \x00 <b>"
    assert json.loads(json.dumps(odd.to_json(), allow_nan=False))["findings"][0]["numbers"]["ratio"] == "inf"
    (case, *_) = JUnitXml.fromstring(render.xml(odd).encode())
    assert "\N{REPLACEMENT CHARACTER}" in next(iter(case)).result[0].message


def test_what_the_other_was_never_asked_is_not_new() -> None:
    faults = [finding(f"x=1,1,{k},9 w=1,1,3,2 dtype=float32 data=unit") for k in range(5, 12)]
    assert unknown(run(*faults), stopped(*faults[:4])) == []
    assert unknown(run(*faults), run(*faults[:4])) == faults[4:]
    one, other = finding("x=1,1,5,9 w=1,1,3,2"), finding("x=1,1,7,9 w=1,1,3,2")
    one.check = other.check = "fuzz.search"
    assert unknown(run(one), run(other)) == [], "a search may end on another case"


def test_bits_lost_are_told_by_element_type() -> None:
    def results(bits: float, dtype: str) -> list[Finding]:
        return [finding(f"x=1,1,{k},2 w=1,1,1,1 dtype={dtype} data=unit", Status.PASS, bits=bits) for k in range(2, 9)]

    before = results(24.0, "float32") + results(11.0, "float16")
    assert lost(before, results(22.0, "float32") + results(11.0, "float16")) == {"float32": 2.0}
    assert lost(before, before) == {}
    assert lost(before, results(23.8, "float32")) == {}
    assert lost(before, results(20.0, "float32")[:3]) == {}, "too few to say"
    several = [
        finding(f"x=1,1,{k},2 w=1,1,1,1 dtype=float64 data=unit", Status.PASS, bits=bits, array=array)
        for k in range(2, 9)
        for array, bits in (("gx", 52.0), ("gw", 49.0), ("gw", 48.0))
    ]
    assert lost(several, several) == {}, "a check may compare several arrays on one case"


@pytest.mark.parametrize(("counts", "share"), [(False, 1.0), (True, 0.75)])
def test_what_a_limit_leaves_is_shared_out(monkeypatch: pytest.MonkeyPatch, counts: bool, share: float) -> None:
    asked: dict[str, float] = {}
    monkeypatch.setattr(whole, "_verified", lambda sides, seed, step, limit: asked.update(findings=limit))
    monkeypatch.setattr(whole, "_findings", lambda runs: {})
    monkeypatch.setattr(whole, "_timed", lambda *given: (None, asked.update(times=given[-1]) or "not here"))
    sides = (whole.Side("base", Spec(target="m:f")), whole.Side("head", Spec(target="m:f")))
    for given, seconds in ((time.monotonic() + 100, 100.0), (time.monotonic() - 100, 1.0), (0.0, 0.0)):
        whole.examine("m:f", *sides, [], lambda *_: None, seed=1, correctness=True, counts=counts, until=given)
        assert asked == pytest.approx({"findings": seconds / 4, "times": seconds * share}, abs=0.5)
