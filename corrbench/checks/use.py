"""Checks of use: the same call as programs make it, under modes of torch, with other objects, spellings and threads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from corrbench.case import COMPLEX, FLOATS, INTEGERS, Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.checks.gradients import gradients, value, verdicts
from corrbench.judge.calls import Call, Violation, violations
from corrbench.judge.protocol import Reply
from corrbench.judge.trial import Trial, reproducer
from corrbench.numerics import bounds, oracle
from corrbench.numerics.formats import MAX, MIN_SUBNORMAL, UNIT
from corrbench.numerics.problem import Array, Problem
from corrbench.result import Figures, Result, Status

VIEWS = ("", "x:channels_last", "w:channels_last", "x:channels_last,w:transposed")
PLANES = ("x=1,1,160,200 w=1,1,7,5 data=small", "x=1,1,240,192 w=1,1,3,9 padding=1 data=small")  # on which threads meet
LARGE = 2.0**24  # times the cotangent, where a type with the range of float32 must hold it
THREADS = (1, 1, 2, 1, 1, 1, 4)  # on which torch computes, case by case
CROWD, ROUNDS = 4, 12  # threads of Python that call at once, and how often each
DATA = (
    "small", "photo", "unit", "normalised+xavier", "relu+pruned", "bytes+gaussian", "constant+sobel", "planes+trained",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of calling, see `corrbench.judge.worker.ways`, and what may be expected of it.

    Attributes:
        how: in words, after "called".
        backward: whether gradients are asked for too.
        ordinary: whether it must work where the plain call works; else a refusal is one.
        function: whether it is asked of functions only, which are given their weight.
        lower: the element type to which operands may be rounded before they are multiplied.
        another: whether the result may be of another type than the operands.
        whole: whether it works for every case or for none, so that a refusal of some is a finding.
    """

    how: str
    backward: bool = False
    ordinary: bool = True
    function: bool = False
    lower: str = ""
    another: bool = False
    whole: bool = False


TORCH = {
    "no_grad": Way(how="under torch.no_grad"),
    "inference": Way(how="under torch.inference_mode"),
    "parameters": Way(how="with a weight that is a torch.nn.Parameter", backward=True, function=True),
    "evaluated": Way(how="with a weight that is a torch.nn.Parameter, under torch.no_grad", function=True),
    "cast_again": Way(
        how="under autocast to bfloat16, after a call there without gradients,",
        backward=True,
        ordinary=False,
        lower="bfloat16",
        another=True,
    ),
    "later": Way(how="with operands that are results of other operations", backward=True, function=True),
    "later_input": Way(how="with an input that is another layer's result", backward=True),
    "interleaved": Way(how="before another forward pass, its backward pass after it,", backward=True),
    "consumers": Way(how="with an input that is used once more,", backward=True),
    "after_no_grad": Way(how="after a call under torch.no_grad", backward=True),
    "one_storage": Way(how="with weight and bias in one storage", function=True),
    "data": Way(how="after the weight was changed through .data", function=True),
    "freed": Way(how="after other weights of this shape were freed", function=True),
    "made_in_inference": Way(how="after its weight was changed under torch.inference_mode", function=True),
    "bfloat16": Way(how="under autocast to bfloat16", backward=True, ordinary=False, lower="bfloat16", another=True),
    "float16": Way(how="under autocast to float16", ordinary=False, lower="float16", another=True),
    "mixed": Way(how="with a weight of float64", ordinary=False, function=True, another=True),
}
NUMPY = {
    "mapped": Way(how="with arrays that lie in a file", ordinary=False, another=True),
    "sealed": Way(how="with arrays that are read-only"),
    "fortran": Way(how="with arrays in Fortran's order"),
    "subclass": Way(how="with a subclass of numpy.ndarray", ordinary=False, another=True),
}
FORK = {"fork": Way(how="in a forked copy of the process")}
CHECKPOINT = {"checkpoint": Way(how="under torch.utils.checkpoint", backward=True, ordinary=False, whole=True)}
SPELLED = {
    "keywords": Way(how="with every argument by name", ordinary=False),
    "bias_by_name": Way(how="with the bias by name", ordinary=False),
    "positions": Way(how="with every argument by position", ordinary=False),
    "sizes": Way(how="with torch.Size in place of tuples", ordinary=False),
    "numpy_numbers": Way(how="with numpy's integers as arguments", ordinary=False),
}


