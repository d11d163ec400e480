"""Programs written to break what is built: each is found, or ends in a named result; what is not found is said too.

All are in tests/support/hostile_programs. METHODOLOGY.md, section 10, has what such programs can and cannot do.
"""

from __future__ import annotations

import pickle
import pickletools
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from corrbench import checks
from corrbench.case import Case
from corrbench.judge.client import Remote
from corrbench.judge.trial import Trial, conclude
from corrbench.result import Result, Status
from corrbench.runner import executors
from corrbench.runner.plan import Batch, Job
from corrbench.support import Support
from corrbench.target import Spec
from corrbench.timing.stopwatch import Stopwatch, opened

FOLDER = Path(__file__).parents[1] / "support" / "hostile_programs"
CASE = Case(x=(1, 1, 6, 7), w=(1, 1, 3, 2), dtype="float64", data="small")
SUPPORT = Support(frozenset({"float64", "float32"}), {}, "corr2d")
SOON = "fills_on_alarm", "spoils_by_quiet_thread", "module_of_its_reader", "forged_words"  # the others are slow
VALUES, GLOBALS, ATTEMPTS, MEMORY = "values.exact", "contract.globals", "attempts.judge", "memory.operands"

FOUND = [  # the program, the check that finds it, what is said
    # results that are completed while they are read
    ("fills_on_alarm", VALUES, "elements differ"),
    ("fills_on_alarm", GLOBALS, "a timer that sends signals"),
    ("fills_by_trace", VALUES, "elements differ"),
    ("fills_by_trace", GLOBALS, "trace function"),
    ("fills_by_profile", GLOBALS, "profile function"),
    ("fills_by_garbage", VALUES, "elements differ"),
    ("fills_by_audit", ATTEMPTS, "sys.addaudithook"),
    ("fills_by_thread", ATTEMPTS, "sys._current_frames"),
    ("fills_by_thread", GLOBALS, "interval at which threads take turns"),
    ("fills_by_quiet_thread", "state.sequence", ""),  # still zeros, or changed since: whichever is first
    ("spoils_by_quiet_thread", MEMORY, "y of the calls before changed after it had been returned"),
    ("spoils_by_old_child", MEMORY, "changed after it had been returned"),
    ("spoils_earlier_results", "state.sequence", "changed after it had been returned"),
    ("filled_by_backward", "memory.operands", "y changed after it had been returned"),
    # those who read, and what they read with
    ("code_of_its_reader", ATTEMPTS, "changed a function that watches over it (describe.__code__)"),
    ("module_of_its_reader", ATTEMPTS, "replaced operands.np"),
    ("module_of_its_reader", VALUES, "elements differ"),
    ("methods_of_arrays", VALUES, "elements differ"),
    ("methods_of_arrays", ATTEMPTS, "gc.get_referents"),
    ("patches_what_reads", VALUES, "elements differ"),
    ("patches_what_reads", GLOBALS, "zlib.crc32"),
    ("answers_in_the_list", "state.elsewhere", "elements differ"),
    ("lies_about_its_class", "contract.result", "not a numpy.ndarray"),
    ("subclass_by_assignment", "contract.result", "class of its own that calls itself numpy.ndarray"),
    ("right_where_home_is_temporary", "use.script", "elements differ"),
    # looking for the answer
    ("reads_expected_values", VALUES, "elements differ"),
    ("reads_expected_values", ATTEMPTS, "gc.get_objects"),
    ("reads_its_own_memory", VALUES, "elements differ"),
    ("right_when_watched", "state.elsewhere", "elements differ"),
    ("right_when_watched", ATTEMPTS, "went through the calls of those who watch over it"),
    ("right_when_judged", "use.script", "in an ordinary script"),
    ("right_when_counted", "state.many", "elements differ"),
    # operands and global state
    ("writes_its_own_memory", VALUES, "Permission denied"),
    ("writes_its_operand", MEMORY, "operand w was changed"),
    ("import_hook", GLOBALS, "sys.meta_path"),
    ("handler_of_interrupts", GLOBALS, "handler of signal 2"),
    ("no_more_collection", GLOBALS, "how garbage is collected"),
    ("locale_changed", GLOBALS, "locale"),
    ("shrinks_its_memory", GLOBALS, "a limit of the process lowered"),
    ("shrinks_the_stack", GLOBALS, "depth of recursion lowered"),
    # its end, its words, its files
    ("at_exit", VALUES, "elements differ"),
    ("prints_without_end", VALUES, "elements differ"),
    ("renames_its_source", VALUES, "elements differ"),
    ("forged_words", VALUES, "raised <img src=x onerror=alert(1)>"),
]
ENDS = [  # the program, how it ends, what is said
    ("answers_first", Status.CRASH, "exit status 0"),  # with the next question, if not with this one
    ("takes_the_channel", Status.CRASH, "the target's process"),
    ("truncated_result", Status.CRASH, "SIGBUS"),
    ("words_that_end", Status.CRASH, "exit status 0"),
    ("words_that_fail", Status.CRASH, "exit status 1"),
    ("stops_itself", Status.TIMEOUT, "no answer"),
    ("has_a_child_stop_it", Status.TIMEOUT, "no answer"),
]
NEWER = "fills_by_monitoring"  # needs `sys.monitoring`, of Python 3.12
ENDLESS = "recurses_in_c"  # time, memory or the stack is over first
HARMLESS = ["warnings_are_errors", "links_in_its_folder", "deep_folders"]
UNFOUND = ["right_where_home_is_bare"]  # made for this judge, see METHODOLOGY.md


