"""Attempts: a confined process tries what it must not be able to do, and says what it could.

Its text is run by `corrbench.judge.boundary` as a target would be. What can be seen from outside, such as a connection
that arrives, is looked at there.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
import time
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)
SEIZE, NEW_USER = 0x4206, 0x10000000


def same(pid: int, began: str) -> bool:
    """Whether the process of this number is the one that began then: in a namespace of its own it is another."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[19] == began
    except OSError:
        return False


def reads(path: str) -> bool:
    """Whether a file can be read."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return bool(file.read(1))
    return False


def writes(path: str) -> None:
    """Try to write a file."""
    with contextlib.suppress(OSError), open(path, "wb") as file:
        file.write(b"here")


def signals(pid: int, began: str) -> bool:
    """Whether a signal reaches the process, or one that can only be meant for it."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return same(pid, began) or os.getpid() > 8


def looks_into(pid: int) -> bool:
    """Whether the memory or the open files of a process can be had, in one of four ways."""
    for path in (f"/proc/{pid}/mem", f"/proc/{pid}/environ"):
        with contextlib.suppress(OSError), open(path, "rb"):
            return True
    with contextlib.suppress(OSError):
        os.readlink(f"/proc/{pid}/fd/0")
        return True
    held = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(held), 8)
    there = (ctypes.c_size_t * 2)(1 << 16, 8)
    ctypes.set_errno(0)
    libc.process_vm_readv(pid, here, 1, there, 1, 0)
    if ctypes.get_errno() == 14:  # it may, there is nothing at that address
        return True
    return bool(libc.ptrace(SEIZE, pid, None, None) == 0)


def sends(words: dict[str, Any]) -> None:
    """Try to reach what the judge listens on."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", words["tcp"]), 0.2) as one:
        one.sendall(b"here")
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"here", ("127.0.0.1", words["udp"]))
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(b"here", b"\0" + words["abstract"].encode())


def privileged() -> bool:
    """Whether it has or can get a capability, mount, or load into the kernel."""
    with open("/proc/self/status") as file:
        said = dict(line.split(":", 1) for line in file if ":" in line)
    if int(said["CapEff"], 16) or not int(said.get("NoNewPrivs", "0")):
        return True
    return bool(libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0 or libc.unshare(NEW_USER) == 0)


def stays() -> None:
    """Leave a process behind that is nobody's child and holds the descriptors open."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(10)
        os._exit(0)
    os.wait()


def main(words: dict[str, Any]) -> None:
    """Try everything, and answer with what could be done."""
    pid, began = words["pid"], words["began"]
    seen = same(pid, began)
    own = os.getpid() <= 8  # numbers of processes begin anew in a namespace
    could = {
        "files": reads(words["secret"]),
        "processes": seen,
        "signals": signals(pid, began),
        "memory": (seen or not own) and looks_into(pid),
        "privileges": privileged(),
    }
    for path in words["writes"]:
        writes(path)
    sends(words)
    stays()
    os.write(words["answer"], json.dumps(could).encode())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
