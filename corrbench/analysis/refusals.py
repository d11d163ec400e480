"""Refusals: which are documented, one region of kernels or arguments that is always refused, and which are findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from corrbench.case import FLOATS, Case
from corrbench.result import Figures, Result, Run, Status
from corrbench.support import needs

Region = Callable[[Case], bool]
LOUD = ("AssertionError", "ValueError", "NotImplementedError", "TypeError", "SystemExit")  # how code refuses
RAISING = ("contract.errors", "contract.empty")  # to raise is an answer to what these ask
COMPARED = 40  # results with values, fewer of which are said
REGIONS: dict[str, Region] = {  # what a target may be made without, and whether a case has it
    "even kernels": lambda case: case.w[2] % 2 == 0 or case.w[3] % 2 == 0,
    "oblong kernels": lambda case: case.w[2] != case.w[3],
    "even or oblong kernels": lambda case: case.w[2] % 2 == 0 or case.w[2] != case.w[3],
    "kernels other than 3×3": lambda case: case.w[2:] != (3, 3),
    "kernels of one row or column": lambda case: 1 in case.w[2:],
    "kernels of one element": lambda case: case.w[2:] == (1, 1),
    "strides that differ by axis": lambda case: case.stride[0] != case.stride[1],
    "paddings that differ by axis": lambda case: len(set(case.sides)) > 1,
    "dilations that differ by axis": lambda case: case.dilation[0] != case.dilation[1],
    "oblong images": lambda case: case.x[2] != case.x[3],
    "empty batches": lambda case: case.x[0] == 0,
}


def question(result: Result) -> tuple[str, str]:
    """The check of a result, and the way of calling that it is of."""
    return result.check, result.numbers.own.get("way", "")


def loud(result: Result) -> bool:
    """Whether a result is an exception by which code may mean to refuse."""
    refused = result.status is Status.FAIL and result.numbers.raised in LOUD and result.check != "contract.errors"
    return refused or (result.status is Status.UNSUPPORTED and bool(result.numbers.raised))


def settle(run: Run) -> None:
    """Turn refusals of exactly one region into a warning, and others of what is taken elsewhere into findings."""
    refused = alike_and_regions(run)
    if not refused:
        return
    grouped = {id(result) for _, alike, _ in refused for result in alike}
    made = [result for result in run.results if id(result) not in grouped]
    for said, alike, name in refused:
        if not name:
            made += [conditional(result) for result in alike]
            continue
        first = min(alike, key=lambda result: (result.asked.macs, str(result.asked), result.check))
        told = replace(first, status=Status.WARN, message=f"refuses {name}: {said}", numbers=Figures(beyond="refused"))
        made += [replace(one, status=Status.UNSUPPORTED, message=f"{name}: {said}", reproduce="") for one in alike]
        made.append(told)
        run.unsupported.setdefault(name, said)
    run.results = made


def unexcused(run: Run) -> set[str]:
    """Checks with a refusal that no region explains. What is judged later takes regions away and adds none, so that it
    is known before the end of a run.
    """
    return {result.check for _, alike, name in alike_and_regions(run) if not name for result in alike}


def alike_and_regions(run: Run) -> list[tuple[str, list[Result], str]]:
    """Refusals by what they say, each with the one region that they cover, empty where there is none."""
    refused = [result for result in run.results if loud(result)]
    if not refused:
        return []
    judged = (Status.PASS, Status.FAIL, Status.WARN)
    bad = {(question(result), result.asked) for result in refused}
    answered = {(question(r), r.asked) for r in run.results if r.status in judged and r.check not in RAISING} - bad
    if not answered:  # what is raised then is no refusal of a part
        return []
    found = []
    for said, alike in sorted(by_words(refused).items()):
        questions = {question(result) for result in alike}
        right = {case for one, case in answered if one in questions}
        if right or not all(way for _, way in questions):  # a way that is never taken is only listed
            found.append((said, alike, region({result.asked for result in alike}, right)))
    return found


def by_words(refused: list[Result]) -> dict[str, list[Result]]:
    """Refusals by what they say, numbers aside."""
    found: dict[str, list[Result]] = {}
    for result in refused:
        said = result.message.removeprefix("raised ").partition(" (at ")[0]
        found.setdefault(re.sub(r"\d+", "#", said), []).append(result)
    return found


def conditional(result: Result) -> Result:
    """A refusal of a case whose features are taken elsewhere, as the finding that it is."""
    if result.status is Status.FAIL:
        return result
    said = f"refuses a case whose features it takes elsewhere: {result.message}"
    return replace(result, status=Status.FAIL, message=said)


def region(refused: set[Case], answered: Iterable[Case]) -> str:
    """The one region that all refused cases lie in, and no answered one; empty if there is none."""
    right = list(answered)
    if not right:
        return "every case"
    for name, inside in REGIONS.items():
        if all(map(inside, refused)) and not any(map(inside, right)):
            return name
    types = {case.dtype for case in refused}
    named = ", ".join(sorted(types))
    alike = [case for case in right if case.dtype in types]
    if not alike:
        return f"element type {named}"
    if types & set(FLOATS):  # what these types take elsewhere is claimed
        return ""
    common = set.intersection(*(needs(case) for case in refused)) - types
    return next((f"{one} in {named}" for one in sorted(common) if not any(one in needs(case) for case in alike)), "")


def extent(run: Run, takes: Iterable[str]) -> str:
    """What to say of a run that asked little; empty where it did not."""
    held = [result for result in run.results if result.numbers.elements is not None]  # none where a batch is empty
    compared = [result for result in held if result.numbers.elements]
    reached = set().union(*(needs(result.asked) for result in held))
    missed = sorted(feature for feature in takes if feature not in reached)
    said = []
    if len(compared) < COMPARED:
        said.append(f"only {len(compared)} results were compared")
    if missed:
        said.append(f"nothing asked of {', '.join(missed)}")
    return "; ".join(said)
