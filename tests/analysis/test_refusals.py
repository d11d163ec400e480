"""Refusals of one region of cases are a warning, others are findings, and a run that asked little says so."""

from __future__ import annotations

from dataclasses import replace

from corrbench.analysis import refusals
from corrbench.case import Case
from corrbench.result import Figures, Result, Run, Status


def answer(kernel: tuple[int, int], size: int = 9, *, raised: str = "", said: str = "odd kernels only") -> Result:
    case = Case(x=(1, 1, size, size), w=(1, 1, *kernel))
    if raised:
        numbers = Figures(raised=raised)
        message = f"raised {raised}: {said} (at t.py:3)"
        return Result(check="values.exact", case=case, status=Status.FAIL, message=message, numbers=numbers)
    return Result(check="values.exact", case=case, status=Status.PASS, numbers=Figures(elements=1))


def settled(*results: Result) -> Run:
    run = Run(target="t.py:f", form="corr2d", seed=1, results=list(results))
    refusals.settle(run)
    return run


def test_a_region_that_is_always_refused_is_a_warning() -> None:
    run = settled(
        answer((3, 3)), answer((5, 5)), *(answer((k, k), raised="AssertionError", said=f"{k} is even") for k in (2, 4))
    )
    assert not run.findings
    assert run.unsupported == {"even kernels": "AssertionError: # is even"}
    assert run.counts == {"pass": 2, "warn": 1, "unsupported": 2}
    (warning,) = [one for one in run.results if one.status is Status.WARN]
    assert warning.message.startswith("refuses even kernels: AssertionError")


def test_a_refusal_by_size_is_a_finding() -> None:
    run = settled(answer((3, 3), 5), answer((3, 3), 9), answer((3, 3), 12, raised="ValueError", said="too large"))
    assert len(run.findings) == 1
    assert run.verdict == "fail"
    assert not run.unsupported


def test_a_region_of_which_one_is_answered_is_no_region() -> None:
    run = settled(answer((3, 3)), answer((2, 2)), answer((4, 4), raised="ValueError"))
    assert len(run.findings) == 1


def test_exceptions_by_which_no_code_refuses_stay_findings() -> None:
    run = settled(answer((3, 3)), answer((2, 2), raised="IndexError"), answer((4, 4), raised="IndexError"))
    assert len(run.findings) == 2


def test_little_is_said_and_too_little_is_no_pass() -> None:
    run = settled(*[answer((3, 3), size) for size in range(5, 14)])
    run.little = refusals.extent(run, {"bias"})
    assert run.little == "only 9 results were compared; nothing asked of bias"
    assert run.verdict == "error"
    run.results += [answer((3, 3), 20)]
    assert run.verdict == "pass"
    run.results += [answer((3, 3), size) for size in range(21, 60)]
    assert refusals.extent(run, set()) == ""
    assert refusals.extent(run, {"empty batch"}) == "nothing asked of empty batch"
    nothing = Case(x=(0, 1, 5, 5), w=(1, 1, 3, 3))
    run.results.append(replace(answer((3, 3)), case=nothing, numbers=Figures(elements=0)))
    assert refusals.extent(run, {"empty batch"}) == ""


def test_a_refusal_that_no_region_explains_is_known_before_the_end() -> None:
    run = Run(target="t.py:f", form="corr2d", seed=1, results=[answer((2, 2), raised="AssertionError"), answer((3, 3))])
    assert not refusals.unexcused(run)
    run.results.append(answer((4, 4)))
    assert refusals.unexcused(run) == {"values.exact"}


def test_what_raises_wherever_it_is_called_refuses_no_part() -> None:
    never = [answer((3, 3), size, raised="SystemExit") for size in (7, 9)]
    raising = replace(answer((3, 3), 8), check="contract.empty")  # an answer to what that asks
    assert len(settled(*never, raising).findings) == 2


def in_a_way(kernel: tuple[int, int], *, raised: str = "") -> Result:
    case, numbers = Case(x=(1, 1, 9, 9), w=(1, 1, *kernel)), Figures(own={"way": "checkpoint"}, raised=raised or None)
    status = Status.UNSUPPORTED if raised else Status.PASS
    return Result(check="use.checkpoint", case=case, status=status, message=raised and "it raises", numbers=numbers)


def test_a_way_of_calling_that_works_for_some_cases_is_not_refused_for_others() -> None:
    plain = answer((3, 3))
    never = settled(plain, in_a_way((3, 3), raised="RuntimeError"), in_a_way((2, 3), raised="RuntimeError"))
    assert not never.findings
    assert never.counts["unsupported"] == 2
    some = settled(plain, in_a_way((3, 3)), in_a_way((5, 5)), in_a_way((7, 7), raised="RuntimeError"))
    assert [one.check for one in some.findings] == ["use.checkpoint"]
