"""A target's call over a prime field: operands are residues, and what comes back is what the program computes there."""

from __future__ import annotations

import sys
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np

from . import field, library
from .caller import Caller
from .calls import failure
from .library import Array, Words
from .operands import Operand
from .residues import Record, Refused, integers, objects, own

RAW = {
    "tobytes",
    "tofile",
    "tostring",
    "dump",
    "dumps",
    "frombuffer",
    "getfield",
    "byteswap",
    "__array_interface__",
}  # methods and functions of NumPy that take an array for bytes


def run_over_field(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """One call for each step, over the field of its prime. Results are residues as int64."""
    blobs: list[bytes] = []
    said = []
    for step in request["steps"]:
        record = Record(step["prime"])
        words: Words = {"refused": None, "raised": None, "outputs": {}}
        try:
            words["outputs"] = {"y": computed(step, arrays, caller, record, blobs)}
        except Refused as error:
            words["refused"] = error
        except BaseException as error:  # whatever it raises is a result
            words["raised"] = failure(error)
        refused = record.refused or words["refused"]
        if refused is not None:
            words["refused"] = {"kind": refused.kind, "what": refused.what, "where": refused.where}
            if words["outputs"]:
                words["outputs"] = {}
                blobs.pop()
        words |= {"operators": record.operators, "constants": record.constants, "degree": record.degree}
        said.append(words)
        caller.made.clear()
        caller.module = None
        if refused is not None or words["raised"] is not None:
            break
    return {"runs": said}, blobs


def computed(step: Words, arrays: list[Array], caller: Caller, record: Record, blobs: list[bytes]) -> Words:
    """The residues of one call's result."""
    operands = {name: operand(arrays[at], step, name, caller, record) for name, at in step["arrays"].items()}
    live = {name: one.array for name, one in operands.items()}
    if caller.arrays == "torch":
        with field.mode(record):
            if caller.form in ("module", "layer"):
                live |= caller.build(operands, step, keep=False)
            y = caller.call(live, step)
        if not isinstance(y, field.tensors()):
            raise record.refuse("unknown", "a result that was made outside of torch")
        record.degree = y.degree[0]
        values, dtype = y.inner.contiguous().numpy(), str(y.dtype).removeprefix("torch.")
    else:
        if caller.form in ("module", "layer"):
            live |= caller.build(operands, step, keep=False)
        sys.setprofile(Guard(record))
        try:
            y = caller.call(live, step)
        finally:
            sys.setprofile(None)
        found = np.asarray(y, object)
        values, dtype = np.array(integers(found, record), np.int64).reshape(found.shape), step["dtype"]
    blobs.append(np.ascontiguousarray(values).tobytes())
    return {"type": dtype, "device": "cpu", "requires_grad": False, "dtype": "int64", "shape": list(values.shape),
            "blob": len(blobs) - 1, "wire": "int64"}  # fmt: skip


class Guard:
    """A profiler that refuses what reads an array's memory, which holds no numbers here, past its elements. It does not
    see all ways to do so; those are Memcheck's.
    """

    def __init__(self, record: Record) -> None:
        self.record = record

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "c_call" or not own(frame.f_code.co_filename):
            return
        name = getattr(argument, "__name__", "")
        if name in RAW or isinstance(getattr(argument, "__self__", None), memoryview):
            raise self.record.refuse("data", f"{name} reads what is in memory")


def operand(values: Array, step: Words, name: str, caller: Caller, record: Record) -> Any:
    """An operand of residues, laid out as the case says."""
    if caller.arrays != "torch":
        return SimpleNamespace(array=objects(values, record))
    layout = step.get("layout", {}).get(name, "contiguous")
    inner = Operand(values, "int64", layout, "torch", "cpu").array
    return SimpleNamespace(array=field.tensors()(inner, getattr(library.torch, step["dtype"]), [1], record))
