"""Whatever a target does costs one result with a name; the next call works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corrbench import checks
from corrbench.case import Case
from corrbench.judge import supervisor
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.probe import probe
from corrbench.judge.protocol import Reply, narrow, widen
from corrbench.judge.target_process import Died
from corrbench.judge.trial import Trial, conclude
from corrbench.numerics.inputs import LAYOUTS
from corrbench.result import Result, Status
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import hostile

HOSTILE = Path(hostile.__file__)
CASE = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), dtype="float64", data="small")
SUPPORT = Support(frozenset({"float64", "float32"}), {}, "corr2d")


def spec(name: str) -> Spec:
    return Spec(
        target=f"{HOSTILE}:{name}",
        form="corr2d",
        arrays="numpy",
        timeout=1.0 if name in ("never_ends", "drips", "floods") else 20.0,
        memory=0.25,
    )


def ask(remote: Remote, check: str = "values.exact", case: Case = CASE) -> list[Result]:
    trial = Trial(check, case, 5, remote.spec, SUPPORT, remote)
    return conclude(trial, checks.registry()[check].run)


@pytest.mark.first(7)
@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("aborts", Status.CRASH, "SIGABRT"),
        ("segfaults", Status.CRASH, "SIGSEGV"),
        ("leaves_quietly", Status.CRASH, "exit status 0"),
        ("leaves_loudly", Status.CRASH, "the last words"),
        ("never_ends", Status.TIMEOUT, "within 1 s"),
        ("devours", Status.MEMORY, "more than 0.25 GiB"),
        ("closes_everything", Status.CRASH, "the target's process"),
        ("raises_oddly", Status.FAIL, "raised Odd: not an Exception"),
        ("exits", Status.FAIL, "raised SystemExit"),
        ("recurses", Status.FAIL, "RecursionError"),
        ("drips", Status.TIMEOUT, "within 1 s"),
        ("floods", Status.TIMEOUT, "within 1 s"),
        ("devours_in_copies", Status.MEMORY, "more than 0.25 GiB"),
        ("opens_everything", Status.FAIL, "Too many open files"),
    ],
)
def test_a_death_is_one_named_result_and_the_next_call_works(name: str, status: Status, said: str) -> None:
    with Remote(spec(name)) as remote:
        for _ in range(2):
            (result,) = ask(remote)
            assert result.status is status, result.message
            assert said in result.message
            assert "--case" in result.reproduce


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("patches", "contract.globals", "numpy.testing.assert_allclose"),
        ("stops_the_clock", "contract.globals", "time.perf_counter replaced"),
        ("reseeds", "contract.globals", "random state of numpy"),
        ("sets_a_variable", "contract.globals", "environment variables"),
        ("has_another_environment", "contract.globals", "environment variables"),
        ("moves", "contract.globals", "working directory"),
        ("forks", "contract.globals", "left 1 process running"),
        ("zeroes_its_input", "memory.operands", "operand x was changed"),
        ("returns_its_input", "memory.operands", "shares memory with operand x"),
        ("writes_later", "memory.operands", "changed after it had been returned"),
        ("shares_a_buffer", "state.sequence", "shares memory with the result of call 1"),
        ("returns_a_subclass", "contract.result", "Masked, not a numpy.ndarray"),
        ("returns_text", "contract.result", "builtins.str, not a numpy.ndarray"),
        ("remembers_nothing", "values.exact", "got nan"),
        ("knows_its_judge", "values.exact", "elements differ"),
        ("patches_its_caller", "contract.globals", ".describe replaced"),
        ("blinds_the_watch_of_numpy", "contract.globals", "random state of numpy"),
        ("blinds_the_watch_of_numpy", "contract.globals", "numpy.random.get_state replaced"),
        ("blinds_the_watch_of_python", "contract.globals", "random state of random"),
        ("replaces_a_module", "contract.globals", "module numpy.testing replaced"),
        ("turns_its_input", "memory.operands", "operand x was changed"),
        ("locks_its_input", "memory.operands", "operand x was changed"),
        ("writes_later_unseen", "memory.operands", "changed after it had been returned"),
        ("has_another_process_write_later", "memory.operands", "changed after it had been returned"),
        ("returns_another_byte_order", "contract.result", "dtype >f8"),
    ],
)
def test_misconduct_is_a_finding(name: str, check: str, said: str) -> None:
    with Remote(spec(name)) as remote:
        findings = [result.message for result in ask(remote, check) if result.finding]
        assert any(said in message for message in findings), findings


@pytest.mark.parametrize("name", ["right", "chatters", "forks_and_returns_twice", "patches_those_it_finds"])
def test_what_it_prints_or_forks_does_not_disturb_the_answers(name: str) -> None:
    with Remote(spec(name)) as remote:
        for _ in range(3):
            (result,) = ask(remote)
            assert result.status is Status.PASS, result.message


def test_a_write_beside_the_operand_is_seen() -> None:
    with Remote(spec("writes_beside_its_input")) as remote:
        messages = [r.message for r in ask(remote, "memory.operands", CASE.but(layout="x:rows")) if r.finding]
    assert any("operand x was changed" in message for message in messages)


@pytest.mark.parametrize("name", sorted(vars(hostile.forges)))
def test_a_forged_answer_is_one_crash(name: str) -> None:
    with Remote(spec(f"forges.{name}")) as remote:
        (result,) = ask(remote)
        assert result.status is Status.CRASH
        assert "broke the channel" in result.message, result.message


def test_too_many_processes_are_ended() -> None:
    with Remote(replace(spec("multiplies"), memory=2.0)) as remote:
        (result,) = ask(remote)
        assert result.status is Status.CRASH
        assert "more than 256 processes" in result.message


def test_memory_that_copies_share_counts_once() -> None:
    with Remote(spec("shares_with_copies")) as remote:
        (result,) = ask(remote)
        assert result.status is Status.PASS, result.message


def test_what_it_printed_is_not_read_by_name() -> None:
    with Remote(spec("plants_a_log")) as remote:
        (result,) = ask(remote)
        assert result.status is Status.CRASH
        assert "never printed" not in result.message


def gone(pid: int) -> bool:
    """Whether a process has ended, or does so within a moment."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def printed(remote: Remote) -> str:
    assert remote.child is not None
    return os.pread(remote.child.printed.fileno(), 1000, 0).decode()


