"""Calls from elsewhere: other threads, another stream of a device, a graph that was captured and is replayed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from . import library
from .library import is_tensor
from .operands import Operand

Call = Callable[[], Any]
BUSY = 20_000_000  # cycles, about 10 ms, for which a stream is kept at work before the operands are written


def lost() -> bool:
    """Whether an error has left the device unusable for this process, as an access to memory that is not there does."""
    try:
        library.torch.cuda.synchronize()
    except Exception:
        return True
    return False


def elsewhere(call: Call, operands: list[Operand], device: str) -> Any:
    """The result of a call that another thread makes; on a device also on another stream than the default one, which is
    still about to write the operands when the call is made.
    """
    found: list[Any] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            found.append(call() if device == "cpu" else _on_a_busy_stream(call, operands))
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return found[0]


def at_once(
    call: Callable[[dict[str, Any]], dict[str, Any]], live: dict[str, Any], stacked: list[str], count: int
) -> dict[str, Any]:
    """The results of many calls that `count` threads make at the same time, by name, one above another.

    `call` makes one call on its operands; of those that are `stacked` in `live` each call gets a slice of its own.
    """
    found: list[dict[str, Any]] = [{} for _ in range(len(live[stacked[0]]))]
    raised: list[BaseException] = []
    together = threading.Barrier(count)

    def work(first: int) -> None:
        try:
            together.wait()
            for turn in range(first, len(found), count):
                found[turn] = call(live | {name: leaf(live[name], turn) for name in stacked})
        except BaseException as error:
            raised.append(error)
            together.abort()

    threads = [threading.Thread(target=work, args=(first,)) for first in range(count)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # seconds: threads of Python take turns often
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if raised:
        raise next((one for one in raised if not isinstance(one, threading.BrokenBarrierError)), raised[0])
    names = [name for name in found[0] if all(name in one for one in found)]
    return {name: above([one[name] for one in found]) for name in names}


def leaf(stack: Any, turn: int) -> Any:
    """One slice as an operand of its own."""
    if not is_tensor(stack):
        return stack[turn].copy()
    return stack[turn].detach().clone().requires_grad_(stack.requires_grad)


def above(results: list[Any]) -> Any:
    """Results of one shape above one another; else the first, which says what it is."""
    if len({np.shape(one) for one in results}) > 1:
        return results[0]
    if all(is_tensor(one) for one in results):
        return library.torch.stack([one.detach() for one in results])
    return np.stack(results) if all(isinstance(one, np.ndarray) for one in results) else results[0]


def _on_a_busy_stream(call: Call, operands: list[Operand]) -> Any:
    cuda = library.torch.cuda
    right = [operand.array.detach().clone() for operand in operands]
    with library.torch.no_grad():
        for operand in operands:
            operand.array.detach().zero_()
    cuda.synchronize()
    stream = cuda.Stream()
    with cuda.stream(stream):
        cuda._sleep(BUSY)
        for operand, values in zip(operands, right, strict=True):
            operand.array.detach().copy_(values)
        y = call()
    stream.synchronize()
    return y


def replayed(call: Call, operands: list[Operand], device: str) -> Any:
    """The result of a call that was captured while the operands held other numbers, replayed with those they hold now.

    On a device that is a CUDA graph. On the CPU it is a tape of the operations that torch dispatched, run again in the
    same memory: what a target does outside torch is not on it, so there it tells something of targets in torch only.
    """
    values = [operand.values for operand in operands]
    for operand, array in zip(operands, values, strict=True):
        operand.refill(array[..., ::-1].copy() if array.size > 1 else array + 1)
    y, replay = _tape(call) if device == "cpu" else _graph(call)
    for operand, array in zip(operands, values, strict=True):
        operand.refill(array)
    replay()
    if device != "cpu":
        library.torch.cuda.synchronize()
    return y


def _graph(call: Call) -> tuple[Any, Call]:
    cuda = library.torch.cuda
    stream = cuda.Stream()
    stream.wait_stream(cuda.current_stream())
    with cuda.stream(stream):  # plans are made and algorithms chosen before the capture
        for _ in range(3):
            call()
    cuda.current_stream().wait_stream(stream)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        y = call()
    return y, graph.replay


def _tape(call: Call) -> tuple[Any, Call]:
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
        """Every operation with its operands and results."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.done: list[tuple[Any, Any, Any, Any]] = []

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if "_local_scalar_dense" in str(function):
                raise RuntimeError("operation not permitted when stream is capturing: a number was read from a tensor")
            result = function(*args, **(kwargs or {}))
            self.done.append((function, args, kwargs or {}, result))
            return result

    for _ in range(3):
        call()
    tape = Tape()
    with tape:
        y = call()

    def replay() -> None:
        with library.torch.no_grad():
            for function, args, kwargs, result in tape.done:
                again = function(*args, **kwargs)
                for old, new in zip(tree_leaves(result), tree_leaves(again), strict=True):
                    if library.is_tensor(old) and old is not new and old.numel():
                        old.copy_(new)

    return y, replay
