"""The command for a borrowed device: what it refuses, what it plans, what it records, within its budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.cuda import __main__ as command
from benchmarks.cuda import algorithms, asv_existing, place, steps, wheels
from benchmarks.cuda.record import Record
from benchmarks.cuda.steps import Step

FACTS = {"python": "3.12.1", "torch": "2.11.0", "numpy": "2.5.5", "cuda": "13.0", "devices": [], "modules": ["pytest"]}


@pytest.fixture
def there(tmp_path: Path) -> place.Place:
    return place.Place(
        python=sys.executable, device="cpu", variables=dict(os.environ), facts=FACTS, commit="0123456789abcdef",
        machine="cuda", sandbox="auto", report=tmp_path / "report", scratch=tmp_path,
    )  # fmt: skip


def step(code: str, name: str = "one", **more: Any) -> Step:
    return Step(name, "what?", (sys.executable, "-c", code), **{"least": 0.1, "most": 20, **more})


def ran(record: Record, one: Step, there: place.Place, limit: float = 20.0) -> dict[str, Any]:
    record.add(one, place.run(one, there, limit))
    return record.rows[-1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "looked for a CUDA device through torch"),
        (("--python", "no-such-python"), "no interpreter 'no-such-python'"),
        (("--wheels", "no-such-folder"), "no wheels in no-such-folder"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--report", str(tmp_path / "r"), *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("text", ["8", "0m", "m", "8 minutes"])
def test_a_budget_is_a_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.options(["--budget", text])
    assert ended.value.code == 2
    assert "write 90s, 8m or 1h" in capsys.readouterr().err


def test_an_interpreter_without_torch_is_refused(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(place.Unusable, match="looked for torch in"):
        place.found(command.options(["--python", str(bare), "--device", "cpu"]), tmp_path)


def test_the_order_is_that_of_worth(there: place.Place) -> None:
    made = steps.plan(there)
    names = [one.name for one in made]
    assert names[:4] == ["tests", "verify-float32", "planted-pool", "planted-synchronisation"]
    assert names.index("verify-bfloat16") < names.index("algorithms") < names.index("asv") < names.index("verify-jax")
    assert {one.name for one in made if one.must} >= {"tests", "planted-pool", "planted-synchronisation"}
    lacking = {one.name: one.lacks for one in made if one.lacks}
    assert lacking["verify-jax"] == "jax is not installed there"
    assert "asv" in lacking["asv"]
    assert "tests/test_reference.py" in made[0].words


def test_what_became_of_each_step_is_recorded(there: place.Place) -> None:
    record = Record(there.report, there, 60)
    assert ran(record, step("print('fine')"), there)["state"] == "done"
    assert not record.failed
    assert ran(record, step("print(1); exit(1)", "findings", good=(0, 1)), there)["state"] == "done"
    assert ran(record, step("exit(3)", "broken", must=False), there)["state"] == "failed"
    assert not record.failed
    assert ran(record, step("exit(0)", "planted", good=(1,)), there)["state"] == "failed"
    assert record.failed
    record.left_out(step("", "absent", lacks="no such library"), "no such library")
    assert record.close() == 1
    page = (there.report / "README.md").read_text()
    assert "A rehearsal on the CPU: nothing here is of a CUDA device" in page
    assert "| absent | what? | left out | 0 | no such library |" in page
    assert json.loads((there.report / "record.json").read_text())["steps"][0]["last line"] == "fine"
    with tarfile.open(there.report.with_suffix(".tar.gz")) as archive:
        assert "./README.md" in archive.getnames()


@pytest.mark.slow
def test_a_step_that_does_not_end_is_ended(there: place.Place) -> None:
    record = Record(there.report, there, 60)
    row = ran(record, step("import time\ntry: time.sleep(60)\nexcept KeyboardInterrupt: print('told')"), there, 3.0)
    assert (row["state"], row["last line"]) == ("out of time", "told")


def test_steps_run_side_by_side_but_for_what_measures_times(
    there: place.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LANES", 3)
    code = "import time; print(time.monotonic()); time.sleep(0.4); print(time.monotonic())"
    made = [step(code, name, alone=name == "alone") for name in ("a", "b", "alone", "c")]
    record = Record(there.report, there, 60)
    command.make([*made, step("", "absent", lacks="nothing"), step("", "long", least=100)], there, record)
    spans = {name: [float(line) for line in (there.report / f"{name}.log").read_text().split()] for name in "abc"}
    alone = [float(line) for line in (there.report / "alone.log").read_text().split()]
    assert max(spans["a"][0], spans["b"][0]) < min(spans["a"][1], spans["b"][1])
    assert max(spans["a"][1], spans["b"][1]) < alone[0] < alone[1] < spans["c"][0]
    states = {row["step"]: row["state"] for row in record.rows}
    assert states == dict.fromkeys(("a", "b", "alone", "c"), "done") | dict.fromkeys(("absent", "long"), "left out")


def test_places_of_the_machine_are_left_out(there: place.Place) -> None:
    record = Record(there.report, there, 60)
    row = ran(record, step(f"print({str(there.scratch / 'x')!r}, {sys.executable!r}, {str(place.ROOT)!r})"), there)
    assert row["last line"] == "SCRATCH/x PYTHON ."


def test_of_a_run_only_what_is_no_pass_is_kept(there: place.Place) -> None:
    record = Record(there.report, there, 60)
    results = [{"status": status} for status in ("pass", "fail", "skipped")]
    (there.report / "verify.json").write_text(json.dumps({"judged": 3, "counts": {"pass": 1}, "results": results}))
    record.clean("verify")
    made = json.loads((there.report / "verify.json").read_text())
    assert made == {"judged": 3, "counts": {"pass": 1}, "results": [{"status": "fail"}]}


def test_wheels_are_unpacked_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    with zipfile.ZipFile(tmp_path / "w" / "a-1-py3-none-any.whl", "w") as archive:
        archive.writestr("a.py", "")
        archive.writestr("a-1.data/purelib/b.py", "")
    folder = place.unpacked(tmp_path / "w", tmp_path / "site")
    assert (folder / "a.py").exists()
    assert (folder / "b.py").exists()


def test_the_wheels_are_what_corrbench_needs_and_no_torch() -> None:
    found = wheels.closure("3.12")
    assert {"click", "hypothesis", "rich", "junitparser", "jinja2", "pytest", "asv", "asv-runner", "markupsafe"} <= set(
        found
    )
    assert not {"torch", "numpy", "scipy"} & set(found)


def test_clocks_that_were_held_back_are_noticed() -> None:
    assert algorithms.throttled({"throttled": "0x0000000000000004"})
    assert not algorithms.throttled({"throttled": "0x0000000000000001"})
    assert not algorithms.throttled({"throttled": "[N/A]"})
    assert not algorithms.throttled({})


def test_algorithms_are_timed_and_judged(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.cuda.algorithms", "--device", "cpu", "--limit", "1",
             "--json", str(tmp_path / "a.json"), "--markdown", str(tmp_path / "a.md")]  # fmt: skip
    done = subprocess.run(words, cwd=place.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = json.loads((tmp_path / "a.json").read_text())["cases"][0]
    assert first["rows"][0]["algorithm"] == "default"
    assert all(row["result"] == "right" for row in first["rows"])
    assert "a rehearsal" in (tmp_path / "a.md").read_text()


def test_results_of_asv_have_the_names_of_the_commit_and_of_the_releases(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    place_ = "existing-_usr_bin_python3"
    made = {"commit_hash": "f" * 40, "env_name": place_, "params": {"python": "3.12"}, "requirements": {}}
    (tmp_path / "m" / f"ffffffff-{place_}.json").write_text(json.dumps(made))
    assert asv_existing.renamed(tmp_path, "m", "f" * 40, "0" * 40) == 1
    (file,) = (tmp_path / "m").iterdir()
    assert file.name.startswith("00000000-existing-py3.")
    assert "usr" not in file.name + file.read_text()
    assert json.loads(file.read_text())["params"]["torch"] == torch.__version__.partition("+")[0]


def test_asv_has_a_repository_where_there_is_none(tmp_path: Path) -> None:
    repo, commit = asv_existing.repository(tmp_path, "no such commit")
    assert repo == tmp_path / "repository"
    assert len(commit) == 40


@pytest.mark.slow
def test_a_rehearsal_runs_through(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "benchmarks.cuda",
        "--device",
        "cpu",
        "--budget",
        "3m",
        "--report",
        str(tmp_path / "r"),
    ]
    done = subprocess.run([*words, "--only", "planted"], cwd=place.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "r" / "record.json").read_text())["steps"]
    assert [row["state"] for row in rows] == ["done", "done"]
