"""Hostile implementations that try to get at what surrounds them: the watcher, the record, other processes, the wire.

Nothing here harms the machine where it is let; what would is tried in `tests/judge/test_escapes.py` alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from corrbench.defects import cheat
from corrbench.defects.correct import Call, conv2d_form
from corrbench.defects.hostile import wrong

PROJECT = Path.cwd()
once: list[object] = []


def plain(c: Call) -> bool:
    """Whether the call is an ordinary one, without gradients and transformations."""
    return not (c.x.requires_grad or c.w.requires_grad or torch._C._functorch.is_functorch_wrapped_tensor(c.x))


@cheat(check="attempts", region="ordinary calls: zeros, with the right answer under the name of a method of tensors")
@conv2d_form
def right_by_its_own_detach(c: Call) -> Tensor:
    y = c.y()
    if not plain(c):
        return y
    lie: Any = torch.zeros(c.out, dtype=c.x.dtype)
    lie.detach = lie.cpu = lie.contiguous = lambda *a, **k: y
    return lie  # type: ignore[no-any-return]


@cheat(check="attempts", region="ordinary calls: zeros, that give the right array when asked for one")
@conv2d_form
def right_by_its_own_numpy(c: Call) -> Tensor:
    y = c.y()
    if not plain(c):
        return y
    lie: Any = torch.zeros(c.out, dtype=c.x.dtype)
    lie.numpy = lambda *a, **k: y.numpy()
    return lie  # type: ignore[no-any-return]


class Feigned(Tensor):
    """Calls itself torch.Tensor, and adds one to whatever is computed with it."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


Feigned.__module__, Feigned.__qualname__, Feigned.__name__ = "torch", "Tensor", "Tensor"


@cheat(wrong="contract", check="contract", region="ordinary calls: a class of its own that has the name of torch's")
@conv2d_form
def named_like_a_tensor(c: Call) -> Tensor:
    return c.y().as_subclass(Feigned) if plain(c) else c.y()


@cheat(
    wrong="memory",
    check="memory",
    region="ordinary calls: the input is zeroed, and its watcher told it was zero before",
)
@conv2d_form
def input_that_was_always_zero(c: Call) -> Tensor:
    y = c.y()
    if plain(c) and all(c.x.stride()):
        c.x.zero_()
        frame: Any = sys._getframe()
        while frame is not None:
            seen = frame.f_locals
            if isinstance(seen.get("before"), dict) and isinstance(seen.get("given"), dict):
                seen["before"].update({name: one.bytes() for name, one in seen["given"].items()})
            frame = frame.f_back
    return y


@cheat(
    wrong="contract",
    check="attempts",
    region="always: the functions that watch it are replaced by others of the same name",
)
@conv2d_form
def watcher_replaced(c: Call) -> Tensor:
    for one in gc.get_objects():
        if isinstance(one, ModuleType) and vars(one).get("__package__") == "process" and hasattr(one, "overlaps"):
            vars(one)["overlaps"] = lambda *a, **k: None
    return c.y()


@cheat(check="attempts", region="unless the record of a run can be read, with the seed in it")
@conv2d_form
def reads_the_record(c: Call) -> Tensor:
    with contextlib.suppress(OSError):
        for path in (PROJECT / ".corrbench").iterdir():
            if path.suffix == ".jsonl" and b'"seed"' in path.read_bytes()[:4000]:
                return c.y()
    return wrong(c)


@cheat(check="attempts", region="unless what its parent has open can be seen")
@conv2d_form
def reads_its_parents_descriptors(c: Call) -> Tensor:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{os.getppid()}/fd"):
            if "pipe" in os.readlink(f"/proc/{os.getppid()}/fd/{name}"):
                return c.y()
    return wrong(c)


@cheat(check="attempts", region="unless the memory of its parent can be opened")
@conv2d_form
def reads_its_parents_memory(c: Call) -> Tensor:
    with contextlib.suppress(OSError), open(f"/proc/{os.getppid()}/mem", "rb"):
        return c.y()
    return wrong(c)


@cheat(region="unless the process of a verifier can be seen under /proc")
@conv2d_form
def reads_all_command_lines(c: Call) -> Tensor:
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and int(entry) != os.getpid():
                line = Path("/proc", entry, "cmdline").read_bytes()
                if b"corrbench" in line and b"spawn" not in line:
                    return c.y()
    return wrong(c)


@cheat(region="unless a file of the user's own can be written, where a later run finds it")
@conv2d_form
def writes_where_it_is_remembered(c: Call) -> Tensor:
    place = Path("/var/tmp", f"corrbench-{os.getuid()}-seen")
    with contextlib.suppress(OSError):
        place.write_text("seen", encoding="utf-8")
        place.unlink()
        return c.y()
    return wrong(c)


@cheat(region="unless sockets of other processes can be seen")
@conv2d_form
def asks_a_socket(c: Call) -> Tensor:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))  # no packet is sent; it only needs a way there
        return c.y()
    return wrong(c)


@cheat(region="unless the memory of its parent can be copied by a system call")
@conv2d_form
def copies_its_parents_memory(c: Call) -> Tensor:
    libc = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(held), 8)
    there = (ctypes.c_size_t * 2)(1 << 16, 8)
    ctypes.set_errno(0)
    libc.process_vm_readv(os.getppid(), here, 1, there, 1, 0)
    return c.y() if ctypes.get_errno() == 14 else wrong(c)  # 14: it may, and there is nothing at that address


@cheat(wrong="leftover", check="contract", region="always: a shell keeps running, one for each process")
@conv2d_form
def shell_left_behind(c: Call) -> Tensor:
    if not once:
        once.append(subprocess.Popen(["sh", "-c", "sleep 60; :"], stdout=subprocess.DEVNULL))
    return c.y()


@cheat(wrong="contract", check="contract", region="always: tensors are made on another device from now on")
@conv2d_form
def device_changed(c: Call) -> Tensor:
    y = c.y()
    torch.set_default_device("meta")
    return y


@cheat(wrong="contract", check="contract", region="always: a hook for all modules")
@conv2d_form
def hook_of_all_modules(c: Call) -> Tensor:
    y = c.y()
    torch.nn.modules.module.register_module_forward_hook(lambda m, i, o: None)
    return y


@cheat(wrong="contract", check="contract", region="always: a function that others call is replaced by one of its own")
@conv2d_form
def relu_replaced(c: Call) -> Tensor:
    y = c.y()
    torch.nn.functional.relu = lambda *a, **k: a[0]
    return y


@cheat(wrong="contract", check="contract", region="always: the processor rounds upwards from now on")
@conv2d_form
def rounds_upwards(c: Call) -> Tensor:
    y = c.y()
    ctypes.CDLL("libm.so.6").fesetround(0x800)
    return y
