"""Does the boundary hold where it is said to, and is what does not hold said?"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from corrbench.case import Case
from corrbench.judge import boundary, confinement, reach
from corrbench.judge.boundary import CLAIMS, Level
from corrbench.judge.client import NotLoaded, Remote
from corrbench.judge.trial import Trial
from corrbench.support import Support
from corrbench.target import Spec
from tests.support import escapes

ESCAPES = Path(escapes.__file__)
CASE = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), dtype="float64", data="small")
HERE = boundary.measured(sys.executable)
full = pytest.mark.skipif(bool(HERE.could), reason=f"the sandbox here is {HERE.said()}")


def said(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **given: str) -> dict[str, list[str]]:
    """What the attempts of a target came to, by outcome."""
    outside = tmp_path / "outside"
    (outside / "project" / ".corrbench").mkdir(parents=True)
    for name in ("secret", "victim", "project/.corrbench/run.jsonl"):
        (outside / name).write_text("seed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("ESCAPES_OUTSIDE", str(outside))
        monkeypatch.setenv("ESCAPES_PORT", str(server.getsockname()[1]))
        spec = Spec(target=f"{ESCAPES}:{target}", form="corr2d", arrays="numpy", **given)
        with Remote(spec) as remote:
            Trial("values.exact", CASE, 1, spec, Support(frozenset({"float64"}), {}, "corr2d"), remote).call()
            assert remote.child is not None
            words = [line.split() for line in remote.child.said().splitlines()]
    found: dict[str, list[str]] = {"REACHED": [], "refused": []}
    for outcome, name in words:
        found[outcome].append(name)
    return found


@full
def test_nothing_is_reached_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = said("tries_all", tmp_path, monkeypatch)
    assert found["REACHED"] == []
    assert len(found["refused"]) == len(escapes.ALL) >= 35


def test_the_attempts_get_through_where_nothing_confines_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = said("tries_what_is_safe", tmp_path, monkeypatch, sandbox="off")
    assert {
        "reads_a_file_of_the_users", "lists_a_folder_of_the_users", "writes_a_file_of_the_users", "reads_the_record",
        "links_a_file_of_the_users", "climbs_out_of_its_folder", "opens_by_a_relative_root", "sees_others",
        "signals_its_guard", "connects_to_this_machine", "writes_into_its_project", "appends_to_its_own_source",
    } <= set(found["REACHED"])  # fmt: skip


def test_every_claim_is_seen_to_fail_without_a_boundary() -> None:
    could = boundary.trial(Level(), sys.executable)
    assert could is not None
    assert {"files", "writes", "processes", "signals", "network", "shared", "privileges"} <= set(could)


NAMES = """
import os, pathlib, threading
def corr2d(X, K):
    def run():
        own = pathlib.Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/comm")
        own.write_text("evt-handler")
        print("name", own.read_text().strip())
        for path in ("/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches"):
            try:
                print("wrote", open(path, "w").write("1"))
            except OSError:
                print("refused")
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return X[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1] * K[0, 0]
"""


@full
@pytest.mark.parametrize("driver", [True, False])
def test_a_driver_names_its_threads_and_writes_nothing_else_of_proc(
    driver: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "NVIDIA", "/dev/null" if driver else "/nowhere*")
    (tmp_path / "names.py").write_text(NAMES)
    spec = Spec(target=f"{tmp_path}/names.py:corr2d", form="corr2d", arrays="numpy")
    with Remote(spec) as remote:
        Trial("values.exact", CASE, 1, spec, Support(frozenset({"float64"}), {}, "corr2d"), remote).call()
        assert remote.child is not None
        said = remote.child.said()
    assert ("name evt-handler" in said) is driver
    assert "wrote" not in said


# ---- on machines that have less

LESS = """
import ctypes, errno, os, sys
from corrbench.judge import boundary, confinement as c
{before}
level = boundary.measured(sys.executable)
print(level.name, *level.by, sep="|")
print(*level.could)
"""
PLAIN_USER = """
c.must(c.libc.unshare(c.NEW_USER), "unshare")  # what is left in it has no capability, like any user's process
open("/proc/self/setgroups", "w").write("deny")
open("/proc/self/uid_map", "w").write("1000 %d 1" % {uid})
open("/proc/self/gid_map", "w").write("1000 %d 1" % {gid})
c.renounce(None)
"""
CONTAINER = """
c.control(c.NO_NEW_PRIVILEGES, 1)
c.refuse_calls(("unshare", "mount", "pivot_root", "setns"))
"""
OLD_KERNEL = """
c.control(c.NO_NEW_PRIVILEGES, 1)
c.CALLS = {name: (number, dict(calls, a=444, b=445, c=446)) for name, (number, calls) in c.CALLS.items()}
c.refuse_calls(("a", "b", "c"), errno.ENOSYS)
"""


def measured(before: str) -> tuple[str, list[str], list[str]]:
    """The level, its means and what could be done, in a process that has given something up before."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": path, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", LESS.format(before=before)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    first, could = done.stdout.splitlines()
    name, *by = first.split("|")
    return name, by, could.split()


