"""Confinement: what a process gives up before it becomes the target's, by means of the kernel alone.

Its text is sent to the target's interpreter with the supervisor's, and runs there before anything of the target's: so
it imports nothing but the standard library. `corrbench.judge.boundary` says what is to be given up, and measures what
came of it. Each step raises `OSError` where the system does not have it.

Sources: namespaces(7), user_namespaces(7), pid_namespaces(7), landlock(7), seccomp(2), capabilities(7), proc(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import socket
import struct
from typing import Any

libc = ctypes.CDLL(None, use_errno=True)

# ---- namespaces

NEW_MOUNT, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = 0x00020000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 0x4000, 1 << 18  # of mount(2)
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # of netdevice(7)

# ---- prctl(2)

DEATH_SIGNAL, DUMPABLE, SECCOMP, DROP_BOUND, NO_NEW_PRIVILEGES = 1, 4, 22, 24, 38

# ---- landlock(7); its system calls have the same numbers everywhere

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
RIGHTS = (13, 14, 15, 15, 16, 16)  # how many rights of files each version knows; later ones know no more of them
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
ALLOWED = {  # what a path may be used for
    "read": EXECUTE | READ_FILE | READ_DIR,
    "list": READ_DIR,
    "write": ~IOCTL,
    "device": READ_FILE | WRITE_FILE | READ_DIR | IOCTL,
    "threads": READ_FILE | WRITE_FILE | TRUNCATE | READ_DIR,
}

# ---- seccomp(2): system calls that reach other processes, mount, or load into the kernel, by their numbers

CALLS = {
    "x86_64": (0xC000003E, {
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438, "kcmp": 312,
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "move_mount": 429, "open_tree": 428,
        "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "unshare": 272,
        "setns": 308, "bpf": 321, "add_key": 248, "request_key": 249, "keyctl": 250, "init_module": 175,
        "finit_module": 313, "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320, "userfaultfd": 323,
        "open_by_handle_at": 304, "reboot": 169, "swapon": 167, "swapoff": 168, "io_uring_setup": 425,
    }),
    "aarch64": (0xC00000B7, {
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438, "kcmp": 272,
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "move_mount": 429, "open_tree": 428,
        "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "unshare": 97,
        "setns": 268, "bpf": 280, "add_key": 217, "request_key": 218, "keyctl": 219, "init_module": 105,
        "finit_module": 273, "delete_module": 106, "kexec_load": 104, "kexec_file_load": 294, "userfaultfd": 282,
        "open_by_handle_at": 265, "reboot": 142, "swapon": 224, "swapoff": 225, "io_uring_setup": 425,
    }),
}  # fmt: skip
LIMIT = {"x86_64": 302, "aarch64": 261}  # prlimit64, which is let for oneself, by the number 0, only
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16  # places in what a filter is shown; the last is that of the first argument
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
FOREIGN_ABI = 0x40000000  # numbers from here on are x32's


def must(result: int, what: str) -> int:
    """The result of a call of the C library.

    Raises:
        OSError: it failed.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def control(option: int, value: int, *rest: Any) -> None:
    """prctl(2)."""
    must(libc.prctl(option, ctypes.c_ulong(value), *(rest or (0, 0, 0))), f"prctl {option}")


