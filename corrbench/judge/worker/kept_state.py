"""What a target keeps from call to call, and what it asks the world for: seen in its Python objects and its calls."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterator
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any
from zlib import crc32

import numpy as np

from . import library
from .caller import Caller
from .calls import failure, make
from .library import Array, Words, is_tensor
from .residues import LIBRARIES, own, place

CALLS = 3  # that are made; what changes after the first is state
DEEP, MANY = 8, 20000  # levels and objects that are looked at
WORLD = {"time", "random", "_random", "posix", "secrets", "_socket", "_datetime", "datetime", "numpy.random.mtrand",
         "numpy.random._generator"}  # fmt: skip
READERS = (f"{os.sep}os.py", "random.py", "secrets.py", "datetime.py", "uuid.py")  # of the standard library


def parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object consists of, with the words that lead to it."""
    if isinstance(value, FunctionType):
        code, globals_ = value.__code__, value.__globals__
        names = {name for one in codes(code) for name in one.co_names}
        yield from ((name, globals_[name]) for name in sorted(names & globals_.keys()))
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=False):
            try:
                yield name, cell.cell_contents
            except ValueError:
                continue
        yield from ((f"default {number}", one) for number, one in enumerate(value.__defaults__ or ()))
        yield from ((f"default {name}", one) for name, one in (value.__kwdefaults__ or {}).items())
        yield from vars(value).items()
    elif isinstance(value, MethodType):
        yield from (("function", value.__func__), ("self", value.__self__))
    elif isinstance(value, functools.partial):
        yield from (("function", value.func), ("arguments", value.args), ("words", value.keywords))
    elif isinstance(value, (dict, list, tuple, set, frozenset)):
        pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        yield from ((repr(name)[:40], one) for name, one in pairs)
    elif isinstance(value, (ModuleType, type)):
        module = value if isinstance(value, ModuleType) else sys.modules.get(value.__module__)
        if own(getattr(module, "__file__", "") or ""):
            yield from ((name, one) for name, one in list(vars(value).items()) if not name.startswith("__"))
    else:
        yield from parts_of_object(value)


def parts_of_object(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object of any other class consists of."""
    if hasattr(value, "cache_info"):
        yield "calls", tuple(value.cache_info())
        yield "function", getattr(value, "__wrapped__", None)
    elif hasattr(value, "__dict__") and not is_tensor(value):
        yield "class", type(value)
        yield from list(vars(value).items())
    elif hasattr(value, "__slots__"):
        names = [value.__slots__] if isinstance(value.__slots__, str) else value.__slots__
        yield from ((name, getattr(value, name, None)) for name in names)


def codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and those of the functions inside it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from codes(one)


def simple(value: Any) -> str:
    """What an object without parts holds, in short."""
    if isinstance(value, (bool, int, float, complex, str, bytes, type(None), np.generic)):
        return repr(value)[:200]
    if isinstance(value, np.ndarray):
        return f"{value.shape} {crc32(np.ascontiguousarray(value).tobytes()) if value.dtype != object else id(value)}"
    if is_tensor(value):
        try:
            return f"{tuple(value.shape)} {crc32(library.bits(value.contiguous()).tobytes())}"
        except Exception:
            return str(id(value))
    if isinstance(value, (list, tuple, set, dict, frozenset)):
        return str(len(value))
    if type(value).__name__ in ("count", "cycle", "list_iterator", "tuple_iterator", "range_iterator"):
        return repr(value)  # a counter of itertools says where it is
    return str(id(value))


def held(target: Any) -> dict[str, str]:
    """All that can be reached from a target, by the way to it, each object once."""
    found: dict[str, str] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("", target, 0)]
    while waiting and len(found) < MANY:
        name, value, depth = waiting.pop()
        if isinstance(value, ModuleType) and not own(getattr(value, "__file__", "") or ""):
            continue
        found[name] = simple(value)
        if id(value) in seen or depth > DEEP or isinstance(value, (str, bytes, int, float, np.ndarray)):
            continue
        seen.add(id(value))
        if isinstance(value, FunctionType) and not own(value.__code__.co_filename):
            continue
        try:
            inside = list(parts(value))
        except Exception:  # an object that does not let itself be looked at
            continue
        if isinstance(value, threading.local):
            inside = list(vars(value).items())
        waiting += [(f"{name}.{part}" if name else part, one, depth + 1) for part, one in inside]
    return found


class Asked:
    """A profiler that notes where the program itself asks for time, chance, or the environment."""

    def __init__(self) -> None:
        self.found: dict[str, None] = {}

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call" and own(frame.f_code.co_filename):
            module = getattr(argument, "__module__", None) or type(getattr(argument, "__self__", None)).__module__
            if module in WORLD or type(getattr(argument, "__self__", None)).__module__ in WORLD:
                self._note(f"{module}.{getattr(argument, '__qualname__', argument)}")
        elif event == "call" and frame.f_back is not None and own(frame.f_back.f_code.co_filename):
            file = frame.f_code.co_filename
            if file == "<frozen os>" or (file.startswith(LIBRARIES) and file.endswith(READERS)):
                self._note(f"{os.path.basename(file)} {frame.f_code.co_name}")

    def _note(self, what: str) -> None:
        self.found[f"{what} ({place()})"] = None


def changes(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """What is not as it was."""
    for name in before.keys() | now.keys():
        was, found = before.get(name, "absent"), now.get(name, "absent")
        if was != found:
            yield f"{name}: {was} → {found}"


def watch(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """Several ordinary calls: what of the target has changed since the first, and what it asked the world for."""
    step, asked = request["step"], Asked()
    words: Words = {"state": [], "asked": [], "raised": None, "looked": 0}
    before: dict[str, str] = {}
    try:
        for number in range(CALLS):
            operands = {name: make(name, step, arrays, caller) for name in step["arrays"]}
            caller.made |= operands
            live = {name: one.array for name, one in operands.items()}
            if caller.form in ("module", "layer"):
                live |= caller.build(operands, step, keep=number > 0)
            if number:
                sys.setprofile(asked)
            try:
                caller.call(live, step)
            finally:
                sys.setprofile(None)
            now = held((caller.bare, caller.module) if caller.module is not None else caller.bare)
            if number:
                words["state"] = sorted({*words["state"], *changes(before, now)})[:20]
            before, words["looked"] = now, len(now)
    except BaseException as error:  # whatever it raises is a result
        words["raised"] = failure(error)
    words["asked"] = list(asked.found)[:20]
    return words, []
