"""Change points come from asv's results through otava, a program of another environment, here played by a script."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from corrbench import history
from corrbench.cli import main
from corrbench.history import ChangePoint, NoHistory, Point, Series
from corrbench.render.history import BARS, amount, bars

# Says that every series changed where it is told, and writes what it was given beside itself.
PLAYED = """#!{python}
import csv, json, os, sys
tests = json.loads(open(os.environ["OTAVA_CONFIG"]).read())["tests"]
for name in [word for word in sys.argv[2:] if word in tests]:
    rows = list(csv.DictReader(open(tests[name]["file"])))
    assert [row["time"] for row in rows] == sorted({{row["time"] for row in rows}}), "times must ascend"
    at = [index for index in range(1, len(rows)) if float(rows[index]["value"]) > 1.5 * float(rows[index - 1]["value"])]
    print("INFO: a line that is not meant for us")
    change = lambda i: {{"metric": "value", "index": i, "mean_before": "0.000001", "pvalue": "0.000000"}}
    print(json.dumps({{name: [{{"attributes": {{"commit": rows[i]["commit"]}}, "changes": [change(i)]}} for i in at]}}))
"""


def sha(place: int) -> str:
    return f"{place:08x}" + 32 * "0"


def result(folder: Path, place: int, times: list[float | None], version: str = "1") -> None:
    """One of asv's files, as asv 0.6 writes them."""
    commit = sha(place)
    record = {
        "commit_hash": commit, "env_name": "e", "date": 1700000000000 + 1000 * max(1, place), "python": "3.11",
        "params": {"machine": "ci"}, "requirements": {}, "env_vars": {}, "version": 2,
        "result_columns": ["result", "params", "version"],
        "results": {"forward.Time.time_it": [times, [["'a'", "'b'"]], version]}, "durations": {},
    }  # fmt: skip
    (folder / "ci" / f"{commit[:8]}-e.json").write_text(json.dumps(record))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Eight commits, the first two in one second; from the sixth on the first of two series takes twice as long."""
    folder = tmp_path / "asv"
    (folder / "ci").mkdir(parents=True)
    (folder / "ci" / "machine.json").write_text(json.dumps({"machine": "ci", "version": 1}))
    units = {"forward.Time.time_it": {"unit": "seconds"}, "version": 2}
    (folder / "benchmarks.json").write_text(json.dumps(units))
    for place in range(8):
        result(folder, place, [(2e-6 if place >= 5 else 1e-6), None if place < 2 else 3e-3])
    return folder


@pytest.fixture
def player(tmp_path: Path) -> str:
    path = tmp_path / "otava"
    path.write_text(PLAYED.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["history", *words])


def test_series_are_read_in_order_without_what_was_skipped(results: Path) -> None:
    a, b = history.series(results)
    assert (str(a), a.unit, a.machine) == ("forward.Time.time_it a", "seconds", "ci")
    assert [point.value for point in a.points] == [1e-6] * 5 + [2e-6] * 3
    assert len(b.points) == 6


def test_a_new_version_of_a_benchmark_begins_a_new_series(results: Path) -> None:
    result(results, 8, [5.0, 6.0], version="2")
    assert [len(one.points) for one in history.series(results)] == [1, 1]


def test_a_step_is_told_with_its_commit_and_levels(results: Path, player: str) -> None:
    done = run("--results", str(results), "--otava", player, "--json", "-")
    assert done.exit_code == 1, done.output
    (change,) = json.loads(done.stdout)["changes"]
    assert change["commit"] == sha(5)
    assert (change["before"], change["after"]) == (1e-6, 2e-6)
    assert change["worse"] is True
    assert "1 for the worse, 0 for the better, in 2 series" in done.stderr
    assert "1.00 µs" in done.stderr


def test_the_newest_commits_may_be_looked_at_alone(results: Path, player: str) -> None:
    assert run("--results", str(results), "--otava", player, "--last", "4").exit_code == 1
    result(results, 8, [2e-6, 3e-3])
    result(results, 9, [2e-6, 3e-3])
    done = run("--results", str(results), "--otava", player, "--last", "4")
    assert done.exit_code == 0, done.output
    assert "NO WORSE" in done.output


def test_levels_are_medians_between_changes() -> None:
    one = Series(
        benchmark="b", params=(), machine="m", points=[Point(str(k), k, v) for k, v in enumerate([1, 1, 9, 3])]
    )
    told = [{"changes": [{"index": 2, "pvalue": "0.01"}]}]
    (change,) = history._changes(one, told)
    assert (change.before, change.after, change.commit, change.p) == (1, 6, "2", 0.01)
    assert change.change == 5


def test_a_level_of_zero_has_no_ratio() -> None:
    one = Series(benchmark="b", params=(), machine="m")
    assert ChangePoint(series=one, commit="c", before=0, after=1, p=0).to_json()["change"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--results", "nowhere"], "no results of asv in nowhere"),
        (["--otava", "/no/such/otava"], "/no/such/otava cannot be run; it pins an old numpy"),
        (["--only", "time_nothing"], "no benchmark is called anything like 'time_nothing'"),
        (["--otava", "false"], "otava failed"),
    ],
)
def test_bad_input_is_one_message(results: Path, words: list[str], said: str) -> None:
    done = run("--results", str(results), *words)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_without_otava_it_says_how_to_get_it(results: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    done = run("--results", str(results))
    assert done.exit_code == 2
    assert "pip install apache-otava" in done.output


def test_short_series_say_nothing_and_need_no_program() -> None:
    one = Series(benchmark="b", params=(), machine="m", points=[Point("c", 0, 1.0)] * 3)
    assert history.changes([one], "/no/such/program") == []


def test_bars_and_amounts() -> None:
    one = Series(benchmark="b", params=(), machine="m", points=[Point("c", 0, value) for value in (1.0, 2.0, 8.0)])
    assert bars(one) == BARS[0] + BARS[1] + BARS[7]
    assert bars(Series(benchmark="b", params=(), machine="m", points=one.points[:1])) == BARS[0]
    assert amount(3 * 2**20, "bytes") == "3 MiB"
    assert amount(0.25, "of the bound") == "0.25 of the bound"


def test_otava_itself_where_it_is_installed(results: Path) -> None:
    try:
        program = history.otava()
    except NoHistory as error:
        pytest.skip(str(error))
    for place in range(8, 24):
        result(results, place, [2e-6 * (1 + place % 3 / 1000), 3e-3])
    changes = history.changes(history.series(results), program)
    assert [change.commit for change in changes] == [sha(5)]
