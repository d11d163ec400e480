"""The property-based test: Hypothesis searches the whole parameter space and shrinks what it finds."""

from __future__ import annotations

import contextlib
import random
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from corrbench.case import INTEGERS, Case
from corrbench.checks import Outline, check
from corrbench.checks.gradients import gradients, verdicts
from corrbench.checks.values import compare
from corrbench.judge.trial import Trial, conclude
from corrbench.numerics.inputs import REAL, WHOLE
from corrbench.result import DEATHS, Figures, Result, Status
from corrbench.support import Support, with_fixed

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

EXAMPLES = 40  # cases that one search looks at before it gives up; `crossed` looks at many more, in fewer ways
PATIENCE = 6.0  # seconds after which a search shrinks no further
OF_DEATHS = 2.0  # the same for what ends the target's process, which takes a new one each time
LARGEST = 1e5  # multiply-accumulates of a case


def starts(outline: Outline, counts: tuple[int, int, int] = (1, 3, 20)) -> Iterator[Case]:
    """One case for each search to start from, so many in each profile; it gives the search its seed as well."""
    small = [case for case in outline.light if case.macs <= LARGEST and prod(case.out) > 0]
    shift = outline.seed % max(1, len(small))
    yield from outline.spread(small[shift:] + small[:shift], counts[outline.thorough])


@check("fuzz.search", starts)
def every(trial: Trial) -> Iterator[Result]:
    """Is there any case at all, of any shape, argument, dtype and data, on which a value or a gradient is wrong?"""
    yield from search(trial, differentiate=False)
    if trial.differentiable:
        yield from search(trial, differentiate=True)


def search(trial: Trial, *, differentiate: bool) -> Iterator[Result]:
    """Ask the given case first, so that a finding can be replayed; if it is right, look for one that is not."""
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis.errors import Flaky, NoSuchExample

    start, seen, begun, patience = trial.case, 0, time.monotonic(), PATIENCE
    found: dict[Case, Result] = {}

    def wrong(case: Case) -> bool:
        nonlocal seen, patience
        if case in found:
            return True
        if found and time.monotonic() - begun > patience:
            return False
        seen += 1
        result = ask(trial, case, differentiate=differentiate)
        if result is not None:
            found[case] = result
            patience = OF_DEATHS if result.status in DEATHS else patience
        return result is not None

    if not wrong(start):
        quiet = settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        seed = zlib.crc32(f"{trial.seed} {start}".encode())
        with contextlib.suppress(NoSuchExample, Flaky):  # nothing found, or a target that is wrong only at times
            find(cases(trial.support, differentiate=differentiate), wrong, settings=quiet, random=random.Random(seed))
    if not found:
        yield trial.result(Status.PASS, numbers=Figures(own={"cases": seen}))
        return
    yield min(found.values(), key=lambda result: (result.case.macs, len(str(result.case))))


def ask(trial: Trial, case: Case, *, differentiate: bool) -> Result | None:
    """The finding on one case, None if there is none."""
    results = conclude(replace(trial, case=case, violations=[]), derivatives if differentiate else values)
    return next((result for result in results if result.finding), None)


def values(trial: Trial) -> Iterator[Result]:
    """Whether the values are right."""
    yield compare(trial)


def derivatives(trial: Trial) -> Iterator[Result]:
    """Whether the gradients are."""
    arrays = trial.operands(extra=("g",))
    reply = trial.call("backward", arrays=arrays)
    yield from verdicts(trial, reply, gradients(trial.problem(arrays=arrays), arrays["g"]))


def cases(support: Support, *, differentiate: bool) -> SearchStrategy[Case]:
    """Every case that a target supports, small ones simplest."""
    from hypothesis import assume
    from hypothesis import strategies as st

    takes = support.takes
    dtypes = [d for d in ("float32", "float64", "bfloat16", "float16", "int64", "complex64") if d in takes]
    dtypes = [d for d in dtypes if not differentiate or support.differentiates(d)] or ["float32"]
    views = ["", "", "x:transposed", "w:step", "x:rows,w:offset", "x:offset", "w:transposed"]

    def pair(draw: DrawFn, feature: str, numbers: SearchStrategy[int], default: int) -> tuple[int, int]:
        if feature not in takes:
            return (default, default)
        first = draw(numbers)
        return (first, draw(numbers) if f"{feature} by axis" in takes else first)

    @st.composite
    def anything(draw: DrawFn) -> Case:
        size, some = st.integers(1, 40), st.integers(1, 9)
        dtype = draw(st.sampled_from(dtypes))
        data = draw(st.sampled_from(WHOLE if dtype in INTEGERS else (*WHOLE, *REAL)))
        groups = draw(st.one_of(st.just(1), some)) if "groups" in takes else 1
        stride, dilation = pair(draw, "stride", st.integers(1, 6), 1), pair(draw, "dilation", st.integers(1, 6), 1)
        padding = pair(draw, "padding", st.integers(0, 9), 0)
        kernel = draw(st.tuples(st.integers(1, 13), st.integers(1, 13)))
        each, kernels = draw(st.one_of(some, size)), draw(st.one_of(some, size))
        n, rest = draw(st.one_of(some, size)), draw(st.tuples(st.one_of(some, size), st.one_of(some, size)))
        height, width = (
            max(1, d * (k - 1) + r - 2 * p) for d, k, r, p in zip(dilation, kernel, rest, padding, strict=True)
        )
        try:
            fitted = support.convention.fit(
                Case(
                    x=(n, groups * each, height, width), w=(groups * kernels, each, *kernel), stride=stride,
                    padding=(padding[0],) * 2 + (padding[1],) * 2, dilation=dilation, groups=groups,
                    bias="bias" in takes and draw(st.booleans()), dtype=dtype, data=data,
                    layout=draw(st.sampled_from(views)),
                )
            )  # fmt: skip
            case = with_fixed(fitted, support.fixed) if fitted is not None else None
        except ValueError:
            case = None
        assume(case is not None and case.macs <= LARGEST)
        assert case is not None
        return case

    return anything()
