"""Whoever does the work, and whoever dies of it, each job is judged exactly once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from corrbench.case import Case
from corrbench.judge.client import NotLoaded
from corrbench.result import Result, Status
from corrbench.runner import executors, judges, plan, verify, wire
from corrbench.runner.executors import ATTEMPTS, Done, Unavailable, ask, execute, opened
from corrbench.runner.plan import Batch, Job
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import small_targets

SUPPORT = Support(frozenset({"float32", "float64", "int32"}), {}, "corr2d")
CASES = [f"x=1,1,{h},{w} w=1,1,2,3 dtype=float64 data=small" for h in range(3, 9) for w in range(4, 8)]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return Spec(target=small_targets.write(tmp_path, small_targets.SLOW), arrays="numpy")


def batches(spec: Spec, cases: list[str] = CASES, size: int = 4) -> list[Batch]:
    todo = [Job(check="values.exact", case=Case.parse(case), seed=1) for case in cases]
    return list(plan.batches(spec, SUPPORT, todo, size))


def tally(flow: Iterator[Done] | list[Done]) -> dict[str, str]:
    """Status by job; each job must come once, with one result."""
    found: dict[str, str] = {}
    for done in flow:
        for job, [result] in done:
            assert job.key not in found
            assert (result.check, result.case) == (job.check, job.case)
            found[job.key] = result.status
    return found


def everything(status: str = "pass") -> dict[str, str]:
    return {f"values.exact | {case} | 1": status for case in CASES}


def test_local(spec: Spec) -> None:
    with opened("local", 2) as start:
        support = ask(spec, start)
        assert {"float64", "int32"} <= support.takes
        assert support.form == "corr2d"
        assert tally(execute(batches(spec), start, 3)) == everything()
        assert start() is start()


def test_judges_end_with_a_run_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import os, time\nfrom corrbench.runner.executors import opened\n"
        "if __name__ == '__main__':\n"
        "    with opened('local', 1) as start:\n"
        "        print(start().submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(60)\n"
    )
    root = {"PYTHONPATH": str(Path(executors.__file__).parents[2])}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=os.environ | root) as run:
        assert run.stdout is not None
        judge = int(run.stdout.readline())
        run.kill()
    until = time.monotonic() + 20
    while psutil.pid_exists(judge) and psutil.Process(judge).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the judge waits for work that will never come"
        time.sleep(0.05)


def test_a_judge_killed_in_mid_run_loses_nothing(spec: Spec) -> None:
    with opened("local", 2) as start:
        flow = execute(batches(spec), start, 3)
        first = next(flow)
        pool: Any = start()
        os.kill(pool.pids[0], signal.SIGKILL)
        assert tally([first, *flow]) == everything()


def test_a_run_survives_its_judge(spec: Spec) -> None:
    killed: list[int] = []
    options = verify.Options(profile="quick", check="values.exact", suites=("article",), seed=1, workers=2)
    with opened("local", 2) as start:

        def watch(_: Any) -> None:
            pool: Any = start()
            if not killed:
                killed.append(pool.pids[0])
                os.kill(killed[0], signal.SIGKILL)

        run = verify.verify(spec, options, start, watch)
    assert killed
    assert run.verdict == "pass"
    assert run.judged == run.planned == len(run.results)
    assert len({result.case for result in run.results}) == run.planned


@pytest.mark.slow
def test_a_judge_that_was_stopped_is_lost_and_its_batch_done_again(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "SILENCE", 3)
    with opened("local", 1) as start:
        flow = execute(batches(spec, CASES[:8]), start, 2)
        first = next(flow)
        pool: Any = start()
        stopped = pool.pids[0]
        os.kill(stopped, signal.SIGSTOP)
        assert tally([first, *flow]) == {f"values.exact | {case} | 1": "pass" for case in CASES[:8]}
        assert stopped not in pool.pids


def test_what_a_judge_sends_is_data() -> None:
    """A pickle in place of an answer is no answer; nor is what is of another type."""
    with pytest.raises(wire.Unreadable):
        wire.decode([["a job", []]], Done)
    sent = wire.encode(SUPPORT)
    assert wire.decode(json.loads(json.dumps(sent)), Support) == SUPPORT
    with pytest.raises(wire.Unreadable):
        wire.decode(sent | {"takes": "everything"}, Support)


class Flawed:
    """An executor in this process that loses some batches, as a scheduler may."""

    def __init__(self, lose: Any) -> None:
        self.lose, self.tried = lose, 0

    def submit(self, _: Any, batch: Batch) -> Any:
        from concurrent.futures import Future

        future: Future[Done] = Future()
        self.tried += 1
        if self.lose(batch, self.tried):
            future.set_exception(RuntimeError("gone"))
        else:
            future.set_result(
                [(job, [Result(check=job.check, case=job.case, status=Status.PASS)]) for job in batch.jobs]
            )
        return future


def test_a_batch_that_is_lost_now_and_then_is_done_again(spec: Spec) -> None:
    flawed: Any = Flawed(lambda batch, tried: tried % 3 == 0)
    assert tally(execute(batches(spec), lambda: flawed, 3)) == everything()


def test_a_job_that_no_judge_survives_is_an_error_and_the_others_are_judged(spec: Spec) -> None:
    poison = CASES[5]
    flawed: Any = Flawed(lambda batch, tried: any(str(job.case) == poison for job in batch.jobs))
    assert tally(execute(batches(spec), lambda: flawed, 3)) == everything() | {f"values.exact | {poison} | 1": "error"}


def test_lost_judges_are_given_up_at_last(spec: Spec) -> None:
    flawed: Any = Flawed(lambda batch, tried: True)
    assert tally(execute(batches(spec, CASES[:6]), lambda: flawed, 2)) == {
        f"values.exact | {case} | 1": "error" for case in CASES[:6]
    }
    assert flawed.tried <= 2 * ATTEMPTS + 6
    with pytest.raises(NotLoaded, match="RuntimeError: gone"):
        ask(spec, lambda: flawed)


def test_a_check_that_breaks_is_an_error_of_corrbench_not_of_the_target(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(trial: Any) -> Iterator[Any]:
        raise ZeroDivisionError("our own")
        yield

    known = plan.checks.registry()
    monkeypatch.setitem(
        known, "values.exact", plan.checks.Check(name="values.exact", run=broken, plan=lambda outline: [], about="x")
    )
    [(_, [result])] = executors.run_batch(batches(spec, CASES[:1])[0])
    assert result.status is Status.ERROR
    assert "corrbench itself failed: ZeroDivisionError: our own (test_executors.py:" in result.message


@pytest.mark.parametrize("name", ["", "slurm", "http://localhost:1", "Local"])
def test_an_unknown_executor_is_refused(name: str) -> None:
    with pytest.raises(Unavailable, match="give local, dask or the address"), opened(name, 1):
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_no_scheduler_at_the_address() -> None:
    pytest.importorskip("distributed")
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Unavailable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1"), opened(address, 1):
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_dask_worker_killed_in_mid_run_loses_nothing(spec: Spec) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
        opened(cluster.scheduler_address, 2) as start,
    ):
        flow = execute(batches(spec), start, 3)
        first = next(flow)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        assert tally([first, *flow]) == everything()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_dask_on_this_machine(spec: Spec) -> None:
    pytest.importorskip("distributed")
    with opened("dask", 2) as start:
        assert ask(spec, start).form == "corr2d"
        assert tally(execute(batches(spec), start, 3)) == everything()
