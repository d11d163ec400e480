"""What somebody types on the first day: targets that are empty, last runs, explanations, other systems."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from corrbench import cli
from corrbench.analysis.causes import Digest, News
from corrbench.analysis.run_diff import Change
from corrbench.case import Case
from corrbench.checks import registry
from corrbench.cli import main
from corrbench.commands._help import SECTIONS
from corrbench.render import explain, junit, links, sarif
from corrbench.result import Figures, Run, Status
from corrbench.result import Result as Answer
from corrbench.runner import plan
from corrbench.runner.store import Store, previous
from corrbench.suites import registry as suites
from corrbench.support import FEATURES, Support
from corrbench.target import find, registered
from tests.support import small_targets

CASES = [f"x=1,1,{n},6 w=1,1,2,3 dtype={dtype} data=small" for n in range(4, 7) for dtype in ("float64", "float32")]
HASTE = ("--arrays", "numpy", "--check", "values.exact", "--profile", "quick", "--suite", "article", "--seed", "1")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def wrong(check: str = "values.exact", text: str = CASES[0], **words: Any) -> Answer:
    return Answer(check=check, case=Case.parse(text), status=Status.FAIL, message=words.pop("message", "1 wrong"),
                  reproduce="corrbench verify …", numbers=Figures(array="y"), **words)  # fmt: skip


def right(check: str = "values.exact", text: str = CASES[1]) -> Answer:
    return Answer(check=check, case=Case.parse(text), status=Status.PASS, numbers=Figures(elements=4))


def run(*results: Answer) -> Run:
    return Run(target="ops.py:corr2d", form="corr2d", seed=5, results=list(results), planned=9, judged=9)


# ---- what is typed


def test_an_empty_target_is_no_reason_to_judge_the_reference() -> None:
    done = typed("verify", "")
    assert done.exit_code == 2
    assert "the TARGET is empty" in done.output


@pytest.mark.parametrize(("system", "name"), [("darwin", "macOS"), ("win32", "Windows")])
def test_another_system_is_said_in_one_sentence(system: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.sys, "platform", system)
    for words in (["verify", "torch"], ["bench", "torch"], ["gate", "torch"], ["peers"], ["audit"]):
        done = typed(*words)
        assert done.exit_code == 2
        assert done.output.startswith(f"corrbench: this is {name}, and corrbench judges targets under Linux only")
    assert typed("list", "checks").exit_code == 0


def test_a_command_that_there_is_not() -> None:
    assert "Did you mean 'verify'?" in typed("verfy").output
    assert typed("frobnicate").exit_code == 2


def test_help_has_sections() -> None:
    text = typed("verify", "--help").output
    titles = ["Options:", *(f"{title}:" for title in SECTIONS)]
    places = [text.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert all(f"{name} " in text for name in ("--form", "--case", "--baseline", "--html", "--store"))
    assert "..." not in typed("--help").output.partition("Commands:")[2], "no summary is cut off"


@pytest.mark.parametrize("name", ["values.exact", "fuzz.search", "gradients", "torch-float16-transposed-sum"])
def test_what_there_is_is_explained(name: str) -> None:
    done = typed("explain", name)
    assert done.exit_code == 0
    assert done.output.startswith(name)
    assert len(done.output.splitlines()) > 2


def test_what_there_is_not_is_not() -> None:
    done = typed("explain", "value.exact")
    assert done.exit_code == 2
    assert "did you mean values.exact" in done.output


def test_lists_are_whole() -> None:
    assert explain.listed("checks").keys() == registry().keys()
    assert explain.listed("targets").keys() == registered().keys()
    assert explain.listed("suites").keys() == suites().keys()
    empty = [
        name for kind in ("checks", "suites", "fills") for name, about in explain.listed(kind).items() if not about
    ]
    assert empty == []


def test_each_check_has_a_part_of_the_page() -> None:
    headings = [line[4:] for line in explain.page().splitlines() if line.startswith("### ")]
    assert headings == list(registry())
    anchors = [links.anchor(name) for name in headings]
    assert len(set(anchors)) == len(anchors)
    assert links.check("values.exact", "https://x.invalid") == "https://x.invalid/docs/checks.html#valuesexact"


# ---- records


@pytest.mark.slow
def test_the_run_before_is_kept_and_what_changed_is_said() -> None:
    target = small_targets.write(Path(), small_targets.FLIPPED)
    first = typed("verify", target, *HASTE)
    assert first.exit_code == 1
    assert "seen  target.py:corr2d: values.exact" in first.output
    assert Path(".corrbench/.gitignore").read_text() == "*\n"
    small_targets.write(Path(), small_targets.RIGHT)
    assert typed("verify", target, *HASTE).exit_code == 0
    assert typed("report", target).output == typed("report", "--last").output
    changed = typed("report", "--last", "--changes")
    assert changed.exit_code == 0
    assert changed.output.splitlines()[-1].startswith("BETTER 0 new findings")
    other = typed("report", "other.py:corr2d")
    assert other.exit_code == 2
    assert "there are runs of: target.py:corr2d" in other.output
    assert "say --last" in typed("report").output


def test_a_record_that_is_begun_anew_keeps_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    for _ in range(3):
        store = Store.create(path, {"seed": 1})
        store.append([("a", [])])
    assert previous(path) == tmp_path / "run.1.jsonl"
    assert previous(path).read_text() == path.read_text()
    assert sorted(tmp_path.iterdir()) == [previous(path), path]


def test_it_ends_after_so_many_findings() -> None:
    target = small_targets.write(Path(), small_targets.FLIPPED)
    done = typed("verify", target, *HASTE, "--max-findings", "2")
    assert done.exit_code == 1
    last = done.output.splitlines()[-1]
    assert "findings (--max-findings 2)" in last


def test_a_report_can_be_signed() -> None:
    target = small_targets.write(Path(), small_targets.RIGHT)
    done = typed("verify", target, *HASTE, "--json", "run.json", "--markdown", "run.md")
    assert done.exit_code == 0, done.output
    assert typed("report", "--last", "--html", "run.html").exit_code == 0
    told = json.loads(Path("run.json").read_text())["environment"]
    command = f"corrbench verify {target} --arrays numpy --profile quick --check values.exact --suite article --seed 1"
    assert told["command"] == command
    assert {"date", "processor", "corrbench", "source", "isolation", "numpy"} <= told.keys()
    assert len(told["sha256 of the source"]) == 64
    for page in ("run.html", "run.md"):
        assert command in Path(page).read_text()
        assert told["sha256 of the source"] in Path(page).read_text()


def test_a_copy_that_is_installed_is_signed_and_not_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (checkout := Path("src", "mine"), installed := Path("elsewhere", "mine").absolute()):
        folder.mkdir(parents=True)
        Path(small_targets.write(folder, small_targets.RIGHT).partition(":")[0]).rename(folder / "ops.py")
        (folder / "__init__.py").touch()
    with (checkout / "ops.py").open("a") as file:
        file.write("# mended\n")
    monkeypatch.syspath_prepend(str(installed.parent))
    done = typed("verify", "mine.ops:corr2d", *HASTE, "--json", "run.json")
    assert done.exit_code == 0, done.output
    run = json.loads(Path("run.json").read_text())
    assert run["environment"]["sha256 of the source"] == sha256((installed / "ops.py").read_bytes()).hexdigest()
    assert "ops.py was judged, which is what Python imports under this name" in run["notes"][0]
    assert not run["coverage"]


# ---- a repair is better


def test_a_repair_that_brings_a_known_cause_to_light_is_better() -> None:
    skipped = Answer(check="values.bound", case=Case.parse(CASES[2]), status=Status.SKIPPED)
    before = run(wrong(), wrong(text=CASES[2]), skipped)
    after = run(right(text=CASES[0]), wrong(text=CASES[2]), wrong("values.bound", CASES[2]))
    change = Change(before=before, after=after)
    assert (change.new, len(change.unveiled), change.verdict) == ([], 1, "better")
    assert repr(change).endswith("BETTER 0 new, 1 fixed>")
    other = run(right(text=CASES[0]), wrong(text=CASES[2]), right("values.bound", CASES[2]), wrong(text=CASES[4]))
    was_right = run(wrong(), wrong(text=CASES[2]), right(text=CASES[4]))
    assert Change(before=was_right, after=other).verdict == "worse", "what was right before is"
    assert Change(before=run(skipped), after=run(wrong("values.bound", CASES[2]))).verdict == "worse"


def test_each_cause_is_news_once() -> None:
    news, seen = News(), run(wrong())
    assert news.of(seen) == seen.results
    seen.results += [wrong(text=CASES[2]), right(), wrong("gradients.first", CASES[3])]
    assert [one.check for one in news.of(seen)] == ["gradients.first"]
    assert news.of(seen) == []
    assert len(news.of(run(wrong()))) == 0


# ---- what is written


def test_junit_has_a_case_for_each_check_and_element_type() -> None:
    seen = run(*(wrong(text=text) for text in CASES), right("values.bound"), wrong("values.bound", CASES[0]))
    tree = ET.fromstring(junit.write([seen], {"ops.py:corr2d": ("src/ops.py", 7)}))
    cases = tree.findall("testsuite/testcase")
    names = [one.get("name") for one in cases]
    assert names == ["values.bound[float32]", "values.bound[float64]", "values.exact[float32]", "values.exact[float64]"]
    assert {(one.get("file"), one.get("line")) for one in cases} == {("src/ops.py", "7")}
    failure = cases[-1].find("failure")
    assert failure is not None
    assert failure.get("message") == "1 wrong"
    assert "3 wrong, 3 asked" in (failure.text or "")
    assert cases[0].find("failure") is None
    told = {one.get("name"): one.get("value") for one in tree.iter("property")}
    assert told["seed"] == "5"


def test_sarif_has_a_rule_for_each_check_and_a_result_for_each_cause() -> None:
    digest = Digest(run(*map(wrong, ["values.exact"] * 2, CASES), wrong("gradients.first", message="gx: wrong")))
    [made] = json.loads(sarif.write([digest], {"ops.py:corr2d": ("ops.py", 3)}, "1.2.3"))["runs"]
    assert [rule["id"] for rule in made["tool"]["driver"]["rules"]] == sorted(
        {one["ruleId"] for one in made["results"]}
    )
    assert len(made["results"]) == len(digest.groups(Status.FAIL))
    prints = [one["partialFingerprints"]["corrbenchCause/v1"] for one in made["results"]]
    assert len(set(prints)) == len(prints)
    place = made["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("ops.py", 3)


# ---- one case


def outline(arrays: str = "torch") -> plan.Outline:
    takes = frozenset({*FEATURES, "float32", "float64", "float16", "int64", "complex64", "backward", "double"})
    support = Support(takes - {"four-sided padding"}, {}, "conv2d")
    return plan.outline(find("reference.conv2d", arrays=arrays), support, "quick", 1, ("article",))


@pytest.mark.parametrize(
    ("case", "check", "said"),
    [
        ("x=1,1,3,3 w=1,1,2,2", "gradients.gradcheck", "it asks about float64, not float32"),
        ("x=1,1,3,3 w=1,1,2,2 data=nan", "gradients.first", "not nan"),
        ("x=0,2,5,4 w=3,2,3,2 data=small", "state.modes", "it does not ask about empty batches"),
        ("x=1,1,3,3 w=1,1,2,2 dtype=int64 data=small", "gradients.first", "not int64"),
        ("x=1,1,3,3 w=1,1,2,2 data=small layout=x:reversed", "memory.views", "reversed in memory"),
        ("x=1,1,3,3 w=1,1,2,2 data=small layout=x:step", "use.threads", "step in memory"),
        ("x=1,1,3,3 w=1,1,2,2 data=small", "fuzz.search", "it looks for cases of its own"),
    ],
)
def test_a_case_is_asked_of_the_checks_that_it_fits(case: str, check: str, said: str) -> None:
    shape = outline()
    assert said in plan.unfit(Case.parse(case), shape)[check]
    assert check not in {job.check for job in plan.jobs(shape, case=case)}
    assert [job.check for job in plan.jobs(shape, check, case)] == [check], "unless it is named alone"
    assert plan.unfit(Case.parse(case), shape, check) == {}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["reference.corr2d", "reference.conv2d"])
@pytest.mark.parametrize("words", ["dtype=float16", "dtype=complex64", "dtype=int32", "data=nan", "data=range"])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_the_reference_passes_any_case(target: str, words: str, batch: int) -> None:
    if target == "reference.corr2d" and batch != 1:
        pytest.skip("it has no batch")
    shape = f"x={batch},2,5,4 w=3,2,3,2 bias" if batch != 1 else "x=1,1,3,4 w=1,1,2,2"
    done = typed("verify", target, "--case", f"{shape} {words}", "--profile", "quick", "--seed", "1")
    assert done.exit_code == 0, done.output
