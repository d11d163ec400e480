"""Expressions of a user's: how the target is called, how a layer is made, where gradients come from.

They are evaluated here, in the target's process, over the names that `corrbench.convention` allows.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import math
import sys
from types import CodeType
from typing import Any

import numpy as np

from . import library
from .library import Array, Unloadable, Words, is_tensor

WEIGHTS = ("weight", "weights", "W", "w", "kernel", "kernels", "filters", "filter", "K", "k")
BIASES = ("bias", "biases", "b", "B")


def code(text: str) -> CodeType:
    """An expression, compiled."""
    return compile(text.strip(), "<convention>", "eval")


class Call:
    """A call expression: ``f(x, w, b, dict(stride=s, pad=p))[0]``; ``-> out`` names an argument written to."""

    def __init__(self, text: str) -> None:
        body, arrow, self.out = text.partition("->")
        self.out = self.out.strip() if arrow else ""
        tree = ast.parse(body.strip(), mode="eval").body
        self.item: Any = None  # which part of the result is y, where the call ends in [0]
        if isinstance(tree, ast.Subscript) and isinstance(tree.slice, ast.Constant):
            self.item, tree = tree.slice.value, tree.value
        self.code = compile(ast.Expression(tree), "<convention>", "eval")

    def __call__(self, names: Words, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """The result, and what came with it: a cache for a backward pass, or nothing."""
        if self.out:
            names = names | {self.out: zeros(shape, names["x"])}
        returned = eval(self.code, names)
        if self.out:
            return names[self.out], None
        if self.item is None:
            return returned, None
        rest = [part for place, part in enumerate(returned) if place != self.item % len(returned)]
        return returned[self.item], rest[0] if len(rest) == 1 else tuple(rest)


class Layer:
    """A layer made by an expression, its parameters found by name, or looked for."""

    def __init__(self, text: str, params: str) -> None:
        self.code = code(text)
        self.given = {node.id for node in ast.walk(ast.parse(text.strip(), mode="eval")) if isinstance(node, ast.Name)}
        self.params = params

    def make(self, names: Words) -> Any:
        """A new layer."""
        return eval(self.code, names)

    def places(self, layer: Any) -> list[str]:
        """Where weight and bias are: expressions below the layer."""
        if self.params:
            return parts(self.params)
        return [found for names in (WEIGHTS, BIASES) for found in [attribute(layer, names)] if found]

    def read(self, layer: Any, place: str) -> Any:
        """The parameter at a place."""
        try:
            return eval(f"layer.{place}", {"layer": layer})
        except Exception as error:
            raise Unloadable(f"--params: the layer has no {place} ({type(error).__name__}: {error})") from None

    def write(self, layer: Any, place: str, value: Any) -> Any:
        """Give a parameter a value, in its own shape. Returns what the layer keeps."""
        now = self.read(layer, place)
        shape = tuple(value.shape) if now is None else tuple(np.shape(now))
        if math.prod(shape) != math.prod(value.shape) or (len(shape) == value.ndim and shape != tuple(value.shape)):
            raise NotImplementedError(f"{place} of the layer has shape {list(shape)}, not {list(value.shape)}")
        if is_tensor(now):
            with library.torch.no_grad():
                now.copy_(value.reshape(shape))
            return now
        shaped = value.reshape(shape)
        exec(f"layer.{place} = value", {"layer": layer, "value": shaped})
        return shaped

    def forward(self, layer: Any, x: Any) -> Any:
        """The layer's result."""
        return layer(x) if callable(layer) else layer.forward(x)


def parts(text: str) -> list[str]:
    """An expression's parts at its outer commas, as they are written."""
    tree = ast.parse(f"({text},)", mode="eval").body
    assert isinstance(tree, ast.Tuple)
    return [ast.unparse(part) for part in tree.elts]


def attribute(layer: Any, names: tuple[str, ...]) -> str:
    """The first of these attributes that holds an array; empty where there is none."""
    for name in names:
        value = getattr(layer, name, None)
        if is_tensor(value) or isinstance(value, np.ndarray):
            return name
    return ""


class Backward:
    """Gradients written by hand: one expression, or several parts in the order gx, gw, gb."""

    def __init__(self, text: str, target: Any) -> None:
        self.code = code(text)
        self.alone = not isinstance(ast.parse(text.strip(), mode="eval").body, ast.Tuple)
        module = sys.modules.get(getattr(target, "__module__", ""), None)
        self.around = {**getattr(module, "__dict__", {}), **getattr(inspect.unwrap(target), "__globals__", {})}

    def __call__(self, names: Words, layer: Any) -> dict[str, Any]:
        """The gradients by name, as far as there are."""
        methods = {}
        if layer is not None:
            for name in self.code.co_names:
                with contextlib.suppress(AttributeError):
                    methods[name] = getattr(layer, name)
        found = eval(self.code, {**self.around, **names, **methods, "layer": layer})
        parts = found if isinstance(found, tuple | list) else (found,)
        return {f"g{name}": part for name, part in zip("xwb", parts, strict=False) if part is not None}


def facts(config: Words, arrays: dict[str, Any], sizes: Words) -> Words:
    """The numbers that an expression may mention."""
    told: Words = {"np": np, "torch": library.torch, **sizes}
    for short, name, default in (("s", "stride", 1), ("p", "padding", 0), ("d", "dilation", 1)):
        value = config.get(name, default)
        pair = value if isinstance(value, list) else [value, value]
        told |= {short: value, f"{short}h": pair[0], f"{short}w": pair[-1]}
    told |= {"groups": config.get("groups", 1), "bias": arrays.get("b") is not None}
    return told | {"b": zeros((sizes["cout"],), arrays["x"])} | arrays


def zeros(shape: tuple[int, ...], like: Any) -> Any:
    """Zeros of the kind and element type of an array."""
    if isinstance(like, list):
        return np.zeros(shape).tolist()
    return like.new_zeros(shape) if is_tensor(like) else np.zeros(shape, like.dtype)


def nested(value: Any) -> Any:
    """An array as nested lists."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def array_of(value: Any, like: Array) -> Any:
    """Nested lists as an array of the operands' element type, integers wrapped as in it."""
    if not isinstance(value, list | tuple):
        return value
    made = np.asarray(value)
    if made.dtype == object and like.dtype.kind in "iu":
        bits = 8 * like.dtype.itemsize
        made = np.vectorize(lambda number: int(number) & ((1 << bits) - 1), otypes=[np.uint64])(made)
    if made.dtype.kind == "f" and like.dtype.kind in "iu":  # a sum of floats may be one that the type does not hold
        return made
    return made.astype(like.dtype) if made.dtype.kind in "fciub" else value
