"""Nothing recorded is lost, and nothing half recorded is believed, however a run ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrbench.analysis.baseline import Baseline
from corrbench.analysis.run_files import sealed, unsealed
from corrbench.case import Case
from corrbench.result import SCHEMA
from corrbench.runner import plan, session
from corrbench.runner.store import BadStore, Store, unlock
from corrbench.runner.verify import Options, record
from corrbench.runner.verify import recorded as recorded_results
from corrbench.target import Spec
from tests.support import small_targets

HEADER = {"spec": {"target": "t.py:f"}, "check": "", "case": "", "suites": ["article"], "profile": "quick", "seed": 5}
JOBS = [
    (
        "values.exact | x=1,1,5,5 w=1,1,3,3",
        [{"check": "values.exact", "case": "x=1,1,5,5 w=1,1,3,3", "status": "pass"}],
    ),
    (
        "values.exact | x=1,1,5,6 w=1,1,3,3",
        [{"check": "values.exact", "case": "x=1,1,5,6 w=1,1,3,3", "status": "fail", "message": "2 × é\n"}],
    ),
    ("values.bound | nothing", []),
]


def recorded(path: Path) -> Store:
    store = Store.create(path, HEADER)
    store.append(JOBS[:1])
    store.append(JOBS[1:])
    return store


def test_what_was_recorded_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "run.jsonl"
    recorded(path)
    again = Store.resume(path, HEADER)
    assert again.done == dict(JOBS)
    assert again.header == HEADER
    assert again.notes == []


def test_the_seed_is_that_of_the_first_run(tmp_path: Path) -> None:
    recorded(tmp_path / "run.jsonl")
    assert Store.resume(tmp_path / "run.jsonl", {**HEADER, "seed": 77}).header["seed"] == 5


def test_a_job_is_recorded_once(tmp_path: Path) -> None:
    store = recorded(tmp_path / "run.jsonl")
    store.append(JOBS)
    Store.resume(tmp_path / "run.jsonl", HEADER).append(JOBS)
    assert len((tmp_path / "run.jsonl").read_bytes().splitlines()) == 1 + len(JOBS)


def test_a_new_run_takes_the_place_of_the_old(tmp_path: Path) -> None:
    recorded(tmp_path / "run.jsonl")
    Store.create(tmp_path / "run.jsonl", {**HEADER, "seed": 6})
    again = Store.resume(tmp_path / "run.jsonl", HEADER)
    assert again.done == {}
    assert again.header["seed"] == 6


def test_cut_at_every_byte_of_the_last_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for length in range(last, len(whole)):
        path.write_bytes(whole[:length])
        again = Store.resume(path, HEADER)
        assert again.done == dict(JOBS[:-1])
        assert bool(again.notes) == (length > last)
        assert path.read_bytes() == whole[:last]
        again.append(JOBS[-1:])
        assert path.read_bytes() == whole
        assert Store.resume(path, HEADER).done == dict(JOBS)


def test_cut_within_the_header(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    Store.create(path, HEADER)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(BadStore, match="does not begin with a header"):
            Store.resume(path, HEADER)
        assert path.read_bytes() == whole[:length]


@given(st.binary(max_size=40).filter(lambda b: b"\n" not in b))
def test_a_spoiled_line_costs_its_job_only(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    path = tmp_path_factory.mktemp("store") / "run.jsonl"
    recorded(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1], rubbish + b"\n", *lines[3:]]))
    again = Store.resume(path, HEADER)
    assert again.done == {JOBS[0][0]: JOBS[0][1], JOBS[2][0]: JOBS[2][1]}
    assert again.notes == [f"{path}:3: not readable, left as it is; its job is done again"]
    again.append(JOBS[1:2])
    assert Store.resume(path, HEADER).done == dict(JOBS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not begin with a header"),
        ("\n", "does not begin with a header"),
        ("not json\n", "does not begin with a header"),
        ("[1, 2]\n", "does not begin with a header"),
        (json.dumps({"schema": "corrbench/0", "header": HEADER}) + "\n", "was written with schema 'corrbench/0'"),
        (
            json.dumps({"schema": SCHEMA, "header": {**HEADER, "check": "values"}}) + "\n",
            "another command: check was 'values', is ''",
        ),
        (json.dumps({"schema": SCHEMA, "header": {"seed": 5}}) + "\n", "another command: spec was None"),
    ],
)
def test_what_cannot_be_resumed_is_left_as_it_is(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    with pytest.raises(BadStore) as caught:
        Store.resume(path, HEADER)
    assert said in str(caught.value)
    assert path.read_text() == text


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(BadStore, match="nothing to resume"):
        Store.resume(tmp_path / "run.jsonl", HEADER)


def test_an_unwritable_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "run.jsonl", tmp_path):
        with pytest.raises(BadStore, match=r"cannot write .*give another place with --store"):
            Store.create(place, HEADER)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadStore, match=r"No space left on device.*--resume"):
        Store.create(Path("/dev/full"), HEADER)
    path = tmp_path / "run.jsonl"
    store = recorded(path)
    store.path = Path("/dev/full")
    with pytest.raises(BadStore, match="recorded before is whole"):
        store.append([("another", [])])
    assert Store.resume(path, HEADER).done == dict(JOBS)
    assert "another" not in store.done


def test_a_disk_that_fills_in_mid_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    store = recorded(path)
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:7]))
    with pytest.raises(BadStore, match="no space left"):
        store.append([("another", [])])
    monkeypatch.undo()
    assert path.read_bytes() == before


# ---- a real run, killed


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]


def keys(path: Path) -> list[str]:
    return [line["job"] for line in lines(path)[1:] if "run" not in line]


@pytest.mark.slow
def test_killed_in_mid_run_and_resumed(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.SLOW)
    command = [
        sys.executable, "-m", "corrbench", "verify", target, "--arrays", "numpy", "--check", "values.exact",
        "--suite", "article", "--profile", "quick", "--workers", "1", "--quiet", "--store",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    with subprocess.Popen(
        [*command, str(cut), "--seed", "11"],
        env=environment,
        cwd=tmp_path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    ) as run:
        deadline = time.monotonic() + 60
        while (not cut.exists() or cut.read_bytes().count(b"\n") < 4) and time.monotonic() < deadline:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
    first = keys(cut)
    with cut.open("ab") as file:
        file.write(b'{"job": "values.exact | half a li')

    again = subprocess.run(
        [*command, str(cut), "--resume"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert "seed 11" in again.stdout
    once = subprocess.run(
        [*command, str(whole), "--seed", "11"], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert once.returncode == 0
    assert len(first) < len(keys(whole))
    assert keys(cut)[: len(first)] == first
    assert sorted(keys(cut)) == sorted(keys(whole))
    assert len(set(keys(cut))) == len(keys(cut))


def test_a_run_is_not_resumed_with_another_seed(tmp_path: Path) -> None:
    spec = Spec(target="t.py:f")
    options = Options(seed=11, store=tmp_path / "run.jsonl")
    assert record(spec, options, 11) is not None
    for seed in (None, 11):
        again = record(spec, replace(options, seed=seed, resume=True), 99)
        assert again is not None
        assert again.header["seed"] == 11
    with pytest.raises(BadStore, match="a run with --seed 11"):
        record(spec, replace(options, seed=12, resume=True), 12)


def test_a_record_that_is_gone_on_with_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec(target=small_targets.write(tmp_path, small_targets.RIGHT), arrays="numpy", form="corr2d")
    options = Options(profile="quick", check="contract.result", suites=("article",), seed=3, store=tmp_path / "r.jsonl")
    [before], _ = session.run([spec], options, Baseline(), "local", None, crosscheck=False)
    read: list[Path] = []
    raw = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or raw(path))
    [after], _ = session.run([spec], replace(options, resume=True), Baseline(), "local", None, crosscheck=False)
    assert read.count(tmp_path / "r.jsonl") == 1
    assert after.results == before.results != []


def test_what_is_damaged_is_done_again(tmp_path: Path) -> None:
    job = plan.Job(check="values.exact", case=Case.parse("x=1,1,5,5 w=1,1,3,3"), seed=5)
    store = Store(tmp_path / "run.jsonl", HEADER, done={job.key: [{"status": "pass"}]})
    assert recorded_results(store, [job]) == {}
    assert store.done == {}


def test_every_damaged_byte_of_a_line_shows(tmp_path: Path) -> None:
    line = sealed({"job": JOBS[1][0], "results": JOBS[1][1]})
    assert unsealed(line) == {"job": JOBS[1][0], "results": JOBS[1][1]}
    for place in range(len(line)):
        assert unsealed(line[:place] + ("0" if line[place] != "0" else "1") + line[place + 1 :]) is None
    assert unsealed("[" * 100_000) is None
    assert unsealed(b"\xff") is None


def test_a_link_in_the_place_of_a_record_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run.jsonl").symlink_to(tmp_path / "precious")
    with pytest.raises(BadStore, match="is a link"):
        Store.resume(tmp_path / "run.jsonl", HEADER)
    recorded(tmp_path / "run.jsonl")
    assert (tmp_path / "precious").read_text() == "precious"
    assert Store.resume(tmp_path / "run.jsonl", HEADER).done == dict(JOBS)


def test_a_record_that_another_run_writes_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    recorded(path)
    lines = (f"import fcntl, time; f = open({str(path)!r})", "fcntl.flock(f, fcntl.LOCK_EX)", "print(1, flush=True)")
    holder = "; ".join([*lines, "time.sleep(60)"])
    unlock(path)
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        for begin in (Store.create, Store.resume):
            with pytest.raises(BadStore, match="being written by another run"):
                begin(path, HEADER)
        other.kill()
    assert Store.resume(path, HEADER).done == dict(JOBS)
