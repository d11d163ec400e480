"""Checks of modules: parameters that are registered and train, state that travels, modes that change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.checks import LIGHT, Outline, check
from corrbench.judge.calls import Call
from corrbench.judge.trial import Trial
from corrbench.result import Figures, Result, Status

STEPS, RATE = 400, 0.05
LIVES = {  # see `corrbench.judge.worker.lives`, and in words, after "was"
    "copied": "copied, and the original changed",
    "after_its_copy": "copied, and the copy changed",
    "pickled": "pickled and loaded",
    "moved": "moved to float64 and back",
    "changed": "evaluated without gradients, and its weights changed in place",
    "trained_after": "evaluated without gradients, and then trained a step",
    "loaded": "evaluated, and another state loaded",
}

# How the call that is judged is made.
ENDS: dict[str, dict[str, str]] = {"": {}, ", and called without gradients": {"way": "no_grad"}}


def module_cases(outline: Outline) -> Iterator[Case]:
    """The article's demo, and its edge detector."""
    if outline.support.form == "module" and outline.arrays == "torch":
        yield Case(x=(1, 1, 5, 5), w=(1, 1, 3, 3), bias=True, data="unit")
        yield Case(x=(1, 1, 6, 8), w=(1, 1, 1, 2), bias=True, data="unit")


def facts(trial: Trial) -> dict[str, Any]:
    """What the module shows of itself; a target trained to find this trial's kernel."""
    x, w = trial.operands()["x"], trial.operands()["w"]
    sample = np.ascontiguousarray(trial.random(3).standard_normal((16, 16)), np.float32)
    truth = trial.expected(trial.problem(trial.case.but(x=(1, 1, 16, 16)), {"x": sample[None, None], "w": w})).truth.hi
    arrays = [w[0, 0], x[0, 0], sample, truth[0, 0].astype(np.float32)]
    found = trial.remote.module(arrays, seed=int(trial.seed % 2**31), steps=STEPS, rate=RATE)
    return found | {"kernel": w[0, 0].ravel().tolist()}


@check("module.parameters", module_cases)
def parameters(trial: Trial) -> Iterator[Result]:  # noqa: C901 - one question after the other
    """Are weight and bias registered and trainable, the weight given or uniform on [0, 1), the bias zero?"""
    found = facts(trial)
    given, fresh = found["given"], found["fresh"]
    kernel, size = found["kernel"], list(trial.case.w[2:])
    for name, look in (("with a weight given", given), ("without a weight", fresh)):
        if "raised" in look:
            said = look["raised"]["message"][:200]
            hint = "; --params names parameters that are called otherwise" * (said.endswith("attribute 'weight'"))
            yield trial.result(Status.FAIL, f"{name}: {look['raised']['type']}: {said}{hint}")
            return
    problems = []
    for name in ("weight", "bias"):
        if name not in given["trainable"]:
            problems.append(f"a {name if name == 'bias' else 'weight that is passed in'} is not a trainable parameter")
        if name not in given["state"]:
            problems.append(f"{name} is missing in state_dict()")
    if "weight" not in fresh["trainable"]:
        problems.append("the default weight is not a trainable parameter")
    if [np.float32(v) for v in given["weight"]] != [np.float32(v) for v in kernel]:
        problems.append("the weight that was passed in is not the module's weight")
    if fresh["shape"][-2:] != size:
        problems.append(f"the default weight has shape {fresh['shape']}, not {size}")
    if any(given["bias"]) or any(fresh["bias"]):
        problems.append("the bias does not start at zero")
    if fresh["same"]:
        problems.append("two new modules have the same random weight")
    if not (fresh["low"] >= 0 and fresh["high"] < 1):
        yield trial.result(
            Status.WARN, f"the default weight lies in {fresh['low']:.3g}..{fresh['high']:.3g}, not in [0, 1)"
        )
    if not given["is_module"]:
        problems.append("it is not a torch.nn.Module")
    if problems:
        yield trial.result(Status.FAIL, "; ".join(problems))
    else:
        yield trial.result(Status.PASS)


