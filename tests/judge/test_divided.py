"""A process that divides for each target: the targets do not see each other, and one that dies is noticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from corrbench.judge import divided
from corrbench.judge.client import Remote
from corrbench.judge.target_process import Died, environment
from corrbench.target import Spec

SOURCE = """
import os, sys
import numpy as np
sys.earlier = getattr(sys, "earlier", 0) + 1
def corr2d(X, K):
    return np.full((1, 1), sys.earlier, X.dtype)
def dies(X, K):
    os.abort()
"""


def first(spec: Spec) -> float:
    with Remote(spec) as remote:
        arrays = [np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)]
        step = {"mode": "forward", "arrays": {"x": 0, "w": 1}, "dtype": "float32", "layout": {}, "config": {},
                "sizes": {}, "out": [1, 1]}  # fmt: skip
        reply = remote.steps([step], arrays, ["float32", "float32"])[0]
        assert remote.leftovers() == 0
        values = reply.outputs["y"].values
        assert values is not None
        return float(values[0, 0])


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    divided.forget()
    (tmp_path / "t.py").write_text(SOURCE)
    return Spec(target="t.py:corr2d", form="corr2d", arrays="numpy", folder=str(tmp_path), divided=True)


def test_one_process_serves_one_target_after_the_other_and_none_sees_the_other(spec: Spec) -> None:
    assert first(spec) == 1
    [(_, child)] = divided._idle
    assert first(spec) == 1
    assert [one for _, one in divided._idle] == [child]
    divided.forget()
    assert not divided._idle


def test_a_process_serves_no_target_of_another_folder_for_it_could_not_read_it(spec: Spec, tmp_path: Path) -> None:
    files = [tmp_path / name / "t.py" for name in ("one", "other")]
    for file in files:
        file.parent.mkdir()
        file.write_text(SOURCE)
    for file in files:
        assert first(replace(spec, target=f"{file}:corr2d", folder="")) == 1
    divided.forget()


def test_targets_below_one_folder_share_a_process(spec: Spec, tmp_path: Path) -> None:
    mutants = [replace(spec, target=f"{tmp_path / name / 't.py'}:corr2d") for name in ("one", "other")]
    assert divided.environment(mutants[0]) == divided.environment(mutants[1])
    assert divided.dividing(spec) == spec


def test_a_target_that_dies_takes_the_process_along(spec: Spec, tmp_path: Path) -> None:
    bad = Spec(target="t.py:dies", form="corr2d", arrays="numpy", folder=str(tmp_path), divided=True)
    with pytest.raises(Died, match="SIGABRT"):
        first(bad)
    assert not divided._idle
    assert first(spec) == 1
    divided.forget()


@pytest.mark.parametrize(
    ("leaves", "said"),
    [
        ("os.abort()", "died of SIGABRT"),
        ("os._exit(0)", "ended with exit status 0 before answering"),
        ("os._exit(3)", "ended with exit status 3 before answering"),
    ],
)
def test_the_process_outlives_a_target_however_that_ends(leaves: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text(SOURCE.replace("os.abort()", leaves))
    spec = Spec(
        target="t.py:dies",
        form="corr2d",
        arrays="numpy",
        folder=str(tmp_path),
        divided=True,
        outlived=True,
        timeout=9.0,
    )
    arrays = [np.ones((2, 2), np.float32)] * 2
    step = {"mode": "forward", "arrays": {"x": 0, "w": 1}, "dtype": "float32", "layout": {}, "config": {}, "sizes": {},
            "out": [1, 1]}  # fmt: skip
    with Remote(spec) as remote:
        processes = set()
        for _ in range(2):
            with pytest.raises(Died, match=said):
                remote.steps([step], arrays, ["float32"] * 2)
            processes.add(remote.pid)
        assert len(processes) == 1
        assert processes != {0}
    divided.forget()


def test_what_is_verified_divides_and_lets_waiting_threads_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    plain = Spec(target="t.py:corr2d")
    verified = divided.dividing(plain)
    assert verified.divided
    assert verified.outlived
    assert environment(verified, "")["OMP_WAIT_POLICY"] == "PASSIVE"
    assert "OMP_WAIT_POLICY" not in environment(plain, "")  # of what is timed
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert environment(verified, "")["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize(
    "other", [{"arrays": "numpy"}, {"device": "cuda"}, {"compile": True}, {"sanitize": "memcheck"}, {"needs": "numba"}]
)
def test_what_may_have_threads_or_a_driver_does_not_divide(other: dict[str, Any]) -> None:
    assert not divided.dividing(Spec(target="t.py:corr2d", **other)).divided