def separate() -> None:
    """Enter user, process, mount, network and IPC namespaces. The first process in them returns; this one waits for it,
    and ends as it ends. When the first one ends, the system ends all the others.
    """
    user, group = os.geteuid(), os.getegid()
    must(libc.unshare(NEW_USER | NEW_PID | NEW_MOUNT | NEW_NET | NEW_IPC), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
    control(DEATH_SIGNAL, 9)
    must(libc.mount(None, b"/", None, REC | PRIVATE, None), "mount /")
    must(libc.mount(b"proc", b"/proc", b"proc", NO_SUID | NO_DEV | NO_EXEC, None), "mount /proc")
    if os.path.isdir("/dev/shm"):
        must(libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", NO_SUID | NO_DEV, b"mode=1777,size=2g"), "mount /dev/shm")
    loop()


def seal() -> None:
    """Let nothing of /proc be written but what belongs to the processes of this namespace."""
    for name in os.listdir("/proc"):
        path = os.path.join("/proc", name)
        if name.isdigit() or os.path.islink(path) or not (os.path.isdir(path) or os.stat(path).st_mode & 0o222):
            continue
        place = os.fsencode(path)
        must(libc.mount(place, place, None, BIND | REC, None), f"mount {path}")
        must(
            libc.mount(None, place, None, BIND | REMOUNT | READ_ONLY | NO_SUID | NO_DEV | NO_EXEC, None),
            f"mount {path}",
        )


def loop() -> None:
    """Let the namespace's own loopback device work: programs that talk to themselves keep working."""
    import fcntl

    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        asked = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack_from("16xH", fcntl.ioctl(one, GET_FLAGS, asked))[0]
        fcntl.ioctl(one, SET_FLAGS, struct.pack("16sH22x", b"lo", flags | UP))


def renounce(user: int | None) -> None:
    """Have no capability, and no way to get one; with `user` become another one first."""
    last = 40
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in range(last + 1):
        libc.prctl(DROP_BOUND, ctypes.c_ulong(capability), 0, 0, 0)  # who may not has none to drop
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    must(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    control(NO_NEW_PRIVILEGES, 1)


def landlock_version() -> int:
    """The version of Landlock that the kernel has.

    Raises:
        OSError: none.
    """
    return must(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), "Landlock")


def lock(rules: list[list[str]], *, network: bool) -> None:
    """Of files, let only the paths of `rules` be used, each for what `ALLOWED` says; signal and ask nobody outside;
    with `network` neither connect nor listen by TCP.
    """
    version = landlock_version()
    known = (1 << RIGHTS[min(version, len(RIGHTS)) - 1]) - 1
    words = [known, 3 if network and version >= 4 else 0, 3 if version >= 6 else 0]
    words = words[: 1 + (version >= 4) + (version >= 6)]
    asked = struct.pack(f"={len(words)}Q", *words)
    ruleset = must(libc.syscall(CREATE_RULESET, asked, ctypes.c_size_t(len(asked)), ctypes.c_uint32(0)), "Landlock")
    for use, path in rules:
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # it is not there, or not ours
        allowed = ALLOWED[use] & known & (-1 if os.path.isdir(path) else OF_FILES)
        rule = struct.pack("=Qi", allowed, place)
        if allowed:
            must(libc.syscall(ADD_RULE, ruleset, 1, rule, ctypes.c_uint32(0)), f"Landlock, {path}")
        os.close(place)
    must(libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "Landlock")
    os.close(ruleset)


def filter_of(calls: list[int], architecture: int, refused: int, own: int = 0) -> bytes:
    """A program of classic BPF that refuses these system calls, and all of another architecture, with an error; `own`
    is refused unless its first argument is 0.
    """

    def one(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    many = len(calls)
    lines = [one(LOAD, ARCHITECTURE), one(EQUAL, architecture, 0, many + 6)]
    lines += [one(LOAD, NUMBER), one(AT_LEAST, FOREIGN_ABI, many + 4, 0)]
    lines += [one(EQUAL, number, many + 3 - place, 0) for place, number in enumerate(calls)]
    lines += [one(EQUAL, own or FOREIGN_ABI, 0, 2), one(LOAD, FIRST), one(EQUAL, 0, 0, 1)]
    return b"".join([*lines, one(RETURN, ALLOW), one(RETURN, REFUSE | refused)])


def refuse_calls(names: tuple[str, ...] = (), refused: int = errno.EPERM) -> None:
    """Have the system calls of `CALLS`, or those of `names` alone, refused from now on; needs no new privileges."""
    if platform.machine() not in CALLS:
        raise OSError(errno.ENOSYS, f"seccomp: no numbers of system calls for {platform.machine()}")
    architecture, numbers = CALLS[platform.machine()]
    own = 0 if names else LIMIT[platform.machine()]
    text = filter_of([numbers[name] for name in names or numbers], architecture, refused, own)
    held = ctypes.create_string_buffer(text, len(text))
    program = struct.pack("HxxxxxxP", len(text) // 8, ctypes.addressof(held))
    control(SECCOMP, 2, ctypes.create_string_buffer(program, len(program)), 0, 0)


def confine(plan: dict[str, Any]) -> None:
    """Give up what the plan says, for this process and all that it starts."""
    if plan["renounce"]:
        renounce(plan["user"])
    if plan["landlock"]:
        threads = [["threads", "/proc" if plan["separated"] else "/proc/self"]] if plan["threads"] else []
        lock([*plan["rules"], *threads], network=not plan["separated"])
    if plan["seccomp"]:
        refuse_calls()
    control(DUMPABLE, 1)  # the judge looks at its memory


def begin(words: dict[str, Any], stand: Any) -> None:
    """All that happens before the target's interpreter starts: divide into the guard and the one that is confined."""
    if words["plan"]["separate"]:
        separate()
    if words["plan"]["threads"] and words["plan"]["separated"]:
        seal()
    stand(words["life"], words["channel"])
    confine(words["plan"])
    os.execvp(words["argv"][0], words["argv"])
