"""Ways of calling: the same call as people make it, under other modes of torch, with other objects, other spellings.

A way replaces the operands before gradients are asked for (`given`), the call itself (`made`), or how arguments are
written (`written`). What is asked of it, and what may differ, is `corrbench.checks.use`'s to say.
"""

from __future__ import annotations

import inspect
import os
import select
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import library
from .library import Words, is_tensor

Live = dict[str, Any]
Make = Callable[[Live], Any]
OPERANDS = ("x", "w", "b")
ORDER = ("bias", "stride", "padding", "dilation", "groups")  # after input and weight, as F.conv2d has them
PATIENCE = 20.0  # seconds for a copy of the process to answer


@dataclass(frozen=True, slots=True)
class Way:
    """One way; whatever it does not say is as in an ordinary call."""

    given: Callable[[Live], Live] = lambda live: live
    made: Callable[[Make, Live], Any] = lambda call, live: call(live)
    written: str = ""


def operands(live: Live, change: Callable[[Any], Any], names: tuple[str, ...] = OPERANDS) -> Live:
    """The operands, those of the names changed."""
    return live | {name: change(live[name]) for name in names if name in live}


# ---- under modes of torch


def under(context: str, device: str = "", lower: str = "") -> Way:
    """Called in a context of torch, of this name."""

    def made(call: Make, live: Live) -> Any:
        torch = library.torch
        with getattr(torch, context)(*((device, getattr(torch, lower)) if lower else ())):
            return call(live)

    return Way(made=made)


def checkpointed(call: Make, live: Live) -> Any:
    """The forward pass is not kept, but made again in the backward pass."""
    names = [name for name in OPERANDS if name in live]
    again = library.torch.utils.checkpoint.checkpoint
    return again(
        lambda *a: call(live | dict(zip(names, a, strict=True))), *(live[n] for n in names), use_reentrant=False
    )


def interleaved(call: Make, live: Live) -> Any:
    """Another forward pass, on other numbers, is made before the backward pass of the first."""
    y = call(live)
    call(operands(live, lambda array: array.detach().flip(-1) + 1))
    return y


def two_consumers(call: Make, live: Live) -> Any:
    """The input is used once more beside the call: its gradients are added up."""
    return call(live) + (live["x"] * 0).sum()


def after_no_grad(call: Make, live: Live) -> Any:
    """The call comes after one on the same operands that kept no graph."""
    with library.torch.no_grad():
        call(live)
    return call(live)


def in_a_copy(call: Make, live: Live) -> Any:
    """Called in a forked copy of the process, as a data loader's worker is one.

    Raises:
        RuntimeError: the copy does not answer, or has died.
    """
    call(operands(live, lambda array: array * 0 + 1, ("x",)))  # whose answer is not the copy's
    read, write = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(read)
            if library.torch is not None:
                library.torch.set_num_threads(1)
            y = call(live)
            array = library.bits(y) if is_tensor(y) else np.asarray(y)
            left = memoryview(np.ascontiguousarray(array).tobytes())
            while left:
                left = left[os.write(write, left) :]
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    data = bytearray()
    try:
        while select.select([read], [], [], PATIENCE)[0]:
            part = os.read(read, 1 << 16)
            if not part:
                break
            data += part
        else:
            os.kill(child, 9)
    finally:
        os.close(read)
        status = os.waitpid(child, 0)[1]
    if status:
        raise RuntimeError(f"a forked copy of the process {'hangs' if status == 9 else 'fails'} in this call")
    like = call(live)  # for its type and shape
    if is_tensor(like):
        bits = library.bits(like)
        whole = library.torch.from_numpy(np.frombuffer(data, bits.dtype).reshape(bits.shape).copy())
        return whole.view(like.dtype)
    return np.frombuffer(data, np.asarray(like).dtype).reshape(np.shape(like)).copy()


# ---- with other objects


def parameters(live: Live) -> Live:
    """Weight and bias are torch.nn.Parameter, in the same memory."""
    return operands(live, library.torch.nn.Parameter, ("w", "b"))


def one_storage(live: Live) -> Live:
    """Weight and bias are views of one flat tensor, as optimisers and exporters lay them out."""
    names = [name for name in ("w", "b") if name in live]
    flat = library.torch.cat([live[name].detach().reshape(-1) for name in names])
    parts = flat.split([live[name].numel() for name in names])
    return live | {name: part.view(live[name].shape) for name, part in zip(names, parts, strict=True)}


def by_data(call: Make, live: Live) -> Any:
    """The weight got its numbers through ``.data`` after a call with others."""
    w = live["w"].detach().flip(-1) + 1
    w.requires_grad_(live["w"].requires_grad)
    call(live | {"w": w})
    w.data = live["w"].detach().clone()
    return call(live | {"w": w})


def made_in_inference(call: Make, live: Live) -> Any:
    """The weight was made under `torch.inference_mode`, where changes are not counted, and then changed."""
    with library.torch.inference_mode():
        w = live["w"].detach().flip(-1) + 1
        call(live | {"w": w})
        w.copy_(live["w"])
        return call(live | {"w": w})


