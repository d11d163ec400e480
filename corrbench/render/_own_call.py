"""A finding of a target that is called in a convention of its own, as lines of Python: small operands, and the call."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from corrbench.case import COMPLEX, Case
from corrbench.convention import Convention, sizes
from corrbench.numerics.problem import Array
from corrbench.result import Result
from corrbench.support import config

OPTIONS = ("--call", "--layout", "--output", "--flip")  # that such a call may have


def said(words: list[str]) -> dict[str, Any]:
    """What a command says of a convention, by the names of `corrbench.convention.options.of`."""
    found: dict[str, Any] = {"flip": True} if "--flip" in words else {}
    for name, value in zip(words, [*words[1:], ""], strict=True):
        option, equals, rest = name.partition("=")
        if option in OPTIONS and option != "--flip":
            found[option.removeprefix("--")] = rest if equals else value
    return found


def operands(result: Result, convention: Convention) -> dict[str, Array] | None:
    """The operands as the target gets them, and the exact result as it has to be; None where they were not kept."""
    n = result.numbers
    if not n.arrays or n.array != "y" or n.tier != "exact" or convention.border == "interior":
        return None
    if result.case.dtype in COMPLEX:
        return None
    kind = "float32" if result.case.dtype == "bfloat16" else result.case.dtype
    arrays = {name: np.asarray(values).astype(kind) for name, values in n.arrays.items() if name != "got"}
    right = convention.given("y", arrays.pop("exact"), result.case)
    given = {name: convention.given(name, array, result.case) for name, array in arrays.items()}
    return {"b": np.zeros(result.case.w[0], kind)} | given | {"right": right}


def call(text: str, name: str, case: Case, convention: Convention) -> str:
    """The call as the target's author would write it; empty where it writes into an argument."""
    if "->" in text:
        return ""
    words = {key: value for key, value in config(case).items() if key != "padding" or convention.output == "valid"}
    if not text:
        text = f"f({', '.join(['x', 'w', *('b' * case.bias), *(f'{key}={value!r}' for key, value in words.items())])})"
    told: dict[str, Any] = {**sizes(case), "groups": case.groups, "bias": case.bias}
    for short, word, default in (("s", "stride", 1), ("p", "padding", 0), ("d", "dilation", 1)):
        value = words.get(word, default)
        pair = value if isinstance(value, list) else [value, value]
        told |= {short: tuple(value) if isinstance(value, list) else value, f"{short}h": pair[0], f"{short}w": pair[-1]}

    class Filled(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            written = name if node.id == "f" else repr(told[node.id]) if node.id in told else node.id
            return ast.parse(written, mode="eval").body

    return ast.unparse(Filled().visit(ast.parse(text.strip(), mode="eval")))
