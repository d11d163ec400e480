"""What `bench` says follows from what it measured; what is wrong or impossible while timed is a finding."""

from __future__ import annotations

import json
import math
import random
import statistics
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from corrbench.case import Case
from corrbench.cli import main
from corrbench.judge.client import Remote
from corrbench.render import bench as render
from corrbench.render.compare import duration
from corrbench.suites import registry
from corrbench.target import Spec
from corrbench.timing import bench, interleaved, roofline
from corrbench.timing.bench import Bench, Timing
from corrbench.timing.crossover import FASTER, LEVEL, SLOWER, crossings, stands, stretches, sweep
from corrbench.timing.interleaved import Task
from corrbench.timing.minimum_work import Work, axis, work
from corrbench.timing.roofline import Machine
from corrbench.timing.stopwatch import opened
from tests.support import small_targets
from tests.support.refusals import within_two_seconds

CASE = "x=1,1,20,21 w=1,1,3,2 data=unit"
MACHINE = Machine({1 << 15: 80e9, 1 << 20: 40e9, 1 << 27: 20e9}, {"float32": 100e9, "float64": 50e9})
# What a memory of the past that reads no number can know: where x lies, and how often torch saw it written.
REMEMBERS = """
import torch
kept = {}
def corr2d(X, K):
    key = (X.data_ptr(), X._version, K.data_ptr(), X.shape, K.shape)
    if key not in kept:
        kept[key] = torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]
    return kept[key].clone()
"""


def row(target: str, task: Task, *samples: float, **more: Any) -> Timing:
    return Timing(target=target, task=task, samples=list(samples), **more)


def made(times: dict[str, list[float]], kernels: tuple[int, ...] = (3, 5, 7)) -> Bench:
    """A measurement of a row of kernels; each target's time with a little around it."""
    found = Bench(targets=tuple(times), machine=MACHINE)
    for index, k in enumerate(kernels):
        task = Task(Case.parse(f"x=1,1,64,64 w=1,1,{k},{k} data=unit"))
        rows = {}
        for name, seconds in times.items():
            one = seconds[index]
            base = times.get("torch", seconds)[index]
            rows[name] = row(name, task, 0.99 * one, one, 1.01 * one, ratios=[one / base], memory=8192.0, calls=9)
        found.rows[task] = rows
        bench.apply_roofline(rows.values(), MACHINE, work(task.case))
    return found


# ---- the least work


