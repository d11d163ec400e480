"""What was recorded is read back whole, and `corrbench report` says so with the right exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from corrbench.analysis import baseline, run_files
from corrbench.case import Case
from corrbench.cli import main
from corrbench.commands.verify import code, combined
from corrbench.render import markdown
from corrbench.result import Figures, Run, Status
from corrbench.result import Result as Answer
from corrbench.runner.store import Store
from tests.support import small_targets

CASE = "x=1,1,5,6 w=1,1,2,3 dtype=float64 data=small"
OTHER = CASE.replace("small", "unit")
SPEC = {"target": "t.py:corr2d", "name": "", "form": "", "arrays": "numpy", "accuracy": "direct", "device": "cpu"}
HEADER = {"spec": SPEC, "profile": "quick", "check": "", "case": "", "suites": [], "seed": 5}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def right(case: str = CASE) -> Answer:
    numbers = Figures(array="y", tier="bound", at=[0, 0, 0, 0], elements=4, wrong=0, got=1.5, exact=1.5, off=0.0,
                      allowed=0.25, ratio=0.0, rounded=1.0, bits=float("inf"))  # fmt: skip
    return Answer(check="values.bound", case=Case.parse(case), status=Status.PASS, numbers=numbers)


def wrong(case: str = CASE) -> Answer:
    return Answer(
        check="values.bound", case=Case.parse(case), status=Status.FAIL, message="<b>wrong</b>", reproduce="corrbench …"
    )


def run(*results: Answer) -> Run:
    return Run(
        target="t.py:corr2d", form="corr2d", seed=5, arrays="numpy", profile="quick", results=list(results),
        planned=len(results), judged=len(results), seconds=1.5, environment={"torch": "2.13"},
        unsupported={"jvp": "no"},
    )  # fmt: skip


def written(name: str, *runs: Run) -> str:
    """What --json writes of runs."""
    record = runs[0].to_json() if len(runs) == 1 else combined(list(runs))
    Path(name).write_text(json.dumps(record, indent=1, allow_nan=False))
    return name


def stored(name: str, one: Run, *, whole: bool = True) -> str:
    """The store that a run leaves."""
    store = Store.create(Path(name), HEADER)
    store.append((f"job {n}", [result.to_json()]) for n, result in enumerate(one.results))
    if whole:
        store.close(one.summary())
    return name


def typed(*words: str) -> Result:
    done = CliRunner().invoke(main, ["report", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done


# ---- reading


@pytest.mark.parametrize("write", [written, stored])
def test_a_run_is_read_back_as_it_was(write: object) -> None:
    assert callable(write)
    made = run(right(), wrong(OTHER))
    [again] = run_files.load(Path(write("run.file", made)))
    assert again == made


def test_several_runs_are_read_back_apart() -> None:
    first, second = run(right(), right(OTHER)), replace(run(wrong()), target="other.py:f", form="module")
    assert run_files.load(Path(written("several.json", first, second))) == [first, second]


def test_an_interrupted_run_is_no_pass() -> None:
    [again] = run_files.load(Path(stored("cut.jsonl", run(right()), whole=False)))
    assert again.verdict == "error"
    assert "interrupted after 1 questions" in again.problem
    [again] = run_files.load(Path(stored("cut.jsonl", run(right(), wrong(OTHER)), whole=False)))
    assert (again.verdict, again.stopped) == ("fail", "an interruption")


def test_a_resumed_run_ends_anew() -> None:
    stored("run.jsonl", run(right()))
    store = Store.resume(Path("run.jsonl"), HEADER)
    assert store.notes == []
    store.append([("job 1", [wrong(OTHER).to_json()])])
    assert run_files.load(Path("run.jsonl"))[0].stopped == "an interruption"
    store.close(run(right(), wrong(OTHER)).summary())
    assert run_files.load(Path("run.jsonl")) == [run(right(), wrong(OTHER))]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file"),
        ("", "holds no run"),
        ("nonsense\n", "holds no run"),
        ("[1, 2]", "holds no run"),
        ("[" * 100_000, "holds no run"),
        ('{"header": ' + "[" * 100_000, "holds no run"),
        ('{"schema": "corrbench/1", "results": [], "runs": []}', "holds no run"),
        ('{"schema": "corrbench-gate/1", "results": []}', "was written with schema 'corrbench-gate/1'"),
        ('{"schema": "corrbench/1", "results": [{"check": "a"}]}', "is damaged (KeyError"),
        ('{"schema": "corrbench/1", "results": [3], "target": "t"}', "is damaged (AttributeError"),
        ('{"schema": "corrbench/1", "header": {"spec": {}}}', "is damaged (KeyError"),
    ],
)
def test_what_is_no_run_is_said_in_one_line(text: str | None, said: str) -> None:
    if text is not None:
        Path("bad").write_text(text)
    for words in (["bad"], [written("good.json", run(right())), "bad"], ["bad", "good.json"]):
        done = typed(*words)
        assert done.exit_code == 2
        assert said in done.output
        assert done.output.count("\n") == 1


MAP = {"shape": "1,1,4,4", "plane": "4,4:0000"}


@pytest.mark.parametrize(
    "figures",
    [
        {"ratio": "much"}, {"at": 3}, {"at": None}, {"array": ""}, {"array": 7}, {"bits": None}, {"visible": "x"},
        {"map": 3}, {"map": {"shape": "1,1,4,4"}}, {"map": MAP | {"plane": "9,9:0"}}, {"map": MAP | {"plane": "<s>"}},
        {"map": MAP | {"shape": "1,0,4,4"}}, {"map": MAP | {"shape": "4,4"}}, {"map": MAP, "at": [0, 0, 0, "a"]},
        {"map": MAP | {"planes": 3}}, {"tier": None, "at": None}, {"tier": None, "elements": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_figure_that_no_report_can_show_is_damage(figures: dict[str, Any]) -> None:
    """None stands for one that is not there."""
    one = right()
    for name, value in figures.items():
        setattr(one.numbers, name, value)
    damaged(written("bad.json", run(one)), stored("bad.jsonl", run(one)))


def test_a_case_that_is_none_is_damage() -> None:
    good = json.dumps(run(right()).to_json())
    for bad in ('"x=1"', "3", "null"):
        Path("bad.json").write_text(good.replace(json.dumps(CASE), bad))
        damaged("bad.json")


@pytest.mark.parametrize(
    "words",
    [
        {"judged": "abc"}, {"planned": 1.5}, {"seconds": "1"}, {"environment": [1]}, {"environment": {"torch": 2}},
        {"unsupported": {"jvp": None}}, {"fixed": {}}, {"fixed": [3]}, {"problem": 0}, {"target": None}, {"seed": "5"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_of_another_type_is_damage(words: dict[str, Any]) -> None:
    Path("bad.json").write_text(json.dumps(run(right()).to_json() | words))
    damaged("bad.json", stored("bad.jsonl", replace(run(right()), **words)))


@pytest.mark.parametrize("words", [{"message": 1}, {"check": None}, {"reproduce": ["x"]}, {"seconds": "1"}], ids=str)
def test_a_result_of_other_types_is_damage(words: dict[str, Any]) -> None:
    damaged(written("bad.json", run(replace(wrong(), **words))))


def damaged(*names: str) -> None:
    """That is said in one line, and nothing is written."""
    for name in names:
        done = typed(name, "--html", "bad.html", "--markdown", "bad.md")
        assert (done.exit_code, done.output.count("\n")) == (2, 1), done.output
        assert f"{name} is damaged" in done.output
        assert not Path("bad.html").exists()


# ---- one run, and two


def test_a_finding_outweighs_what_could_not_be_judged() -> None:
    broken = replace(run(right(), replace(right(OTHER), status=Status.ERROR)), target="broken")
    name = written("both.json", broken, run(wrong()))
    assert json.loads(Path(name).read_text())["verdict"] == "fail"
    assert typed(name).exit_code == 1
    assert typed(written("one.json", broken, run(right()))).exit_code == 2
    assert code([broken, run(right())]) == code([]) == 2
    gone = replace(run(right()), fixed=[{"check": "values.bound"}])
    assert [code([gone, run(right())], strict=strict) for strict in (False, True)] == [0, 1]


def test_a_baseline_is_applied_as_verify_does() -> None:
    Path("known.json").write_text(baseline.record(run(right(), wrong(OTHER)), "as ever"))
    store = stored("run.jsonl", run(right(), wrong(OTHER)))
    assert typed(store).exit_code == 1
    done = typed(store, "--baseline", "known.json", "--json", "known.run.json")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("known.run.json").read_text())["counts"] == {"pass": 1, "known": 1}
    cut = stored("cut.jsonl", run(right(), wrong(OTHER)), whole=False)
    assert typed(cut, "--baseline", "known.json").exit_code == 2, "interrupted, and nothing found that is not accepted"
    worse = stored("worse.jsonl", run(wrong(), wrong(OTHER)))
    assert typed(worse, "--baseline", "known.json").exit_code == 1
    assert "1 new findings, 0 fixed" in typed(store, worse, "--baseline", "known.json").output
    assert typed(stored("right.jsonl", run(right(), right(OTHER))), store, "--baseline", "known.json").exit_code == 0


@pytest.mark.parametrize(("name", "said"), [("none.json", "cannot read the baseline"), ("run.jsonl", "is not JSON")])
def test_a_baseline_that_is_none_is_said_in_one_line(name: str, said: str) -> None:
    done = typed(stored("run.jsonl", run(right())), "--baseline", name)
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert said in done.output


def test_a_baseline_is_not_applied_twice() -> None:
    Path("known.json").write_text(baseline.record(run(wrong()), "as ever"))
    known = written("run.json", run(right(OTHER), replace(wrong(), status=Status.KNOWN)))
    done = typed(known, "--baseline", "known.json")
    assert (done.exit_code, done.output.count("\n")) == (2, 1)
    assert "has one in it already" in done.output


def test_a_run_is_rendered_again() -> None:
    name = stored("run.jsonl", run(right(), wrong(OTHER)))
    done = typed(name, "--html", "a.html", "--markdown", "a.md", "--json", "-")
    assert done.exit_code == 1
    assert "&lt;b&gt;wrong&lt;/b&gt;" in Path("a.html").read_text()
    assert "# Correctness report" in Path("a.md").read_text()
    assert json.loads(done.stdout)["counts"] == {"pass": 1, "fail": 1}
    assert typed(written("right.json", run(right()))).exit_code == 0
    assert typed(written("none.json", run())).exit_code == 2


def test_what_stands_in_a_cell_does_not_end_it() -> None:
    lines = list(markdown.table(("a|b", "c"), [("x|y\nz", markdown.escape("p|q"))], "lr"))
    assert lines == ["| a\\|b | c |", "|---|---:|", "| x\\|y z | p\\|q |"]


def test_two_runs_are_compared() -> None:
    before, after = written("a.json", run(right(), right(OTHER))), stored("b.jsonl", run(right(), wrong(OTHER)))
    done = typed(before, after, "--html", "c.html", "--markdown", "c.md", "--json", "c.json")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1].startswith("WORSE 1 new findings, 0 fixed")
    assert "What changed" in Path("c.html").read_text()
    assert Path("c.md").read_text().startswith("# WORSE: t.py:corr2d")
    assert json.loads(Path("c.json").read_text())["verdict"] == "worse"
    assert typed(after, before).exit_code == 0
    assert typed(after, after).exit_code == 0, "an old finding is nothing new"
    assert typed(before, written("none.json", run())).exit_code == 2


def test_an_interrupted_run_refused_what_the_whole_one_does() -> None:
    """What was refused is in the closing line, which it lacks."""
    cut = stored("cut.jsonl", run(right(), wrong(OTHER)), whole=False)
    whole = stored("whole.jsonl", run(right(), wrong(OTHER)))
    done = typed(cut, whole, "--json", "changed.json")
    assert done.exit_code == 0, done.output
    assert json.loads(Path("changed.json").read_text())["refused"] == {}
    more = written("more.json", replace(run(right(), wrong(OTHER)), unsupported={"jvp": "no", "bias": "no"}))
    assert typed(whole, more).exit_code == 1, "a run that was not interrupted says what it does"


def test_a_finding_where_the_interrupted_run_did_not_get_is_not_new() -> None:
    cut = stored("cut.jsonl", run(right()), whole=False)
    done = typed(cut, written("whole.json", run(right(), wrong(OTHER))), "--html", "changed.html")
    assert done.exit_code == 2
    assert "ERROR 0 new findings" in done.output
    assert "The earlier run: the run was interrupted after 1 questions" in Path("changed.html").read_text()


def test_files_of_several_targets_are_not_compared() -> None:
    several = written("several.json", run(right()), replace(run(right()), target="other"))
    done = typed(several, written("one.json", run(right())))
    assert done.exit_code == 2
    assert "holds several runs (t.py:corr2d, other)" in done.output


def test_a_place_that_cannot_be_written_is_said_first() -> None:
    assert "no such folder" in typed(written("a.json", run(right())), "--html", "nowhere/a.html").output


@pytest.mark.slow
def test_verify_writes_the_page_and_a_record_that_is_read(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.FLIPPED)
    words = ["verify", target, "--arrays", "numpy", "--workers", "1", "--seed", "3", "--check", "values.exact",
             "--suite", "article", "--profile", "quick", "--store", "run.jsonl", "--json", "run.json"]  # fmt: skip
    done = CliRunner().invoke(main, [*words, "--html", "run.html"])
    assert done.exit_code == 1, done.output
    page = Path("run.html").read_text()
    assert "Cross-check" in page
    assert "the kernel was flipped" in page
    assert 'class="ring"' in page
    [one], [other] = run_files.load(Path("run.json")), run_files.load(Path("run.jsonl"))
    assert one == other
    assert one.verdict == "fail"
