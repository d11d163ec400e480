"""Calls that are timed: operands made beforehand, calls in a row, and the results of one of them kept.

The clock is not here: whoever asks for `run` measures until the answer comes.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import library
from .caller import Caller
from .calls import failure
from .library import Array, Words
from .operands import Operand, array_of, describe
from .poison import give_back
from .signs import taken

Call = Callable[[], dict[str, Any]]
OFTEN = 8  # about so many results are kept in the course of a run, each in place of the one before
MIX = 2654435761  # 2³² over the golden ratio: spreads the last digits of the clock (Knuth, TAOCP 3, 6.4)
FEW = 3  # elements of a result that are looked at as soon as its call has returned
Glance = list[tuple[str, int, bytes]]  # of an array, a place in it, and what lay there
clock = time.perf_counter_ns  # as it is before any target is loaded
FRESH = 61  # numbers that the first element of x takes, one after the other; a prime, so that sets do not repeat soon


class Course:
    """The calls of one case, a closure for each set of operands."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.sets: list[dict[str, Operand]] = []
        self.calls: list[Call] = []
        self.firsts: list[Array] = []  # for each set the memory that begins with the first element of x
        self.fresh: list[Any] = []
        self.kept: list[dict[str, Any]] = [{}, {}]  # of the call that was named, and of one that was drawn
        self.glances: list[Glance] = [[], []]  # of the same, as it was given

    def answer(self, request: Words, arrays: list[Array]) -> tuple[Words, list[bytes]]:
        """Do what is asked for; an exception of the target's is said, and nothing is kept."""
        blobs: list[bytes] = []
        raised = None
        outputs: dict[str, Words] = {}
        late: list[str] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if request["op"] == "prepare":
                    self.prepare(request, arrays)
                elif request["op"] == "turn":
                    self.turn(request["by"])
                elif request["op"] == "run":
                    self.run(request["number"], request["keep"])
                    if self.caller.compiled is not None and request["number"]:
                        self.caller.compiled.must_have_compiled()
                elif request["op"] == "trim":
                    self.kept = [{}, {}]
                    give_back()
                else:
                    kept = self.kept[request["which"]]
                    late = changed(kept, self.glances[request["which"]])
                    outputs = {name: describe(value, blobs) for name, value in kept.items()}
        except BaseException as error:  # whatever it raises is a result
            raised = failure(error)
            self.kept = [{}, {}]
        rest: Words = {"changed": [], "aliases": [], "late": late, "globals": [], "after": {}, "tried": taken()}
        return {"steps": [{"raised": raised, "outputs": outputs, **rest}]}, blobs

    def prepare(self, request: Words, arrays: list[Array]) -> None:
        """Make the operands and the calls; `places` names the array of each operand, for each set."""
        step = request["step"]
        self.rooms = [bytearray(size) for size in request["rooms"]]  # they push what follows to other places
        self.sets = [
            {
                name: Operand(arrays[index], step["dtype"], step["layout"].get(name, "contiguous"),
                              self.caller.arrays, self.caller.device)
                for name, index in places.items()
            }
            for places in request["sets"]
        ]  # fmt: skip
        self.calls = [self.closure(operands, step) for operands in self.sets]
        self.firsts, self.fresh = [], []
        if step["renew"]:
            self.firsts = [operands["x"].storage.reshape(-1) for operands in self.sets]
            self.fresh = self.sets[0]["x"].values.reshape(-1)[:FRESH].tolist()

    def closure(self, operands: dict[str, Operand], step: Words) -> Call:
        """One call on one set of operands, with its gradients where they are asked for."""
        caller = self.caller
        live = {name: operand.array for name, operand in operands.items()}
        if caller.form in ("module", "layer"):
            live |= caller.build({name: one for name, one in operands.items() if name != "g"}, step, keep=False)
        forward: Callable[[], Any] = (
            partial(caller.module, live["x"]) if caller.form == "module" else partial(caller.call, live, step)
        )
        if step["mode"] == "backward":
            leaves = {name: value for name, value in live.items() if name != "g"}
            for leaf in leaves.values():
                leaf.requires_grad_(True)
            return partial(backward, forward, leaves, live["g"])
        return partial(alone, forward, library.torch.no_grad if library.torch else contextlib.nullcontext)

    def turn(self, by: int) -> None:
        """Other numbers in the same memory: every input moved on by `by` places."""
        for operands in self.sets:
            first = operands["x"].values
            operands["x"].refill(np.roll(first.reshape(-1), by).reshape(first.shape))
            operands["x"].values = first

    def run(self, number: int, keep: int) -> None:
        """That many calls in a row, the sets in turn; what call `keep` gives is kept, and what another one gives.

        Which other one is decided after its call, by the last digits of the clock: no call can know. Before
        each call the first element of x is another, written to its memory past the target: nothing that was kept from
        an earlier call, under whatever key, is right for this one. Both take some 0.2 µs, which are timed. Of what is
        kept a few elements, drawn too, are looked at at once: it is not to be completed later (some µs, OFTEN times).
        """
        calls, count = self.calls, len(self.calls)
        firsts, fresh, many = self.firsts, self.fresh, len(self.fresh)
        drawn, share, chance = -1, max(1, number // OFTEN), clock
        named: dict[str, Any] = {}
        other: dict[str, Any] = {}
        first: Glance = []
        second: Glance = []
        here = self.caller.device == "cpu"  # elsewhere a result may be under way, in the order of its stream
        for index in range(number):
            turn = index % count
            if many:
                firsts[turn][0] = fresh[index % many]
            found = calls[turn]()
            if index == keep:
                named, first = found, glance(found) if here else []
            if drawn < 0 or not (chance() * MIX >> 16) % share:
                drawn, other, second = index, found, glance(found) if here else []
        if number:
            self.kept = [{**named, "index": np.array([keep])}, {**other, "index": np.array([drawn])}]
            self.glances = [first, second]
        if number and self.caller.device != "cpu":
            library.torch.cuda.synchronize()


def glance(found: dict[str, Any]) -> Glance:
    """A few elements of each array, at places that the clock draws."""
    seen = []
    for name, value in found.items():
        array = array_of(value)
        if array is not None and array.size:
            for turn in range(FEW):
                place = (clock() * MIX >> 16) * (turn + 1) % array.size
                seen.append((name, place, array.flat[place].tobytes()))
    return seen


def changed(kept: dict[str, Any], seen: Glance) -> list[str]:
    """The arrays that hold other elements now."""
    arrays = {name: array_of(kept[name]) for name, _, _ in seen}
    return sorted(
        {name for name, place, was in seen if (now := arrays[name]) is None or now.flat[place].tobytes() != was}
    )


def alone(forward: Callable[[], Any], context: Callable[[], Any]) -> dict[str, Any]:
    """The result, without a graph."""
    with context():
        return {"y": forward()}


def backward(forward: Callable[[], Any], leaves: dict[str, Any], g: Any) -> dict[str, Any]:
    """The result and the gradients of its inner product with `g`."""
    y = forward()
    grads = library.torch.autograd.grad(y, list(leaves.values()), g, allow_unused=True)
    return {"y": y.detach()} | {"g" + name: grad for name, grad in zip(leaves, grads, strict=True) if grad is not None}