def brute(case: Case) -> tuple[int, int]:
    """Products and bytes counted one by one."""
    (n, c, h, w), (o, cg, kh, kw) = case.x, case.w
    top, _, left, _ = case.sides
    products, places, taps = 0, set(), set()
    for i in range(case.out[2]):
        for j in range(case.out[3]):
            for a in range(kh):
                for b in range(kw):
                    r = i * case.stride[0] + a * case.dilation[0] - top
                    s = j * case.stride[1] + b * case.dilation[1] - left
                    if 0 <= r < h and 0 <= s < w:
                        products += 1
                        places.add((r, s))
                        taps.add((a, b))
    elements = n * c * len(places) + o * cg * len(taps) + math.prod(case.out) + o * case.bias
    return products * n * o * cg, 4 * elements


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_least_work_is_what_counting_gives(data: st.DataObject) -> None:
    def pick(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    dilation, stride = (pick(1, 3), pick(1, 3)), (pick(1, 4), pick(1, 4))
    sides = (pick(0, 4), pick(0, 4), pick(0, 4), pick(0, 4))
    kh, kw = pick(1, 4), pick(1, 4)
    shape = (
        max(1, pick(1, 8) + dilation[0] * (kh - 1) - sides[0]),
        max(1, pick(1, 8) + dilation[1] * (kw - 1) - sides[2]),
    )
    case = Case(x=(pick(1, 2), 4, *shape), w=(2, 2, kh, kw), groups=2, dilation=dilation, stride=stride, padding=sides,
                bias=data.draw(st.booleans()))  # fmt: skip
    found = work(case)
    assert (found.products, found.moved) == brute(case)
    assert found.products <= case.macs
    assert 0 <= found.fewest <= found.products
    assert work(case, "backward").products == 3 * found.products


def test_without_padding_all_products_count() -> None:
    for case in registry()["kernels"](1, 0):
        assert work(case).products == case.macs
        assert work(case).moved == 4 * (math.prod(case.x) + math.prod(case.w) + math.prod(case.out))
    assert axis(10, 1, 2, 9, 1, 0) == (2, 2, 1)  # a wide stride leaves most of the image unread


# ---- what the machine can do


def test_limits_follow_from_rates() -> None:
    assert MACHINE.bandwidth(100) == 80e9
    assert MACHINE.bandwidth(1 << 21) == 40e9
    assert MACHINE.bandwidth(1 << 30) == 20e9
    assert MACHINE.least(Work(10**9, 10**8, 1000), "float32") == (2e9 / 100e9, "arithmetic")
    assert MACHINE.least(Work(10, 10, 1 << 20), "float32") == ((1 << 20) / 40e9, "memory")
    assert MACHINE.least(Work(10**9, 10**8, 1 << 20), "int8")[1] == "memory"
    assert math.isnan(Machine().least(Work(1, 1, 1), "float32")[0])
    assert Machine().floor(Work(1, 1, 1), "float32") == 0
    both = MACHINE.best_of(Machine({1 << 15: 90e9, 1 << 20: 1e9, 1 << 27: 2e9}, {"float32": 101e9, "float64": 1e9}))
    assert both.copying[1 << 15] == 90e9
    assert both.copying[1 << 20] == 40e9
    assert both.multiplying == {"float32": 101e9, "float64": 50e9}
    assert Machine().best_of(MACHINE) == MACHINE.best_of(Machine()) == MACHINE


def test_the_floor_lets_pass_what_multiplies_less() -> None:
    """By transforms the work hardly grows with the kernel, and with the direct sum's it begins."""
    found = [work(Case.parse(f"x=1,1,512,512 w=1,1,{k},{k}")) for k in (1, 3, 31, 101)]
    assert found[0].fewest == found[0].products
    assert found[1].fewest == pytest.approx(found[1].products, rel=0.25)
    assert found[2].fewest < found[2].products / 30
    assert found[3].fewest < found[2].fewest * 1.5
    chance = random.Random(4)
    for _ in range(200):
        products = chance.randrange(1, 1 << 34)
        needed = Work(products, products * chance.random(), chance.randrange(1, 1 << 30))
        assert MACHINE.floor(needed, "float64") <= MACHINE.least(needed, "float64")[0] / roofline.SLACK


@pytest.mark.slow
def test_the_machine_is_measured() -> None:
    found = roofline.measure(-1)
    assert set(found.copying) == set(roofline.FOOTPRINTS)
    assert all(1e7 < rate < 1e13 for rate in (*found.copying.values(), *found.multiplying.values()))


def test_a_machine_that_cannot_be_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline.sys, "executable", "/nonexistent/python")
    with pytest.raises(roofline.Unmeasured, match="could not be measured"):
        roofline.measure(-1)


# ---- numbers of a row


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-7, 10), min_size=2, max_size=60))
def test_median_quartiles_and_rates(samples: list[float]) -> None:
    one = row("t", Task(Case.parse(CASE)), *samples)
    assert one.seconds == statistics.median(samples)
    np.testing.assert_allclose(one.quartiles, np.quantile(samples, [0.25, 0.75]))
    assert one.spread >= 0
    assert one.rate == pytest.approx(2 * one.task.case.macs / one.seconds)


def test_operations_of_gradients_and_complex_numbers() -> None:
    case = Case.parse(CASE)
    assert row("t", Task(case, "backward")).operations == 6 * case.macs
    assert row("t", Task(case.but(dtype="complex64"))).operations == 8 * case.macs


