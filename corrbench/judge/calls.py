"""The calls of a check: what is asked of a target, and what must hold of every answer, whatever its values are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.case import DTYPES, Case
from corrbench.convention import Convention, sizes
from corrbench.judge.protocol import Reply
from corrbench.numerics import inputs
from corrbench.numerics.diagnose import outline
from corrbench.numerics.problem import Array
from corrbench.support import Support, config
from corrbench.target import Spec

OPERANDS = ("x", "w", "b")
EXPECTED = (*DTYPES, "uint16", "uint32", "uint64")  # of results; NumPy sums bytes in unsigned integers


def case_operands(case: Case) -> tuple[str, ...]:
    """Names of the operands of a case."""
    return OPERANDS if case.bias else OPERANDS[:2]


@dataclass(slots=True, kw_only=True)
class Call:
    """One call to make: of which case, on which arrays, differentiated how."""

    case: Case
    arrays: dict[str, Array]
    mode: str = "forward"  # forward, backward, double, jvp, vmap, elsewhere or graph
    grad: tuple[str, ...] | None = None  # operands that require gradients; all by default
    options: dict[str, Any] = field(default_factory=dict)  # reuse, accumulate, way; crowd, of operands that are stacked
    config: dict[str, Any] | None = None  # in place of the case's own arguments

    def taken(self, convention: Convention, name: str, values: Array) -> Array:
        """An array that came back, in the judge's form."""
        if "stacked" not in self.options:
            return convention.taken(name, values, self.case)
        return np.stack([convention.taken(name, one, self.case) for one in values])

    def step(self, convention: Convention, arrays: list[Array]) -> dict[str, Any]:
        """What the target's process is told of it. Its operands, as the target gets them, are appended to `arrays`."""
        case, index = self.case, {}
        for name, array in self.arrays.items():
            index[name] = len(arrays)
            stacked = name in self.options.get("stacked", ())
            given = [convention.given(name, one, case) for one in (array if stacked else [array])]
            arrays.append(np.ascontiguousarray(np.stack(given) if stacked else given[0]))
        told = {
            "mode": self.mode, "arrays": index, "dtype": case.dtype, "layout": inputs.layouts(case), **self.options,
            **called(case, convention, self.config),
        }  # fmt: skip
        return told if self.grad is None else told | {"grad": list(self.grad)}


def called(case: Case, convention: Convention, given: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a call is made with beside its arrays: arguments, sizes for an expression, shape of the result."""
    words = (config(case) if given is None else given) if convention.output == "valid" else {
        name: value for name, value in config(case).items() if name != "padding"
    }  # fmt: skip
    return {"config": words, "sizes": sizes(case), "out": convention.shape("y", case)}


@dataclass(frozen=True, slots=True)
class Violation:
    """What a call did that none may do, and the check whose question that is."""

    check: str
    message: str
    beyond: bool = False  # whether it lies beyond what the target evidently claims
    resembles: str = ""  # the fault that it looks like


def violations(call: Call, reply: Reply, support: Support, spec: Spec) -> Iterator[Violation]:
    """Exact type, dtype, shape and device; operands and global state untouched; a result in memory of its own."""
    kind = "torch.Tensor" if spec.arrays == "torch" else "numpy.ndarray"
    convention, want_dtype = support.convention, spec.result or call.case.dtype
    for name, output in reply.outputs.items():
        if output.type != kind:
            yield Violation("contract.result", f"{name} is a {output.type}, not a {kind}")
            continue
        if output.dtype != want_dtype and spec.arrays != "list":
            said = f"{name} has dtype {output.dtype}, not {'the declared' if spec.result else 'that of the operands,'} "
            yield Violation("contract.result", said + want_dtype, beyond=spec.lenient and output.dtype in EXPECTED)
        many = call.mode in ("vmap", "samples") or "stacked" in call.options
        want = output.shape if many else convention.shape(name, call.case)
        module_bias = convention.parameters and name.endswith("b")
        if output.shape != tuple(want) and not module_bias:
            told = outline(call.case, output.shape) if name == "y" and convention.output == "valid" else ""
            said = f"{name} has shape {list(output.shape)}, not {list(want)}"
            yield Violation("contract.result", said, resembles=told)
        if output.device != spec.device.partition(":")[0]:
            yield Violation("contract.result", f"{name} is on {output.device}, not {spec.device}")
    for name in reply.changed:
        yield Violation("memory.operands", f"operand {name} was changed by the call ({call.mode})")
    for words in reply.aliases:
        if words.startswith("y "):  # autograd itself hands a cotangent through where nothing needs doing
            yield Violation("memory.operands", words)
    for name in reply.late:
        yield Violation("memory.operands", f"{name} changed after it had been returned")
    yield from misconduct(reply)


def misconduct(reply: Reply) -> Iterator[Violation]:
    """What a call did to what is not its own: global state, and those who watch."""
    for words in reply.tried:
        yield Violation("attempts.judge", f"an attempt to deceive: the target {words}")
    for words in reply.globals:
        yield Violation("contract.globals", f"the call changed global state: {words}")
