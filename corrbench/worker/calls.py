"""What does one call do? Made as told, differentiated, watched; the results held until all calls are made."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import traceback
import warnings
from typing import Any

import numpy as np

from . import library
from .library import BITS, Array, Words, is_tensor
from .loading import Unloadable, recognise, resolve
from .operands import Operand, describe, span
from .world import World


class Caller:
    """Calls the target in its form."""

    def __init__(self, spec: Words) -> None:
        if spec["arrays"] == "torch":
            try:
                library.load_torch()
            except ImportError:
                raise Unloadable("torch is not installed here: give --arrays numpy, or install torch") from None
        self.arrays, self.device = spec["arrays"], spec.get("device", "cpu")
        if library.torch and self.device != "cpu" and not library.torch.cuda.is_available():
            raise Unloadable(f"device {self.device!r} asked for, but torch sees no CUDA device here")
        self.world = World()
        self.target = resolve(spec["target"])
        self.at_load = self.world.changes()
        self.world = World()
        self.form = spec.get("form") or recognise(self.target)
        self.made: dict[str, Operand] = {}
        self.module: Any = None

    def call(self, live: dict[str, Any], config: Words) -> Any:
        """The target's result on live operands."""
        if self.form == "corr2d":
            return self.target(live["x"], live["w"])
        if self.form == "conv2d":
            bias = (live["b"],) if live.get("b") is not None else ()
            return self.target(live["x"], live["w"], *bias, **config)
        return self.module(live["x"])

    def build(self, operands: dict[str, Operand], *, keep: bool) -> dict[str, Any]:
        """A module made of the operands, or the last one with their values; its parameters take the operands' place."""
        arrays = {name: operand.array for name, operand in operands.items()}
        if not keep or self.module is None:
            self.module = self.target(tuple(arrays["w"].shape), arrays["w"])
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


def pollute(shapes: list[tuple[int, ...]], caller: Caller, dtype: str) -> None:
    """Leave NaN in freed memory of the sizes that the target is about to ask for."""
    held = []
    for shape in shapes:
        for _ in range(3):
            if caller.arrays == "torch":
                block = library.torch.empty(shape, dtype=getattr(library.torch, dtype), device=caller.device)
                held.append(block.fill_(float("nan")) if dtype[0] in "fbc" else block.fill_(77))
            else:
                held.append(np.full(shape, np.nan if dtype[0] in "fc" else 77, dtype=BITS.get(dtype, dtype)))
    del held


def make(name: str, step: Words, arrays: list[Array], caller: Caller) -> Operand:
    """One operand: new, or with `reuse` the last call's with new values."""
    values, layout = arrays[step["arrays"][name]], step.get("layout", {}).get(name, "contiguous")
    kept = caller.made.get(name)
    if step.get("reuse") and kept is not None and kept.values.shape == values.shape and kept.dtype == step["dtype"]:
        kept.refill(values)
        return kept
    return Operand(values, step["dtype"], layout, caller.arrays, caller.device)


