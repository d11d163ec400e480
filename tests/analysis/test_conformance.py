"""A run becomes a row: what is marked where, and how a known finding is told from a new one."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from corrbench import peers
from corrbench.analysis.baseline import Baseline, Known
from corrbench.analysis.conformance import ARGUMENTS, CONDUCT, MODES, SECTIONS, Mark, Peer, column_of, peer
from corrbench.case import Case
from corrbench.checks import registry
from corrbench.cli import main
from corrbench.peers import Conformance
from corrbench.render import conformance as render
from corrbench.result import Figures, Result, Run, Status
from corrbench.support import needs

PLAIN = Case(x=(1, 2, 5, 6), w=(3, 2, 2, 2), data="small")
STRIDED = PLAIN.but(stride=(2, 2))
PADDED = STRIDED.but(padding=(1, 1, 1, 1))
HALF = PLAIN.but(dtype="float16")


def result(check: str, case: Case, status: Status = Status.PASS, **numbers: Any) -> Result:
    return Result(
        check=check, case=case, status=status, numbers=Figures(**numbers), message="wrong" if status != "pass" else ""
    )


def row(*results: Result, form: str = "conv2d", arrays: str = "torch", **more: Any) -> Peer:
    run = Run(target="lib", form=form, arrays=arrays, seed=1, results=list(results), **more)
    run.planned = run.judged = len(results)
    return peer(run)


def test_what_passed_is_marked_where_it_was_asked() -> None:
    made = row(result("values.exact", STRIDED), result("gradients.second", PLAIN), unsupported={"dilation": "no"})
    assert made.cells["float32"] == made.cells["stride"] == made.cells["second"] == "✓"
    assert made.cells["dilation"] == "–"
    assert made.cells["padding"] == made.cells["float64"] == ""


def test_a_finding_counts_at_the_arguments_that_all_its_cases_ask_for() -> None:
    made = row(
        result("values.exact", STRIDED, Status.FAIL, array="y"),
        result("values.exact", PADDED, Status.FAIL, array="y"),
        result("values.exact", PLAIN),
        result("values.exact", PLAIN.but(padding=(1, 1, 1, 1))),
        result("state.sequence", PADDED, Status.FAIL, array="y"),
        result("state.many", PLAIN),
    )
    assert made.cells["stride"] == made.cells["float32"] == "✗"
    assert made.cells["padding"] == "✓"
    assert made.cells["repeated calls"] == "✓"  # wrong values show everywhere
    assert [one.kind for one in made.found] == ["new"]
    assert made.found[0].cases == 2


def test_conduct_and_derivatives_have_their_own_columns() -> None:
    made = row(
        result("special.footprint", HALF, Status.FAIL),
        result("fuzz.search", HALF, Status.FAIL, array="gw"),
        result("values.exact", HALF),
    )
    assert made.cells["gradients"] == "✗"
    assert made.cells["float16"] == "✓"
    assert made.cells["NaN and Inf"] == "✗"


def test_known_findings_are_told_from_new_ones_and_conventions_from_faults() -> None:
    run = Run(target="lib", form="conv2d", seed=1, results=[
        result("values.exact", HALF, Status.FAIL), result("values.exact", STRIDED, Status.FAIL),
        result("contract.errors", PLAIN, Status.FAIL), result("values.exact", PLAIN),
    ])  # fmt: skip
    known = (
        Known(check="*", where=("the dtype is float16",), reason="r", finding="lib-half"),
        Known(check="contract.errors", cases=(str(PLAIN),), reason="r", finding="lib-swap", kind="different"),
        Known(check="values.exact", cases=(str(PLAIN),), reason="gone"),
    )
    Baseline(known=known).apply(run)
    made = peer(run)
    assert {(one.name, one.kind) for one in made.found} == {
        ("lib-half", "wrong"), ("lib-swap", "different"), ("", "new"),
    }  # fmt: skip
    assert made.cells["contract"] == "≠"
    assert made.cells["float16"] == "✗"
    assert made.fixed == ["gone"]
    assert len(made.fresh) == 1
    assert len(made.faults) == 2


def test_a_plane_over_numpy_arrays_refuses_arguments_and_derivatives() -> None:
    made = row(result("values.exact", Case(x=(1, 1, 5, 6), w=(1, 1, 2, 2))), form="corr2d", arrays="numpy")
    assert {made.cells[name] for name in (*ARGUMENTS, *SECTIONS["derivatives"])} == {"–"}


def test_errors_are_those_of_what_was_accepted() -> None:
    unit = PLAIN.but(data="unit")
    made = row(
        result("values.bound", unit, tier="bound", ratio=0.5, bits=22.0),
        result("values.bound", unit.but(data="range"), tier="bound", ratio=0.75, bits=1.0),
        result("values.bound", unit, Status.FAIL, tier="bound", ratio=9.0, bits=2.0),
    )
    assert made.errors == {"float32": (0.75, 22.0)}
    assert made.found[0].ratio == 9.0


def test_an_argument_that_was_never_right_is_wrong_whatever_else_is() -> None:
    made = row(
        result("values.exact", STRIDED, Status.FAIL, array="y"),
        result("values.exact", PLAIN, Status.FAIL, array="y"),
        result("values.exact", HALF),
    )
    assert made.cells["stride"] == "✗"
    assert made.cells["bias"] == ""


def test_every_check_has_a_column() -> None:
    assert {check.column for check in registry().values()} == {"", *MODES, *CONDUCT}
    assert len(CONDUCT) == 6
    homeless = {"values", "relations", "fuzz", "campaign", "source"}  # they count at element types and arguments
    for name in registry():
        asked = result(name, PADDED)
        assert column_of(asked) or name.partition(".")[0] in {*homeless, "module"}, name
    assert needs(PADDED) & set(ARGUMENTS) == {"stride", "padding"}


def test_a_row_survives_its_record() -> None:
    made = row(result("values.bound", HALF, Status.FAIL, tier="bound", ratio=3.0), result("values.exact", PLAIN))
    again = Peer.from_json(
        json.loads(json.dumps(Conformance(profile="quick", seed=1, peers=[made]).to_json()))["peers"][0]
    )
    assert again == made
    lone = row(result("contract.result", PLAIN, Status.CRASH))
    assert math.isnan(Peer.from_json(json.loads(json.dumps(lone.to_json()))).found[0].ratio)


def test_the_report_names_everything_and_escapes_what_targets_say() -> None:
    bad = row(
        Result(
            check="values.exact", case=PLAIN, status=Status.FAIL, message="<b>|`no`", reproduce="corrbench verify lib"
        )
    )
    gone = Peer(name="absent.lib", state="not installed", problem="no absent here")
    made = Conformance(profile="quick", seed=1, peers=[bad, gone])
    text = render.markdown(made, "corrbench peers")
    assert "&lt;b&gt;\\|\\`no\\`" in text
    assert "absent.lib" in text
    assert all(
        name in text for name in SECTIONS["arguments"] if name in render.SHORT.values() or name not in render.SHORT
    )
    assert made.verdict == "fail"
    assert Conformance(profile="quick", seed=1, peers=[gone]).verdict == "error"


def test_a_pass_needs_every_run_whole_and_everything_that_was_asked_for() -> None:
    right = row(result("values.exact", PLAIN))
    cut = row(result("values.exact", PLAIN), result("values.exact", HALF, Status.ERROR))
    gone = Peer(name="absent.lib", state="not installed")
    broken = Peer(name="broken.lib", state="not judged", problem="no compiler")

    def verdict(*peers: Peer, wanted: bool = False) -> str:
        return Conformance(profile="quick", seed=1, peers=list(peers), wanted=wanted).verdict

    assert verdict(right) == verdict(right, gone) == "pass"
    assert verdict(right, cut) == verdict(right, broken) == verdict(right, gone, wanted=True) == "error"
    assert verdict(cut, row(result("values.exact", PLAIN, Status.FAIL))) == "fail"


def test_names_are_libraries_or_targets() -> None:
    assert "scipy.correlate2d" in peers.names(["scipy"])
    assert peers.names(["scipy.correlate2d"]) == ["scipy.correlate2d"]
    assert "reference.corr2d" not in peers.names()
    with pytest.raises(ValueError, match=r"no library or target named 'fortran'.*scipy"):
        peers.names(["fortran"])


def test_a_library_that_no_environment_has_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict(peers.registered())
    target, declared = known["scipy.correlate2d"]
    known["gone.lib"] = (target, type(declared)(form="corr2d", needs="no_such_library.inner", about="nothing"))
    monkeypatch.setattr(peers, "registered", lambda: known)
    assert peers.places(["gone.lib", "scipy.correlate2d"], [sys.executable]) == {
        "gone.lib": None,
        "scipy.correlate2d": "",
    }
    with pytest.raises(ValueError, match="--python /no/such"):
        peers.places(["gone.lib"], ["/no/such"])


def test_the_command_judges_records_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["peers", "scipy.correlate2d", "--check", "values.exact", "--suite", "article", "--seed", "3", "--no-speed"]
    words.append("--no-fingerprint")
    first = CliRunner().invoke(main, [*words, "--report", "out"])
    assert first.exit_code == 0, first.output
    assert "1 target of 1 library judged" in first.output
    assert "scipy.correlate2d" in Path("out/conformance.md").read_text()
    made = json.loads(Path("out/conformance.json").read_text())
    assert made["schema"] == "corrbench-conformance/1"
    assert made["peers"][0]["cells"]["float32"] == Mark.RIGHT
    again = CliRunner().invoke(main, [*words, "--resume"])
    assert again.exit_code == 0
    assert "seed 3" in again.output
    other = CliRunner().invoke(main, [*words, "--seed", "4", "--resume"])
    assert other.exit_code == 2
    assert "--seed 3" in other.output


def test_a_target_that_takes_long_is_left_after_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["peers", "scipy.correlate2d", "--check", "values", "--seed", "3", "--no-speed", "--limit", "0.01"]
    words.append("--no-fingerprint")
    done = CliRunner().invoke(main, [*words, "--json", "t.json"])
    assert done.exit_code == 0, done.output
    (made,) = json.loads(Path("t.json").read_text())["peers"]
    assert 0 < made["asked"] < made["planned"]
    assert made["problem"].startswith("stopped at the limit of 0.01 s: ")
    assert made["counts"]["pass"] > 0


def test_a_table_is_not_continued_with_other_baselines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("known").mkdir()
    words = ["peers", "scipy.correlate2d", "--check", "values.exact", "--suite", "article", "--seed", "3", "--no-speed",
             "--baselines", "known"]  # fmt: skip
    assert CliRunner().invoke(main, words).exit_code == 0
    Path("known/scipy.correlate2d.json").write_text('{"schema": "corrbench-baseline/1", "known": []}')
    again = CliRunner().invoke(main, [*words, "--resume"])
    assert again.exit_code == 2
    assert "belongs to another command: known was" in again.output


@pytest.mark.parametrize("words", [["fortran"], ["--suite", "nope"], ["--check", "nope"], ["--python", "/no/such"]])
def test_bad_usage_is_told(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["peers", *words])
    assert done.exit_code == 2
    assert done.output.startswith(("corrbench:", "Usage:"))
