"""The boundary around a target: what of this machine it may reach, by which means, and whether they hold.

Namespaces come from bubblewrap where it runs, else from the system calls; files from Landlock; system calls from
seccomp. What was reached is measured by trying (`attempts`), once in each judge's process and for each interpreter.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import secrets
import select
import shutil
import socket
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from corrbench.judge import attempts, confinement, supervisor
from corrbench.judge.reach import Rules, interpreter, names_threads, program, rules
from corrbench.target import Spec

CLAIMS = {  # what a target cannot do behind the boundary, by the name under which it is tried
    "files": "read files of yours beside its own project",
    "writes": "write files outside its temporary folder",
    "processes": "see other processes",
    "signals": "send signals to other processes",
    "memory": "look into other processes",
    "network": "use the network",
    "shared": "share memory with other processes",
    "privileges": "gain privileges",
    "leftovers": "leave processes running",
}
REFUSED = re.compile(
    r"PermissionError|Permission denied|Read-only file system|Network is unreachable|Operation not permitted"
    r"|name resolution|Name or service not known|URLError|ConnectionError"
)
NOBODY = 65534
NOT_DUMPABLE = 0
LONG = 20.0  # seconds that a trial may take
START = """
import json, os
words, scope = json.load(os.fdopen({source})), {{'__name__': 'guard'}}
for name, text in words.pop('texts').items():
    exec(compile(text, name, 'exec'), scope)
scope['begin'](words, scope['stand'])
"""


@dataclass(frozen=True, slots=True)
class Level:
    """What stands between a target and the rest, and what it can do all the same.

    Attributes:
        by: the means, by name.
        could: keys of `CLAIMS` that do not hold.
        means: ``bubblewrap``, ``namespaces`` or nothing; then Landlock, seccomp, another user.
    """

    by: tuple[str, ...] = ()
    could: tuple[str, ...] = tuple(CLAIMS)
    wrapped: str = ""
    separate: bool = False
    landlock: bool = False
    seccomp: bool = False
    renounce: bool = False
    other: bool = False

    @property
    def separated(self) -> bool:
        """Whether it has namespaces of its own."""
        return self.separate or bool(self.wrapped)

    @property
    def name(self) -> str:
        """``full``, ``partial`` or ``off``."""
        return "off" if not self.by else "partial" if self.could else "full"

    def said(self) -> str:
        """The level in a line."""
        if not self.by:
            return "off: a target can do what you can do"
        could = ", ".join(CLAIMS[one] for one in self.could)
        return f"{self.name} ({', '.join(self.by)})" + (f"; a target can {could}" if could else "")

    def to_json(self) -> dict[str, Any]:
        """As it stands in reports."""
        return {"level": self.name, "by": list(self.by), "could": [CLAIMS[one] for one in self.could]}


# ---- starting a process behind it


def command(level: Level, python: str, source: int, folder: str) -> list[str]:
    """The words that start the interpreter of a target so that it confines itself. It is isolated: no variable, no
    current folder and no package has a say in that.
    """
    own = [python, "-I", "-S", "-c", START.format(source=source)]
    if not level.wrapped:
        return own
    return [
        level.wrapped, "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--as-pid-1",
        "--die-with-parent", "--cap-add", "ALL", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc",
        "--tmpfs", "/dev/shm", "--bind", folder, folder, "--", *own,
    ]  # fmt: skip


def words(level: Level, rules: Rules, argv: list[str], life: int, channel: tuple[int, ...]) -> bytes:
    """What the isolated interpreter is told."""
    plan = {
        "separate": level.separate, "separated": level.separated, "landlock": level.landlock, "seccomp": level.seccomp,
        "renounce": level.renounce, "user": NOBODY if level.other else None, "rules": rules,
        "threads": names_threads(),
    }  # fmt: skip
    return json.dumps({"texts": texts(), "plan": plan, "life": life, "channel": channel, "argv": argv}).encode()


@cache
def texts() -> dict[str, str]:
    """The programs that run before the target's."""
    return {
        name: Path(str(module.__file__)).read_text(encoding="utf-8")
        for name, module in (("guard", supervisor), ("confinement", confinement))
    }


def close() -> None:
    """Let no other process of this user look into this one: not its memory, nor what it has open."""
    libc = ctypes.CDLL(None)
    libc.prctl(confinement.DUMPABLE, ctypes.c_ulong(NOT_DUMPABLE), 0, 0, 0)


# ---- what it holds


def level(spec: Spec) -> Level:
    """What stands between this target and the rest."""
    if spec.sandbox == "off":
        return Level()
    found = measured(program(spec))
    if found.other and not for_all(os.path.abspath(spec.folder or os.getcwd())):
        return measured(program(spec), foreign=False)  # another user could not read the target
    return found


def hint(spec: Spec, said: str) -> str:
    """What to add to the words of an error that may be the boundary's doing; empty where it is not."""
    if not REFUSED.search(said) or not level(spec).by:
        return ""
    return "; a target may use neither files outside its project nor the network, unless --sandbox off is given"