@pytest.mark.parametrize(("name", "said"), [("kills_its_parent", "SIGKILL"), ("stops_its_parent", "stopped its guard")])
def test_what_attacks_its_guard_costs_one_result_where_it_is_not_confined(name: str, said: str) -> None:
    with Remote(replace(spec(name), sandbox="off")) as remote:
        (result,) = ask(remote)
        assert result.status is Status.CRASH
        assert said in result.message


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_a_daemon_ends_with_its_target(sandbox: str) -> None:
    with Remote(replace(spec("leaves_a_daemon"), sandbox=sandbox)) as remote:
        ask(remote)
        assert remote.child is not None
        pids = supervisor.family(remote.child.process.pid)
        assert remote.leftovers() == 1
    assert all(gone(pid) for pid in pids)


def test_a_daemon_without_a_guard_ends_too() -> None:
    with Remote(replace(spec("leaves_a_daemon_and_an_orphanage"), sandbox="off")) as remote:
        (result,) = ask(remote)
        assert result.status is Status.CRASH
        assert gone(int(result.message.rpartition(" ")[2]))


@pytest.mark.parametrize("before", [(), ("env", "UNDER=valgrind")], ids=["", "under a command"])
def test_all_ends_with_the_judge(before: tuple[str, ...]) -> None:
    lines = f"""
import os
from corrbench.judge import supervisor
from corrbench.judge.client import Remote
from tests.judge import test_client as t
remote = Remote(t.spec("leaves_a_daemon"), {before!r})
t.ask(remote)
print(max(t.supervisor.family(remote.child.process.pid)), remote.child.process.pid, remote.child.folder, flush=True)
os.kill(os.getpid(), 9)
"""
    here = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), *sys.path])}
    done = subprocess.run([sys.executable, "-c", lines], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    daemon, guard, folder = done.stdout.split()
    shutil.rmtree(folder)
    assert gone(int(guard))
    assert gone(int(daemon))


def test_a_tensor_that_lies_otherwise_afterwards_is_changed() -> None:
    bends = Spec(target=f"{HOSTILE}:bends_a_tensor", form="corr2d", arrays="torch")
    with Remote(bends) as remote:
        replies = [plain_call(remote, (4, 6), "float32") for _ in range(6)]
    assert [reply.changed for reply in replies] == [["x"]] * 5 + [[]]


def test_a_setting_of_torch_is_read_behind_a_replaced_reader() -> None:
    blinds = Spec(target=f"{HOSTILE}:blinds_the_watch_of_torch", form="corr2d", arrays="torch")
    with Remote(blinds) as remote:
        said = "; ".join(plain_call(remote, (4, 6), "float32").globals)
    assert "default dtype" in said
    assert "torch.get_default_dtype replaced" in said


def plain_call(remote: Remote, shape: tuple[int, int], dtype: str) -> Reply:
    arrays = [np.ones((shape[0] + 2, shape[1] + 1), dtype), np.ones((3, 2), dtype)]
    step = {"arrays": {"x": 0, "w": 1}, "dtype": dtype, "config": {}, "out": list(shape)}
    return remote.steps([step], arrays, [dtype] * 2)[0]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_memory_that_nobody_wrote_to_is_not_a_number(dtype: str) -> None:
    with Remote(spec("remembers_nothing")) as remote:
        for height in (1, 2, 5, 13, 40, 120):
            for width in (1, 2, 3, 4, 7, 12, 33, 100, 260):
                values = plain_call(remote, (height, width), dtype).outputs["y"].values
                assert values is not None
                assert np.isnan(values).all(), (height, width)


def test_an_interpreter_that_is_not_there_is_no_fault_of_ours() -> None:
    absent = replace(spec("right"), python="/no/such/python")
    with Remote(absent) as remote, pytest.raises(NotLoaded, match="cannot be started"):
        remote.load()


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    with Remote(spec("right")) as remote:
        yield remote


class TestRight:
    @pytest.mark.parametrize("layout", [name for name in LAYOUTS if not name.startswith(("channel", "batch"))])
    @pytest.mark.parametrize("operand", ["x", "w"])
    def test_every_layout_holds_the_same_numbers(self, remote: Remote, layout: str, operand: str) -> None:
        if layout == "expanded":
            pytest.skip("has no meaning for operands of two axes")
        (result,) = ask(remote, case=CASE.but(layout=f"{operand}:{layout}"))
        assert result.status in (Status.PASS, Status.SKIPPED), result.message

    def test_probe_says_what_it_takes(self, remote: Remote) -> None:
        support = probe(remote.spec, remote)
        assert {"float64", "float32", "int32", "complex64"} <= support.takes
        assert "bfloat16" in support.refuses
        assert support.form == "corr2d"

    def test_a_small_call_takes_little_time(self, remote: Remote) -> None:
        ask(remote)
        begun = time.perf_counter()
        for _ in range(50):
            ask(remote)
        assert time.perf_counter() - begun < 5.0  # about 0.1 s; the bound is for a loaded machine


def test_the_child_and_its_folder_are_gone_after_close() -> None:
    remote = Remote(spec("right"))
    ask(remote)
    assert remote.child is not None
    pid, folder = remote.child.process.pid, remote.child.folder
    remote.close()
    assert not Path(folder).exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("no.such:thing", "no module named 'no'"),
        ("json:absent", "has no 'absent'"),
        ("json", "not of the form"),
        ("math:pi", "cannot be called"),
        ("absent.py:f", "no such file"),
    ],
)
def test_a_target_that_cannot_be_loaded_says_why(target: str, said: str) -> None:
    with Remote(Spec(target=target, arrays="numpy")) as remote, pytest.raises(NotLoaded, match=said):
        remote.load()


def test_died_carries_a_status() -> None:
    assert Died(Status.CRASH, "gone").status is Status.CRASH


def test_bfloat16_travels_as_bits() -> None:
    values = np.array([1.0, -2.5, 0.0, np.inf, 3.0e38], np.float32)
    kept = (values.view(np.uint32) & 0xFFFF0000).view(np.float32)
    np.testing.assert_array_equal(widen(narrow(kept)), kept)


@pytest.mark.slow
def test_one_that_hangs_again_and_again_is_waited_for_less_and_less() -> None:
    hanging = Spec(target=f"{HOSTILE}:never_ends", form="corr2d", arrays="numpy", timeout=1.2)
    with Remote(hanging) as remote:
        said = [ask(remote)[0].message for _ in range(3)]
        assert ["1.2 s" in text for text in said] == [True, False, False]
        assert "within 1 s" in said[2]
        assert remote.hung == 3
