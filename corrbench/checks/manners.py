"""The manner of a call: its mode, its objects and its threads change from case to case, as they do in programs.

A fault that shows under `torch.no_grad` only, or on two threads, may be in one region of shapes only. Every case that
is judged for its values is judged for its manner too, and a plain call tells whether the manner is to blame.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from corrbench.case import FLOATS
from corrbench.judge.calls import Call
from corrbench.judge.protocol import Reply
from corrbench.judge.trial import Trial
from corrbench.numerics.problem import Array


@dataclass(frozen=True, slots=True)
class Manner:
    """How a call is made: in which way of `corrbench.judge.worker.ways`, on how many threads of torch."""

    way: str = ""
    threads: int = 1
    how: str = ""  # in words, after "called"


PLAIN = Manner()
NO_GRAD = Manner("no_grad", 1, "under torch.no_grad")
PARAMETERS = Manner("parameters", 1, "with a weight that is a torch.nn.Parameter")
EVALUATED = Manner("evaluated", 1, "with a weight that is a torch.nn.Parameter, under torch.no_grad")
FORWARD = (
    *(PLAIN,) * 5, *(NO_GRAD,) * 3, EVALUATED, EVALUATED, *(Manner("inference", 1, "under torch.inference_mode"),) * 3,
    PARAMETERS, PARAMETERS, Manner("no_grad", 2, "under torch.no_grad on 2 threads"),
)  # fmt: skip
BACKWARD = (
    *(PLAIN,) * 5, PARAMETERS, PARAMETERS, PARAMETERS,
    *(Manner("later_input", 1, "with an input that is another layer's result"),) * 2,
    *(Manner("consumers", 1, "with an input that is used once more"),) * 2,
    Manner("after_no_grad", 1, "after a call under torch.no_grad"),
    *(Manner("interleaved", 1, "before another forward pass, its backward pass after it,"),) * 2,
    Manner("", 2, "on 2 threads"),
)  # fmt: skip


def manner(trial: Trial, among: tuple[Manner, ...]) -> Manner:
    """The manner of a trial's call: it follows from the case, its data and its element type."""
    if (
        trial.spec.arrays != "torch"
        or trial.spec.compile
        or trial.spec.device != "cpu"
        or trial.case.dtype not in FLOATS
    ):
        return PLAIN
    found = among[zlib.crc32(str(trial.case).encode()) // 7 % len(among)]
    of_object = bool(trial.support.convention.parameters) and found.way in ("parameters", "evaluated")
    return PLAIN if of_object or (found.way and trial.support.convention.by_hand) else found


def call(trial: Trial, arrays: dict[str, Array], mode: str, how: Manner) -> Reply:
    """Make the call of a trial in a manner."""
    if how == PLAIN:
        return trial.call(mode, arrays=arrays)
    options = {"way": how.way} if how.way else {}
    made = Call(case=trial.case, arrays=arrays, mode=mode, options=options)
    return trial.calls([made], threads=how.threads)[0]
