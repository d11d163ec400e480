"""Can corrbench work here, and what here changes its results? From facts to lines, each with what to type; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

# The dependencies of pyproject.toml; the tests hold them together. Metadata would lack them in a checkout.
NEEDED = ("torch", "numpy", "scipy", "click", "hypothesis", "jinja2", "junitparser", "psutil", "rich")
SHOWN = ("torch", "numpy", "scipy")  # of these the versions matter for results
OLDEST = (3, 11)
SCHEMA = "corrbench-doctor/1"
STOLEN = 0.02  # share of time taken by other machines from which times are not to be trusted
GOOD, LOOK, NONE = "✓", "!", "–"
SIMD = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_tile": "AMX", "asimd": "NEON",
        "sve": "SVE"}  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PRECISIONS = ("fp32_precision", "mkldnn.conv.fp32_precision", "mkldnn.matmul.fp32_precision")
# Variables that change results, with the values that do not, and what the others mean.
CHANGING = {
    "ONEDNN_DEFAULT_FPMATH_MODE": ("strict", "oneDNN may compute float32 with fewer bits"),
    "DNNL_DEFAULT_FPMATH_MODE": ("strict", "oneDNN may compute float32 with fewer bits"),
    "NVIDIA_TF32_OVERRIDE": ("0", "float32 on the GPU is computed in TF32, whatever the program says"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": ("0", "products of matrices on the GPU are computed in TF32"),
    "ONEDNN_MAX_CPU_ISA": ("all", "oneDNN does not use all that the processor can do: other sums, other times"),
    "ATEN_CPU_CAPABILITY": ("", "torch does not use all that the processor can do: other sums, other times"),
    "OPENBLAS_CORETYPE": ("", "NumPy's products are not chosen by the processor: other sums, other times"),
    "MKL_CBWR": ("", "MKL chooses its sums by this, not by the processor"),
    "MKL_ENABLE_INSTRUCTIONS": ("", "MKL does not use all that the processor can do"),
}


@dataclass(slots=True, kw_only=True)
class Facts:
    """What a machine and an environment are like.

    Attributes:
        versions: of corrbench and what it needs, by distribution; empty where it is not installed.
        extras: for each extra of corrbench what is missing of it.
        flags: of the processor, as the kernel names them.
        usable, cores: cores that this process may use, and that there are.
        quota: cores' worth of time that a container may take; 0 for no limit.
        variables: those of the environment that the libraries read.
        torch: what it says of itself (`corrbench.environment.facts.told`), or a ``problem``.
        driver: of NVIDIA; empty if there is none.
        programs: why one does not run; empty if it does.
        governor, turbo: of the processor's clock; empty if they are not known.
        load: processes that were running in the last minute, on average.
        steal: share of time that other machines on the same hardware took.
        virtual: whether this is a virtual machine.
    """

    system: str
    python: str
    executable: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    extras: dict[str, list[str]] = field(default_factory=dict)
    model: str = ""
    flags: list[str] = field(default_factory=list)
    usable: int = 1
    cores: int = 1
    quota: float = 0.0
    variables: dict[str, str] = field(default_factory=dict)
    torch: dict[str, Any] = field(default_factory=dict)
    driver: str = ""
    programs: dict[str, str] = field(default_factory=dict)
    governor: str = ""
    turbo: str = ""
    load: float = 0.0
    steal: float = 0.0
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at.

    Attributes:
        topic: the heading that it stands under.
        mark: `GOOD`, `LOOK` (worth a look) or `NONE` (not there, and not needed).
        name: what was looked at.
        said: what was found, and what that means.
        todo: what to type; empty if there is nothing to do.
        fatal: whether corrbench cannot work so.
    """

    topic: str
    mark: str
    name: str
    said: str
    todo: str = ""
    fatal: bool = False


def examine(facts: Facts) -> list[Line]:
    """All lines, by topic."""
    return [*_versions(facts), *_processor(facts), *_gpu(facts), *_numbers(facts), *_programs(facts), *_timing(facts)]


def works(lines: list[Line]) -> bool:
    """Whether corrbench can work here."""
    return not any(line.fatal for line in lines)


def to_json(facts: Facts, lines: list[Line]) -> dict[str, Any]:
    """The object that ``--json`` writes."""
    return {"schema": SCHEMA, "verdict": "ready" if works(lines) else "cannot work",
            "lines": [asdict(line) for line in lines], "facts": asdict(facts)}  # fmt: skip