def spec(name: str, timeout: float = 20.0) -> Spec:
    arrays = "torch" if name == "filled_by_backward" else "numpy"
    return Spec(target=f"{FOLDER / name}.py:corr2d", form="corr2d", arrays=arrays, timeout=timeout, memory=1.0)


def ask(remote: Remote, check: str) -> list[Result]:
    backward = "backward" if remote.spec.arrays == "torch" else ""
    support = Support(SUPPORT.takes | {backward}, {}, "corr2d")
    return conclude(Trial(check, CASE, 5, remote.spec, support, remote), checks.registry()[check].run)


def first_soon(rows: list[tuple[str, ...]]) -> list[object]:
    return [pytest.param(*row, marks=[] if row[0] in SOON else [pytest.mark.slow]) for row in rows]


@pytest.mark.parametrize(("name", "check", "said"), first_soon(FOUND))
def test_it_is_found(name: str, check: str, said: str) -> None:
    with Remote(spec(name)) as remote:
        findings = []
        for _ in range(3):
            findings += [result.message for result in ask(remote, check) if result.finding]
            time.sleep(0.02)  # as a judge takes to know what is right
    assert any(said in message for message in findings), findings


def test_a_target_starts_with_the_usual_handler_of_interrupts_although_its_judge_ignores_them() -> None:
    was = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as corrbench.runner.judges does
    try:
        with Remote(spec("handler_of_interrupts")) as remote:
            findings = [result.message for result in ask(remote, GLOBALS) if result.finding]
    finally:
        signal.signal(signal.SIGINT, was)
    assert any("handler of signal 2" in message for message in findings), findings


def newer() -> str:
    """An interpreter that has `sys.monitoring` and NumPy; empty where there is none."""
    for program in filter(None, map(shutil.which, ("python3.12", "python3.13", "python3.14"))):
        if not subprocess.run([program, "-c", "import numpy"], check=False, capture_output=True).returncode:
            return program
    return ""


@pytest.mark.slow
def test_a_tool_of_the_interpreter_whose_number_was_given_back_fills_nothing() -> None:
    """`tests/judge/test_listeners.py` asks the same of every interpreter."""
    if not (program := newer()):
        pytest.skip("no Python of 3.12 or later with NumPy")
    with Remote(replace(spec(NEWER), python=program)) as remote:
        said = [result.message for check in (VALUES, GLOBALS) for result in ask(remote, check) if result.finding]
    for words in ("elements differ", "sys.monitoring, tool 4"):
        assert any(words in message for message in said), said


@pytest.mark.slow
@pytest.mark.parametrize(("name", "status", "said"), ENDS)
def test_it_ends_in_a_named_result(name: str, status: Status, said: str) -> None:
    with Remote(spec(name, timeout=2.0)) as remote:
        results = [ask(remote, VALUES)[0] for _ in range(2)]
    assert any(result.status is status and said in result.message for result in results), results


@pytest.mark.slow
def test_recursion_without_end_ends() -> None:
    with Remote(spec(ENDLESS, timeout=2.0)) as remote:
        assert ask(remote, VALUES)[0].status in (Status.TIMEOUT, Status.MEMORY, Status.CRASH)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_no_harm_is_judged_and_leaves_nothing(name: str) -> None:
    with Remote(spec(name)) as remote:
        for check in (VALUES, ATTEMPTS):
            assert [result.status for result in ask(remote, check)] == [Status.PASS]
        assert remote.child is not None
        folder = Path(remote.child.folder)
        assert folder.is_dir()
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", UNFOUND)
def test_what_is_made_for_this_judge_is_not_found(name: str) -> None:
    """It holds until somebody finds a way; then METHODOLOGY.md has a sentence less."""
    with Remote(spec(name)) as remote:
        for check in (VALUES, ATTEMPTS, "use.script"):
            assert {result.status for result in ask(remote, check)} == {Status.PASS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lies_about_its_class", "forged_words"])
def test_what_a_worker_of_dask_sends_is_made_of_types_of_ours(name: str) -> None:
    asked = spec(name)
    jobs = tuple(Job(check=check, case=CASE, seed=5) for check in (VALUES, "contract.result"))
    try:
        sent = pickle.dumps(executors.run_batch(Batch(spec=asked, support=SUPPORT, jobs=jobs)), 2)
    finally:
        executors.kept(Remote, asked).close()
    named = {str(argument).split()[0] for code, argument, _ in pickletools.genops(sent) if code.name == "GLOBAL"}
    assert named
    assert all(one.split(".")[0] in ("corrbench", "copy_reg", "copyreg", "__builtin__", "builtins") for one in named)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "said"), [
    ("bench_fills_later", "changed after the call had returned it"),
    ("bench_thread_fills", ""),
])  # fmt: skip
def test_a_time_is_that_of_the_result(name: str, said: str) -> None:
    with Remote(spec(name)) as remote:
        watch: Stopwatch = opened(remote, CASE.but(data="unit"), "forward", 5)
        wrong = []
        for turn in range(6):
            watch.turn(turn)
            watch.run(400)
            wrong.append(watch.check())
    assert any(wrong)
    assert any(said in one for one in wrong), wrong


@pytest.mark.slow
def test_clocks_that_stand_still_change_no_time() -> None:
    with Remote(spec("bench_clock")) as remote:
        watch = opened(remote, CASE.but(data="unit"), "forward", 5)
        began = time.perf_counter()
        told = watch.run(2000)
        assert told > (time.perf_counter() - began) / 2


def test_every_program_is_asked_about() -> None:
    rows = {row[0] for row in (*FOUND, *ENDS)} | {*HARMLESS, *UNFOUND, ENDLESS, NEWER}
    there = {path.stem for path in FOLDER.glob("*.py")} - {"right", "__init__"}
    assert {one for one in there if not one.startswith("bench_")} == rows
