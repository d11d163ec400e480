"""The protocol: answers of an untrusted process, taken only in the form agreed upon."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.target import FORMS

FEIGNED = "class of its own that calls itself "  # before the name of a type that another type has
LONGEST = 1 << 26  # bytes of words in one answer
TEXT, LIST = 4000, 1000  # characters of a text, and texts of a list of findings, that are kept

LINES = object()  # the form of a text of several lines; any other is one line, which begins no line of its own

RAISED = {"type": str, "bases": [str], "message": LINES, "where": str}
BARE = {"type": str}
HELD = {**BARE, "device": str, "requires_grad": bool}
FULL = {**HELD, "dtype": str, "shape": [int], "blob": int, "wire": str}
FINDINGS = {"changed": [str], "aliases": [str], "late": [str], "globals": [str], "tried": [str]}
STEP = {"outputs": {str: (BARE, HELD, FULL)}, "raised": (None, RAISED), "after": {str: int}, **FINDINGS}
PARAMETER = {"name": str, "required": bool, "by_name": bool, "default": str, "value": str, "keys": [str]}
SIGNATURE = {"text": str, "parameters": [PARAMETER], "uses": [str], "makes": bool, "binds": bool}
LOADED = (
    {
        "form": str,
        "file": str,
        "version": str,
        "at_load": [str],
        "note": str,
        "signature": SIGNATURE,
        "fixed": {str: ([int], str)},
    },
    {"unloadable": LINES},
)
LOOKS = {
    "given": {"parameters": {str: [int]}, "trainable": [str], "state": [str], "is_module": bool,
              "weight": [float], "bias": [float]},
    "fresh": {"shape": [int], "same": bool, "trainable": [str], "low": float, "high": float, "bias": [float]},
    "round_trip": {"same": bool},
    "moves": {"dtype": str, "weight": str},
    "modes": {"same": bool, "same again": bool},
    "training": {"loss": float, "weight": [float], "bias": [float]},
}  # fmt: skip
FACTS = {name: (look, {"raised": RAISED}) for name, look in LOOKS.items()}

OVER_FIELD = {"outputs": {str: FULL}, "raised": (None, RAISED), "operators": {str: int}, "constants": {str: str},
              "degree": int, "refused": (None, {"kind": str, "what": str, "where": str})}  # fmt: skip
KEPT = {"state": [str], "asked": [str], "raised": (None, RAISED), "looked": int}
MARKED = {"outputs": {str: FULL}, "raised": (None, RAISED), "running": bool, "reports": {str: int},
          "places": {str: [str]}, "calls": int}  # fmt: skip
COVERED = {"means": str, "steps": [{"raised": (None, RAISED), "arcs": {str: [[int]]}}]}

ONE_LINE = str.maketrans("\n\t", "  ")
NATIVE = [np.dtype(code) for code in "?bBhHiIlLqQefdgFDG"]
WIRES = {  # the element types that there are, and as which each travels: in the byte order of the machine
    **{str(kind): str(kind) for kind in NATIVE},
    **{str(kind.newbyteorder()): str(kind) for kind in NATIVE},
    "bfloat16": "int16",
}


class Broken(ValueError):
    """An answer that the worker would not give; the message says in what."""


@dataclass(slots=True)
class Output:
    """One array that the target gave back: what it is, and its values (bfloat16 as float32)."""

    type: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    device: str = "cpu"
    requires_grad: bool = False
    values: np.ndarray | None = None


@dataclass(slots=True)
class Reply:
    """What one call did."""

    outputs: dict[str, Output] = field(default_factory=dict)
    raised: dict[str, Any] | None = None
    changed: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    globals: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)  # signs of an attempt against the judge
    after: dict[str, int] = field(default_factory=dict)  # checksums of the operands that are said to be unchanged


def widen(bits: np.ndarray) -> np.ndarray:
    """bfloat16 bits (int16 or uint16, any shape) as the float32 values they stand for."""
    return (bits.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


def narrow(values: np.ndarray) -> np.ndarray:
    """float32 values that bfloat16 can represent, as bfloat16 bits (int16)."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16
    return np.ascontiguousarray(bits.astype(np.uint16)).view(np.int16)


# ---- words


def agreed(value: Any, form: Any, where: str) -> Any:
    """A value in its form: a type, a list of a form, a dict by keys or of a form, or one form of several."""
    if isinstance(form, tuple):
        for one in form:
            with contextlib.suppress(Broken):
                return agreed(value, one, where)
    elif isinstance(form, list) and isinstance(value, list):
        return [agreed(item, form[0], where) for item in value]
    elif isinstance(form, dict) and isinstance(value, dict):
        if str in form:
            named = [(line(name), item) for name, item in value.items()]
            return {name: agreed(item, form[str], f"{where} {name[:40]}") for name, item in named}
        if value.keys() == form.keys():
            return {name: agreed(value[name], item, name) for name, item in form.items()}
    elif form in (str, LINES) and isinstance(value, str):
        return clean(value) if form is LINES else line(value)
    elif form is float and isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            return float(value)
    elif (form is None and value is None) or (isinstance(form, type) and type(value) is form):
        return value
    raise Broken(f"what it says of {where} is not in the form agreed upon")