def test_json_is_complete_and_has_no_nan() -> None:
    found = made({"a": [1e-3, 2e-3, 3e-3], "torch": [2e-3, 2e-3, 2e-3]})
    task = next(iter(found.rows))
    found.rows[task]["a"] = row("a", task, note="too slow")
    record = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert record["schema"] == "corrbench-bench/1"
    assert record["verdict"] == "passed"
    assert record["cases"][0]["targets"][0]["seconds"] is None
    assert record["cases"][0]["targets"][0]["note"] == "too slow"
    second = record["cases"][1]["targets"][0]
    assert second["seconds"] == 2e-3
    assert second["ratio"] == 1
    assert second["gflops"] == pytest.approx(2 * 60 * 60 * 25 / 2e-3 / 1e9)
    assert second["memory_bytes"] == 8192
    assert record["machine"]["gemm_operations_per_second"]["float64"] == 50e9


def test_means_leave_out_what_was_not_timed() -> None:
    found = made({"a": [1.0, 8.0, 4.0], "torch": [1.0, 2.0, 1.0]})
    assert found.mean_ratio("a") == pytest.approx(16 ** (1 / 3))
    found.rows[next(iter(found.rows))]["a"].ratios = []
    assert found.mean_ratio("a") == pytest.approx(4)


# ---- verdicts


def test_wrong_and_impossible_count_for_those_that_were_asked_for() -> None:
    found = made({"a": [1e-3] * 3, "torch": [1e-3] * 3})
    found.targets = ("a",)
    rows = next(iter(found.rows.values()))
    rows["torch"].wrong = "1 of 2 elements differ"
    assert found.verdict == "passed"
    rows["a"].impossible = "too fast"
    assert found.verdict == "impossible"
    rows["a"].wrong = "1 of 2 elements differ"
    assert found.verdict == "wrong"
    assert Bench(targets=("a",)).verdict == "unjudged"


def test_a_time_below_the_floor_is_rejected() -> None:
    """Two operations for each of the fewest products, at 100 GFLOP/s; a quarter of that is let pass, less is not."""
    task = Task(Case.parse("x=1,1,256,256 w=1,1,7,7 data=unit"))
    floor = MACHINE.floor(work(task.case), "float32")
    assert floor == pytest.approx(2 * (250 * 250 + (256 * 256 + 250 * 250) * math.log2(49)) / 100e9 / 4)
    for seconds, rejected in ((0.9 * floor, True), (1.1 * floor, False)):
        one = row("a", task, seconds)
        bench.apply_roofline([one], MACHINE, work(task.case))
        assert bool(one.impossible) is rejected
        assert one.limit == "arithmetic"


# ---- crossovers


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([FASTER, SLOWER, LEVEL]), min_size=1, max_size=12))
def test_stretches_say_the_same_as_the_list(standing: list[str]) -> None:
    sizes = list(range(3, 3 + 2 * len(standing), 2))
    found = stretches(sizes, standing)
    assert [part.how for part in found for k in sizes if part.first <= k <= part.last] == standing
    assert all(a.how != b.how for a, b in pairwise(found))


def test_crossings_in_words() -> None:
    found = crossings(made({"a": [1.0, 2.0, 4.0], "b": [2.0, 2.0, 2.0], "c": [5.0, 6.0, 7.0]}))
    assert found == [
        "a beside b: faster at 3²; level at 5²; slower at 7². They cross between 3² and 7².",
        "a is faster than c at every kernel, 3² to 7²",
        "b is faster than c at every kernel, 3² to 7²",
    ]


def test_who_is_faster_is_seen_through_drift_of_the_machine() -> None:
    """Both become ten times slower on the way; in each round one takes 5 % longer."""
    task = Task(Case.parse(CASE))
    drift = [1 + 9 * index / 39 for index in range(40)]
    one, other = row("a", task, *drift), row("b", task, *(1.05 * t for t in drift))
    assert stands(one, other) == FASTER
    assert stands(other, one) == SLOWER
    assert stands(one, one) == LEVEL
    assert stands(row("c", task, 1.0, 1.0, 1.0, 1.0), row("d", task, 2.0, 2.0, 0.5, 0.5)) == LEVEL