def differentiate(step: Words, y: Any, leaves: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Gradients of ⟨y, g⟩, and with tangents in `given` the gradients of ⟨gradients, tangents⟩."""
    wanted = list(leaves)
    if not y.requires_grad:
        return {}
    again = step["mode"] == "double"
    if again:
        given["g"].requires_grad_(True)
    if step.get("accumulate"):
        for _ in range(step["accumulate"]):
            # a copy each: torch may keep the cotangent's memory as a gradient, and add to it in the next pass
            y.backward(given["g"].clone(), retain_graph=True)
        return {"g" + name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    grads = library.torch.autograd.grad(
        y, [leaves[name] for name in wanted], given["g"], create_graph=again, allow_unused=True, retain_graph=True
    )
    out = {"g" + name: grad for name, grad in zip(wanted, grads, strict=True) if grad is not None}
    if again:
        pairs = [(out["g" + n], given["v" + n]) for n in wanted if "g" + n in out and out["g" + n].requires_grad]
        if not pairs:
            return out
        names = [*wanted, "g"]
        seconds = library.torch.autograd.grad(
            [a for a, _ in pairs], [*leaves.values(), given["g"]], [v for _, v in pairs], allow_unused=True
        )
        out |= {"gg" + name: value for name, value in zip(names, seconds, strict=True) if value is not None}
    return out


def perform(step: Words, arrays: list[Array], caller: Caller, blobs: list[bytes]) -> tuple[Words, dict[str, Any]]:
    """One call. Returns what is said of it, and the live objects to look at once more at the end."""
    mode = step.get("mode", "forward")
    names = [name for name in step["arrays"] if name in ("x", "w", "b")]
    given = {name: make(name, step, arrays, caller) for name in step["arrays"]}
    caller.made |= given
    before = {name: operand.bytes() for name, operand in given.items()}
    live = {name: operand.array for name, operand in given.items()}
    if caller.form == "module":
        live |= caller.build({name: given[name] for name in names}, keep=bool(step.get("reuse")))
    leaves = {name: live[name] for name in step.get("grad", names)} if mode in ("backward", "double") else {}
    for leaf in leaves.values():
        if leaf.is_leaf:
            leaf.requires_grad_(True)
            leaf.grad = None
    pollute([tuple(step["out"]), *(tuple(live[n].shape) for n in names)], caller, step["dtype"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if mode == "jvp":
            results = along_tangents(live, names, caller, step)
        elif mode == "vmap":
            results = {"y": library.torch.func.vmap(lambda x: caller.call(live | {"x": x}, step["config"]))(live["x"])}
        else:
            results = {"y": caller.call(live, step["config"])}
            if leaves and is_tensor(results["y"]):
                results |= differentiate(step, results["y"], leaves, live)
    outputs = {name: describe(value, blobs) for name, value in results.items()}
    changed = [name for name, operand in given.items() if operand.bytes() != before[name]]
    places = {name: words.get("blob") for name, words in outputs.items()}
    return {"outputs": outputs, "changed": changed}, {"operands": given, "outputs": results, "blobs": places}


def along_tangents(live: dict[str, Any], names: list[str], caller: Caller, step: Words) -> dict[str, Any]:
    """The result and its tangent by forward-mode differentiation."""
    forward_ad = library.torch.autograd.forward_ad
    with forward_ad.dual_level():
        duals = {n: forward_ad.make_dual(live[n], live["t" + n]) if "t" + n in live else live[n] for n in names}
        y, tangent = forward_ad.unpack_dual(caller.call(duals, step["config"]))
        return {"y": y} if tangent is None else {"y": y, "t": tangent}


def failure(error: BaseException) -> Words:
    """An exception as words; the innermost frame that is not ours tells whose it is."""
    frames = traceback.extract_tb(error.__traceback__)
    inner = frames[-1] if frames else None
    return {
        "type": type(error).__name__,
        "bases": [kind.__name__ for kind in type(error).__mro__],
        "message": str(error)[:2000],
        "where": f"{os.path.basename(inner.filename)}:{inner.lineno}" if inner else "",
    }


def overlaps(held: list[dict[str, Any]], said: list[Words]) -> None:
    """Note outputs that share memory with an operand or with an earlier output."""
    spans: list[tuple[int, int, str]] = []
    for index, (live, words) in enumerate(zip(held, said, strict=True)):
        if not live:
            continue
        for name, operand in live["operands"].items():
            low, high = span(operand.array)
            spans.append((low, high, f"operand {name}" + (f" of call {index + 1}" if len(held) > 1 else "")))
        words["aliases"] = []
        for name, value in live["outputs"].items():
            if not isinstance(value, np.ndarray) and not is_tensor(value):
                continue
            with contextlib.suppress(Exception):
                low, high = span(value)
                for first, past, whose in spans:
                    if low < past and first < high:
                        words["aliases"].append(f"{name} shares memory with {whose}")
                if name == "y":
                    spans.append((low, high, f"the result of call {index + 1}"))


def run_steps(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """All calls of one request, their results held to the end."""
    said: list[Words] = []
    held: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    threads = request.get("threads", 1)
    if library.torch and threads != 1:
        library.torch.set_num_threads(threads)
        caller.world.before["thread count"] = str(threads)
    before_threads = threading.active_count()
    for step in request["steps"]:
        live: dict[str, Any] = {}
        try:
            words, live = perform(step, arrays, caller, blobs)
        except BaseException as error:  # whatever it raises is a result
            words = {"raised": failure(error), "outputs": {}}
        words["globals"] = caller.world.changes()
        said.append(words)
        held.append(live)
    if threading.active_count() > before_threads:
        time.sleep(0.2)  # give a late writer its chance to be seen
    overlaps(held, said)
    for words, live in zip(said, held, strict=True):
        again: list[bytes] = []
        for name, index in live.get("blobs", {}).items():
            if index is not None:
                describe(live["outputs"][name], again)
                if again and again[-1] != blobs[index]:
                    words.setdefault("late", []).append(name)
    if library.torch and threads != 1:
        library.torch.set_num_threads(1)
        caller.world.before["thread count"] = "1"
    return {"steps": said}, blobs
