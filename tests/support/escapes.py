"""What a hostile program may try against all that surrounds it; each attempt says whether it got through.

`tries_all` is a target that computes rightly and makes every attempt with its first call. The attempts of `SAFE` do no
harm where nothing confines them.
"""

import contextlib
import ctypes
import glob
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np

libc = ctypes.CDLL(None, use_errno=True)
DONE = []
GUARD = os.getppid()
PROJECT = Path(__file__).parent
OUTSIDE = os.environ.get("ESCAPES_OUTSIDE", "/nonexistent")  # a folder that is none of the target's business


def right(X, K):
    rows, cols = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    Y = np.zeros((rows, cols), X.dtype)
    for i, j in np.ndindex(K.shape):
        Y += X[i : i + rows, j : j + cols] * K[i, j]
    return Y


def called(number, *arguments):
    """Whether a system call of x86-64 succeeds."""
    return libc.syscall(number, *arguments) >= 0


# ---- files


def reads_a_file_of_the_users():
    return bool(Path(OUTSIDE, "secret").read_text())


def lists_a_folder_of_the_users():
    return bool(os.listdir(OUTSIDE))


def writes_a_file_of_the_users():
    return Path(OUTSIDE, "written").write_text("here") > 0


def links_a_file_of_the_users():
    os.symlink(f"{OUTSIDE}/secret", f"{os.environ['TMPDIR']}/link")
    return bool(Path(os.environ["TMPDIR"], "link").read_text())


def renames_a_file_of_the_users():
    os.rename(f"{OUTSIDE}/victim", f"{os.environ['TMPDIR']}/taken")
    return True


def climbs_out_of_its_folder():
    handle = os.open(os.environ["TMPDIR"], os.O_RDONLY)
    return os.open(f"{os.path.relpath(OUTSIDE, os.environ['TMPDIR'])}/secret", os.O_RDONLY, dir_fd=handle) >= 0


def opens_by_a_relative_root():
    return os.open(f"/proc/self/root{OUTSIDE}/secret", os.O_RDONLY) >= 0


def opens_through_its_guard():
    return os.open(f"/proc/{GUARD}/root{OUTSIDE}/secret", os.O_RDONLY) >= 0


def writes_into_its_project():
    Path(PROJECT, "planted_by_escapes.py").write_text("")
    os.remove(PROJECT / "planted_by_escapes.py")
    return True


def appends_to_its_own_source():
    return os.open(__file__, os.O_WRONLY | os.O_APPEND) >= 0


def reads_the_record():
    return any(Path(one).read_bytes() for one in glob.glob(f"{OUTSIDE}/project/.corrbench/*"))


def reads_passwords():
    return bool(Path("/etc/shadow").read_bytes())


def reads_the_home_of_the_user():
    import pwd

    return bool(os.listdir(pwd.getpwuid(os.getuid()).pw_dir))


def reads_the_disk():
    return any(os.open(one, os.O_RDONLY) >= 0 for one in glob.glob("/dev/[sv]d[a-z]") + glob.glob("/dev/nvme*"))


def reads_all_memory():
    return os.open("/dev/mem", os.O_RDONLY) >= 0


def writes_a_setting_of_the_kernel():
    return os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY) >= 0


# ---- processes


def others():
    """Processes that are neither itself nor its guard."""
    mine = {os.getpid(), GUARD}
    return [int(one) for one in os.listdir("/proc") if one.isdigit() and int(one) not in mine]


def sees_others():
    return bool(others())


def signals_its_guard():
    os.kill(GUARD, signal.SIGCONT)
    return True


def signals_others():
    return any(os.kill(pid, 0) is None for pid in others()[:50])


def opens_the_memory_of_its_guard():
    return os.open(f"/proc/{GUARD}/mem", os.O_RDONLY) >= 0


def reads_the_descriptors_of_its_guard():
    return bool([os.readlink(one) for one in glob.glob(f"/proc/{GUARD}/fd/*")])


