"""A finding as numbers to paste: small arrays written out, and a few lines of Python that fail without corrbench."""

from __future__ import annotations

import re
import shlex
import zlib
from typing import Any

import numpy as np

from corrbench.case import COMPLEX, INTEGERS, Case
from corrbench.convention.options import of
from corrbench.numerics.bounds import exact_radius
from corrbench.render import _own_call
from corrbench.result import Result, Status
from corrbench.support import config

WIDTH = 100  # characters of a line of an array
NAMES = {"x": "X", "w": "K", "b": "b"}  # of a plane and its kernel, as the article has them
CONVENTION = ("--call", "--layer", "--params", "--layout", "--output", "--flip", "--backward")  # as options say it
OWN = {*CONVENTION, "--compile", "--device"}


def numbers(result: Result, form: str) -> list[str]:
    """The arrays of a finding where they are small, one after the other: operands, what came, what is right."""
    arrays = result.numbers.arrays or {}
    names = NAMES if flat(result, form) else {}
    return [
        f"{names.get(name, name)} = {written(shaped(values, result, form, name), result.case.dtype, len(name) + 3)}"
        for name, values in arrays.items()
    ]


def convention(result: Result) -> str:
    """The options by which the target of a finding is called otherwise than in its form; empty if by none."""
    words = shlex.split(result.reproduce)
    return " ".join(word for word in words if word.partition("=")[0] in CONVENTION)


def snippet(result: Result, target: str, form: str, arrays: str) -> str:
    """Lines of Python that fail where a finding is true, with nothing of corrbench in them.

    Args:
        result: the finding.
        target: of its run, and so are the following.
        form: how it is called.
        arrays: what it takes.

    Returns:
        The text; empty where it takes more than that: a layer of its own kind, a layout in memory, data or a check of
        which the operands do not follow in a line.
    """
    case, words = result.case, shlex.split(result.reproduce)
    place, _, name = target.rpartition(":")
    given = {word.partition("=")[0] for word in words} & OWN
    if not place or place.endswith(".ipynb") or not name.isidentifier() or arrays == "list":
        return ""
    if given and given <= {*_own_call.OPTIONS}:
        return own(result, place, name, form, arrays)
    if given or form not in ("corr2d", "conv2d", "module") or (form == "module" and case.bias) or case.layout:
        return ""
    made = operands(result, form, arrays, int(words[words.index("--seed") + 1]) if "--seed" in words else -1)
    claim = claimed(result, form, arrays)
    if made is None or not claim:
        return ""
    x, w = ("X", "K") if flat(result, form) else ("x", "w")
    others = [f"{key}={tuple(value) if isinstance(value, list) else value!r}" for key, value in config(case).items()]
    call = f"{name}({', '.join([x, w, *(['b'] if case.bias else []), *others])})"
    if form == "module":
        call = f"{name}({case.w[2:]}, {w})({x})"
    return "\n".join([*loading(place, name, arrays, made), *made, *[line.format(call=call) for line in claim]])


def own(result: Result, place: str, name: str, form: str, arrays: str) -> str:
    """The same for a call in a convention of the target's own; empty where it takes more than that."""
    options = _own_call.said(shlex.split(result.reproduce))
    convention = of(form, **options)
    operands = None if result.case.layout else _own_call.operands(result, convention)
    call = _own_call.call(options.get("call", ""), name, result.case, convention)
    if operands is None or not call:
        return ""
    made = [
        literal(role, array.tolist(), result.case.dtype, arrays)
        for role, array in operands.items()
        if role == "right" or re.search(rf"\b{role}\b", call)
    ]
    lines = [f"got = {call}", "assert got.shape == right.shape and (got == right).all(), got"]
    return "\n".join([*loading(place, name, arrays, [*made, *lines]), *made, *lines])


def loading(place: str, name: str, arrays: str, lines: list[str]) -> list[str]:
    """The lines that import what others need, and the target."""
    imports = ["numpy as np"] if arrays == "numpy" or any("np." in line for line in lines) else []
    imports += ["torch"] if arrays == "torch" else []
    stem = place.removesuffix(".py")
    if place.endswith(".py") and not stem.isidentifier():  # elsewhere than here
        imports, load = ["runpy", *imports], f"{name} = runpy.run_path({place!r})[{name!r}]"
    else:
        load = f"from {stem} import {name}"
    return [f"import {', '.join(imports)}", load]


def literal(name: str, values: Any, dtype: str, arrays: str) -> str:
    """A line that gives a name to nested lists as an array."""
    start, kind = ("np.array(", f"np.{dtype}") if arrays == "numpy" else ("torch.tensor(", f"dtype=torch.{dtype}")
    start = f"{name} = {start}"
    return f"{start}{written(values, dtype, len(start))}, {kind})"


def flat(result: Result, form: str) -> bool:
    """Whether the operands are a plane and one kernel."""
    return form in ("corr2d", "module")


