"""The checks: questions that are asked of every target. One family a file; a file here is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from corrbench.case import Case
from corrbench.judge.trial import Trial
from corrbench.result import Result
from corrbench.support import Support

BLOCK = 16  # channels that units for matrix products take at a time
LIGHT = 3e6  # multiply-accumulates up to which a case may be asked for many times


def rare(case: Case) -> bool:
    """Whether there are few cases like it, so that it is asked in every element type: channels and kernels both in
    whole blocks, in one group, or padding that differs between two sides of an axis.
    """
    top, bottom, left, right = case.sides
    in_blocks = case.groups == 1 and case.x[1] % BLOCK == 0 == case.w[0] % BLOCK
    return in_blocks or top != bottom or left != right


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a check plans its cases from.

    Attributes:
        bases: the suites' cases in the target's form, every one with float32, if it takes that, and data ``small``.
        own: those of them that bring operands of their own, which `corrbench.numerics.external_cases` has.
        large: cases of real use that are too large for most checks, with their own data.
        failed: cases that some implementation failed on before, with their own element type and data.
        source: cases made from the constants of the target's source, with their own element type and data.
        support: what the target takes.
        thorough: 0 for the quick profile, 1 for standard, 2 for deep.
        seed: of the run, secret until it ends.
    """

    bases: list[Case]
    support: Support
    thorough: int = 1
    seed: int = 0
    arrays: str = "torch"
    device: str = "cpu"
    dtypes: list[str] = field(default_factory=list)
    own: list[Case] = field(default_factory=list)
    large: list[Case] = field(default_factory=list)
    failed: list[Case] = field(default_factory=list)
    source: list[Case] = field(default_factory=list)

    @property
    def light(self) -> list[Case]:
        """The bases that are cheap enough to be used many times."""
        return [case for case in self.bases if case.macs <= LIGHT]

    def spread(self, items: list[Case], count: int) -> list[Case]:
        """About `count` of the items, evenly over the list."""
        return items if len(items) <= count else [items[i * len(items) // count] for i in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question: the cases it wants to be asked on, and how the answer is judged.

    Its findings count in a column of the conformance table, one of derivatives or of conduct; without one they count
    where their cases do, at element types and arguments.
    """

    name: str
    run: Callable[[Trial], Iterator[Result]]
    plan: Callable[[Outline], Iterable[Case]]
    about: str
    column: str = ""


CHECKS: dict[str, Check] = {}


def check(
    name: str, plan: Callable[[Outline], Iterable[Case]], column: str = ""
) -> Callable[[Callable[[Trial], Iterator[Result]]], Callable[[Trial], Iterator[Result]]]:
    """Register a check under ``family.what``; its docstring's first line says what it asks. For `column`: `Check`."""

    def register(run: Callable[[Trial], Iterator[Result]]) -> Callable[[Trial], Iterator[Result]]:
        about = (run.__doc__ or "").strip().splitlines()[0]
        CHECKS[name] = Check(name=name, run=run, plan=plan, about=about, column=column)
        return run

    return register


@cache
def registry() -> dict[str, Check]:
    """All checks by name."""
    for info in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{info.name}")
    return dict(sorted(CHECKS.items()))
