"""A call on operands that Memcheck holds for undefined: what of the target's course and outputs depends on them.

The process runs under valgrind. A shim, compiled for this, hands Memcheck's requests on: mark memory, ask for validity
bits, count reports. What depends on a marked byte is undefined too, and a jump or an address that does is reported.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import FrameType
from typing import Any

import numpy as np

from . import library
from .caller import Caller
from .calls import failure, make
from .library import Array, Words, is_tensor
from .residues import own

WARM = 2  # calls on defined operands before anything is marked


class Memcheck:
    """The requests of the shim."""

    def __init__(self, path: str) -> None:
        shim = ctypes.CDLL(path)
        for name in ("taint", "untaint"):
            getattr(shim, name).argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        shim.vbits.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        shim.errors.restype = ctypes.c_uint
        shim.say.argtypes = (ctypes.c_char_p,)
        self.taint, self.untaint, self.errors, self.say = shim.taint, shim.untaint, shim.errors, shim.say
        self.running = bool(shim.running())
        self._vbits = shim.vbits

    def undefined(self, address: int, size: int) -> Array:
        """The validity bits of memory: 0 for a defined bit, 1 for one that is not."""
        found = np.zeros(size, np.uint8)
        self._vbits(address, found.ctypes.data, size)
        self.untaint(found.ctypes.data, size)
        return found


def memory(value: Any) -> tuple[int, int, int]:
    """Address, bytes and bytes of an element of a contiguous array."""
    if is_tensor(value):
        return value.data_ptr(), value.numel() * value.element_size(), value.element_size()
    return value.ctypes.data, value.nbytes, value.itemsize


def addresses(value: Any) -> list[int]:
    """Where the elements of an array lie, in the order of its axes."""
    begin, _, size = memory(value)
    steps = [step * size for step in value.stride()] if is_tensor(value) else list(value.strides)
    at = np.full((1,) * 0, 0, np.int64)
    for length, step in zip(value.shape, steps, strict=True):
        at = at[..., None] + np.arange(length) * step
    return [begin + int(one) for one in np.ravel(at)]


class Places:
    """A tracer that notes the lines of the program in which reports came."""

    def __init__(self, memcheck: Memcheck) -> None:
        self.memcheck, self.found, self.at = memcheck, dict[str, None](), ""
        self.count = memcheck.errors()

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if not own(frame.f_code.co_filename):
            return None
        now = self.memcheck.errors()
        if now > self.count and self.at:
            self.found[self.at] = None
        self.count = now
        self.at = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        return self


def run_marked(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """Calls with one operand marked at a time, and then one element of it: reports, their places, and the footprint."""
    words: Words = {"raised": None, "running": False, "reports": {}, "places": {}, "outputs": {}, "calls": 0}
    blobs: list[bytes] = []
    try:
        Marking(request, arrays, caller, words, blobs).run()
    except BaseException as error:  # whatever it raises is a result
        words["raised"] = failure(error)
        words["outputs"] = {}
        blobs.clear()
    return words, blobs


class Marking:
    """The calls of one request."""

    def __init__(self, request: Words, arrays: list[Array], caller: Caller, words: Words, blobs: list[bytes]) -> None:
        self.request, self.caller, self.words, self.blobs = request, caller, words, blobs
        self.memcheck = Memcheck(request["shim"])
        self.step = request["step"]
        operands = {name: make(name, self.step, arrays, caller) for name in self.step["arrays"]}
        self.live = {name: one.array for name, one in operands.items()}
        if caller.form in ("module", "layer"):
            self.live |= caller.build(operands, self.step, keep=False)

    def run(self) -> None:
        """All of it."""
        self.words["running"] = self.memcheck.running
        for _ in range(WARM):
            self.call([])
        self.words["reports"]["none"] = self.call([])[1]  # of its own, whatever the operands
        for name, value in self.live.items():
            where = addresses(value)
            self.memcheck.say(f"marked {name}".encode())
            _, reports = self.call(where, value)
            self.words["reports"][name] = reports
            if reports:
                self.words["places"][name] = self.places(where, value)
            self.memcheck.say(b"marked none")
        for name, indices in self.request["elements"].items():
            where = addresses(self.live[name])
            rows = [self.call([where[index]], self.live[name])[0] for index in indices]
            table = np.stack(rows) if rows else np.zeros((0, 0), np.uint8)
            self.words["outputs"][name] = {
                "type": "footprint", "device": "cpu", "requires_grad": False, "dtype": "uint8",
                "shape": list(table.shape), "blob": len(self.blobs), "wire": "uint8",
            }  # fmt: skip
            self.blobs.append(table.tobytes())

    def call(self, where: list[int], marked: Any = None) -> tuple[Array, int]:
        """One call with the elements at these addresses undefined: which outputs then are, and reports meanwhile."""
        size = memory(marked)[2] if marked is not None else 0
        for address in where:
            self.memcheck.taint(address, size)
        before = self.memcheck.errors()
        try:
            y = self.caller.call(self.live, self.step)
            reports = int(self.memcheck.errors() - before)
        finally:
            for address in where:
                self.memcheck.untaint(address, size)
        self.words["calls"] += 1
        plain = library.methods["contiguous"](library.methods["detach"](y)) if is_tensor(y) else np.ascontiguousarray(y)
        address, total, element = memory(plain)
        bits = self.memcheck.undefined(address, total)
        self.memcheck.untaint(address, total)
        return (bits.reshape(-1, element) != 0).any(1).astype(np.uint8), reports

    def places(self, where: list[int], marked: Any) -> list[str]:
        """The lines of the program in which the reports come."""
        tracer = Places(self.memcheck)
        sys.settrace(tracer)
        try:
            self.call(where, marked)
        finally:
            sys.settrace(None)
        return list(tracer.found)[:20]
