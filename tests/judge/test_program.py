"""Programs that speak the protocol are judged as any other target; those that do not are refused with what to type."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corrbench.judge.client import NotLoaded, Remote
from corrbench.result import Status
from corrbench.target import find
from tests.support.judging import judged

CLIENTS = Path(__file__).parents[2] / "docs" / "clients"
BUILD = {
    "c": ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "{to}", "{source}"],
    "rs": ["rustc", "-O", "--edition", "2021", "-o", "{to}", "{source}"],
    "go": ["go", "build", "-o", "{to}", "{source}"],
}
RUN = {"js": ["node", "{source}"], "jl": ["julia", "--startup-file=no", "{source}"]}
SLOW = {"rs", "go", "jl"}  # to compile
PROGRAM = """
import json, sys
def read():
    head = sys.stdin.buffer.read(8)
    if not head:
        sys.exit(0)
    asked = json.loads(sys.stdin.buffer.read(int.from_bytes(head, "little")))
    sys.stdin.buffer.read(asked.get("bytes", 0))
    return asked
def say(words, data=b""):
    text = json.dumps(words).encode()
    sys.stdout.buffer.write(len(text).to_bytes(8, "little") + text + data)
    sys.stdout.buffer.flush()
read()
say({"protocol": 1})
while True:
    asked = read()
"""
ONE = "x=1,1,3,3 w=1,1,2,2 data=small"


def client(end: str, folder: Path, old: str = "", new: str = "") -> str:
    """The target's string for the client of a language, its source changed; skips where the language is not there."""
    words = BUILD.get(end) or RUN[end]
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    source, text = folder / f"conv2d.{end}", (CLIENTS / f"conv2d.{end}").read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    filled = [word.format(source=source, to=folder / "client") for word in words]
    if end not in BUILD:
        return f"cmd:{' '.join(filled)}"
    subprocess.run(filled, check=True)
    return f"cmd:{folder / 'client'}"


def languages() -> list[object]:
    return [pytest.param(end, marks=[pytest.mark.slow] * (end in SLOW)) for end in (*BUILD, *RUN)]


@pytest.mark.slow
@pytest.mark.parametrize("end", languages())
def test_the_clients_are_right_and_short(end: str, tmp_path: Path) -> None:
    assert len((CLIENTS / f"conv2d.{end}").read_text(encoding="utf-8").splitlines()) <= 80
    run = judged(client(end, tmp_path))
    assert run.verdict == "pass", run.findings[:1]
    assert run.counts["pass"] > 200
    assert run.unsupported["float16"].endswith("the program declares float32, float64, and no float16")


@pytest.mark.parametrize(
    ("end", "old", "new", "check"),
    [
        ("js", "X[((n * C", "Math.fround(X[0]) * 0 + X[((0 * C", "values.exact"),
        ("js", "padding[2];", "padding[0];", "values.exact"),
        ("js", "let sum = B ? B[o] : 0;", "let sum = B ? B[0] : 0;", "values.exact"),
        ("c", "sum += get(X", "sum = (float)sum + get(X", "values.bound"),
        ("c", "p[2];", "p[3];", "values.exact"),
    ],
)
def test_a_wrong_client_is_found(end: str, old: str, new: str, check: str, tmp_path: Path) -> None:
    case = "x=2,2,5,6 w=3,2,3,2 padding=0,0,1,0 bias data=small"
    if check == "values.bound":
        case = "x=1,1,9,9 w=1,1,5,5 dtype=float64"
    found = judged(client(end, tmp_path, old, new), check=check, case=case, strict=True).findings
    assert [one.check for one in found] == [check]
    assert "elements differ" in found[0].message
    assert "corrbench verify 'cmd:" in found[0].reproduce or end == "c"


def written(folder: Path, lines: str) -> str:
    """A program of Python that greets, and then answers each call by these lines."""
    path = folder / "program.py"
    path.write_text(PROGRAM + "\n".join(f"    {line}" for line in lines.splitlines()))
    return f"cmd:{sys.executable} {path}"


@pytest.mark.first(2)
@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        ("sys.exit(3)", Status.CRASH, "exit status 3"),
        ("sys.exit('the last words')", Status.CRASH, "it last printed: the last words"),
        ("import os; os.kill(os.getpid(), 11)", Status.CRASH, "SIGSEGV"),
        ("say({'y': asked['y']}, b'half'); sys.exit(0)", Status.CRASH, "exit status 0"),
        ("import time; time.sleep(60)", Status.TIMEOUT, "no answer within 1 s"),
        ("say({'error': 'out of paper'})", Status.FAIL, "Failed: out of paper"),
        ("say({'y': [1, 1, 1, 1]}, b'0000')", Status.FAIL, "where y is [1, 1, 2, 2] of float32"),
        ("sys.stdout.buffer.write(b'done: all right'); sys.stdout.flush()", Status.FAIL, "it said b'done: al"),
        ("sys.stdout.buffer.write(b'\\x02' + bytes(7) + b'[]'); sys.stdout.flush()", Status.FAIL, "a JSON object"),
    ],
)
def test_what_a_program_does_amiss_is_one_result(tmp_path: Path, lines: str, status: Status, said: str) -> None:
    run = judged(written(tmp_path, lines), check="values.exact", case=ONE, timeout=1.5)
    assert [one.status for one in run.results] == [status], run.results
    assert said in run.results[0].message


@pytest.mark.slow
def test_one_that_said_no_frame_is_started_anew_for_the_next_call(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    lines = f"open({str(begun)!r}, 'a').write('x')\nsys.stdout.buffer.write(b'\\xff' * 8); sys.stdout.flush()"
    run = judged(written(tmp_path, lines), check="state.sequence", case=ONE, sandbox="off")
    assert run.findings
    assert len(begun.read_text()) >= 2, "each call reaches a program"


def test_what_it_declines_is_unsupported(tmp_path: Path) -> None:
    run = judged(written(tmp_path, "say({'unsupported': 'anything'})"), check="values.exact", case=ONE)
    assert [one.status for one in run.results] == [Status.UNSUPPORTED]
    assert run.unsupported["float32"] == "NotImplementedError: anything"
    assert run.verdict == "error"


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("", "names no program; a program answers the frames of docs/protocol.md"),
        ("'", "cannot be split into words"),
        ("no-such-program a", "no-such-program cannot be started: No such file or directory; try it in a shell"),
        ("/etc/passwd", "cannot be started: Permission denied"),
        ("cat", "cat speaks otherwise: it greets with"),
        ("echo hi", r"echo ended with exit status 0(, | after it had said b'hi\\n', )before it had greeted"),
        ("yes", "where a frame begins with the eight bytes of its length"),
        ("true", "true ended with exit status 0, before it had greeted"),
        ("sh -c 'echo lost >&2; exit 4'", "exit status 4 after it had said 'lost'"),
        ("sh -c 'kill -9 $$'", "sh died of SIGKILL"),
        ("sh -c 'printf a; sleep 60'", "speaks otherwise: it said b'a'"),
    ],
)
def test_a_program_that_speaks_otherwise_is_refused_at_once(program: str, said: str) -> None:
    began = time.monotonic()
    with Remote(find(f"cmd:{program}")) as remote, pytest.raises(NotLoaded, match=said):
        remote.load()
    assert time.monotonic() - began < 5.0  # about 0.3 s; the bound is for a loaded machine
