"""Certificates of small programs: a right one gets one, and what looks at its operands is told with its line."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from corrbench.case import Case
from corrbench.certificate import memcheck, white_box
from corrbench.certificate.certify import state
from corrbench.certificate.lines import Known
from corrbench.cli import main
from corrbench.convention import options
from corrbench.judge.client import Remote
from corrbench.judge.trial import Trial
from corrbench.support import Support
from corrbench.target import find

CASE = "x=1,1,5,6 w=1,1,2,3"
PROGRAMS = """
import time
import numpy as np

calls = []


def corr2d(X, K):
    kh, kw = K.shape
    Y = np.zeros((X.shape[0] - kh + 1, X.shape[1] - kw + 1), X.dtype)
    for a in range(kh):
        for e in range(kw):
            Y += X[a : a + Y.shape[0], e : e + Y.shape[1]] * K[a, e]
    return Y


def first_pixel(X, K):
    Y = corr2d(X, K)
    if X[0, 0] == 12345.0:  # here
        Y[0, 0] += 1
    return Y


def without_a_branch(X, K):
    return corr2d(X, K) + (X[0, 0] == 12345.0)


def bytes_of_it(X, K):
    return corr2d(X, K) + (X.tobytes() == b"12345")


def counting(X, K):
    calls.append(1)
    return corr2d(X, K) * (len(calls) < 10**9)


def by_the_clock(X, K):
    return corr2d(X, K) * (time.time() > 0)


def almost(X, K):
    return corr2d(X, K) * (1 + 2.0**-30)
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "programs.py"
    path.write_text(PROGRAMS, encoding="utf-8")
    return path


def certify(name: str, *words: str) -> Result:
    common = ["--case", CASE, "--arrays", "numpy", "--dtypes", "float32", "--seed", "3", "--json", "made.json"]
    return CliRunner().invoke(main, ["certify", name, *common, *words])


def made() -> dict[str, dict[str, object]]:
    return {line["name"]: line for line in json.loads(Path("made.json").read_text())["lines"]}


def line(said: str) -> str:
    """Where a line of the programs is."""
    return f"programs.py:{[said in one for one in PROGRAMS.splitlines()].index(True) + 1}"


@pytest.mark.parametrize(
    ("name", "which", "known", "says"),
    [
        ("without_a_branch", "selection", Known.DEPENDS, "eq of a value"),
        ("bytes_of_it", "control flow", Known.DEPENDS, "tobytes"),
        ("counting", "state", Known.DEPENDS, "calls"),
        ("by_the_clock", "world", Known.DEPENDS, f"time.time ({line('time.time()')})"),
        ("almost", "identity", Known.REFUTED, "another polynomial"),
    ],
)
def test_what_a_program_looks_at_is_told(programs: Path, name: str, which: str, known: Known, says: str) -> None:
    spec = find(f"programs.py:{name}", form="corr2d", arrays="numpy", folder=str(programs.parent))
    with Remote(spec) as remote:
        support = Support(frozenset(), {}, "corr2d", said=options.of("corr2d"))
        trial = Trial("certify", Case.parse(CASE), 1, spec, support, remote)
        lines = [*white_box.examine(trial, np.random.default_rng(1)), *state(trial)]
    [found] = [one for one in lines if one.name == which]
    assert found.known is known
    assert says in found.evidence


def test_a_trigger_is_named_and_the_certificate_stays_open(programs: Path) -> None:
    done = certify("programs.py:first_pixel", "--memcheck", "never", "--no-tests")
    assert done.exit_code == 3, done.output
    assert made()["control flow"]["places"] == [line("# here")]
    assert f"OPEN  programs.py:first_pixel  {CASE} dtype=float32 data=unit  control flow: eq of" in done.output


@pytest.mark.slow
def test_without_memcheck_arrays_of_objects_show_no_course(programs: Path) -> None:
    done = certify("programs.py:corr2d", "--memcheck", "never", "--no-tests")
    assert done.exit_code == 3
    lines = made()
    assert lines["identity"]["status"].startswith("shown with error probability ≤ 2^-1")  # type: ignore[attr-defined]
    assert lines["control flow"]["known"] == "not examined" == lines["machine code"]["known"]
    assert (lines["rounding"]["known"], lines["other cases"]["known"]) == ("predicted", "not examined")
    assert lines["interpreter"]["known"] == lines["unaware"]["known"] == "assumed"


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_a_right_program_is_certified_and_every_page_says_so(programs: Path) -> None:
    done = certify("programs.py:corr2d", "--markdown", "made.md", "--html", "made.html")
    assert done.exit_code == 0, done.output
    assert "CERTIFIED" in done.output
    lines = made()
    assert lines["footprint"]["evidence"].endswith("0 missing, 0 extra")  # type: ignore[attr-defined]
    for file in ("made.md", "made.html"):
        text = html.unescape(Path(file).read_text(encoding="utf-8")).replace("\\", "")
        missing = [said for line in lines.values() if (said := str(line["says"])[:30]) not in text]
        assert not missing, file


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_memcheck_names_the_line_of_a_trigger(programs: Path) -> None:
    certify("programs.py:first_pixel", "--no-tests")
    assert line("# here") in made()["machine code"]["places"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["programs.py:corr2d", "--case", "x=1"], "needs 4 numbers"),
        (["programs.py:corr2d", "--case", "x=2,1,5,6 w=1,1,2,3", "--arrays", "numpy"], "cannot express"),
        (["programs.py:nothing", "--case", CASE], "nothing"),
        (["programs.py:corr2d", "--case", CASE, "--json", "no/where.json"], "cannot write"),
    ],
)
def test_bad_input_is_refused(programs: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(main, ["certify", *words])
    assert done.exit_code == 2
    assert said in done.output


LOG = """\
**7** corrbench: marked x
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x1234: cheat (kernel.c:12)
==7==    by 0x5678: ffi_call (in /usr/lib/libffi.so)
==7==
==7== Use of uninitialised value of size 8
==7==    at 0x1234: memcpy (in /usr/lib/libc.so)
==7==    by 0x9999: table (in /home/u/lib.so)
==7==
**7** corrbench: marked none
==7== Conditional jump or move depends on uninitialised value(s)
==7==    at 0x1234: ours (own.c:1)
"""


def test_reports_are_read_by_operand_with_their_places() -> None:
    assert memcheck.places(LOG) == {"x": ["cheat (kernel.c:12)", "table (lib.so)"], "none": ["ours (own.c:1)"]}


@pytest.mark.parametrize(("missing", "said"), [("valgrind", "not installed"), ("cc", "no C compiler")])
def test_what_memcheck_lacks_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, said: str) -> None:
    gone = ("cc", "gcc", "clang") if missing == "cc" else (missing,)
    monkeypatch.setattr(shutil, "which", lambda name: None if name in gone else f"/usr/bin/{name}")
    with pytest.raises(memcheck.Unavailable, match=said):
        memcheck.compiled(tmp_path)