def lacking(spec: Spec) -> str:
    """Why a target that must be confined cannot be; empty if it can."""
    if spec.sandbox != "require" or not (could := level(spec).could):
        return ""
    said = ", ".join(CLAIMS[one] for one in could)
    return (
        f"--sandbox require: here a target could {said}. `corrbench doctor` says what to install; "
        "--sandbox auto goes on without these"
    )


@cache
def measured(python: str, *, foreign: bool = True) -> Level:
    """The strongest of what this machine has that starts the interpreter, with what could be done behind it; another
    user only if it may be a `foreign` one.
    """
    wrapped = shutil.which("bwrap") or ""
    locks, filters = True, True
    try:
        confinement.landlock_version()
    except OSError:
        locks = False
    ways: list[dict[str, Any]] = [{"wrapped": wrapped}] if wrapped else []
    ways += [{"separate": True}, {}]
    for filters in (True, False):
        for way in ways:
            other = foreign and not way and os.geteuid() == 0 and all(map(for_all, interpreter(python)))
            tried = Level(**way, landlock=locks, seccomp=filters, renounce=True, other=other)
            could = trial(tried, python)
            if could is not None:
                means = [
                    "bubblewrap" if tried.wrapped else "namespaces" if tried.separate else "",
                    f"Landlock {confinement.landlock_version()}" if locks else "",
                    "seccomp" if filters else "", "no privileges", "another user" if other else "",
                ]  # fmt: skip
                return Level(
                    tuple(filter(None, means)),
                    could,
                    **way,
                    landlock=locks,
                    seccomp=filters,
                    renounce=True,
                    other=other,
                )
    return Level()


def for_all(path: str) -> bool:
    """Whether every user can read a path."""
    with contextlib.suppress(OSError):
        return all(one.stat().st_mode & stat.S_IXOTH for one in (Path(path), *Path(path).parents))
    return False


def began(pid: int) -> str:
    """When a process began, as the system counts."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[19]


def trial(tried: Level, python: str) -> tuple[str, ...] | None:
    """What a process could do behind a boundary, as keys of `CLAIMS`; None where it does not even start."""
    close()
    mark = f"corrbench-{secrets.token_hex(8)}"
    with contextlib.ExitStack() as stack:
        outside, inside = (stack.enter_context(tempfile.TemporaryDirectory(prefix="run-")) for _ in range(2))
        if tried.other:
            os.chown(inside, NOBODY, NOBODY)
        Path(outside, "secret").write_text("secret", encoding="utf-8")
        shared = f"/dev/shm/{mark}"
        stack.callback(lambda: Path(shared).unlink(missing_ok=True))
        tcp, udp, local = (stack.enter_context(socket.socket(*kind)) for kind in (
            (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM),
            (socket.AF_UNIX, socket.SOCK_DGRAM)))  # fmt: skip
        for one in (tcp, udp):
            one.bind(("127.0.0.1", 0))
        tcp.listen()
        local.bind(b"\0" + mark.encode())
        told, answer = os.pipe()
        stack.callback(os.close, told)
        life, ours = os.pipe()
        stack.callback(os.close, ours)
        asked = {
            "secret": f"{outside}/secret", "writes": [f"{outside}/written", shared], "pid": os.getpid(),
            "began": began(os.getpid()), "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1], "abstract": mark,
            "answer": answer,
        }  # fmt: skip
        text = Path(attempts.__file__).read_text(encoding="utf-8")
        spec = Spec(target="none:none", folder=inside)
        allowed = rules(spec, python, inside, "")
        source = stack.enter_context(tempfile.TemporaryFile())
        source.write(words(tried, allowed, [python, "-I", "-S", "-c", text, json.dumps(asked)], life, (answer,)))
        source.seek(0)
        try:
            process = subprocess.Popen(
                command(tried, python, source.fileno(), inside), cwd=inside, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(source.fileno(), answer, life),
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            return None
        finally:
            os.close(answer)
            os.close(life)
        try:
            process.wait(LONG)
        except subprocess.TimeoutExpired:
            supervisor.end(process.pid)
            process.kill()
            process.wait()
            return None
        said = b""
        left = True
        while select.select([told], [], [], 1.0)[0]:
            part = os.read(told, 1 << 16)
            left = bool(part)
            if not part:
                break
            said += part
        try:
            could = {key for key, value in json.loads(said).items() if value}
        except ValueError:
            return None
        arrived = select.select([tcp, udp, local], [], [], 0)[0]
        could |= {"writes"} if Path(outside, "written").exists() else set()
        could |= {"network"} if tcp in arrived or udp in arrived else set()
        could |= {"shared"} if local in arrived or Path(shared).exists() else set()
        could |= {"leftovers"} if left else set()
        return tuple(key for key in CLAIMS if key in could)
