"""Do the laws of correlation hold between results? What must be so is bit for bit; the rest is a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from corrbench.case import FLOATS, Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.problem import Array
from corrbench.result import Result, Status
from corrbench.target import fit
from corrbench.trial import Call, Trial

POWER = 3  # operands are scaled by two to this power, and back


@dataclass(slots=True)
class Law:
    """Another call and what must be done to its result to have the first one's."""

    name: str
    call: Call
    undo: Callable[[Array], Array]
    must: bool = True  # bit for bit in every class; else broken legitimately by another algorithm, a warning


def law_cases(outline: Outline) -> Iterator[Case]:
    """Small cases on real numbers."""
    small = [case for case in outline.light if case.macs <= LIGHT / 4 and np.prod(case.out)]
    kinds = [dtype for dtype in outline.dtypes if dtype in FLOATS]
    for index, case in enumerate(outline.spread(small, 8 + 40 * outline.thorough)):
        for dtype in kinds[: 1 + (index % 4 == 0)]:
            yield case.but(data="unit", dtype=dtype, bias=False if fit(case, "corr2d") == case else case.bias)


def laws(case: Case, a: dict[str, Array], form: str) -> Iterator[Law]:
    """The laws that real data obey bit for bit, as other calls on the same data."""
    scaled = {
        **a,
        "x": np.ldexp(a["x"], POWER).astype(a["x"].dtype),
        "w": np.ldexp(a["w"], -POWER).astype(a["w"].dtype),
    }
    yield Law("x·2^k with w·2^-k gives the same", Call(case=case, arrays=scaled), lambda y: y)
    minus = {**a, "x": -a["x"]} | ({"b": -a["b"]} if "b" in a else {})
    yield Law("-x (and -b) gives -y", Call(case=case, arrays=minus), lambda y: -y)
    if form == "conv2d" and any(case.sides) and not isinstance(case.padding, str):
        top, bottom, left, right = case.sides
        x = np.pad(a["x"], ((0, 0), (0, 0), (top, bottom), (left, right)))
        bare = case.but(x=x.shape, padding=(0, 0, 0, 0))
        call = Call(case=bare, arrays={**a, "x": x})
        yield Law("explicit zeros give what padding gives", call, lambda y: y, must=False)


@check("relations.exact", law_cases)
def exact(trial: Trial) -> Iterator[Result]:
    """Do scaling by powers of two and change of sign leave the bits as they must?"""
    case, arrays = trial.case, trial.operands()
    found = list(laws(case, arrays, trial.form))
    replies = trial.calls([Call(case=case, arrays=arrays), *(law.call for law in found)])
    outputs = [reply.outputs.get("y") for reply in replies]
    if any(o is None or o.values is None or o.values.shape != case.out for o in outputs):
        yield trial.result(Status.SKIPPED, "the results cannot be compared")
        return
    first, *others = (o.values for o in outputs if o is not None and o.values is not None)
    for law, values in zip(found, others, strict=True):
        back = law.undo(values)
        wrong = back != first
        tiny = np.abs(first.astype(np.float64)) < 1e-3 if case.dtype == "float16" else np.zeros(first.shape, bool)
        wrong &= ~tiny  # near the subnormal numbers of half precision scaling rounds
        if not wrong.any():
            yield trial.result(Status.PASS, numbers={"law": law.name})
        elif not law.must:
            yield trial.result(
                Status.WARN, f"{law.name}: not bit for bit in {int(wrong.sum())} of {wrong.size} elements"
            )
        else:
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            message = (
                f"{law.name}: broken in {int(wrong.sum())} of {wrong.size} elements; "
                f"at {list(at)}: {first[at]!r} against {back[at]!r}"
            )
            yield trial.result(Status.FAIL, message)


def whole_cases(outline: Outline) -> Iterator[Case]:
    """Small cases on whole numbers."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) and min(case.x[2:]) > 2]
    yield from (case.but(data="small") for case in outline.spread(small, 4 + 16 * outline.thorough))


@check("relations.whole", whole_cases)
def whole(trial: Trial) -> Iterator[Result]:
    """Do additivity in x and in w, and transposition of both axes, hold exactly on integers?"""
    case, a = trial.case, trial.operands()
    other = {name: np.roll(array, 1) for name, array in a.items()}
    plus = {**a, "x": a["x"] + other["x"]}
    bare = {name: array for name, array in a.items() if name != "b"}
    plain = case.but(bias=False) if trial.form == "conv2d" else case
    zero_b = {"b": np.zeros_like(a["b"])} if "b" in a and trial.form == "module" else {}
    calls = [Call(case=plain, arrays={**arrays, **zero_b}) for arrays in (
        bare, {**bare, "x": other["x"]}, {**bare, "x": plus["x"]}, {**bare, "w": other["w"]},
        {**bare, "w": a["w"] + other["w"]})]  # fmt: skip
    turned_case = Case(
        x=(*case.x[:2], case.x[3], case.x[2]), w=(*case.w[:2], case.w[3], case.w[2]), stride=case.stride[::-1],
        padding=case.padding if isinstance(case.padding, str) else (*case.padding[2:], *case.padding[:2]),
        dilation=case.dilation[::-1], groups=case.groups, bias=plain.bias, dtype=case.dtype, data=case.data,
    )  # fmt: skip
    turned = {
        "x": np.ascontiguousarray(a["x"].swapaxes(2, 3)),
        "w": np.ascontiguousarray(a["w"].swapaxes(2, 3)),
        **zero_b,
    }
    calls.append(Call(case=turned_case, arrays=turned))
    replies = trial.calls(calls)
    values = [r.outputs["y"].values if "y" in r.outputs else None for r in replies]
    if any(v is None or v.shape != call.case.out for v, call in zip(values, calls, strict=True)):
        yield trial.result(Status.SKIPPED, "the results cannot be compared")
        return
    whole_numbers = (np.asarray(v, np.float64) for v in values if v is not None)
    if trial.spec.accuracy != "direct":  # a transform rounds, but not by half a unit
        whole_numbers = (np.rint(v) for v in whole_numbers)
    y, x2, both, w2, sum_w, across = whole_numbers
    for name, left, right in (
        ("conv(x + x', w) = conv(x, w) + conv(x', w)", both, y + x2),
        ("conv(x, w + w') = conv(x, w) + conv(x, w')", sum_w, y + w2),
        ("transposed operands give the transposed result", across.swapaxes(2, 3), y),
    ):
        wrong = left != right
        if wrong.any():
            yield trial.result(Status.FAIL, f"{name}: broken in {int(wrong.sum())} of {wrong.size} elements")
            return
    yield trial.result(Status.PASS)
