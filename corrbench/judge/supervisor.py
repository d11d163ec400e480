"""The supervisor: a process between the judge and the target that watches over everything the target starts.

The judge imports this file for what it asks of processes. Its text is also the first that the target's interpreter is
sent: that process divides in `stand`, the child is confined and becomes the target's, and the parent stays as the
guard. So it imports nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import time
from typing import Any

MOST = 256  # processes that a target may have at one time
PAUSE = 0.25  # seconds between two looks of the guard
SHARE = 50  # and at least so many times what one look takes
PATIENCE = 3.0  # seconds that killed processes are waited for
PAGE = os.sysconf("SC_PAGE_SIZE")
SUBREAPER, DEATH_SIGNAL = 36, 1  # of prctl
SIGNALLED = 128  # added to the number of a signal, where the status of a process that died of one is passed on
# What libraries keep beside a program for as long as it runs, by words of its command line.
POOLS = (b"torch._inductor.compile_worker", b"torch/_inductor/compile_worker", b"multiprocessing.resource_tracker",
         b"multiprocessing.forkserver")  # fmt: skip


def everyone() -> list[int]:
    """All processes that can be seen."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def family(root: int) -> dict[int, int]:
    """Running descendants of a process, each with the bytes of memory it holds, shared ones included."""
    children: dict[int, list[int]] = {}
    held = {}
    for pid in everyone():
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                words = file.read().rpartition(b")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if words and words[0] not in b"ZX":
            children.setdefault(int(words[1]), []).append(pid)
            held[pid] = int(words[21]) * PAGE
    found: dict[int, int] = {}
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found[child] = held[child]
            waiting.append(child)
    return found


def threads(root: int) -> list[int]:
    """All threads of the running descendants of a process."""
    found: list[int] = []
    for pid in family(root):
        with contextlib.suppress(OSError):
            found += map(int, os.listdir(f"/proc/{pid}/task"))
    return found


def shared_out(members: dict[int, int]) -> int:
    """The bytes that processes hold together, memory that several of them share counted once."""
    total = 0
    for pid, held in members.items():
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                total += next(int(line.split()[1]) << 10 for line in file if line.startswith(b"Pss:"))
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            continue  # it has ended meanwhile
        except OSError:
            total += held
    return total


def outgrown(root: int, limit: float) -> bool:
    """Whether the descendants of a process hold more than so many bytes together."""
    members = family(root)
    return sum(members.values()) > limit and shared_out(members) > limit


def peaked(root: int, limit: float) -> bool:
    """Whether a descendant of a process has held more than so many bytes at any time."""
    for pid in family(root):
        with contextlib.suppress(OSError):
            if resident(pid)[1] > limit:
                return True
    return False


def resident(pid: int) -> tuple[int, int]:
    """Bytes of memory that a process has resident, and the most that it has had since `forget_peak`.

    Raises:
        OSError: it has ended, or this is no Linux.
    """
    with open(f"/proc/{pid}/status", "rb") as file:
        words = {line.split(b":")[0]: line.split() for line in file}
    now, most = (int(words[key][1]) << 10 if key in words else 0 for key in (b"VmRSS", b"VmHWM"))
    return now, most


def forget_peak(pid: int) -> None:
    """Let the most that a process has had begin with what it has now (proc(5), clear_refs).

    Raises:
        OSError: not allowed, or it has ended.
    """
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def marked(mark: str) -> list[int]:
    """Running processes that were started with `mark` in their environment."""
    found = []
    for pid in everyone():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            if mark.encode() in file.read() and pid != os.getpid():
                found.append(pid)
    return found


def leftovers(root: int, known: int) -> int:
    """How many descendants of a process run, but for the `known` ones, which belong to the target's process, and pools
    that libraries keep.
    """

    def pool(pid: int) -> bool:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
            said = file.read()
            return any(words in said for words in POOLS)
        return True  # it has ended meanwhile

    return max(0, sum(not pool(pid) for pid in family(root)) - known)


def killed_by(number: int) -> str:
    """How a process ended that died of a signal, as words."""
    known = number in set(signal.Signals)
    return f"died of {signal.Signals(number).name if known else f'signal {number}'}"


def end(root: int, mark: str = "") -> None:
    """Kill all descendants of a process, with a `mark` also those that bear it, and wait until they are gone."""
    limit = time.monotonic() + PATIENCE
    while (found := [*family(root), *(marked(mark) if mark else ())]) and time.monotonic() < limit:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def stand(life: int, channel: tuple[int, ...]) -> None:
    """Divide. The child returns and goes on; the guard stays until the child ends or `life` is closed."""
    libc = ctypes.CDLL(None)
    libc.prctl(SUBREAPER, 1, 0, 0, 0)  # who loses its parent becomes the guard's child
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    guard = os.getpid()
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as usual; judges ignore it, and that is inherited
        libc.prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:
            os._exit(0)
        os.close(life)
        return
    for descriptor in channel:
        os.close(descriptor)
    watch(life, child)


def watch(life: int, child: int) -> None:
    """The guard's work: end as the child ends, and end everything when the judge is gone or there are too many."""
    here = os.getpid()

    def reap(*_: Any) -> None:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child:
                    leave(ended[1])

    def leave(status: int) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if here == 1:  # of a namespace: all in it end as it does, and no signal can end it from inside
            os._exit(SIGNALLED + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
        end(here)
        if os.WIFSIGNALED(status):
            with contextlib.suppress(OSError):  # SIGKILL needs no handler
                signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
            os.kill(here, os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status))

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, reap)
    reap()
    closed = select.poll()
    closed.register(life, 0)  # the end of a pipe whose other end is closed is always reported
    pause = PAUSE
    while not closed.poll(pause * 1000):
        begun = time.monotonic()
        if len(family(here)) > MOST:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            end(here)
            os.pwrite(1, f"\nmore than {MOST} processes were running at one time\n".encode(), os.fstat(1).st_size)
            os._exit(1)
        pause = max(PAUSE, SHARE * (time.monotonic() - begun))
    leave(0)
