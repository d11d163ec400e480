"""The reach of a target: which files and devices may it use, and for what?

It reads the system's programs and libraries, its interpreter with its packages, and its own project; it writes its own
temporary folder. Records of corrbench's, secrets of the system and what lies elsewhere are not among that.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import site
import sys
from functools import cache
from pathlib import Path

from corrbench.target import Spec, artefact

Rules = list[list[str]]  # [what for, path], see `confinement.ALLOWED`
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/sys", "/proc",
          "/etc", "/run/opengl-driver", "/run/nvidia-persistenced", "/var/lib/dpkg/alternatives")  # fmt: skip
SECRET = ("/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d", "/etc/ssh",
          "/etc/ssl/private")  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts",
           "/dev/dri", "/dev/kfd", "/dev/dxg", "/dev/fd", "/dev/stdin", "/dev/stdout",
           "/dev/stderr")  # fmt: skip
NVIDIA = "/dev/nvidia*"
NAMED = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "CUDA_HOME", "CUDA_PATH", "ROCM_PATH", "HIP_PATH", "CUDNN_PATH", "CC",
         "CXX", "VIRTUAL_ENV", "CONDA_PREFIX", "SSL_CERT_FILE")  # fmt: skip
OWN = (".corrbench",)  # folders of a project that are none of a target's business
FILES = (".py", ".ipynb")  # how targets end that are files
PROJECT = (".git", "pyproject.toml", "setup.py", "setup.cfg")  # what the top of a project has in it


def program(spec: Spec) -> str:
    """The interpreter that a target is run by, wherever it is started: in another folder a name of a file is none."""
    return os.path.abspath(spec.python) if os.sep in spec.python else spec.python or sys.executable


def rules(spec: Spec, python: str, folder: str, path: str) -> Rules:
    """What a target may read, write and open as a device; `path` is its PYTHONPATH."""
    here = os.path.abspath(spec.folder or os.getcwd())
    hidden = {os.path.realpath(one) for one in (*SECRET, *filter(None, spec.hides.split(os.pathsep)))}
    roots = [
        here,
        *places(spec, here),
        *path.split(os.pathsep),
        *interpreter(python),
        *named(),
        str(Path(__file__).parents[1]),
    ]
    roots = [os.path.realpath(root) for root in roots if root]
    for root in dict.fromkeys([here, *roots]):
        hidden |= {os.path.join(root, one) for one in OWN}
    found = [["read", one] for one in SYSTEM if one != "/etc"]
    for root in sorted({"/etc", *roots}):
        if root not in ("", "/"):
            found += split(root, hidden)
    found += [["write", folder], ["write", "/dev/shm"]]
    found += [["device", one] for pattern in (*DEVICES, NVIDIA) for one in glob.glob(pattern)]
    return [list(rule) for rule in dict.fromkeys(map(tuple, found))]


def names_threads() -> bool:
    """Whether the driver of a device is there that does not start where it cannot write the names of its threads, in
    /proc (NVIDIA's 580: error 304 of cuInit).
    """
    return bool(glob.glob(NVIDIA))


def split(root: str, hidden: set[str]) -> Rules:
    """Everything below a folder may be read but for what is hidden, whose name may be seen."""
    below = {one for one in hidden if one.startswith(root + os.sep) and os.path.lexists(one)}
    if root in hidden:
        return []
    if not below:
        return [["read", root]]
    found = [["list", root]]
    with contextlib.suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if not entry.is_symlink() and entry.path not in hidden:
                inside = any(one.startswith(entry.path + os.sep) for one in below)
                found += split(entry.path, hidden) if inside else [["read", entry.path]]
    return found


def places(spec: Spec, here: str) -> list[str]:
    """The folder of what a target names, the project that it is in, and the program that it is."""
    found = [here, os.path.join(here, "src"), project(here)]
    kind, place = artefact(spec.target), spec.target.rpartition(":")[0]
    if spec.target.startswith("cmd:"):
        for word in spec.target[4:].split():
            program = shutil.which(word) or os.path.join(here, word)
            if os.path.exists(program):
                found += [program, os.path.dirname(os.path.realpath(program))]
    elif kind or place.endswith(FILES):
        file = os.path.join(here, place if ":" in spec.target else spec.target)
        for one in (os.path.dirname(file), os.path.dirname(os.path.realpath(file))):
            found += [one, above(one), project(one)]
    return [one for one in found if one and os.path.exists(one)]


def above(folder: str) -> str:
    """The folder that the outermost package is in of which a folder is a part: what relative imports may reach."""
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def project(folder: str) -> str:
    """The top of the project that a folder is in; empty where it is in none."""
    home = os.path.expanduser("~")
    for one in (Path(folder), *Path(folder).parents):
        if str(one) in ("/", home):
            break
        if any((one / name).exists() for name in PROJECT):
            return str(one)
    return ""


@cache
def interpreter(python: str) -> tuple[str, ...]:
    """The places of an interpreter: those of its program, of the one that its environment was made from, and what its
    packages are linked to.
    """
    program = shutil.which(python) or python
    tops = [str(Path(one).absolute().parent.parent) for one in (program, os.path.realpath(program))]
    with contextlib.suppress(OSError):
        for line in Path(tops[0], "pyvenv.cfg").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                tops.append(str(Path(os.path.realpath(value.strip())).parent))
    linked = []
    for top in tops:
        for file in (*glob.glob(f"{top}/lib/python*/site-packages/*.pth"),
                     *glob.glob(f"{top}/lib/python*/site-packages/__editable__*.py")):  # fmt: skip
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = Path(file).read_text(encoding="utf-8")
                linked += re.findall(r"(?:^|['\"])(/[^'\"\n]+)", text, re.MULTILINE)
    users = os.path.join(site.getuserbase(), "lib")
    return tuple(dict.fromkeys(one for one in (*tops, *linked, users) if one != "/usr" and os.path.exists(one)))


def named() -> list[str]:
    """What variables of the environment name that compilers and loaders go by."""
    values = (value for name in NAMED for value in os.environ.get(name, "").split(os.pathsep))
    return [value for value in values if value.startswith("/") and os.path.exists(value)]