def test_only_a_row_of_kernels_has_crossings() -> None:
    found = made({"a": [1.0, 2.0, 4.0]})
    assert list(sweep(found)) == [3, 5, 7]
    other = Task(Case.parse("x=1,1,65,64 w=1,1,9,9"))
    found.rows[other] = {"a": row("a", other, 1.0)}
    assert sweep(found) == {}
    assert crossings(found) == []
    assert sweep(made({"a": [1.0, 2.0]}, (3, 5))) == {}


# ---- what is shown


def shown(found: Bench) -> str:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        render.show(console, found)
    return console.export_text()


def test_the_table_fits_and_has_the_numbers() -> None:
    found = made({"a" * 60: [1e-3, 2e-3, 4e-3], "torch": [2e-3, 2e-3, 2e-3]})
    next(iter(found.rows.values()))["torch"].note = "one call takes 3 s"
    text = shown(found)
    assert max(map(len, text.splitlines())) <= 100
    line = next(line for line in text.splitlines() if "aaa" in line)
    assert line.split()[1:] == ["1.00", "ms", "1.0%", "0.0692", "0.069%", "0.5", "8", "KiB"]
    assert "torch: not timed: one call takes 3 s" in text
    assert "limit 692 ns, arithmetic" in text
    assert "100 GFLOP/s in float32" in text


def test_the_report_has_a_row_for_each_target_and_marks_the_fastest() -> None:
    found = made({"a": [1e-3, 2e-3, 4e-3], "torch": [2e-3, 3e-3, 2e-3]})
    text = render.markdown(found, "corrbench bench a", "performance.svg", {"python": "3.11"})
    assert "| 3×3 | 692 ns | **1.00 ms** | 2.00 ms |" in text
    assert "They cross between 5² and 7²" in text
    assert text.count("` | torch |") == 3
    assert "![time of a call](performance.svg)" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {5, 9}


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "< 4 KiB"), (4096, "4 KiB"), (999 << 10, "999 KiB"), (1001 << 10, "0.978 MiB"), (3 << 29, "1.5 GiB")],
)
def test_bytes_in_words(count: int, said: str) -> None:
    assert render.size(count) == said


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-9, 999))
def test_times_have_three_figures_and_no_exponent(seconds: float) -> None:
    figures, unit = duration(seconds).split()
    assert "e" not in figures
    size = {"s": 1, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9}[unit]
    assert float(figures) * size == pytest.approx(seconds, rel=6e-3)


def test_shares_have_two_figures() -> None:
    assert [render.share(one) for one in (0.0000463, 0.0311, 0.0996, 0.5, 1.22, math.nan)] == [
        "0.0046%", "3.1%", "10%", "50%", "122%", "",
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=6))
def test_names_beside_lines_do_not_overlap(seconds: list[float]) -> None:
    places = render.apart([(one, "", "") for one in seconds], 1e-6, 1.0)
    assert places == sorted(places)
    shares = [math.log(place / 1e-6) / math.log(1e6) for place in places]
    assert all(b - a > 0.04 for a, b in pairwise(shares))