@full
def test_a_plain_user_has_the_whole_boundary() -> None:
    before = PLAIN_USER.replace("{uid}", str(os.getuid())).replace("{gid}", str(os.getgid()))
    assert measured(before)[::2] == ("full", [])


@full
def test_a_container_without_namespaces_says_what_falls_away() -> None:
    name, by, could = measured(CONTAINER)
    assert name == "partial"
    assert "namespaces" not in by
    assert any(one.startswith("Landlock") for one in by)
    assert {"processes", "shared"} <= set(could)
    assert not {"files", "writes", "memory", "privileges", "leftovers"} & set(could)


@full
def test_a_kernel_without_landlock_says_what_falls_away() -> None:
    name, by, could = measured(OLD_KERNEL)
    assert name == "partial"
    assert not any(one.startswith("Landlock") for one in by)
    assert "files" in could
    assert not {"processes", "signals", "memory", "network", "shared", "privileges", "leftovers"} & set(could)


@full
@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_bubblewrap_is_used_where_it_is() -> None:
    assert HERE.by[0] == "bubblewrap"


# ---- what is said of it


def test_what_must_be_confined_and_cannot_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "measured", lambda python: Level(by=("seccomp",), could=("files", "network")))
    spec = Spec(target=f"{ESCAPES}:right", form="corr2d", arrays="numpy", sandbox="require")
    with Remote(spec) as remote, pytest.raises(NotLoaded, match=r"read files of yours .* use the network"):
        remote.load()
    assert boundary.lacking(replace(spec, sandbox="auto")) == ""


def test_a_target_that_another_user_could_not_read_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boundary, "measured", lambda python, *, foreign=True: Level(by=("seccomp",), other=foreign))
    private, shared = tmp_path / "private", tmp_path / "shared"
    for folder, mode in ((private, 0o700), (shared, 0o755)):
        folder.mkdir(mode=mode)
    monkeypatch.setattr(boundary, "for_all", lambda path: path != str(private))
    assert not boundary.level(Spec(target="t.py:f", folder=str(private))).other
    assert boundary.level(Spec(target="t.py:f", folder=str(shared))).other


def test_a_level_is_said_in_words() -> None:
    assert Level().name == "off"
    partial = Level(by=("seccomp",), could=("network",))
    assert partial.said() == "partial (seccomp); a target can use the network"
    assert Level(by=("namespaces",), could=()).to_json() == {"level": "full", "by": ["namespaces"], "could": []}
    assert partial.to_json()["could"] == [CLAIMS["network"]]


def test_what_is_hidden_is_no_rule(tmp_path: Path) -> None:
    (tmp_path / "a" / ".corrbench").mkdir(parents=True)
    (tmp_path / "a" / "b.py").touch()
    (tmp_path / "c").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a" / ".corrbench")
    rules = reach.split(str(tmp_path), {str(tmp_path / "a" / ".corrbench")})
    assert sorted(rules) == sorted(
        [["list", str(tmp_path)], ["list", str(tmp_path / "a")], ["read", str(tmp_path / "a" / "b.py")],
         ["read", str(tmp_path / "c")]]
    )  # fmt: skip


def test_system_calls_are_refused_by_their_numbers() -> None:
    assert len(confinement.filter_of([7, 9], 5, 1)) == 8 * (4 + 2 + 3 + 2)


@pytest.mark.parametrize(("said", "run"), [("", sys.executable), ("python3", "python3"), ("/a/b", "/a/b")])
def test_the_interpreter_is_the_one_that_was_named(said: str, run: str) -> None:
    assert reach.program(Spec(target="m:f", python=said)) == run


def test_an_interpreter_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert reach.program(Spec(target="m:f", python="env/bin/python")) == str(tmp_path / "env" / "bin" / "python")
