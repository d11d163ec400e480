"""valgrind's Memcheck around a target's process: is it there, the shim that speaks to it, and what its log says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

SHIM = """\
#include <valgrind/memcheck.h>
void taint(void *p, unsigned long n)   { VALGRIND_MAKE_MEM_UNDEFINED(p, n); }
void untaint(void *p, unsigned long n) { VALGRIND_MAKE_MEM_DEFINED(p, n); }
int vbits(void *p, void *v, unsigned long n) { return VALGRIND_GET_VBITS(p, v, n); }
unsigned errors(void) { return VALGRIND_COUNT_ERRORS; }
int running(void) { return RUNNING_ON_VALGRIND; }
void say(const char *text) { VALGRIND_PRINTF("corrbench: %s\\n", text); }
"""
MARK = re.compile(r"corrbench: marked (\w+)")
REPORT = re.compile(r"(Conditional jump or move depends|Use of uninitialised value|Syscall param|\w+ .*uninitialised)")
FRAME = re.compile(r"(?:at|by) 0x[0-9A-F]+: (.+?) \((?:in )?(.+)\)$")
SYSTEM = ("/usr/lib/", "/lib/", "/usr/libexec/")  # where frames are of no interest
PYTHON = re.compile(r"python[\d.]*$|libpython|_ctypes|libffi")


class Unavailable(Exception):
    """Memcheck cannot be had here; the message says what is missing."""


def compiled(folder: Path) -> Path:
    """The shim, compiled in a folder.

    Raises:
        Unavailable: valgrind, its headers or a C compiler is missing.
    """
    if shutil.which("valgrind") is None:
        raise Unavailable("valgrind is not installed (Debian: apt install valgrind)")
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), "")
    if not compiler:
        raise Unavailable("there is no C compiler (cc, gcc or clang) for the shim that speaks to valgrind")
    source, library = folder / "shim.c", folder / "shim.so"
    source.write_text(SHIM, encoding="utf-8")
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), "it says nothing")
        raise Unavailable(f"the shim does not compile ({first.strip()}); valgrind's headers may be missing")
    return library


def under(log: Path) -> tuple[str, ...]:
    """The words before a command that run it under Memcheck."""
    return (
        "env", "PYTHONMALLOC=malloc", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1", "valgrind", "-q", "--tool=memcheck",
        "--error-limit=no", "--leak-check=no", "--num-callers=14", f"--log-file={log}",
    )  # fmt: skip


def version() -> str:
    """What valgrind says of itself."""
    done = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def places(log: str) -> dict[str, list[str]]:
    """By operand that was marked: where the reports came, ``function (file.c:12)`` of the innermost frame that is no
    system's.
    """
    found: dict[str, list[str]] = {}
    operand, waiting = "none", False
    for raw in log.splitlines():
        line = re.sub(r"^(==|\*\*)\d+(==|\*\*) ?", "", raw).strip()
        if mark := MARK.search(line):
            operand, waiting = mark[1], False
        elif REPORT.match(line):
            waiting = True
        elif waiting and (frame := FRAME.match(line)):
            function, where = frame[1], frame[2]
            if not where.startswith(SYSTEM) and not PYTHON.search(where):
                found.setdefault(operand, []).append(f"{function} ({Path(where).name})")
                waiting = False
        elif not line:
            waiting = False
    return {name: list(dict.fromkeys(said)) for name, said in found.items()}