@check("module.state", module_cases)
def state(trial: Trial) -> Iterator[Result]:
    """Do state_dict round trip, dtype moves and train/eval leave the function the same?"""
    found = facts(trial)
    if "raised" not in found["given"] and not {"weight", "bias"} <= set(found["given"]["state"]):
        yield trial.result(Status.SKIPPED, "weight or bias is not registered; see module.parameters")
        return
    wants = {
        "round_trip": ({"same": True}, "state_dict() and load_state_dict() do not carry the function over"),
        "moves": ({"dtype": "torch.float64", "weight": "torch.float64"}, "to(torch.float64) does not move it"),
        "modes": ({"same": True, "same again": True}, "train() and eval() give different results"),
    }
    for name, (want, words) in wants.items():
        look = found[name]
        if look == want:
            yield trial.result(Status.PASS, numbers=Figures(own={"question": name}))
        else:
            raised = look.get("raised")
            detail = f"{raised['type']}: {' '.join(raised['message'].split())[:200]}" if raised else str(look)
            yield trial.result(Status.FAIL, f"{words} ({detail})")


def life_cases(outline: Outline) -> Iterator[Case]:
    """A few small cases of objects of torch with parameters."""
    convention = outline.support.convention
    if convention.parameters and outline.arrays == "torch" and not convention.by_hand:
        small = [case for case in outline.light if case.macs <= LIGHT / 30 and np.prod(case.out)]
        for index, case in enumerate(outline.spread(small, 3 + 6 * outline.thorough)):
            yield case.but(
                data="small", dtype="float32" if "float32" in outline.dtypes else case.dtype, bias=index % 2 == 0
            )


@check("module.life", life_cases)
def life(trial: Trial) -> Iterator[Result]:
    """Is a layer right after it was copied, pickled, moved, evaluated, changed in place, stepped, or loaded?"""
    arrays = trial.operands()
    expected = trial.expected(trial.problem(arrays=arrays))
    plain = trial.values(trial.call(arrays=arrays))
    if plain is None or not expected.compare(plain).right:
        yield trial.result(Status.SKIPPED, "wrong when it is new, so not asked later in its life")
        return
    ends = [(name, how + said, way) for name, how in LIVES.items() for said, way in ENDS.items()]
    calls = [Call(case=trial.case, arrays=arrays, options={"life": name} | way) for name, _, way in ends]
    for (name, how, _), reply in zip(ends, trial.calls(calls, ends=False, into=[]), strict=True):
        if reply.raised and reply.raised["type"] == "Unowned":
            yield trial.result(Status.SKIPPED, "its weight is no parameter; see module.parameters")
            return
        if reply.raised:
            said = f"a layer that was {how} raises {reply.raised['type']}: {reply.raised['message'][:160]}"
            yield trial.result(Status.WARN if name == "pickled" else Status.FAIL, said)
        elif (values := trial.values(reply)) is None:
            yield trial.incomparable()
        else:
            yield trial.verdict(expected.compare(values), note=f"after it was {how}")


@check("module.training", module_cases)
def training(trial: Trial) -> Iterator[Result]:
    """Does gradient descent on its parameters recover a kernel from that kernel's results?"""
    found = facts(trial)
    look, kernel = found["training"], np.asarray(found["kernel"])
    if "raised" in look:
        yield trial.result(Status.FAIL, f"training raised {look['raised']['type']}: {look['raised']['message'][:200]}")
        return
    off = float(np.abs(np.asarray(look["weight"]) - kernel).max()) if len(look["weight"]) == len(kernel) else np.inf
    if off < 1e-2 and abs(sum(look["bias"])) < 1e-2:
        yield trial.result(Status.PASS, numbers=Figures(own={"loss": look["loss"], "off": off, "steps": STEPS}))
    else:
        message = f"after {STEPS} steps of gradient descent the kernel is off by {off:.3g} (loss {look['loss']:.3g})"
        yield trial.result(Status.FAIL, message)
