"""Does the audit tell found from missed, and is a sample of the mutants really found?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from corrbench import audit
from corrbench.audit import Audit, Fate
from corrbench.cli import main
from corrbench.defects import catalogue
from corrbench.render import audit as render

FOUND = Fate(name="one", kind="defect", named="values", found={"values.exact": "wrong"}, verdict="fail", seconds=2.0)
OTHER = Fate(name="two", kind="cheat", named="state", found={"values.exact": "w", "memory.views": "w"}, verdict="fail")
MISSED = Fate(name="three", kind="defect", named="special", verdict="pass")
EXCUSED = Fate(name="four", kind="defect", named="special", verdict="pass", excuse="too dear")
UNJUDGED = Fate(name="five", kind="defect", named="special", verdict="error", problem="the judge was lost")
FINE = Fate(name="six", kind="honest", named="values", verdict="pass")
FLAGGED = Fate(name="seven", kind="honest", named="values", verdict="fail", found={"values.bound": "off"})


def made(*fates: Fate, full: bool = True) -> Audit:
    return Audit(profile="quick", honest_profile="quick", full=full, seed=1, fates=list(fates))


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words])


class TestScore:
    @pytest.mark.parametrize(
        ("fates", "passed"),
        [
            ((FOUND, FINE), True),
            ((FOUND, EXCUSED, FINE), True),
            ((FOUND, MISSED), False),
            ((FOUND, UNJUDGED), False),
            ((FOUND, FLAGGED), False),
            ((), False),
        ],
    )
    def test_it_passes_only_where_nothing_is_to_be_mended(self, fates: tuple[Fate, ...], passed: bool) -> None:
        assert made(*fates).passed is passed

    def test_survivors_count_with_and_without_an_excuse_and_so_does_what_was_not_judged(self) -> None:
        score = made(FOUND, OTHER, MISSED, EXCUSED, UNJUDGED, FINE, FLAGGED)
        assert [fate.name for fate in score.survivors] == ["three", "four", "five"]
        assert [fate.name for fate in score.false_alarms] == ["seven"]
        record = score.to_json()
        assert (record["planted"], record["killed"], record["honest"], record["false_alarms"]) == (5, 2, 2, 1)
        assert "2 of 5" in render.score(score)

    def test_halves_are_told_apart_and_may_miss_a_tenth(self) -> None:
        halves = [replace(FOUND, name=f"{half} {i}", half=half) for half in ("seen", "unseen") for i in range(10)]
        assert made(*halves).halves == {"seen": (10, 10), "unseen": (10, 10)}
        one = replace(MISSED, half="unseen")
        assert made(*halves[:-1], one).passed
        assert "unseen" in render.score(made(*halves))
        assert not made(*halves[:-2], one, replace(one, name="another")).passed
        assert not made(*halves, MISSED).passed

    def test_trigger_faults_have_a_score_of_their_own(self) -> None:
        read = [replace(FOUND, name=f"r{place}", kind="trigger", constant="readable") for place in range(20)]
        missed = replace(MISSED, name="c", kind="trigger", constant="computed")
        score = made(FOUND, FINE, *read, missed)
        assert score.passed
        assert score.survivors == []
        assert score.triggers == {"readable": (20, 20), "computed": (0, 1)}
        assert "1 of 1 defects and cheats found" in render.score(score)
        assert "trigger faults found: readable 20 of 20, computed 0 of 1" in render.score(score)
        assert score.to_json()["triggers"] == {"readable": [20, 20], "computed": [0, 1]}
        assert "no part of the score" in render.markdown(score)
        assert "no part of the score" not in render.markdown(made(FOUND, FINE))
        lost = [replace(one, found={}, verdict="pass") for one in read[:2]]
        assert made(FOUND, *read[1:], lost[0]).passed
        assert not made(FOUND, *read[2:], *lost).passed

    def test_who_finds_what(self) -> None:
        score = made(FOUND, OTHER)
        assert score.sole() == {"values.exact": ["one"]}
        assert score.kills() == {"values.exact": 2, "memory.views": 1}
        assert [fate.name for fate in score.elsewhere] == ["two"]
        assert made(FOUND, OTHER, full=False).elsewhere == []  # the first finding ended the run


class TestChoice:
    def test_everything_unless_told_otherwise(self) -> None:
        assert len(audit.chosen("")) == len(catalogue()) - len(audit.left_out())

    def test_names_kinds_and_families(self) -> None:
        some = audit.chosen("honest, relations")
        assert {one.kind for one in some} == {"honest", "defect"}
        assert "rounded-upwards" in [one.name for one in some]

    def test_an_unknown_name_is_refused_with_its_neighbours(self) -> None:
        done = run("--only", "upwards")
        assert done.exit_code == 2
        assert "rounded-upwards" in done.output


@pytest.mark.slow
def test_a_sample_is_found_and_the_audit_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few that are quick to judge; `make audit` judges all."""
    monkeypatch.chdir(tmp_path)
    wrong = ["centre-of-even-kernel", "negative-step-ignored", "numpy-sums-in-half", "right-three-times"]
    honest = ["plain-numpy-windows"]
    words = ("--profile", "quick", "--only", ",".join(wrong + honest), "--seed", "7", "--json", "a.json")
    done = run(*words, "--report", ".")
    assert done.exit_code == 0, done.output
    record = json.loads(Path("a.json").read_text())
    assert record["verdict"] == "pass"
    assert record["killed"] == record["planted"] == len(wrong)
    assert record["honest"] == len(honest)
    text = Path("audit.md").read_text()
    assert all(name in text for name in wrong)

    store = next(Path(".corrbench").glob("audit*.jsonl"))
    lines = store.read_text().splitlines(keepends=True)
    store.write_text("".join(lines[:-2]))
    again = run(*words, "--resume")
    assert again.exit_code == 0, again.output
    assert json.loads(Path("a.json").read_text())["killed"] == len(wrong)
    assert run("--profile", "quick", "--only", "honest", "--resume").exit_code == 2