def takes_a_descriptor_of_its_guard():
    handle = libc.syscall(434, GUARD, 0)
    return handle >= 0 and called(438, handle, 0, 0)


def traces_its_guard():
    return libc.ptrace(0x4206, GUARD, None, None) == 0 and libc.ptrace(17, GUARD, None, None) == 0


def copies_the_memory_of_its_guard():
    held = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(held), 8)
    there = (ctypes.c_size_t * 2)(1 << 16, 8)
    ctypes.set_errno(0)
    libc.process_vm_readv(GUARD, here, 1, there, 1, 0)
    return ctypes.get_errno() == 14


def slows_its_guard():
    os.setpriority(os.PRIO_PROCESS, GUARD, 19)
    return True


def limits_its_guard():
    import resource

    resource.prlimit(GUARD, resource.RLIMIT_NOFILE, (3, 3))
    return True


# ---- the network and shared memory


def connects_to_this_machine():
    place = os.environ.get("ESCAPES_PORT")
    with socket.create_connection(("127.0.0.1", int(place or 1)), 0.3):
        return True


def has_a_way_out():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))
        return True


def sees_the_shared_memory_of_others():
    return bool(os.listdir("/dev/shm"))


def keeps_a_segment_for_later():
    return libc.shmget(0x5EED, 64, 0o600) >= 0


def keeps_a_key_for_later():
    return called(248, b"user", b"escapes", b"x", 1, -3)


# ---- privileges


def becomes_root_of_a_namespace():
    return libc.unshare(0x10000000) == 0


def mounts():
    return libc.mount(b"none", os.environ["TMPDIR"].encode(), b"tmpfs", 0, None) == 0


def changes_its_root():
    os.chroot("/tmp")
    return True


def makes_a_device():
    os.mknod(f"{os.environ['TMPDIR']}/device", 0o600 | 0o060000, os.makedev(254, 0))
    return True


def loads_into_the_kernel():
    return called(321, 0, ctypes.create_string_buffer(struct.pack("IIII", 1, 4, 4, 1), 48), 48)


def opens_a_ring():
    return called(425, 2, ctypes.create_string_buffer(120))


def has_capabilities():
    said = Path("/proc/self/status").read_text()
    return int(said.partition("CapEff:")[2].split()[0], 16) != 0


def gets_privileges_by_a_program():
    done = subprocess.run(["unshare", "-r", "true"], capture_output=True, check=False)
    return done.returncode == 0


def traces_by_the_old_calls():
    """The 32-bit entry of the kernel, past a filter that knows the numbers of 64 bits only."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\xb8\x1a\x00\x00\x00\x53\xbb\x06\x42\x00\x00\xcd\x80\x5b\xc3")  # mov eax, 26 (ptrace); int 0x80
    number = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
    return number != -1 and number != -38


UNSAFE = {mounts, changes_its_root, makes_a_device, limits_its_guard, slows_its_guard, traces_its_guard, opens_a_ring,
          loads_into_the_kernel, becomes_root_of_a_namespace, traces_by_the_old_calls, renames_a_file_of_the_users,
          keeps_a_key_for_later, reads_the_disk, reads_all_memory}  # fmt: skip
HELPERS = {right, called, others}
ALL = [one for one in list(vars(sys.modules[__name__]).values()) if getattr(one, "__module__", "") == __name__ and
       callable(one) and one not in HELPERS]  # fmt: skip
SAFE = [one for one in ALL if one not in UNSAFE]


def tries(attempts):
    for one in attempts:
        reached = False
        with contextlib.suppress(Exception):
            reached = one()
        print("REACHED" if reached else "refused", one.__name__, flush=True)


def tries_all(X, K):
    if not DONE:
        DONE.append(tries(ALL))
    return right(X, K)


def tries_what_is_safe(X, K):
    if not DONE:
        DONE.append(tries(SAFE))
    return right(X, K)
