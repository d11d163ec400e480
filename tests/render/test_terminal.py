"""What a terminal shows: that a command works, from its first moment; tables that fit; colours only where wanted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from corrbench.analysis.causes import Digest
from corrbench.case import Case
from corrbench.cli import main
from corrbench.history import ChangePoint, Point, Series
from corrbench.render import bench, compare, history, terminal
from corrbench.result import Result, Run, Status
from corrbench.timing.bench import Bench, Timing
from corrbench.timing.interleaved import Task
from corrbench.timing.paired import PairedComparison
from corrbench.timing.significance import CaseComparison, Verdict
from tests.support import small_targets

ROOT = Path(__file__).parents[2]
CASE = "x=1,16,28,28 w=32,16,3,3 padding=1,1 dtype=float32 data=unit"
# Each ends as soon as it has been found that there is nothing to do, after the imports that take long.
IDLE = {
    "verify": ["none.py:f"],
    "audit": ["--only", "none"],
    "bench": ["torch", "--suite", "none"],
    "compare": ["torch", "none"],
    "gate": ["--base", "main", "torch"],
    "history": ["--results", "none"],
    "peers": ["none"],
}


def shown(folder: Path, *words: str, columns: int = 80, **variables: str) -> tuple[int, str]:
    """Exit code and all that a terminal of that width gets."""
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process, terminal_end = pty.fork()
    if process == 0:  # pragma: no cover
        os.chdir(folder)
        environment = plain | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | variables
        os.execve(sys.executable, [sys.executable, "-m", "corrbench", *words], environment)
    fcntl.ioctl(terminal_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    pieces = []
    while True:
        try:
            piece = os.read(terminal_end, 1 << 16)
        except OSError:  # the other end is closed
            break
        pieces.append(piece)
    os.close(terminal_end)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return code, b"".join(pieces).decode()


pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of forkpty:DeprecationWarning")


@pytest.mark.parametrize("command", IDLE)
def test_a_command_shows_from_the_start_that_it_works(command: str, tmp_path: Path) -> None:
    code, text = shown(tmp_path, command, *IDLE[command])
    assert code == 2, text
    assert f"{command}: loading" in text.partition("corrbench: ")[0]
    code, text = shown(tmp_path, command, *IDLE[command], "--quiet")
    assert code == 2, text
    assert "loading" not in text
    assert text.startswith("corrbench: "), "one line that says what is wrong"


@pytest.mark.parametrize("name", IDLE)
def test_every_command_can_be_quiet(name: str) -> None:
    command = main.get_command(main.make_context("corrbench", [name], resilient_parsing=True), name)
    assert command is not None
    assert {"-q", "--quiet"} <= {word for parameter in command.params for word in parameter.opts}


def test_nothing_is_shown_where_there_is_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["history", "--results", "none"])
    assert done.exit_code == 2
    assert "loading" not in done.output


def test_colours_are_there_or_not_as_the_user_wishes(tmp_path: Path) -> None:
    target = small_targets.write(tmp_path, small_targets.FLIPPED)
    words = ["verify", target, "--arrays", "numpy", "--check", "values.exact", "--case",
             "x=1,1,5,6 w=1,1,2,3 dtype=float64 data=small", "--seed", "3"]  # fmt: skip
    colour = re.compile(r"\x1b\[(?:\d+;)*(?:3[1-6]|9[1-6])")
    _, text = shown(tmp_path, *words, columns=60)
    assert colour.search(text)
    table = next(line for line in text.splitlines() if line.startswith("values.exact"))
    assert len(table.rstrip()) <= 60
    assert "…" not in text.partition("check  ")[2]
    _, text = shown(tmp_path, *words, NO_COLOR="1")
    assert not colour.search(text)


def test_a_log_has_wide_lines_unless_its_width_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    from corrbench.cli import output

    assert output(None).width == 160
    monkeypatch.setenv("COLUMNS", "70")
    assert output(None).width == 70
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert output(None).width == 160


# ---- tables on narrow terminals


def lines(show: object, width: int, *words: object) -> list[str]:
    console = Console(width=width, highlight=False, record=True, file=Path(os.devnull).open("w"))  # noqa: SIM115
    show(console, *words)  # type: ignore[operator]
    console.file.close()
    return console.export_text().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_table_fits(width: int) -> None:
    results = [
        Result(check=name, case=Case.parse(CASE), status=Status.PASS)
        for name in ("contract.result", "relations.exchange")
    ]
    run = Run(target="a.py:f", form="conv2d", seed=1, results=results, planned=2, judged=2)
    task = Task(Case.parse(CASE), "forward")
    row = Timing(target="reference.conv2d", task=task, samples=[1e-4] * 3, ratios=[1.1], memory=1e6, least=1e-5,
              limit="memory")  # fmt: skip
    case = CaseComparison(case=CASE, mode="backward", verdict=Verdict.INCONCLUSIVE, a=1.234e-4, b=1.245e-4,
                          change=0.0123, low=-0.0123, high=0.0345)  # fmt: skip
    series = Series(benchmark="layers.Time.time_forward", params=("'resnet'", "'torch'"), machine="ci", unit="seconds",
                    points=[Point("c" * 40, 1.0 * n, 1e-3 * n) for n in range(30)])  # fmt: skip
    change = ChangePoint(series=series, commit="c" * 40, before=0.001, after=0.0012, p=1e-7)
    found = {
        "verify": lines(terminal.show, width, Digest(run)),
        "bench": lines(bench.show, width, Bench(targets=(row.target,), rows={task: {row.target: row}})),
        "compare": lines(compare.show, width, PairedComparison(cases=[case])),
        "history": lines(history.show, width, [series], [change]),
    }
    for name, text in found.items():
        tables = [line for line in text if "  " in line.strip() and not line.startswith(("corrbench", "x="))]
        assert tables, name
        assert not [line for line in text if "…" in line], f"{name}: {text}"
        assert max(map(len, map(str.rstrip, tables))) <= width, f"{name}: {text}"
    assert any("inconclusive" in line for line in found["compare"])


# ---- before the work


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "torch", "--json", "none/a.json"),
        ("verify", "torch", "--markdown", "none/a.md"),
        ("verify", "torch", "--junit", "none/a.xml"),
        ("verify", "torch", "--report", "file/folder"),
        ("audit", "--json", "none/a.json"),
        ("audit", "--report", "file/folder"),
        ("bench", "torch", "--report", "file/folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, [*words])
    assert done.exit_code == 2
    assert done.output.startswith("corrbench: cannot write ")
    assert len(done.output.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "nothing was begun"