def freed(call: Make, live: Live) -> Any:
    """A weight of the same size was freed before, and its address may come again."""
    for turn in range(4):
        call(live | {"w": live["w"].detach().flip(-1) + turn})
    return call(live | {"w": live["w"] + 0})


def mapped(live: Live) -> Live:
    """Arrays that lie in a file, read-only."""

    def change(array: Any) -> Any:
        with tempfile.TemporaryFile() as file:
            np.ascontiguousarray(array).tofile(file)
            file.flush()
            return np.memmap(file, array.dtype, "r", shape=array.shape) if array.size else array

    return operands(live, change)


def sealed(live: Live) -> Live:
    """Arrays that may not be written to."""

    def change(array: Any) -> Any:
        view = array.view()
        view.flags.writeable = False
        return view

    return operands(live, change)


class Plain(np.ndarray):
    """A subclass of arrays that changes nothing."""


def subclass(live: Live) -> Live:
    """Arrays of a subclass."""
    return operands(live, lambda array: array.view(Plain))


CAST = under("autocast", "cpu", "bfloat16")
WAYS: dict[str, Way] = {
    "no_grad": under("no_grad"),
    "inference": under("inference_mode"),
    "bfloat16": under("autocast", "cpu", "bfloat16"),
    "float16": under("autocast", "cpu", "float16"),
    "parameters": Way(given=parameters),
    "evaluated": Way(given=parameters, made=under("no_grad").made),
    "cast_again": Way(made=lambda call, live: CAST.made(lambda live: after_no_grad(call, live), live)),
    "later": Way(made=lambda call, live: call(operands(live, lambda tensor: tensor * 1))),
    "later_input": Way(made=lambda call, live: call(operands(live, lambda tensor: tensor * 1, ("x",)))),
    "checkpoint": Way(made=checkpointed),
    "interleaved": Way(made=interleaved),
    "consumers": Way(made=two_consumers),
    "after_no_grad": Way(made=after_no_grad),
    "one_storage": Way(given=one_storage),
    "data": Way(made=by_data),
    "freed": Way(made=freed),
    "made_in_inference": Way(made=made_in_inference),
    "mixed": Way(given=lambda live: operands(live, lambda tensor: tensor.double(), ("w",))),
    "fork": Way(made=in_a_copy),
    "mapped": Way(given=mapped),
    "sealed": Way(given=sealed),
    "fortran": Way(given=lambda live: operands(live, np.asfortranarray)),
    "subclass": Way(given=subclass),
    "keywords": Way(written="keywords"),
    "bias_by_name": Way(written="bias"),
    "positions": Way(written="positions"),
    "sizes": Way(written="sizes"),
    "numpy_numbers": Way(written="numpy"),
}


PLAIN = Way()

# ---- other spellings


class Unwritable(Exception):
    """The target's signature has no such spelling; the judge asks no further."""


def written(how: str, target: Any, live: Live, words: Words) -> tuple[list[Any], Words]:
    """Positional and keyword arguments of a conv2d, spelled as asked.

    Raises:
        Unwritable: the signature does not allow it.
    """
    names = parameters_of(target)
    third = "bias" if "bias" in names or not names else names[2] if len(names) > 2 else ""
    first, bias = [live["x"], live["w"]], live.get("b")
    if how == "positions":
        known = names or ["input", "weight", *ORDER]
        if [*known[3 : 3 + len(ORDER) - 1]] != [*ORDER[1:]][: len(known) - 3] or len(known) < 4:
            raise Unwritable("the arguments have an order of their own")
        last = max((place for place, name in enumerate(ORDER) if name in words), default=1)
        defaults: Words = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        return [*first, bias, *((defaults | words)[name] for name in ORDER[1 : last + 1])], {}
    if how in ("keywords", "bias"):
        given = {third: bias} if bias is not None else {}
        if "" in given:
            raise Unwritable("there is no bias by name")
        if how == "bias":
            return first, given | words
        own = names[:2] if names else ["input", "weight"]
        if len(own) < 2:
            raise Unwritable("the operands have no names")
        return [], dict(zip(own, first, strict=True)) | given | words
    change = numbers if how == "numpy" else sizes
    given = {name: change(value) for name, value in words.items()}
    return [*first, *((bias,) if bias is not None else ())], given


def numbers(value: Any) -> Any:
    """Integers as NumPy has them."""
    if isinstance(value, tuple):
        return tuple(np.int64(one) for one in value)
    return np.int64(value) if isinstance(value, int) else value


def sizes(value: Any) -> Any:
    """A pair as torch.Size; elsewhere one number as a pair."""
    if isinstance(value, tuple) and library.torch is not None:
        return library.torch.Size(value)
    return value


def parameters_of(target: Any) -> list[str]:
    """Names of what can be given by position and by name; empty where the signature tells none."""
    try:
        found = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return []
    if any(one.kind is one.POSITIONAL_ONLY for one in found):
        raise Unwritable("the operands have no names")
    return [one.name for one in found if one.kind is one.POSITIONAL_OR_KEYWORD]
