"""The target as it is called: by its form, or as a convention's expressions say."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from . import artefacts, expressions, library, ways
from .compiled import Compiled
from .global_state import World
from .library import Unloadable, Words, is_tensor
from .listeners import Listeners
from .loading import prepare, recognise, resolve
from .operands import Operand
from .signature import signature

Given = tuple[str, Any, "bytes | int | None"]  # a result that was given: its name, itself, what it held


class Caller:
    """Calls the target in its form, or as an expression says."""

    def __init__(self, spec: Words, own: list[ModuleType]) -> None:
        if spec["arrays"] == "torch":
            try:
                library.load_torch()
            except ImportError:
                raise Unloadable("torch is not installed here: give --arrays numpy, or install torch") from None
        self.device = spec.get("device", "cpu")
        if library.torch and self.device != "cpu" and not library.torch.cuda.is_available():
            raise Unloadable(f"device {self.device!r} asked for, but torch sees no CUDA device here")
        prepare(spec.get("needs", ""), spec.get("environ", ""))
        self.compiler = Compiled() if spec.get("compile") else None
        self.world, self.listeners = World(own), Listeners()
        found, self.note = resolve(spec["target"], self.world.changes, spec.get("died", ""))
        if library.torch and isinstance(found, type) and issubclass(found, library.torch.autograd.Function):
            found = applied(found)
        self.bare, self.fixed = found, artefacts.fixed(found)
        self.listeners.settle()
        self.at_load = [*self.listeners.taken(), *self.world.changes()]
        self.world.settle()
        self.adapt(spec)

    def adapt(self, spec: Words) -> None:
        """Take on a convention; nothing of an earlier one is kept."""
        self.arrays = spec["arrays"]
        self.lenient = bool(spec.get("lenient"))
        self.expression = expressions.Call(spec["call"]) if spec.get("call") else None
        self.layer = expressions.Layer(spec["layer"], spec.get("params", "")) if spec.get("layer") else None
        self.by_hand = expressions.Backward(spec["backward"], self.bare) if spec.get("backward") else None
        self.form = spec.get("form") or (
            "layer" if self.layer else "conv2d" if self.expression else recognise(self.bare)
        )
        self.signature = signature(self.bare, self.form)
        self.takes_bias = bias_of(self.bare)
        self.target, self.compiled = self.bare, None
        if spec.get("compile"):
            if self.arrays != "torch":
                raise Unloadable("--compile is torch.compile: give --arrays torch")
            if self.compiler is None:
                self.compiler = Compiled()
                self.world.settle()
            self.compiled = self.compiler
            self.target = self.compiler.wrap(self.bare, makes=self.form in ("module", "layer"))
        self.made: dict[str, Operand] = {}
        self.given: list[Given] = []  # by the call that was made last, as it was given
        self.kept: list[Given] = []  # by the calls of the last request, as they were at its end
        self.module: Any = None
        self.cache: Any = None

    def call(self, live: dict[str, Any], step: Words) -> Any:
        """The target's result on live operands."""
        if self.arrays == "list":
            live = {name: expressions.nested(value) for name, value in live.items()}
        if self.expression is not None:
            names = expressions.facts(step["config"], live, step["sizes"]) | {"f": self.target}
            y, self.cache = self.expression(names, tuple(step["out"]))
        elif self.layer is not None:
            y = self.layer.forward(self.module, live["x"])
        elif self.form == "corr2d":
            y = self.target(live["x"], live["w"])
        elif self.form == "conv2d":
            words = {name: spelled(value) for name, value in step["config"].items()}
            if how := ways.WAYS[step["way"]].written if "way" in step else "":
                given, words = ways.written(how, self.bare, live, words)
                return self.target(*given, **words)
            bias = (live["b"],) if live.get("b") is not None else ()
            if bias and self.takes_bias != "third":
                if not self.takes_bias:
                    raise NotImplementedError("the signature has no bias")
                words, bias = words | {self.takes_bias: live["b"]}, ()
            y = self.target(live["x"], live["w"], *bias, **words)
        else:
            y = self.module(live["x"])
        return y

    def build(self, operands: dict[str, Operand], step: Words, *, keep: bool) -> dict[str, Any]:
        """An object made of the operands, or the last one with their values; its parameters stand for them."""
        arrays = {name: operand.array for name, operand in operands.items()}
        try:
            return self._layer(arrays, step, keep) if self.layer is not None else self._module(arrays, keep)
        finally:
            self.world.forgive_draws()

    def _layer(self, arrays: dict[str, Any], step: Words, keep: bool) -> dict[str, Any]:
        """A layer in its own way of being made."""
        layer = self.layer
        assert layer is not None
        if not keep or self.module is None or {"w", "b"} & layer.given:
            names = expressions.facts(step["config"], arrays, step["sizes"])
            self.module = self._moved(layer.make(names | {"C": self.target, "f": self.target}), arrays["x"])
        places = dict(zip("wb", layer.places(self.module), strict=False))
        for name in [name for name in ("w", "b") if name in arrays and name not in layer.given]:
            if name not in places:
                raise Unloadable(
                    f"the layer has no {'weight' if name == 'w' else 'bias'} that is found: name it, --params"
                )
            arrays[name] = layer.write(self.module, places[name], arrays[name])
        return arrays

    def _module(self, arrays: dict[str, Any], keep: bool) -> dict[str, Any]:
        """A module of the article's form."""
        if not keep or self.module is None:
            made = self.target(tuple(arrays["w"].shape), arrays["w"])
            self.module = self._moved(made, arrays["x"])
        elif library.torch is not None:
            with library.torch.no_grad():
                self.module.weight.copy_(arrays["w"])
        weight, bias = getattr(self.module, "weight", None), getattr(self.module, "bias", None)
        if weight is not None:
            arrays["w"] = weight
        if "b" in arrays and bias is not None:
            if library.torch is None:
                bias[...] = arrays["b"].reshape(bias.shape)
            else:
                with library.torch.no_grad():
                    bias.copy_(arrays["b"].reshape(bias.shape))
            arrays["b"] = bias
        return arrays

    def _moved(self, module: Any, x: Any) -> Any:
        """A module of torch in the element type of what it is given, as its user would move it."""
        if self.lenient and is_tensor(x) and isinstance(module, library.torch.nn.Module):
            kinds = {p.dtype for p in module.parameters()}
            if kinds and kinds != {x.dtype} and (x.dtype.is_floating_point or x.dtype.is_complex):
                return module.to(x.dtype)
        return module

    def live(self, life: Callable[[Any, Callable[..., Any]], Any], live: dict[str, Any]) -> None:
        """Let something happen to the object that was made; what is called is the object that comes of it."""
        forward = self.layer.forward if self.layer is not None else lambda layer, x: layer(x)
        x = live["x"]
        self.module = life(self.module, lambda layer, kind=None: forward(layer, x if kind is None else x.to(kind)))

    def gradients(self, live: dict[str, Any], step: Words) -> dict[str, Any]:
        """The gradients that the target's own backward pass gives."""
        assert self.by_hand is not None
        names = expressions.facts(step["config"], live, step["sizes"]) | {"f": self.target, "cache": self.cache}
        found = self.by_hand(names, self.module)
        bias = found.get("gb")
        if bias is not None and "b" in live and np.size(bias) == np.size(live["b"]):
            found["gb"] = bias.reshape(np.shape(live["b"]))
        return {name: found[name] for name in found if name[1:] in live}


def applied(function: Any) -> Any:
    """`apply` of an autograd function, with the signature of its forward pass."""

    def apply(*arguments: Any) -> Any:
        return function.apply(*arguments)

    own = list(inspect.signature(function.forward).parameters.values())[1:]
    apply.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    apply.__name__, apply.__module__, apply.__wrapped__ = function.__name__, function.__module__, function.forward  # type: ignore[attr-defined]
    return apply


def bias_of(target: Any) -> str:
    """How a bias is given: ``third`` argument, or the name of the one that is it; empty where there is none."""
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return "third"  # builtins such as torch.conv2d have no signature
    kinds = {one.kind for one in parameters.values()}
    positional = [one for one in parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if inspect.Parameter.VAR_POSITIONAL in kinds and len(positional) < 3:
        return "third"
    third = positional[2] if len(positional) > 2 else None
    if third is not None and (third.name in ("bias", "b") or (third.default is None and "bias" not in parameters)):
        return "third"
    return next((name for name in ("bias", "b") if name in parameters), "")


def spelled(value: Any) -> Any:
    """An argument as people write it. The wire knows lists only: pairs are tuples, and lists come in a dictionary."""
    if isinstance(value, dict):
        return list(value["list"])
    return tuple(value) if isinstance(value, list) else value
