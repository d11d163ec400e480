"""Whatever a target does costs one result with a name; the next call works."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from corrbench import checks
from corrbench.case import Case
from corrbench.inputs import LAYOUTS
from corrbench.probe import probe
from corrbench.remote import Died, NotLoaded, Remote, narrow, widen
from corrbench.result import Result, Status
from corrbench.target import Spec, Support
from corrbench.trial import Trial, conclude

HOSTILE = Path(__file__).with_name("hostile.py")
CASE = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), dtype="float64", data="small")
SUPPORT = Support(frozenset({"float64", "float32"}), {}, "corr2d")


def spec(name: str) -> Spec:
    return Spec(
        target=f"{HOSTILE}:{name}",
        form="corr2d",
        arrays="numpy",
        timeout=2.0 if name == "never_ends" else 20.0,
        memory=1.0,
    )


def ask(remote: Remote, check: str = "values.exact", case: Case = CASE) -> list[Result]:
    trial = Trial(check, case, 5, remote.spec, SUPPORT, remote)
    return conclude(trial, checks.registry()[check].run)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("aborts", Status.CRASH, "SIGABRT"),
        ("segfaults", Status.CRASH, "SIGSEGV"),
        ("leaves_quietly", Status.CRASH, "exit status 0"),
        ("leaves_loudly", Status.CRASH, "the last words"),
        ("never_ends", Status.TIMEOUT, "within 2 s"),
        ("devours", Status.MEMORY, "more than 1 GiB"),
        ("closes_everything", Status.CRASH, "the target's process"),
        ("raises_oddly", Status.FAIL, "raised Odd: not an Exception"),
        ("exits", Status.FAIL, "raised SystemExit"),
        ("recurses", Status.FAIL, "RecursionError"),
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
        ("moves", "contract.globals", "working directory"),
        ("forks", "contract.globals", "forked cop"),
        ("zeroes_its_input", "memory.operands", "operand x was changed"),
        ("returns_its_input", "memory.operands", "shares memory with operand x"),
        ("writes_later", "memory.operands", "changed after it had been returned"),
        ("shares_a_buffer", "state.sequence", "shares memory with the result of call 1"),
        ("returns_a_subclass", "contract.result", "Masked, not a numpy.ndarray"),
        ("returns_text", "contract.result", "builtins.str, not a numpy.ndarray"),
        ("remembers_nothing", "values.exact", "got nan"),
        ("knows_its_judge", "values.exact", "elements differ"),
    ],
)
def test_misconduct_is_a_finding(name: str, check: str, said: str) -> None:
    with Remote(spec(name)) as remote:
        findings = [result.message for result in ask(remote, check) if result.finding]
        assert any(said in message for message in findings), findings


@pytest.mark.parametrize("name", ["right", "chatters", "forks_and_returns_twice"])
def test_what_it_prints_or_forks_does_not_disturb_the_answers(name: str) -> None:
    with Remote(spec(name)) as remote:
        for _ in range(3):
            (result,) = ask(remote)
            assert result.status is Status.PASS, result.message


def test_a_write_beside_the_operand_is_seen() -> None:
    with Remote(spec("writes_beside_its_input")) as remote:
        messages = [r.message for r in ask(remote, "memory.operands", CASE.but(layout="x:rows")) if r.finding]
    assert any("operand x was changed" in message for message in messages)


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
    assert remote.process is not None
    pid, folder = remote.process.pid, remote.folder
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
