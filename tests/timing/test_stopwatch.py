"""What is timed is called as asked, on new numbers each time, and may be checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.case import Case
from corrbench.cli import main
from corrbench.judge.client import Remote
from corrbench.target import Spec
from corrbench.timing import paired
from corrbench.timing.cases import support, timeable, wanted
from corrbench.timing.interleaved import Task
from corrbench.timing.paired import compare
from corrbench.timing.significance import Verdict
from corrbench.timing.stopwatch import Unmeasurable, opened
from tests.support import small_targets
from tests.support.refusals import within_two_seconds

CASE = Case.parse("x=1,1,20,21 w=1,1,3,2 data=unit")
CACHED = (
    small_targets.RIGHT
    + """
kept = {}
def cached(X, K):
    key = (X.shape, K.shape, id(X))
    if key not in kept:
        kept[key] = corr2d(X, K)
    return kept[key].copy()
"""
)
RAISES = "def corr2d(X, K):\n    raise NotImplementedError('not today')\n"
TWICE = (
    small_targets.RIGHT.replace("def corr2d", "def once")
    + "\ndef corr2d(X, K):\n    once(X, K)\n    return once(X, K)\n"
)


def spec(folder: Path, source: str, name: str = "corr2d") -> Spec:
    return Spec(target=small_targets.write(folder, source).replace(":corr2d", f":{name}"), arrays="numpy")


def test_a_sample_has_the_time_of_its_calls_and_a_right_result(tmp_path: Path) -> None:
    with Remote(spec(tmp_path, small_targets.RIGHT)) as remote:
        watch = opened(remote, CASE, "forward", 3)
        number = watch.calls_for(1e-3)
        assert number > 3
        for by in (1, 5, 1000):
            watch.turn(by)
            assert 1e-5 < watch.run(number) < 0.5
            assert watch.check() == ""
        assert min(watch.run(0) for _ in range(20)) < 1e-3


def test_what_is_wrong_while_timed_is_seen(tmp_path: Path) -> None:
    with Remote(spec(tmp_path, small_targets.FLIPPED)) as remote:
        watch = opened(remote, CASE, "forward", 3)
        watch.run(2)
        assert "elements differ" in watch.check()


def test_an_answer_kept_from_an_earlier_sample_is_wrong(tmp_path: Path) -> None:
    with Remote(spec(tmp_path, CACHED, "cached")) as remote:
        watch = opened(remote, CASE, "forward", 3)
        watch.turn(9)
        watch.run(8)
        assert "elements differ" in watch.check()


def test_what_cannot_be_called_is_not_timed(tmp_path: Path) -> None:
    with Remote(spec(tmp_path, RAISES)) as remote, pytest.raises(Unmeasurable, match="not today"):
        opened(remote, CASE, "forward", 3)


def test_gradients_and_modules_are_timed_too() -> None:
    with Remote(Spec(target="corrbench.reference:Conv2D")) as remote:
        watch = opened(remote, CASE.but(bias=True), "backward", 3)
        watch.turn(4)
        watch.run(3)
        assert watch.check() == ""


def test_cases_are_those_that_all_take(tmp_path: Path) -> None:
    takes = [support(spec(tmp_path, small_targets.RIGHT))]
    found = timeable(wanted(), takes)
    assert len(found) > 5
    assert all(case.single_channel for case in found)
    assert timeable(wanted([str(CASE)]), takes, named=True) == [CASE]
    with pytest.raises(ValueError, match="cannot express"):
        timeable(wanted(["x=1,2,5,5 w=1,2,3,3"]), takes, named=True)
    with pytest.raises(ValueError, match="no gradients"):
        timeable(wanted(), takes, "backward")


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "SCREEN", 7)
    monkeypatch.setattr(paired, "CONFIRM", 10)


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_twice_the_work_is_slower_and_the_other_way_round_faster(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    a, b = spec(one, small_targets.RIGHT), spec(other, TWICE)
    told: list[tuple[int, int]] = []
    for pair, verdict in (((a, b), Verdict.SLOWER), ((b, a), Verdict.FASTER)):
        found = compare(
            *pair,
            [Task(CASE)],
            tolerance=0.03,
            resolution=0.03,
            seed=1,
            step=lambda done, total, what: told.append((done, total)),
        )
        (case,) = found.cases
        assert case.verdict is verdict
        assert case.blocks == 10
        assert 0.5 < case.change < 1.5 or -0.6 < case.change < -0.3
        assert not found.wrong
    assert told[0] == (0, 7)
    assert told[-1][1] == 17


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_wrong_results_and_refused_cases_are_told(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    choosy = "    if X.dtype == np.float64:\n        raise TypeError('not for me')\n    Y = "
    a, b = (spec(where, source.replace("    Y = ", choosy))
            for where, source in ((one, small_targets.RIGHT), (other, small_targets.FLIPPED)))  # fmt: skip
    refused = Task(CASE.but(dtype="float64"))
    found = compare(a, b, [Task(CASE), refused], tolerance=0.03, resolution=0.03, seed=1, step=lambda *_: None)
    assert "elements differ" in found.wrong["b"]
    assert "a" not in found.wrong
    assert found.cases[1].verdict is Verdict.SKIPPED
    assert "raised" in found.cases[1].note


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["torch", "nosuch"], "'nosuch' is not a registered target"),
        (["torch", "torch", "--case", "x=1"], "x=1 needs 4 numbers"),
        (["torch", "torch", "--json", "no/c.json"], "cannot write no/c.json: no such folder"),
    ],
)
def test_compare_refuses_before_it_times(words: list[str], said: str) -> None:
    with within_two_seconds():
        done = CliRunner().invoke(main, ["compare", *words])
    assert done.exit_code == 2
    assert said in done.output
