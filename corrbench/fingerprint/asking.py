"""Asking a target: calls of one cell, a case with a number of threads, with operands that probes are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.case import Case
from corrbench.convention import Convention
from corrbench.judge import convention_search
from corrbench.judge.calls import Call
from corrbench.judge.client import NotLoaded, Remote
from corrbench.numerics.comparison import as_type
from corrbench.numerics.problem import Array
from corrbench.support import exception
from corrbench.target import Spec

TOGETHER = 16  # calls in one request, whose results are held until all are made
BYTES = 1 << 24  # of operands in one request


class Unanswered(Exception):
    """The target gives no result that could be looked at; the message says why."""


@dataclass(slots=True)
class Target:
    """A target that is loaded, and how it is called.

    Attributes:
        spec: as it is called, what was assumed of its convention included.
        remote: its process.
        convention: what lies between a case and its call.
        version: of its library, where that is known.
        note: what was assumed of its convention.
    """

    spec: Spec
    remote: Remote
    convention: Convention
    version: str = ""
    note: str = ""
    calls: int = 0

    def fit(self, case: Case) -> Case | None:
        """What the target's call can express of a case; None where that is another shape, kernel or type."""
        if self.spec.undeclared({case.dtype}) or (self.spec.arrays != "torch" and case.dtype == "bfloat16"):
            return None
        fitted = self.convention.fit(case)
        return fitted if fitted is not None and (fitted.w, fitted.dtype) == (case.w, case.dtype) else None

    def ask(self, case: Case, pairs: Sequence[tuple[Array, Array]], threads: int = 1) -> list[Array]:
        """The results of calls on pairs of input and kernel, in the judge's form, (N, O, H', W') of the case's type.

        Raises:
            Unanswered: it raised an exception, or gave what is no such array.
            Died: its process ended.
        """
        found: list[Array] = []
        many = max(1, min(TOGETHER, BYTES // max(1, pairs[0][0].nbytes + pairs[0][1].nbytes))) if pairs else 1
        for start in range(0, len(pairs), many):
            calls = [Call(case=case, arrays=self.operands(case, x, w)) for x, w in pairs[start : start + many]]
            arrays: list[Array] = []
            steps = [call.step(self.convention, arrays) for call in calls]
            dtypes = [case.dtype for call in calls for _ in call.arrays]
            replies = self.remote.steps(steps, arrays, dtypes, threads=threads, seldom=True)
            self.calls += len(calls)
            for call, reply in zip(calls, replies, strict=True):
                if reply.raised:
                    raise Unanswered(exception(reply.raised))
                found.append(self.values(call, reply.outputs.get("y")))
        return found

    def operands(self, case: Case, x: Array, w: Array) -> dict[str, Array]:
        """What a call is made with; a bias that is always there is zero."""
        made = {"x": self.convention.enlarged(x, case), "w": w}
        return made | ({"b": np.zeros(case.w[0], x.dtype)} if case.bias else {})

    def values(self, call: Call, output: Any) -> Array:
        """The numbers of a result.

        Raises:
            Unanswered: there are none, or of another shape or type.
        """
        case = call.case
        if output is None or output.values is None:
            raise Unanswered(f"the result is no array, but {output.type if output else 'nothing'}")
        values = call.taken(self.convention, "y", output.values)
        if output.dtype != case.dtype:
            expressed = as_type(values, case.dtype, output.dtype)
            if expressed is None:
                raise Unanswered(f"the result has the element type {output.dtype}, not {case.dtype}")
            values = expressed
        if values.shape != case.out:
            raise Unanswered(f"the result has the shape {list(values.shape)}, not {list(case.out)}")
        return values


def opened(spec: Spec, remote: Remote) -> Target:
    """The target, loaded, in the convention that it has.

    Raises:
        NotLoaded: it cannot be loaded, or called.
        Died: its process ended.
    """
    loaded = remote.load()
    chosen, note = convention_search.settled(spec, remote, loaded)
    adapted = remote.adapt(chosen) if chosen is not remote.spec else loaded
    if "unloadable" in adapted:
        raise NotLoaded(adapted["unloadable"])
    version = " ".join(loaded.get("version", "").split())[:80]
    return Target(chosen, remote, chosen.convention(adapted["form"]), version, note)


@dataclass(slots=True)
class Cell:
    """One cell of a fingerprint: a case, and on how many threads it is computed.

    Attributes:
        target: who is asked.
        case: what.
        threads: of torch.
    """

    target: Target
    case: Case
    threads: int = 1
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def ask(self, pairs: Sequence[tuple[Array, Array]]) -> list[Array]:
        """As `Target.ask`."""
        return self.target.ask(self.case, pairs, self.threads)

    def constant(self, value: float) -> Array:
        """An input of one value everywhere."""
        return np.full(self.case.x, value, kept(self.case.dtype))


def kept(dtype: str) -> Any:
    """The type in which numbers of an element type are kept: bfloat16 in float32."""
    return np.float32 if dtype == "bfloat16" else np.dtype(dtype).type