def _versions(facts: Facts) -> Iterator[Line]:
    topic = "Installed"
    yield Line(topic, GOOD, "corrbench", facts.versions.get("corrbench") or "from a checkout, not installed")
    if facts.system != "Linux":
        yield Line(topic, LOOK, "system", f"{facts.system}: targets are watched through /proc, which only Linux has",
                   "run corrbench on Linux, or in a Linux container", fatal=True)  # fmt: skip
    old = tuple(map(int, facts.python.split(".")[:2])) < OLDEST
    wanted = f"python{OLDEST[0]}.{OLDEST[1]} -m venv .venv"
    if old:
        yield Line(topic, LOOK, "python", f"{facts.python} is too old", wanted, fatal=True)
    else:
        yield Line(topic, GOOD, "python", f"{facts.python}, {facts.executable}")
    problem = facts.torch.get("problem", "")
    found = facts.versions | ({"torch": f"{facts.torch['version']}{_build(facts.torch)}"} if not problem else {})
    for name in SHOWN:
        if found.get(name) and not (name == "torch" and problem):
            yield Line(topic, GOOD, name, found[name])
    missing = [name for name in NEEDED if not facts.versions.get(name)]
    if missing:
        yield Line(topic, LOOK, ", ".join(missing), "not installed, and needed", f"pip install {' '.join(missing)}",
                   fatal=True)  # fmt: skip
    if problem and "torch" not in missing:
        yield Line(topic, LOOK, "torch", f"cannot be imported: {problem}", "pip install --force-reinstall torch",
                   fatal=True)  # fmt: skip
    lacking = {extra: names for extra, names in facts.extras.items() if names}
    whole = sorted(set(facts.extras) - set(lacking))
    if whole:
        yield Line(topic, GOOD, "extras", ", ".join(whole))
    for extra, names in lacking.items():
        yield Line(topic, NONE, f"extra {extra}", f"without {', '.join(names)}", f"pip install 'corrbench[{extra}]'")


def _build(torch: dict[str, Any]) -> str:
    kind = f"CUDA {torch['cuda']}" if torch.get("cuda") else f"ROCm {torch['hip']}" if torch.get("hip") else "CPU only"
    return f", built for {kind}"


def _either(topic: str, name: str, bad: object, worse: str, better: str, todo: str) -> Line:
    """A line that says `worse` and what to do, or `better`."""
    return Line(topic, LOOK, name, worse, todo) if bad else Line(topic, GOOD, name, better)


def _processor(facts: Facts) -> Iterator[Line]:
    topic = "Processor"
    able = [word for flag, word in SIMD.items() if flag in facts.flags]
    yield Line(topic, GOOD, "model", f"{facts.model}: {', '.join(able) or 'no vector units that are known here'}")
    if capability := facts.torch.get("capability", ""):
        least = capability == "DEFAULT" and "avx2" in facts.flags
        yield _either(topic, "torch uses", least, f"{capability}: less than this processor can do", capability,
                      "unset ATEN_CPU_CAPABILITY")  # fmt: skip
    room = min(facts.usable, facts.quota or facts.usable)
    said = f"{facts.usable} of {facts.cores} usable"
    said += f", time for {facts.quota:g} of them" if facts.quota and facts.quota < facts.usable else ""
    yield _either(
        topic, "cores", room < 2, f"{said}: judge and target share one, and times will be noisy", said, "nproc"
    )
    given = {name: facts.variables[name] for name in THREADS if name in facts.variables}
    many = [name for name, value in given.items() if value.isdigit() and int(value) > facts.usable]
    words = [f"torch takes {facts.torch['threads']}"] if "threads" in facts.torch else []
    said = ", ".join([*words, *(f"{name}={value}" for name, value in given.items())]) or "as many as there are cores"
    yield _either(topic, "threads", many, f"{said}: more than there are cores", said, f"unset {' '.join(many)}")


def _gpu(facts: Facts) -> Iterator[Line]:
    topic, torch = "GPU", facts.torch
    for device in torch.get("devices", ()):
        said = f"{device['name']}, capability {device['capability']}, {device['memory'] / 2**30:.0f} GiB"
        said += f", driver {facts.driver}" if facts.driver else ""
        yield _either(topic, "device", not device["works"], f"{said}: 1 + 1 is not 2 on it", said, "nvidia-smi")
    if torch.get("devices"):
        return
    if not facts.driver and not torch.get("count"):
        yield Line(topic, NONE, "device", "none: no NVIDIA driver is loaded, and targets run on the CPU")
    elif "version" in torch and not torch["cuda"] and not torch["hip"]:
        yield Line(topic, LOOK, "device", f"driver {facts.driver}, but this torch is built for the CPU only",
                   "pip install --force-reinstall torch  (a build for CUDA)")  # fmt: skip
    else:
        why = torch.get("unavailable") or "it does not say why not"
        yield Line(
            topic, LOOK, "device", f"driver {facts.driver or 'not shown'}, but torch cannot use it: {why}", "nvidia-smi"
        )