@pytest.mark.parametrize("kernels", [(3, 5, 7), (3, 5)])
def test_the_plot_names_every_target_and_its_units(kernels: tuple[int, ...], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from corrbench.commands.bench import draw

    found = made({"a": [1e-3, 2e-3, 4e-3], "torch": [2e-3, 3e-3, 2e-3]}, kernels)
    files = [tmp_path / "one.svg", tmp_path / "other.svg"]
    for file in files:
        draw(render.figure(found), str(file))
    text = files[0].read_text()
    assert text == files[1].read_text()
    for word in ("a", "torch (F.conv2d)", "limit of a direct sum", render.SPREAD):
        assert f">{word}</text>" in text


@pytest.mark.parametrize("kernels", [(3, 5, 7), (3, 5)])
def test_the_plot_shows_how_times_spread(kernels: tuple[int, ...]) -> None:
    pytest.importorskip("matplotlib")
    found = made({"a": [1e-3, 2e-3, 4e-3], "torch": [2e-3, 3e-3, 2e-3]}, kernels)
    [axes] = render.figure(found).axes
    across = 1 if len(kernels) > 2 else 0  # times go up beside kernels, and to the right for single cases
    drawn = {float(one) for part in axes.collections for path in part.get_paths() for one in path.vertices[:, across]}
    assert {end for row in found.all_rows for end in row.quartiles} <= drawn


# ---- the command


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """One block of few samples, no measurement of the machine, no torch beside."""
    monkeypatch.setattr(bench, "BLOCKS", 1)
    monkeypatch.setattr(interleaved, "SIDE_BY_SIDE", replace(interleaved.SIDE_BY_SIDE, samples=5))
    monkeypatch.setattr(bench, "BASELINE", "base.py:corr2d")
    monkeypatch.setattr(roofline, "measure", lambda core: MACHINE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.py").write_text(small_targets.RIGHT)
    return tmp_path


def typed(*words: str) -> Result:
    done = CliRunner().invoke(main, ["bench", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert "Traceback" not in done.output
    return done


ASKED = ["base.py:corr2d", "--arrays", "numpy", "--case", CASE, "--seed", "3"]


@pytest.mark.usefixtures("brief")
def test_measured(folder: Path) -> None:
    done = typed(*ASKED, "--json", "b.json", "--markdown", "b.md")
    assert done.exit_code == 0, done.output
    record = json.loads((folder / "b.json").read_text())
    assert record["seed"] == 3
    assert record["command"].startswith("corrbench bench base.py:corr2d --arrays numpy --case 'x=1,1,20,21")
    (one,) = record["cases"][0]["targets"]
    assert 1e-7 < one["lower_quartile"] <= one["seconds"] <= one["upper_quartile"] < 1
    assert one["ratio"] == 1
    assert one["checked"] == 1
    assert one["samples"] == 5
    assert "base.py:corr2d" in (folder / "b.md").read_text()
    assert any(f"{word}: 1 of 1 timed; 1 of" in done.output for word in ("MEASURED", "NOISY"))  # as the machine is


@pytest.mark.usefixtures("brief")
def test_wrong_while_it_is_timed(folder: Path) -> None:
    (folder / "mine.py").write_text(small_targets.FLIPPED)
    done = typed("mine.py:corr2d", *ASKED)
    assert done.exit_code == 1
    assert "WRONG" in done.output
    assert "mine.py:corr2d: wrong while it was timed: 360 of 360 elements differ" in " ".join(done.output.split())


@pytest.mark.usefixtures("brief")
def test_faster_than_possible(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = interleaved._sample

    def sampled(watch: Any, by: int, number: int, found: interleaved.Samples, *, check: bool) -> None:
        honest(watch, by, number, found, check=check)
        found.seconds[-1] = 1e-9

    monkeypatch.setattr(interleaved, "_sample", sampled)
    done = typed(*ASKED)
    assert done.exit_code == 1
    assert "IMPOSSIBLE" in done.output
    assert "it was not computed in the calls that were timed" in " ".join(done.output.split())


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_one_that_is_too_slow_or_refuses_is_left_out_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaved, "SIDE_BY_SIDE", replace(interleaved.SIDE_BY_SIDE, longest=0.03))
    (folder / "slow.py").write_text(small_targets.SLOW)
    done = typed("slow.py:corr2d", *ASKED, "--json", "b.json")
    assert done.exit_code == 0
    first, second = json.loads((folder / "b.json").read_text())["cases"][0]["targets"]
    assert first["note"].startswith("one call takes")
    assert first["seconds"] is None
    assert second["ratio"] == 1
    alone = typed("slow.py:corr2d", "--arrays", "numpy", "--case", CASE)
    assert alone.exit_code == 2
    assert "NOTHING TIMED" in alone.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "'nosuch' is not a registered target"),
        (["nosuch.py:f"], "no such file: nosuch.py"),
        (["base.py:corr2d", "base.py:corr2d"], "base.py:corr2d is named more than once"),
        (["torch", "--suite", "nosuch"], "no suite named 'nosuch'"),
        (["torch", "--case", "x=1"], "x=1 needs 4 numbers"),
        (["torch", "--json", "no/b.json"], "cannot write no/b.json: no such folder"),
        (["torch", "--markdown", "no/b.md"], "cannot write no/b.md: no such folder"),
        (["torch", "--plot", "b.gif"], "--plot b.gif: the name must end in .svg"),
        (["torch", "--report", "base.py"], "base.py"),
    ],
)
def test_bad_input_is_one_message(folder: Path, words: list[str], said: str) -> None:
    with within_two_seconds():
        done = typed(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert done.output.count("\n") <= 4  # click says how to get help, too


@pytest.mark.usefixtures("folder")
def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    from corrbench.commands import bench as command

    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    done = typed("torch", "--plot", "b.svg")
    assert done.exit_code == 2
    assert "pip install 'corrbench[plot]'" in done.output


# ---- what is timed is checked, and weighed


def test_a_target_that_remembers_where_it_was_called_is_wrong(tmp_path: Path) -> None:
    with Remote(Spec(target=small_targets.write(tmp_path, REMEMBERS))) as remote:
        watch = opened(remote, Case.parse(CASE), "forward", 3)
        watch.turn(5)
        watch.run(40)
        assert "elements differ" in watch.check()


def test_gradients_are_checked_too(tmp_path: Path) -> None:
    source = """
import torch
class F(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, K):
        ctx.save_for_backward(X, K)
        return torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]
    @staticmethod
    def backward(ctx, g):
        X, K = ctx.saved_tensors
        return torch.zeros_like(X), torch.nn.functional.conv2d(X[None, None], g[None, None])[0, 0]
def corr2d(X, K):
    return F.apply(X, K)
"""
    with Remote(Spec(target=small_targets.write(tmp_path, source))) as remote:
        watch = opened(remote, Case.parse(CASE), "backward", 3)
        watch.run(3)
        assert watch.check().startswith("gx: ")


def test_memory_is_that_of_one_call(tmp_path: Path) -> None:
    source = small_targets.RIGHT.replace("    Y = ", "    more = np.ones(1 << 21)\n    Y = ")
    with Remote(Spec(target=small_targets.write(tmp_path, source), arrays="numpy")) as remote:
        memory = opened(remote, Case.parse(CASE), "forward", 3).memory()
    assert math.isnan(memory) or 14 << 20 < memory < 20 << 20


def test_a_limit_leaves_out_what_it_has_no_time_for_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(bench.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(bench.roofline, "measure", lambda core: MACHINE)
    monkeypatch.setattr(bench.interleaved, "fresh", lambda targets: nullcontext(dict.fromkeys(targets)))
    taken: list[str] = []

    def block(remotes: Mapping[str, Any], task: Task, *_: Any, **__: Any) -> dict[str, interleaved.Samples]:
        taken.append(str(task))
        return {name: interleaved.Samples(seconds=[1.0], calls=1) for name in remotes}

    monkeypatch.setattr(bench.interleaved, "block", block)
    spec = Spec(target="torch.nn.functional:conv2d")
    texts = (CASE, "x=1,1,9,9 w=1,1,3,3", "x=1,1,7,7 w=1,1,3,3")
    several = [Task(case=Case.parse(text), mode="forward") for text in texts]
    made = bench.measure({"torch": spec}, ["torch"], several, 1, lambda *_: None, blocks=5, limit=25.0)
    assert len(taken) == 2
    assert made.blocks == 1
    [left] = [row for row in made.all_rows if not row.samples]
    assert "within the limit" in left.note


def test_a_limit_that_is_no_time_is_refused() -> None:
    asked = CliRunner().invoke(main, ["bench", "torch", "--case", CASE, "--limit", "soon"])
    assert (asked.exit_code, "--limit 'soon' is no time" in asked.output) == (2, True)
