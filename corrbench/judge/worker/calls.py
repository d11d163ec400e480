"""Calls of the target: made as told, differentiated, watched; the results are held until all calls are made."""

from __future__ import annotations

import contextlib
import math
import os
import time
import traceback
import warnings
from typing import Any

import numpy as np

from . import expressions, library
from .caller import Caller
from .late_writes import crowd, keep, spoiled, wait_for_late_writers
from .library import Array, Words, is_tensor, planted
from .lives import LIVES, must_own
from .operands import Operand, describe, look, span
from .poison import dirty, empty_pool
from .signs import taken
from .streams import at_once, elsewhere, lost, replayed
from .ways import PLAIN, WAYS

GRAIN = 1 << 15  # elements that torch gives to one thread at least
PATIENCE = 1.0  # seconds until memory of a device is asked for once more
LOST = 70  # exit status of a process whose device no longer works, EX_SOFTWARE


def make(name: str, step: Words, arrays: list[Array], caller: Caller) -> Operand:
    """One operand: new, or with `reuse` the last call's with new values."""
    values, layout = arrays[step["arrays"][name]], step.get("layout", {}).get(name, "contiguous")
    kept = caller.made.get(name)
    if step.get("reuse") and kept is not None and kept.values.shape == values.shape and kept.dtype == step["dtype"]:
        if kept.values.tobytes() != values.tobytes():  # else it is left alone, its count of changes too
            kept.refill(values)
        return kept
    return Operand(values, step["dtype"], layout, caller.arrays, caller.device)


