"""Campaigns find narrow faults, tell each once, survive deaths of the target, and go on where they were interrupted."""

from __future__ import annotations

import json
import random
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from corrbench.analysis.campaigns import Campaign, Cause
from corrbench.case import Case
from corrbench.cli import main
from corrbench.judge.client import Remote
from corrbench.runner import campaign, executors
from corrbench.runner.store import Store
from corrbench.runner.traces import parsed
from corrbench.support import Support
from corrbench.target import find
from tests.support.refusals import within_two_seconds
from tests.support.small_targets import CONV2D

HEAD = "import os\n" + CONV2D.replace("return Y if", "FAULT\n    return Y if")
FAULTS = {
    "one value": "Y[-1, -1, -1, -1] += sh > 1 and w == 5 and n > 2",
    "a death": "os.kill(os.getpid(), 11) if sw > 2 and n > 3 else None",
    "two causes": "Y[:1, :1, -1] += sh > 1 and w == 5\n    Y[:1, 0, 0, 0] += o > 9 and c == 1 and sh == 1",
    "nothing": "pass",
}


def search(
    path: Path, fault: str, seconds: float, seed: int = 3, store: Store | None = None, stop: int = 0
) -> Campaign:
    """The campaign of a target with a fault, in this process; ended after `stop` batches if it is given."""
    file = path / "target.py"
    file.write_text(HEAD.replace("FAULT", FAULTS[fault]))
    spec = find(f"{file}:conv2d", arrays="numpy")
    found = campaign.resumed(spec.target, store) if store else Campaign(spec.target, seed)

    def watch(found: Campaign) -> None:
        if stop and found.batches >= stop:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:

        def start() -> Executor:
            return pool

        try:
            campaign.campaign(spec, start, found, seconds=seconds, store=store, progress=watch)
        except KeyboardInterrupt:
            pass
        finally:
            for kept in {campaign.logged(spec), spec}:
                pool.submit(lambda kept=kept: executors.kept(Remote, kept).close()).result()
    return found


def test_a_narrow_fault_is_found_and_told_once(tmp_path: Path) -> None:
    found = search(tmp_path, "one value", 600.0, stop=8)
    assert [str(cause.smallest.case) for cause in found.causes] == [
        "x=3,1,1,5 w=1,1,1,5 stride=2,1 dtype=float32 data=small"
    ]
    (cause,) = found.causes
    assert "--check campaign.case --case 'x=3,1,1,5 w=1,1,1,5 stride=2,1" in cause.smallest.reproduce
    assert found.asked >= 8 * campaign.SIZE


@pytest.mark.slow
def test_two_causes_are_told_apart(tmp_path: Path) -> None:
    found = search(tmp_path, "two causes", 600.0, stop=8)
    assert sorted(str(cause.smallest.case) for cause in found.causes) == [
        "x=1,1,1,1 w=10,1,1,1 dtype=float32 data=small", "x=1,1,1,5 w=1,1,1,5 stride=2,1 dtype=float32 data=small",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_death_costs_a_batch_and_the_search_goes_on(tmp_path: Path) -> None:
    found = search(tmp_path, "a death", 600.0, stop=3)
    assert [str(cause.smallest.case) for cause in found.causes] == [
        "x=4,1,1,1 w=1,1,1,1 stride=1,3 dtype=float32 data=small"
    ]
    assert found.asked >= 3 * campaign.SIZE


def test_nothing_is_found_in_a_right_one_and_a_record_goes_on(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "record.jsonl", {"seed": 9})
    first = search(tmp_path, "nothing", 600.0, store=store, stop=2)
    again = search(tmp_path, "nothing", 600.0, store=Store.resume(tmp_path / "record.jsonl", {}), stop=3)
    assert not first.causes
    assert not again.causes
    assert (first.batches, again.batches) == (2, 3)
    assert again.asked == first.asked * 3 // 2
    assert again.seconds > first.seconds


@pytest.mark.slow
def test_an_interrupted_one_knows_its_causes(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "record.jsonl", {"seed": 3})
    first = search(tmp_path, "one value", 600.0, store=store, stop=6)
    again = campaign.resumed(first.target, Store.resume(tmp_path / "record.jsonl", {}))
    assert [cause.key for cause in again.causes] == [cause.key for cause in first.causes] != []


def test_what_is_met_often_is_asked_seldom() -> None:
    support = Support(frozenset({"float32", "stride", "stride by axis", "padding", "bias", "groups"}), {}, "conv2d")
    found = Campaign("t", 1)
    small = Case.parse("x=1,1,1,1 w=1,1,1,1 stride=1,2 dtype=float32 data=small")
    rng = random.Random(1)
    before = sum(case.stride[1] > 1 for case in [campaign.one(rng, support, found) for _ in range(300)])
    from corrbench.result import Result, Status

    failed = Result(check="campaign.case", case=small, status=Status.FAIL)
    found.causes = [Cause(failed, met=campaign.OFTEN)]
    after = sum(case.stride[1] > 1 for case in [campaign.one(rng, support, found) for _ in range(300)])
    assert before > 60
    assert 0 < after + 1 < before / 4


def test_the_log_of_onednn_is_read() -> None:
    text = (
        "onednn_verbose,v1,info,cpu,isa:AVX2\n"
        "onednn_verbose,v1,primitive,exec,cpu,convolution,jit:avx2,forward_training,src:f32,,alg:direct,mb1_ic1,0.1\n"
        "onednn_verbose,v1,primitive,exec,cpu,reorder,jit:uni,undef,src:f32,,,1,0.1\n"
        "anything,exec\n"
    )
    assert parsed(text) == {"forward_training jit:avx2": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["campaign", "no.such.target"], "no.such.target"),
        (["campaign", "torch", "--for", "soon"], "--for 'soon' is no time: write 90s, 10m or 1h"),
        (["campaign", "torch", "--for", "0"], "leaves no time"),
        (["campaign", "torch", "--corpus", "here/file"], "is a file"),
        (["campaign", "torch", "--corpus", "old"], "begins with 'corrbench-corpus/9'"),
        (["campaign", "torch", "--resume"], "nothing to resume"),
        (["campaign", "torch", "--executor", "cloud"], "unknown executor 'cloud'"),
    ],
)
def test_what_cannot_be_searched_is_refused_at_once(words: list[str], said: str, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "file").write_text("")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "corpus.csv").write_text("corrbench-corpus/9\ncase\n")
    with within_two_seconds():
        got = CliRunner().invoke(main, words)
    assert got.exit_code == 2, got.output
    assert said in got.output


def test_the_command_writes_a_page_drafts_and_a_corpus(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.py").write_text(HEAD.replace("FAULT", "Y += sh > 1"))
    words = ["campaign", "t.py:conv2d", "--arrays", "numpy", "--for", "3s", "--seed", "4", "--workers", "1"]
    got = CliRunner().invoke(main, [*words, "--corpus", "kept", "--report", "out", "--json", "found.json"])
    assert got.exit_code == 1, got.output
    record = json.loads((tmp_path / "found.json").read_text())["campaigns"][0]
    assert [cause["case"] for cause in record["causes"]] == ["x=1,1,1,1 w=1,1,1,1 stride=2,1 dtype=float32 data=small"]
    assert "| t.py:conv2d |" in (tmp_path / "out" / "campaign.md").read_text()
    assert "**Definition.**" in (tmp_path / "out" / "t-py-conv2d-1.md").read_text()
    assert "stride=2,1" in (tmp_path / "kept" / "corpus.csv").read_text()