def shaped(values: Any, result: Result, form: str, name: str = "x") -> Any:
    """Nested lists with the axes that the target's form has."""
    return values[0][0] if flat(result, form) and name != "b" and values else values


def written(values: Any, dtype: str, indent: int) -> str:
    """Nested lists as they are typed, with as many digits as the element type needs."""
    kind = {"bfloat16": "float32"}.get(dtype, dtype)
    flattened: list[Any] = [complex(one) if dtype in COMPLEX else one for one in _leaves(values)]
    flattened = [float(one) if isinstance(one, str) else one for one in flattened]
    with np.errstate(over="ignore"):
        array = np.array(flattened, kind).reshape(np.shape(values))
        whole = array.dtype.kind == "f" and bool((np.abs(array.astype(np.float64)) < 2**53).all())
    if whole and not np.any(array % 1):
        array = array.astype(np.int64)
    with np.printoptions(threshold=10**6, floatmode="unique"):
        return np.array2string(array, separator=", ", prefix=" " * indent, max_line_width=WIDTH)


def _leaves(values: Any) -> list[Any]:
    return [leaf for one in values for leaf in _leaves(one)] if isinstance(values, list) else [values]


def operands(result: Result, form: str, arrays: str, seed: int) -> list[str] | None:
    """A line for each operand; None where there is no such line."""
    case, small = result.case, result.numbers.arrays
    names = NAMES if flat(result, form) else {"x": "x", "w": "w", "b": "b"}
    roles = ("x", "w", *("b" * case.bias), *("g" * (result.numbers.derivative and not small)))
    lines = []
    for role in roles:
        name = names.get(role, role)
        shape = {"x": case.x, "w": case.w, "b": (case.w[0],), "g": case.out}[role]
        if small and role in small:
            lines.append(literal(name, shaped(small[role], result, form, role), case.dtype, arrays))
            continue
        drawn = expression(case, seed, role, shape)
        if not drawn:
            return None
        drawn += "[0, 0]" * (flat(result, form) and role != "b")
        half = ".bfloat16()" * (case.dtype == "bfloat16")
        lines.append(f"{name} = {drawn if arrays == 'numpy' else f'torch.from_numpy({drawn}){half}'}")
    return lines


def expression(case: Case, seed: int, role: str, shape: tuple[int, ...]) -> str:
    """How NumPy draws the operand that corrbench drew; empty where that takes more than a line."""
    if case.dtype in COMPLEX or seed < 0:
        return ""
    keys = [seed, zlib.crc32(str(case.but(layout="")).encode()), zlib.crc32(role.encode())]
    rng, radius = f"np.random.default_rng({keys})", exact_radius(case.dtype, case.terms + 1)
    data = "full" if case.data == "unit" and case.dtype in INTEGERS else case.data
    if data in ("small", "full"):
        most = min(3, radius) if data == "small" or role == "g" else radius
        if not 1 <= most < 2**52:
            return ""
        values = f"{rng}.integers({0 if case.dtype == 'uint8' else -most}, {most}, {shape}, endpoint=True)"
    elif data == "unit":
        values = f"({rng}.random({shape}) * 2 - 1)"
    else:
        return ""
    return f"{values}.astype('{'float32' if case.dtype == 'bfloat16' else case.dtype}')"


def claimed(result: Result, form: str, arrays: str) -> list[str]:
    """The lines that call and compare, ``{call}`` for the call; none where a finding is of another kind."""
    n, at = result.numbers, result.numbers.at or []
    index = tuple(at[-2:] if flat(result, form) and len(at) == 4 else at)
    if result.status is Status.FAIL and n.raised is not None:
        return ["{call}  # raises " + n.raised]
    if result.status is not Status.FAIL or n.got is None or isinstance(n.exact, str) or isinstance(n.got, str):
        return []
    item = f"[{', '.join(map(str, index))}]"
    if n.array == "y":
        compared = ["got = {call}", f"assert abs(got{item}.item() - {n.exact!r}) <= {n.allowed!r}, got"]
        if n.arrays and n.tier == "exact":
            right = written(shaped(n.arrays["exact"], result, form), result.case.dtype, 8)
            equal = "(got == np.array(right)).all()" if arrays == "numpy" else "(got == torch.tensor(right)).all()"
            return [f"right = {right}", "got = {call}", f"assert {equal}, got"]
        return compared
    if (
        n.array in ("gx", "gw")
        and result.check in ("gradients.first", "gradients.subsets")
        and arrays == "torch"
        and form != "module"
    ):
        names = NAMES if flat(result, form) else {}
        one = names.get(n.array[1], n.array[1])
        both = [names.get(role, role) for role in "xw"]
        return [f"{both[0]}.requires_grad_(), {both[1]}.requires_grad_()", "{call}.backward(g)",
                f"assert abs({one}.grad{item}.item() - {n.exact!r}) <= {n.allowed!r}, {one}.grad"]  # fmt: skip
    return []