def clean(text: str) -> str:
    """A text of bounded length that can be shown and stored anywhere."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text[:TEXT])


def line(text: str) -> str:
    """The same as one line."""
    return clean(text).translate(ONE_LINE)


def words(text: bytes | bytearray, nonce: str, division: str = "") -> dict[str, Any]:
    """The words of the answer to the question with this nonce; or ``died``, and of which signal, if that is what is
    said of a process that was divided under the nonce `division`.

    Raises:
        Broken: it is no such answer.
    """
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken(f"no JSON: {clean(str(error))[:80]}") from None
    given = answer.pop("nonce", None) if isinstance(answer, dict) else None
    if division and given == division:
        return agreed(answer, {"died": int}, "its end")  # type: ignore[no-any-return]
    if given != nonce:
        raise Broken("the answer is not to this question")
    return answer  # type: ignore[no-any-return]


def loaded(answer: dict[str, Any]) -> dict[str, Any]:
    """What loading found: form, version, what it changed globally and what there is to say of it; or why it failed, as
    ``unloadable``.
    """
    found: dict[str, Any] = agreed(answer, LOADED, "loading")
    if "unloadable" not in found and found["form"] not in FORMS:
        raise Broken("an unknown form")
    return found


def done(answer: dict[str, Any]) -> dict[str, Any]:
    """That the process has divided, or that the one which served a target ends."""
    found: dict[str, Any] = agreed(answer, ({"divided": bool}, {"ended": bool}), "its process")
    return found


def facts(answer: dict[str, Any]) -> dict[str, Any]:
    """What a module showed of itself."""
    found: dict[str, Any] = agreed(answer, {"facts": FACTS}, "a module")["facts"]
    return found


def covered(answer: dict[str, Any]) -> dict[str, Any]:
    """By what means calls were followed, and of each whether it raised and its steps from line to line, by file."""
    found: dict[str, Any] = agreed(answer, COVERED, "coverage")
    if any(len(arc) != 2 for step in found["steps"] for arcs in step["arcs"].values() for arc in arcs):
        raise Broken("a step that is not from line to line")
    return found


# ---- words and arrays


def replies(answer: dict[str, Any], count: int, limit: float, read: Callable[[int], bytearray]) -> list[Reply]:
    """What each of `count` calls did; `read` gives the next bytes of the arrays, which are at most `limit` in all."""
    steps = agreed(answer, {"steps": [STEP]}, "the calls")["steps"]
    if len(steps) != count:
        raise Broken(f"{len(steps)} answers to {count} calls")
    full = [info for step in steps for info in step["outputs"].values() if "blob" in info]
    if [info["blob"] for info in full] != list(range(len(full))):
        raise Broken("its arrays are not in order")
    if sum(size(info) for info in full) > limit:
        raise Broken("arrays of more memory than it may hold")
    arrays = [array(info, read(size(info))) for info in full]
    return [
        Reply(
            outputs={name: output(info, arrays) for name, info in step["outputs"].items()},
            raised=step["raised"],
            after=step["after"],
            **{name: step[name][:LIST] for name in FINDINGS},
        )
        for step in steps
    ]


def over_field(answer: dict[str, Any], limit: float, read: Callable[[int], bytearray]) -> list[dict[str, Any]]:
    """What each run over a field did; the residues of its result are under ``y``."""
    runs = agreed(answer, {"runs": [OVER_FIELD]}, "the runs over a field")["runs"]
    values = held(runs, limit, read)
    return [run | {"y": found.get("y")} for run, found in zip(runs, values, strict=True)]


def marked(answer: dict[str, Any], limit: float, read: Callable[[int], bytearray]) -> dict[str, Any]:
    """What calls on marked operands showed; ``footprints`` are by operand, a row for each element."""
    found: dict[str, Any] = agreed(answer, MARKED, "marked operands")
    return found | {"footprints": held([found], limit, read)[0]}


def kept(answer: dict[str, Any], _limit: float, _read: Callable[[int], bytearray]) -> dict[str, Any]:
    """What a target keeps from call to call."""
    found: dict[str, Any] = agreed(answer, KEPT, "what is kept")
    return found


def held(answers: list[dict[str, Any]], limit: float, read: Callable[[int], bytearray]) -> list[dict[str, np.ndarray]]:
    """The arrays of several answers, by their names."""
    full = [info for answer in answers for info in answer["outputs"].values()]
    if [info["blob"] for info in full] != list(range(len(full))) or sum(map(size, full)) > limit:
        raise Broken("its arrays are not in order, or of more memory than it may hold")
    arrays = [array(info, read(size(info))) for info in full]
    return [{name: arrays[info["blob"]] for name, info in answer["outputs"].items()} for answer in answers]


def size(info: dict[str, Any]) -> int:
    """The bytes of an array as it travels."""
    if WIRES.get(info["dtype"]) != info["wire"]:
        raise Broken(f"elements of type {info['dtype'][:40]!r} that travel as {info['wire'][:40]!r}")
    bounded = len(info["shape"]) <= 32 and all(0 <= length < 1 << 40 for length in info["shape"])
    if not bounded or math.prod(max(1, length) for length in info["shape"]) >= 1 << 50:
        raise Broken("an impossible shape")
    elements: Any = math.prod(info["shape"])
    return int(elements * np.dtype(info["wire"]).itemsize)


def array(info: dict[str, Any], data: bytearray) -> np.ndarray:
    """The values of an array, bfloat16 as float32."""
    values = np.frombuffer(data, info["wire"]).reshape(info["shape"])
    return widen(values) if info["dtype"] == "bfloat16" else values


def output(info: dict[str, Any], arrays: list[np.ndarray]) -> Output:
    """One thing that came back, with its values where it has any."""
    values = arrays[info["blob"]] if "blob" in info else None
    known = {name: info[name] for name in ("device", "requires_grad", "dtype") if name in info}
    return Output(info["type"], shape=tuple(info.get("shape", ())), values=values, **known)
