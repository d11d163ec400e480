"""The calls of a check: what is asked of a target, and what must hold of every answer, whatever its values are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from corrbench.case import Case
from corrbench.judge.protocol import Reply
from corrbench.numerics import inputs
from corrbench.numerics.problem import Array
from corrbench.support import config
from corrbench.target import Spec

OPERANDS = ("x", "w", "b")


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
    options: dict[str, Any] = field(default_factory=dict)  # reuse, accumulate
    config: dict[str, Any] | None = None  # in place of the case's own arguments

    def step(self, form: str, arrays: list[Array]) -> dict[str, Any]:
        """What the target's process is told of it. Its operands, in the form's axes, are appended to `arrays`."""
        case, index = self.case, {}
        for name, array in self.arrays.items():
            index[name] = len(arrays)
            arrays.append(array if form == "conv2d" or array.ndim != 4 or self.mode == "vmap" else array[0, 0])
        told = {
            "mode": self.mode, "arrays": index, "dtype": case.dtype, "layout": inputs.layouts(case), **self.options,
            "config": config(case) if self.config is None else self.config,
            "out": case.out if form == "conv2d" else case.out[2:],
        }  # fmt: skip
        return told if self.grad is None else told | {"grad": list(self.grad)}


@dataclass(frozen=True, slots=True)
class Violation:
    """What a call did that none may do, and the check whose question that is."""

    check: str
    message: str


def violations(call: Call, reply: Reply, form: str, spec: Spec) -> Iterator[Violation]:
    """Exact type, dtype, shape and device; operands and global state untouched; a result in memory of its own."""
    kind = "numpy.ndarray" if spec.arrays == "numpy" else "torch.Tensor"
    two = form != "conv2d"
    shapes = {"y": call.case.out[2:] if two else call.case.out, "t": call.case.out[2:] if two else call.case.out}
    for name, array in call.arrays.items():
        shapes["g" + name] = shapes["gg" + name] = array.shape[2:] if two and array.ndim == 4 else array.shape
    for name, output in reply.outputs.items():
        if output.type != kind:
            yield Violation("contract.result", f"{name} is a {output.type}, not a {kind}")
            continue
        if output.dtype != call.case.dtype:
            said = f"{name} has dtype {output.dtype}, not that of the operands, {call.case.dtype}"
            yield Violation("contract.result", said)
        want = shapes.get(name, output.shape)
        module_bias = form == "module" and name.endswith("b")
        if output.shape != tuple(want) and not module_bias and call.mode != "vmap":
            yield Violation("contract.result", f"{name} has shape {list(output.shape)}, not {list(want)}")
        if output.device != spec.device.partition(":")[0]:
            yield Violation("contract.result", f"{name} is on {output.device}, not {spec.device}")
    for name in reply.changed:
        yield Violation("memory.operands", f"operand {name} was changed by the call ({call.mode})")
    for words in reply.aliases:
        if words.startswith("y "):  # autograd itself hands a cotangent through where nothing needs doing
            yield Violation("memory.operands", words)
    for name in reply.late:
        yield Violation("memory.operands", f"{name} changed after it had been returned")
    for words in reply.globals:
        yield Violation("contract.globals", f"the call changed global state: {words}")