def _numbers(facts: Facts) -> Iterator[Line]:
    """What changes results without a word in the program that is judged."""
    topic, torch = "Numbers", facts.torch
    for name, value in facts.variables.items():
        if name in THREADS:
            continue
        harmless, means = CHANGING.get(name, ("", ""))
        if means and value.lower() != harmless:
            yield Line(topic, LOOK, name, f"={value}: {means}", f"unset {name}")
        else:
            yield Line(topic, NONE, name, f"={value}")
    if not torch or "problem" in torch:
        return
    where = [word for key, word in (("flushed_before", "from the start"), ("flushed_after", "once torch is imported"),
                                    ("flushed_threads", "in torch's threads")) if torch[key]]  # fmt: skip
    yield _either(topic, "subnormals", where, f"are taken for zero {' and '.join(where)}",
                  "are kept, before and after torch is imported",
                  "look for what is built with -ffast-math: LD_PRELOAD, sitecustomize")  # fmt: skip
    yield from _precision(torch)
    dtype, backends = torch["default_dtype"], torch["backends"]
    yield _either(topic, "default dtype", dtype != "torch.float32", f"{dtype}, where torch itself has float32", dtype,
                  "look for set_default_dtype at startup")  # fmt: skip
    whole = backends.get("mkldnn.is_available") and backends.get("mkldnn.enabled", True)
    yield _either(topic, "oneDNN", not whole, "off: torch convolves in slower and other ways on the CPU",
                  "on: torch's convolutions on the CPU are its own",
                  "look for torch.backends.mkldnn at startup")  # fmt: skip
    said = "deterministic ones only" if torch["deterministic"] else "any, which is torch's default"
    yield _either(topic, "algorithms", backends.get("cudnn.benchmark"),
                  f"{said}; cudnn.benchmark takes the fastest, another one each run", said,
                  "look for cudnn.benchmark at startup")  # fmt: skip


def _precision(torch: dict[str, Any]) -> Iterator[Line]:
    topic, backends, precision = "Numbers", torch["backends"], torch["matmul_precision"]
    coarse = [f"{name} is {backends[name]}" for name in PRECISIONS if backends.get(name) in ("tf32", "bf16")]
    coarse += [f"precision of products is {precision}"] if precision != "highest" else []
    yield _either(topic, "float32", coarse, f"may be computed with fewer bits: {', '.join(coarse)}",
                  f"is computed as float32 (precision of products: {precision})",
                  "look for fp32_precision or set_float32_matmul_precision at startup")  # fmt: skip
    loose = backends.get("cudnn.conv.fp32_precision") == "tf32" or backends.get("cudnn.allow_tf32")
    if torch["devices"]:
        yield _either(topic, "float32, GPU", loose, "cuDNN may convolve with ten bits, TF32, which is torch's default",
                      "TF32 is off", "corrbench verify TARGET --device cuda --accuracy tf32")  # fmt: skip


def _programs(facts: Facts) -> Iterator[Line]:
    needs = {"git": "`gate` cannot compare revisions", "valgrind": "`gate` counts no instructions"}
    for name, trouble in facts.programs.items():
        mark = NONE if trouble == "not installed" else LOOK if trouble else GOOD
        yield Line("Programs", mark, name, f"{trouble}: {needs[name]}" if trouble else "runs",
                   f"apt install {name}" if trouble else "")  # fmt: skip


def _timing(facts: Facts) -> Iterator[Line]:
    topic = "Timing"
    said = f"{facts.load:.1f} on {facts.usable} cores"
    yield _either(topic, "load", facts.load > 0.5 * facts.usable, f"{said}: others are at work, times will be noisy",
                  said, "top")  # fmt: skip
    if facts.virtual or facts.steal > STOLEN:
        yield _either(topic, "steal", facts.steal > STOLEN,
                      f"{facts.steal:.0%} of the time goes to other machines on this hardware",
                      "other machines on this hardware take no time from this one",
                      "corrbench gate  (instructions do not depend on it)")  # fmt: skip
    if not facts.governor:
        yield Line(topic, NONE, "clock", f"not shown{' to a virtual machine' if facts.virtual else ''}: compare times "
                   "in turn, never with those of another day")  # fmt: skip
    else:
        yield _either(topic, "governor", facts.governor != "performance",
                      f"{facts.governor}: the clock follows the load", facts.governor,
                      "sudo cpupower frequency-set --governor performance")  # fmt: skip
    if facts.turbo:
        yield _either(topic, "turbo", facts.turbo == "on", "on: the clock follows the temperature", "off",
                      "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost")  # fmt: skip
