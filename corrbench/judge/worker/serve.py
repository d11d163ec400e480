"""The loop of the target's process: a request, its answer."""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import sys
from types import ModuleType
from typing import NoReturn

from . import library
from .caller import Caller
from .calls import run_steps
from .channel import Channel
from .covered import run_covered
from .kept_state import watch
from .library import Unloadable, Words
from .loading import origin, prepare, version
from .marked import run_marked
from .modules import inspect_module
from .over_field import run_over_field
from .poison import keep_freed_memory
from .timed_calls import Course

PRINTED = 1 << 28  # bytes that a target may write to one file, its output included
OPENED = 1 << 10  # files that it may have open at one time
AS_TOLD = 97  # exit status of a process that ends because it is to
ANSWERS = {  # the last three for a certificate
    "steps": run_steps, "module": inspect_module, "field": run_over_field, "kept": watch, "marked": run_marked,
}  # fmt: skip


def settle_in() -> list[ModuleType]:
    """Bound what the process may write and open, and hide its own modules. Returns them."""
    for limit, most in ((resource.RLIMIT_FSIZE, PRINTED), (resource.RLIMIT_NOFILE, OPENED)):
        with contextlib.suppress(ValueError, OSError):
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (most, most) if hard == resource.RLIM_INFINITY else (min(most, hard),) * 2)
    keep_freed_memory()
    package = __name__.partition(".")[0]
    return [sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == package]


def divide(channel: Channel, request: Words) -> bool:
    """Divide this process once the library is imported: the new one serves a target, and the old one waits for its end.

    Returns whether this is the new one. Where that ends otherwise than as told, the old one ends in the same way; or,
    if it is to `outlive` it, says of which signal it died, and can divide again.
    """
    spec = request["spec"]
    if spec["arrays"] == "torch" and library.torch is None:
        library.load_torch()
    prepare(spec.get("needs", ""), spec.get("environ", ""))
    gc.freeze()  # what is imported stays, and is the same in both
    if not (child := os.fork()):
        channel.pid = os.getpid()
        return True
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == AS_TOLD:
        return False
    if request.get("outlive"):
        channel.send({"died": -status, "nonce": request["nonce"]}, [])
        return False
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


def end(channel: Channel, nonce: str) -> NoReturn:
    """The end of a process that was divided from another, which goes on."""
    channel.send({"ended": True, "nonce": nonce}, [])
    os._exit(AS_TOLD)


def serve(read: int, write: int) -> None:
    """Answer requests until the channel closes."""
    channel = Channel(read, write)
    own = settle_in()
    caller: Caller | None = None
    course: Course | None = None
    while True:
        request, arrays = channel.receive()
        blobs: list[bytes] = []
        if caller is not None and request["op"] not in ("steps", "covered"):
            caller.kept = []
        try:
            if request["op"] == "divide":
                if not divide(channel, request):
                    continue
                answer: Words = {"divided": True}
            elif request["op"] == "end":
                end(channel, request["nonce"])
            elif request["op"] == "load":
                file = origin(request["spec"]["target"])
                if caller is not None and request.get("again"):
                    caller.adapt(request["spec"])
                else:
                    caller = Caller(request["spec"], own)
                answer = {
                    "form": caller.form,
                    "signature": caller.signature,
                    "at_load": caller.at_load,
                    "fixed": caller.fixed,
                    "note": caller.note,
                    "file": file,
                    "version": version(*(request["spec"].get(key, "") for key in ("needs", "name", "target"))),
                }
            elif caller is None:
                answer = {"unloadable": "no target is loaded"}
            elif request["op"] == "covered":
                answer = run_covered(request, arrays, caller)
            elif request["op"] in ANSWERS:
                answer, blobs = ANSWERS[request["op"]](request, arrays, caller)
            else:
                course = course or Course(caller)
                answer, blobs = course.answer(request, arrays)
        except Unloadable as error:
            answer = {"unloadable": str(error)}
        answer["nonce"] = request["nonce"]
        channel.send(answer, blobs)