def differentiate(step: Words, y: Any, leaves: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Gradients of ⟨y, g⟩, and with tangents in `given` the gradients of ⟨gradients, tangents⟩."""
    wanted = list(leaves)
    if not y.requires_grad or y.shape != given["g"].shape:  # a result of another shape is told by itself
        return {}
    again = step["mode"] == "double"
    if step.get("accumulate"):
        for _ in range(step["accumulate"]):
            # a copy each: torch may keep the cotangent's memory as a gradient, and add to it in the next pass
            library.methods["backward"](y, given["g"].clone(), retain_graph=True)
        return {"g" + name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    grads = library.torch.autograd.grad(
        y, [leaves[name] for name in wanted], given["g"], create_graph=again, allow_unused=True, retain_graph=True
    )
    out = {"g" + name: grad for name, grad in zip(wanted, grads, strict=True) if grad is not None}
    if again:
        used = [name for name in step.get("used", wanted) if "g" + name in out and out["g" + name].requires_grad]
        pairs = [(out["g" + name], given["v" + name]) for name in used]
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
    if caller.form in ("module", "layer"):
        live |= caller.build({name: given[name] for name in names}, step, keep=bool(step.get("reuse")))
    live = WAYS[step["way"]].given(live) if "way" in step else live
    by_torch = mode in ("backward", "double") and caller.by_hand is None
    leaves = {name: live[name] for name in step.get("grad", names)} if by_torch else {}
    for leaf in leaves.values():
        if leaf.is_leaf:
            leaf.requires_grad_(True)
            leaf.grad = None
    if mode == "double":
        live["g"].requires_grad_(True)
    places = {name: operand.place() for name, operand in given.items()}
    element = given[names[0]].storage.itemsize
    sizes = {element * math.prod(step["out"]), *(given[name].values.nbytes for name in names)}
    caller.listeners.begin()
    caller.given = []
    try:
        with warnings.catch_warnings(), dirty(sizes, caller.device):
            warnings.simplefilter("ignore")
            results = answers(step, live, leaves, given, caller)
    finally:
        caller.listeners.put_away()
    if caller.arrays == "list":
        results = {name: expressions.array_of(value, given["x"].array) for name, value in results.items()}
    outputs = {name: describe(value, blobs) for name, value in results.items()}
    late = [name for name, value, held in caller.given if value is results.get(name) and held != look(value)]
    caller.given = []
    moved = [name for name, operand in given.items() if operand.place() != places[name]]
    for name in moved:
        del caller.made[name]
    changed = [name for name, operand in given.items() if name in moved or operand.bytes() != before[name]]
    numbers = {name: words.get("blob") for name, words in outputs.items()}
    after = {name: operand.checksum() for name, operand in given.items() if name not in changed}
    tried = [f"gave {name} that carries {', '.join(found)} as attributes of its own, in place of the methods of tensors"
             for name, value in results.items() if (found := planted(value))]  # fmt: skip
    return {"outputs": outputs, "changed": changed, "after": after, "tried": tried, "late": late}, {
        "operands": given,
        "outputs": results,
        "blobs": numbers,
    }


def answers(
    step: Words, live: dict[str, Any], leaves: dict[str, Any], given: dict[str, Operand], caller: Caller
) -> dict[str, Any]:
    """The result of one call in its mode, and its derivatives."""
    mode, names = step.get("mode", "forward"), [name for name in step["arrays"] if name in ("x", "w", "b")]
    if mode == "jvp":
        return along_tangents(live, names, caller, step)
    if mode in ("graph", "elsewhere"):
        way = replayed if mode == "graph" else elsewhere
        return {"y": way(lambda: caller.call(live, step), list(given.values()), caller.device)}
    if mode == "vmap":
        over = step.get("over", ["x"])
        mapped = library.torch.func.vmap(lambda *a: caller.call(live | dict(zip(over, a, strict=True)), step))
        return {"y": mapped(*(live[name] for name in over))}
    if mode == "samples":
        return of_each_sample(live, names, caller, step)
    if "crowd" in step:
        return at_once(lambda live: one_of_many(live, leaves, caller, step), live, step["stacked"], step["crowd"])
    if "life" in step:
        must_own(caller.module, live["w"])
        caller.live(LIVES[step["life"]], live)
    spoken = WAYS[step["way"]] if "way" in step else PLAIN
    results = {"y": spoken.made(lambda operands: caller.call(operands, step), live)}
    caller.listeners.put_away()
    caller.given = [("y", results["y"], look(results["y"]))]  # before anything else of the target's runs
    if mode == "backward" and caller.by_hand is not None:
        for _ in range(step.get("repeat", 1)):
            results |= caller.gradients(live, step)
    elif leaves and is_tensor(results["y"]):
        g = live["g"]
        if caller.lenient and g.dtype != results["y"].dtype and g.is_complex():
            if not results["y"].is_complex():
                return results  # a result of real numbers has no such gradients
            live = live | {"g": g.to(results["y"].dtype)}
        results |= differentiate(step, results["y"], leaves, live)
    return results


def one_of_many(live: dict[str, Any], leaves: dict[str, Any], caller: Caller, step: Words) -> dict[str, Any]:
    """The result of a call that others are made beside, and its gradients where they are asked for."""
    results = {"y": caller.call(live, step)}
    if leaves and is_tensor(results["y"]):
        results |= differentiate(step, results["y"], {name: live[name] for name in leaves}, live)
    return results


def along_tangents(live: dict[str, Any], names: list[str], caller: Caller, step: Words) -> dict[str, Any]:
    """The result and its tangent by forward-mode differentiation."""
    forward_ad = library.torch.autograd.forward_ad
    with forward_ad.dual_level():
        duals = {n: forward_ad.make_dual(live[n], live["t" + n]) if "t" + n in live else live[n] for n in names}
        y, tangent = forward_ad.unpack_dual(caller.call(duals, step))
        return {"y": y} if tangent is None else {"y": y, "t": tangent}


def of_each_sample(live: dict[str, Any], names: list[str], caller: Caller, step: Words) -> dict[str, Any]:
    """The gradients by weight and bias that each sample has alone, mapped over the batch."""
    func, wanted = library.torch.func, [name for name in names if name != "x"]

    def gradients(x: Any, g: Any) -> Any:
        def result(*operands: Any) -> Any:
            return caller.call(live | {"x": x[None]} | dict(zip(wanted, operands, strict=True)), step)

        return func.vjp(result, *(live[name] for name in wanted))[1](g[None])

    mapped = func.vmap(gradients)(live["x"], live["g"])
    return {"g" + name: value for name, value in zip(wanted, mapped, strict=True)}


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
            with contextlib.suppress(Exception):  # the call may have left no memory that it lies in
                low, high = span(operand.array)
                spans.append((low, high, f"operand {name}" + (f" of call {index + 1}" if len(held) > 1 else "")))
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


def settle(caller: Caller, threads: int = 1, deterministic: bool = False, was: tuple[int, bool] = (1, False)) -> None:
    """Set on how many threads torch computes, and whether deterministically; that is no change that a target made."""
    if library.torch and (threads, deterministic) != was:
        before = caller.world.before
        library.torch.set_num_threads(threads)
        if threads > 1:  # its pool's threads start here, not in a call, of which they would be a sign
            library.torch.zeros(threads * GRAIN).add_(1)
        before["thread count"] = str(threads)
        if deterministic or was[1]:
            # as use_deterministic_algorithms, which imports the compiler
            library.torch.set_deterministic_debug_mode("error" if deterministic else "default")
            before["deterministic algorithms"] = str(deterministic)


def let_go(caller: Caller, held: list[dict[str, Any]]) -> None:
    """Give gigabytes of a device back, which others need too."""
    caller.given = []
    if caller.device == "cpu":
        return
    for live in held:
        live.clear()
    if any(operand.far for operand in caller.made.values()):
        caller.made.clear()
    empty_pool()


def performed(step: Words, arrays: list[Array], caller: Caller, blobs: list[bytes]) -> tuple[Words, dict[str, Any]]:
    """`perform`; where a device has no memory left, which others may hold at that moment, once more a little later."""
    try:
        return perform(step, arrays, caller, blobs)
    except Exception as error:
        if caller.device == "cpu" or "OutOfMemory" not in type(error).__name__:
            raise
    caller.made.clear()
    empty_pool(0)
    time.sleep(PATIENCE)
    return perform(step, arrays, caller, blobs)


def run_steps(request: Words, arrays: list[Array], caller: Caller) -> tuple[Words, list[bytes]]:
    """All calls of one request, their results held to the end."""
    said: list[Words] = []
    held: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    threads, deterministic = request.get("threads", 1), bool(request.get("deterministic"))
    settle(caller, threads, deterministic)
    if caller.compiled is not None and request.get("forget"):
        caller.compiled.forget()
    earlier, before = spoiled(caller), crowd()
    for step in request["steps"]:
        words: Words = {
            "outputs": {},
            "raised": None,
            "changed": [],
            "aliases": [],
            "late": [],
            "after": {},
            "tried": [],
        }
        live: dict[str, Any] = {}
        made = len(blobs)
        try:
            seen, live = performed(step, arrays, caller, blobs)
            if caller.compiled is not None:
                caller.compiled.must_have_compiled()
            words |= seen
        except BaseException as error:  # whatever it raises is a result
            if caller.device != "cpu" and lost():  # no later call can succeed in this process
                os.write(1, f"\n{type(error).__name__}: {str(error).partition(chr(10))[0][:2000]}".encode())
                os._exit(LOST)
            words["raised"], live = failure(error), {}
            if caller.compiled is not None:
                caller.compiled.forget()
            del blobs[made:]
            caller.made.clear()  # they may lie otherwise now
        seldom = request.get("seldom") and step is not request["steps"][-1]  # of small calls: once
        words["globals"] = [*caller.listeners.taken(), *([] if seldom else caller.world.changes())]
        words["tried"] += [*taken(), *(f"replaced {name}, which watches over it" for name in caller.world.patched)]
        said.append(words)
        held.append(live)
    if caller.device != "cpu":
        library.torch.cuda.synchronize()  # what is still at work on any stream writes now
    wait_for_late_writers(before)
    overlaps(held, said)
    for words, live in zip(said, held, strict=True):
        again: list[bytes] = []
        for name, index in live.get("blobs", {}).items():
            if index is not None:
                describe(live["outputs"][name], again)
                if again and again[-1] != blobs[index]:
                    words["late"].append(name)
    said[0]["late"] += earlier
    keep(caller, said, held)
    settle(caller, was=(threads, deterministic))
    let_go(caller, held)
    return {"steps": said}, blobs
