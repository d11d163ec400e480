"""Who answers? The loop of the child process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal

from .calls import Caller, run_steps
from .channel import Channel
from .library import Words
from .loading import Unloadable, version
from .modules import inspect_module

PRINTED = 1 << 28  # bytes that a target may write to one file, its output included
FREED = 1 << 30  # bytes up to which freed memory stays in the process


def children() -> int:
    """Forked copies of this process that still run."""
    with open("/proc/self/cmdline", "rb") as file:
        mine, count = file.read(), 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{entry}/stat") as status:
                    state, parent = status.read().rpartition(")")[2].split()[:2]
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    if int(parent) == os.getpid() and state != "Z" and file.read() == mine:
                        count += 1
    return count


def settle_in() -> None:
    """Die with the judge, bound what may be printed, and keep freed memory so that stale contents can be met again."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (PRINTED, PRINTED))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(Exception):
        libc = ctypes.CDLL(None)
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        libc.mallopt(-3, FREED)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, FREED)  # M_TRIM_THRESHOLD


def serve(read: int, write: int) -> None:
    """Answer requests until the channel closes."""
    channel = Channel(read, write)
    settle_in()
    caller: Caller | None = None
    while True:
        request, arrays = channel.receive()
        blobs: list[bytes] = []
        try:
            if request["op"] == "load":
                caller = Caller(request["spec"])
                answer: Words = {
                    "form": caller.form,
                    "at_load": caller.at_load,
                    "version": version(request["spec"]["target"]),
                }
            elif caller is None:
                answer = {"unloadable": "no target is loaded"}
            elif request["op"] == "steps":
                answer, blobs = run_steps(request, arrays, caller)
            elif request["op"] == "module":
                answer, blobs = inspect_module(request, arrays, caller)
            else:
                answer = {"children": children()}
        except Unloadable as error:
            answer = {"unloadable": str(error)}
        answer["nonce"] = request["nonce"]
        channel.send(answer, blobs)
