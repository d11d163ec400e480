"""What a report is signed with: day, command, source, machine, libraries, isolation."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from corrbench.environment import provenance
from corrbench.runner import plan
from corrbench.target import Spec, find, shell_line, words

if TYPE_CHECKING:
    from corrbench.runner.verify import Options


def signed(spec: Spec, options: Options, seed: int, file: str) -> dict[str, str]:
    """What a report is signed with: day, command, source, machine, libraries, and how the target was isolated; `file`
    is where it was loaded from.
    """
    held = f"a process of its own, {spec.memory:g} GiB of memory and {spec.timeout:g} s a call at most"
    machine = summary_environment()
    first = {"date": machine["date"], "command": again(spec, options, seed), "processor": machine["processor"]}
    told = first | provenance.told(spec.target, file) | {"isolation": held}
    return told | {name: said for name, said in machine.items() if name not in told}


def again(spec: Spec, options: Options, seed: int) -> str:
    """The command that judges the same again."""
    default = asdict(find(spec.name or spec.target))
    called = words({name: value if value != default[name] else "" for name, value in asdict(spec).items()})
    asked = [
        word
        for name in ("profile", "check", "case")
        if (said := getattr(options, name))
        for word in (f"--{name}", said)
    ]
    asked += [word for name in options.suites if options.suites != plan.SUITES for word in ("--suite", name)]
    asked += [word for file in options.sources for word in ("--source", str(file))]
    asked += [
        word for name in ("budget", "limit") if (said := getattr(options, name)) for word in (f"--{name}", f"{said:g}s")
    ]
    return shell_line(["corrbench", "verify", spec.name or spec.target, *called, *asked, "--seed", str(seed)])


def summary_environment() -> dict[str, Any]:
    """Versions and machine, for the one block of a report that may differ from run to run."""
    import platform
    from importlib import metadata

    found = {
        **provenance.day(),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
    }
    for name in ("corrbench", "numpy", "scipy", "torch"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
