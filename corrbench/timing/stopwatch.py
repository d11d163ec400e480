"""A stopwatch for one target on one case: samples of calls in a row, timed from outside, any of which may be checked.

The clock is in this process; the target's only makes the calls. Every sample has numbers of its own, within a sample
several sets of operands take turns, and the first element of x is another in each call: no answer can be kept.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.convention import Convention
from corrbench.judge import supervisor
from corrbench.judge.calls import called, case_operands
from corrbench.judge.client import Remote
from corrbench.judge.protocol import Output, Reply
from corrbench.numerics import bounds, inputs
from corrbench.numerics.comparison import Expected
from corrbench.numerics.problem import Array, Problem

SETS = 4  # sets of operands that take turns, fewer where they are large
BYTES = 1 << 24  # that the operands of all sets together should not exceed
LEAST = 0.1  # share of what was measured that is taken for calls, however long asking seemed to take before
ROOMS = 16  # pieces of memory that push operands to other places
EMPTY = 9  # samples without a call, to know what asking alone takes
LARGEST = 1 << 22  # calls in one sample at the most
FRESH = 61  # numbers that the first element of x takes in turn, as in judge/worker/timed_calls.py
WEIGHED = 3  # calls whose memory is looked at


class Unmeasurable(Exception):
    """The target does not do what is to be timed, or does it wrong; the message says which."""


@dataclass(slots=True)
class Stopwatch:
    """One target on one case, ready to be timed.

    Attributes:
        remote: the target's process.
        case: what is called.
        mode: ``forward``, or ``backward`` for the result and all its gradients.
        seed: of the numbers.
        convention: how the target is called.
    """

    remote: Remote
    case: Case
    mode: str
    seed: int
    convention: Convention
    empty: float = 0.0
    turned: int = 0
    kept: int = 0
    operands: list[dict[str, Array]] | None = None
    tried: list[str] = field(default_factory=list)  # signs of an attempt against those who measure

    def prepare(self, rooms: Sequence[int] = ()) -> None:
        """Make the operands, call once, and see what asking takes.

        Args:
            rooms: bytes of memory that is taken before the operands, so that they and the results lie elsewhere: where
                they lie may decide over a per cent, as much as a change that matters (Mytkowicz, Diwan, Hauswirth &
                Sweeney, ASPLOS 2009).

        Raises:
            Unmeasurable: the target raised an exception.
            Died, NotLoaded: its process ended, or never came to be.
        """
        names = (*case_operands(self.case), *(("g",) if self.mode == "backward" else ()))
        one = {name: inputs.draw(self.case, self.seed, name) for name in names}
        count = int(max(1, min(SETS, BYTES // max(1, sum(array.nbytes for array in one.values())))))
        x = one["x"].reshape(-1)
        turned = (np.roll(x, 17 * k).reshape(one["x"].shape) for k in range(count))
        self.operands = [{**one, "x": self.convention.enlarged(each, self.case)} for each in turned]
        arrays: list[Array] = []
        sets = []
        for chosen in self.operands:
            sets.append({name: len(arrays) + place for place, name in enumerate(chosen)})
            arrays += [self.convention.given(name, array, self.case) for name, array in chosen.items()]
        case, layout = self.case, inputs.layouts(self.case)
        how = {"mode": self.mode, "dtype": case.dtype, "layout": layout, "renew": self.renews}
        how |= called(case, self.convention)
        self.ask({"op": "prepare", "step": how, "sets": sets, "rooms": list(rooms)}, arrays)
        self.run(count)
        taken = []
        for _ in range(EMPTY):
            self.run(0)
            taken.append(self.remote.elapsed)
        self.empty = min(taken)  # what a busy machine adds is not part of asking

    @property
    def renews(self) -> bool:
        """Whether each call gets another first element; where one write is not cheap, sets only take turns."""
        return self.remote.spec.device == "cpu" and not self.case.layout and math.prod(self.case.x) > 0

    def ask(self, request: dict[str, Any], arrays: list[Array] | None = None) -> Reply:
        reply = self.remote.course(request, arrays or [], self.case.dtype)
        self.tried += reply.tried
        if reply.raised:
            first = reply.raised["message"].splitlines()[:1]
            raise Unmeasurable(f"{self.case}: raised {reply.raised['type']}: {''.join(first)[:200]}")
        return reply

    def turn(self, by: int) -> None:
        """New numbers; the same `by` gives the same ones."""
        self.ask({"op": "turn", "by": by})
        self.turned = by

    def run(self, number: int) -> float:
        """Seconds that so many calls took, asking excluded. What two of them gave is kept for `check`."""
        keep = (self.turned * 7919 + number // 2) % number if number else 0
        self.ask({"op": "run", "number": number, "keep": keep})
        taken = self.remote.elapsed
        return max(taken - self.empty, LEAST * taken)

    def calls_for(self, seconds: float) -> int:
        """How many calls fill so much time."""
        number = 1
        while True:
            taken = min(self.run(number) for _ in range(3))
            if taken >= seconds / 2 or number >= LARGEST:
                return max(1, round(number * seconds / taken))
            number = min(LARGEST, int(number * min(16.0, 1 + seconds / taken)))

    def memory(self) -> float:
        """Bytes at the peak of one call beyond what the process held before it: its result and what it needs between.

        What a library took in earlier calls and keeps is not in it. The system counts in pages, and on some machines
        is late by some dozens of them. NaN where it does not count, and for what does not run on the CPU.
        """
        if self.remote.spec.device != "cpu":
            return math.nan
        found = []
        try:
            for _ in range(WEIGHED):
                self.ask({"op": "trim"})
                before = {}
                for pid in supervisor.family(self.remote.pid):
                    supervisor.forget_peak(pid)
                    before[pid] = supervisor.resident(pid)[0]
                self.run(1)
                found.append(sum(max(0, supervisor.resident(pid)[1] - held) for pid, held in before.items()))
        except OSError:
            return math.nan
        return float(statistics.median(found))

    def check(self) -> str:
        """What is wrong with what the last `run` kept, gradients included; empty if nothing."""
        return next(filter(None, map(self._check, (0, 1))), "")

    def _check(self, which: int) -> str:
        assert self.operands is not None
        shown = self.ask({"op": "show", "which": which})
        if self.tried:
            return f"an attempt to deceive: the target {self.tried[0]}"
        if shown.late:
            return f"{shown.late[0]} changed after the call had returned it, so its time is not that of the result"
        outputs = shown.outputs
        index = outputs.pop("index", None)
        self.kept = int(index.values.flat[0]) if index is not None and index.values is not None else 0
        arrays = self.operands[self.kept % len(self.operands)]
        problem = Problem.of_case(self.case, self._seen(arrays["x"]), arrays["w"], arrays.get("b"))
        problems = {"y": problem}
        if self.mode == "backward" and self.remote.spec.accuracy not in bounds.TRANSFORMS:
            problems |= {"gx": problem.input_gradient(arrays["g"]), "gw": problem.weight_gradient(arrays["g"])}
            problems |= {"gb": problem.bias_gradient(arrays["g"])} if problem.bias is not None else {}
        for name, one in problems.items():
            if said := self.wrong(name, outputs.get(name), one):
                return said
        return ""

    def _seen(self, x: Array) -> Array:
        """The input that the call which is checked was given: turned, and with another first element."""
        assert self.operands is not None
        given = self.convention.given("x", x, self.case)
        seen = np.roll(given.reshape(-1), self.turned)
        if self.renews:
            fresh = self.convention.given("x", self.operands[0]["x"], self.case).reshape(-1)[:FRESH]
            seen[0] = fresh[self.kept % len(fresh)]
        return self.convention.enlarged(self.convention.taken("x", seen.reshape(given.shape), self.case), self.case)

    def wrong(self, name: str, got: Output | None, problem: Problem) -> str:
        """What is wrong with one array; empty if nothing."""
        if (
            got is None
            or got.values is None
            or got.values.size != np.prod(problem.shape)
            or got.dtype != self.case.dtype
        ):
            return f"{'the result' if name == 'y' else name} is missing, or has another size or element type"
        expected = Expected(problem, self.case.dtype, self.remote.spec.accuracy)
        values = self.convention.taken(name, got.values, self.case).reshape(expected.truth.hi.shape)
        return expected.compare(values.astype(expected.truth.rounded(self.case.dtype).dtype), name).message


def opened(remote: Remote, case: Case, mode: str, seed: int, chance: random.Random | None = None) -> Stopwatch:
    """A stopwatch on a target that is loaded, prepared; with `chance` its operands lie at places drawn by lot.

    Raises:
        Unmeasurable, Died, NotLoaded: as `Stopwatch.prepare`.
    """
    watch = Stopwatch(remote, case, mode, seed, remote.spec.convention(remote.load()["form"]))
    watch.prepare([chance.randrange(16, 8192) for _ in range(ROOMS)] if chance else [])
    return watch