def ways_of(trial: Trial) -> dict[str, Way]:
    """The ways that are asked together of a target, by the kind of its arrays and of its signature."""
    spelled = trial.support.convention.spelled and trial.form == "conv2d" and trial.spec.arrays == "torch"
    return {"torch": TORCH, "numpy": NUMPY}.get(trial.spec.arrays, {}) | (SPELLED if spelled else {})


def asked(trial: Trial, name: str, way: Way) -> bool:
    """Whether a case can be called in a way."""
    case, of_object = trial.case, bool(trial.support.convention.parameters)
    fits = not (way.function and of_object) and (name != "bias_by_name" or case.bias)
    fits &= case.dtype in FLOATS or not (way.backward or name == "evaluated")
    return fits and ((case.dtype == "float32" and trial.spec.device == "cpu") or not (way.lower or name == "mixed"))


def use_cases(outline: Outline) -> Iterator[Case]:
    """Small cases on data of every kind, in the common element types."""
    if outline.arrays == "list":
        return
    small = [case for case in outline.light if case.macs <= LIGHT / 3 and np.prod(case.out)]
    picked = outline.spread(small, 16 + 24 * outline.thorough)
    kinds = [dtype for dtype in outline.dtypes if dtype not in COMPLEX]
    for index, case in enumerate(picked):
        dtype = kinds[0] if index % 4 or not kinds else kinds[(index // 4) % len(kinds)]
        data = "small" if dtype in INTEGERS or dtype in COMPLEX else DATA[index % len(DATA)]
        bias = case.bias or ("bias" in outline.support.takes and index % 3 == 0)
        yield case.but(dtype=dtype, data=data, bias=bias)


@check("use.ways", use_cases, column="use")
def ways(trial: Trial) -> Iterator[Result]:
    """Is the call right in the ways that programs make it: modes, parameters, layers before it, autocast, spellings?"""
    yield from called(trial, ways_of(trial))


def called(trial: Trial, ways: dict[str, Way]) -> Iterator[Result]:
    """The results of the call made in several ways, on some threads; none where the plain call is wrong."""
    arrays = trial.operands(extra=("g",) if trial.differentiable else ())
    forward = {name: array for name, array in arrays.items() if name != "g"}
    problem = trial.problem(arrays=arrays)
    plain = trial.call("backward" if "g" in arrays else "forward", arrays=arrays)
    values = trial.values(plain)
    if values is None or not trial.expected(problem).compare(values).right:
        yield trial.result(Status.SKIPPED, "wrong when called plainly, so not asked in other ways")
        return
    right = "g" in arrays and not any(one.finding for one in verdicts(trial, plain, gradients(problem, arrays["g"])))
    threads = THREADS[(sum(trial.case.x) + sum(trial.case.w)) % len(THREADS)]
    where = f" on {threads} threads" if threads > 1 else ""
    chosen = {name: way for name, way in ways.items() if asked(trial, name, way)}
    calls = []
    for name, way in chosen.items():
        mode, given = ("backward", arrays) if way.backward and right else ("forward", forward)
        if way.lower == "bfloat16" and "g" in given:
            given = given | {"g": given["g"] * given["g"].dtype.type(LARGE)}
        calls.append(Call(case=trial.case, arrays=given, mode=mode, options={"way": name}))
    replies = trial.calls(calls, ends=False, into=[], threads=threads)
    for (name, way), call, reply in zip(chosen.items(), calls, replies, strict=True):
        seen = [one for one in violations(call, reply, trial.support, trial.spec) if one not in trial.violations]
        yield from judged(trial, name, way, call, reply, seen, f"called {way.how}{where}")


def judged(
    trial: Trial, name: str, way: Way, call: Call, reply: Reply, seen: list[Violation], said: str
) -> Iterator[Result]:
    """The results of one call in one way."""
    if reply.raised:
        if reply.raised["type"] != "Unwritable":
            yield refused(trial, name, way, reply, said)
        return
    for one in () if way.another else dict.fromkeys(seen):
        yield trial.result(Status.WARN if one.beyond else Status.FAIL, f"{said}: {one.message}", numbers=own(name))
    y = reply.outputs.get("y")
    if y is not None and y.values is not None and y.values.shape == trial.case.out:
        yield from compared(trial, name, way, call, reply, said)
    elif way.another:
        shape = "nothing that can be compared" if y is None else f"a result of shape {list(y.shape)}"
        yield trial.result(Status.FAIL, f"{said}, it gives {shape}", numbers=own(name))


def refused(trial: Trial, name: str, way: Way, reply: Reply, said: str) -> Result:
    """The result of a call that raises in one way, and not when it is made plainly."""
    assert reply.raised is not None
    if name == "mixed":  # to refuse what does not fit is right
        return trial.result(Status.PASS, numbers=own(name, reply))
    said = f"{said}, it raises {reply.raised['type']}: {reply.raised['message'].partition(chr(10))[0][:160]}"
    if way.ordinary:
        return trial.result(Status.FAIL, said, numbers=own(name, reply))
    made = trial.result(Status.UNSUPPORTED, said, numbers=own(name, reply if way.whole else None))
    made.reproduce = reproducer(trial.spec, trial.check, trial.case, trial.seed) if way.whole else ""
    return made


def compared(trial: Trial, name: str, way: Way, call: Call, reply: Reply, said: str) -> Iterator[Result]:
    """The values of one call in one way, and its gradients where they were asked for."""
    problem, values = trial.problem(arrays=call.arrays), reply.outputs["y"].values
    assert values is not None
    slack = lowered(trial, problem, way.lower) if way.lower else 0.0
    expected = trial.expected(problem, slack=slack)
    same = reply.outputs["y"].dtype == trial.case.dtype
    result = trial.verdict(expected.compare(values if same else values.astype(np.float64)), note=said)
    yield named(result, name)
    if call.mode == "backward" and not result.finding:
        problems = gradients(problem, call.arrays["g"])
        for one in lower_verdicts(trial, reply, problems, way.lower) if way.lower else verdicts(trial, reply, problems):
            if one.finding:
                one.message = f"{one.message}; {said}"
            yield named(one, name)


def lowered(trial: Trial, problem: Problem, lower: str) -> Array:
    """What a product in a lower type may add to the error: operands, partial sums and the result are rounded."""
    taps = problem.w.shape[2] * problem.w.shape[3] if trial.spec.lenient else 0
    size = oracle.magnitude(problem)
    largest = 1 + float(np.abs(problem.x).max(initial=0)) + float(np.abs(problem.w).max(initial=0))
    slack = (4 + taps) * UNIT[lower] * size + problem.terms * largest * MIN_SUBNORMAL[lower]
    if trial.spec.accuracy in bounds.TRANSFORMS:  # which are computed in the lower type, too
        slack += trial.expected(problem).allowed * (UNIT[lower] / UNIT[bounds.accumulator(trial.case.dtype)])
    return np.where(size + slack >= MAX[lower], np.inf, slack)


def lower_verdicts(trial: Trial, reply: Reply, problems: dict[str, Problem], lower: str) -> Iterator[Result]:
    """One result for each gradient of a call in a lower type, whose sums over a batch may be rounded image by image."""
    for name, problem in problems.items():
        expected = trial.expected(problem, slack=lowered(trial, problem, lower) * (1.5 + trial.case.x[0] / 4))
        values = value(reply.outputs.get(name), expected.truth.hi)
        if values is None:
            missing = reply.outputs.get(name) is None and expected.truth.hi.any()
            status = Status.FAIL if missing else Status.SKIPPED
            yield trial.result(status, f"{name}: no gradient that can be compared")
        else:
            yield trial.verdict(expected.compare(values.astype(np.float64), name))


def rare_cases(outline: Outline, count: int) -> Iterator[Case]:
    """So many small cases, contiguous and in other layouts in turn."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) and case.x[1] > 1]
    for index, case in enumerate(outline.spread(small or outline.light[:1], count)):
        yield case.but(data="small", layout=VIEWS[index % len(VIEWS)])


def fork_cases(outline: Outline) -> Iterator[Case]:
    """A few small cases, of arrays that lie in the memory of the process."""
    if outline.device == "cpu" and outline.arrays != "list":
        yield from rare_cases(outline, 1 + 3 * outline.thorough)


@check("use.fork", fork_cases, column="use")
def fork(trial: Trial) -> Iterator[Result]:
    """Is a call right in a forked copy of a process that has called before, as in a data loader's worker?"""
    yield from called(trial, FORK)


def checkpoint_cases(outline: Outline) -> Iterator[Case]:
    """A few small cases of what torch differentiates."""
    if "backward" in outline.support.takes and outline.arrays == "torch":
        yield from rare_cases(outline, 4 * outline.thorough)


@check("use.checkpoint", checkpoint_cases, column="use")
def checkpoint(trial: Trial) -> Iterator[Result]:
    """Are result and gradients right under torch.utils.checkpoint, which calls again in the backward pass?"""
    yield from called(trial, CHECKPOINT)


def own(name: str, reply: Reply | None = None) -> Figures:
    """What is recorded of a way."""
    return Figures(own={"way": name}, raised=reply.raised["type"] if reply and reply.raised else None)


def named(result: Result, name: str) -> Result:
    """A result that records its way."""
    result.numbers.own["way"] = name
    return result


def crowd_cases(outline: Outline) -> Iterator[Case]:
    """Small cases whose calls take long enough to meet, and single planes."""
    small = [case for case in outline.light if case.macs <= LIGHT / 10 and np.prod(case.out) > 1]
    yield from (case.but(data="small", layout="") for case in outline.spread(small, 3 + 9 * outline.thorough))
    for text in PLANES[: 1 + outline.thorough]:
        if plane := outline.support.convention.fit(Case.parse(text).but(dtype=(outline.dtypes or ["float32"])[0])):
            yield plane


@check("use.threads", crowd_cases, column="use")
def crowd(trial: Trial) -> Iterator[Result]:
    """Is each of many calls right that several threads make at once, each on operands of its own?"""
    for mode in ("forward", "backward")[: 1 + trial.differentiable]:
        for result in at_once(trial, mode):
            yield result
            if result.finding:
                return


def at_once(trial: Trial, mode: str) -> Iterator[Result]:
    """The results of calls that threads make at once, up to the first finding."""
    arrays = trial.operands(extra=("g",) if mode == "backward" else ())
    several = [{name: np.roll(array, turn) for name, array in arrays.items()} for turn in range(CROWD * ROUNDS)]
    kept = () if not trial.support.convention.parameters else ("w", "b")  # an object has one weight for all threads
    several = [trial.seen(one | {name: arrays[name] for name in kept if name in one}) for one in several]
    stacked = [name for name in arrays if name not in kept]
    stacks = arrays | {name: np.stack([one[name] for one in several]) for name in stacked}
    call = Call(case=trial.case, arrays=stacks, mode=mode, options={"crowd": CROWD, "stacked": stacked})
    (reply,) = trial.calls([call], into=[])
    y = reply.outputs.get("y")
    if y is None or y.values is None or y.values.shape != (len(several), *trial.case.out):
        yield trial.incomparable()
        return
    for turn, one in enumerate(several):
        said = f"call {turn + 1} of {len(several)} that {CROWD} threads make at once"
        problem = trial.problem(arrays=one)
        result = trial.verdict(trial.expected(problem).compare(y.values[turn]), note=said)
        yield result
        parts = replace(reply, outputs={})
        for name, output in reply.outputs.items():
            if name != "y" and output.values is not None:
                parts.outputs[name] = replace(output, values=output.values[turn], shape=output.shape[1:])
        if "g" in one and parts.outputs and not result.finding:
            for other in verdicts(trial, parts, gradients(problem, one["g"])):
                other.message = f"{other.message}; {said}" if other.message else ""
                yield other
