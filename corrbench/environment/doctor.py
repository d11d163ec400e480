"""The rules of `corrbench doctor`: can corrbench work here, and what here changes its results? Facts to lines; pure."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

Facts = dict[str, dict[str, str]]  # by topic: what was looked at, and what was found
# The dependencies of pyproject.toml; the tests hold them together. Metadata would lack them in a checkout.
NEEDED = ("torch", "numpy", "scipy", "click", "cloudpickle", "hypothesis", "jinja2", "junitparser", "rich")
SCHEMA = "corrbench-doctor/1"
GOOD, LOOK, NONE, FATAL = "✓", "!", "–", "✗"  # as it should be; worth a look; not there, not needed; cannot work so
STARTUP = "look for what sets torch up at startup: sitecustomize, usercustomize"
UNSET = "unset {name}"
PART = "does not use all of the processor: other sums, other times"
LESS = "float32 may be computed with fewer bits"
# What was looked at and what is to be said of it, as regular expressions; mark; what it means; what to type. The first
# row that fits counts, and what fits none is as it should be.
RULES = (
    ("system", "(?!Linux$).*", FATAL, "targets are watched through /proc, which only Linux has",
     "run corrbench on Linux, or in a Linux container"),
    ("python", r"[0-2]\..*|3\.\d\D.*|3\.10\D.*", FATAL, "too old", "python3.11 -m venv .venv"),
    ("|".join(NEEDED), "", FATAL, "not installed, and needed", "pip install {name}"),
    ("torch", "cannot be imported.*", FATAL, "", "pip install --force-reinstall torch"),
    (".*", "without .*", NONE, "", "pip install 'corrbench[{name}]'"),
    ("cores", r"1 of .*|.* time for [01]\b.*", LOOK, "judge and target share one, and times will be noisy", "nproc"),
    ("load", r"0\.[6-9].*|[1-9].*", LOOK, "others are at work, times will be noisy", "top"),
    ("device", "no NVIDIA driver.*", NONE, "targets run on the CPU", ""),
    ("device", ".*built for the CPU only", LOOK, "", "pip install --force-reinstall torch  (a build for CUDA)"),
    ("device", ".*cannot use it.*|.*is not 2 on it", LOOK, "", "nvidia-smi"),
    ("subnormals", "taken for zero.*", LOOK, "", "look for what is built with -ffast-math: LD_PRELOAD, sitecustomize"),
    ("default dtype", "(?!torch.float32$).*", LOOK, "torch itself has float32", STARTUP),
    ("float32 products", "(?!highest$).*", LOOK, LESS, STARTUP),
    (r"cudnn\.(conv\.fp32_precision|allow_tf32)", "tf32|True", LOOK,
     "cuDNN may convolve with ten bits, TF32, which is torch's default",
     "corrbench verify TARGET --device cuda --accuracy tf32"),
    (".*fp32_precision", "tf32|bf16", LOOK, LESS, STARTUP),
    (r"mkldnn\..*", "False", LOOK, "torch convolves in slower and other ways on the CPU", STARTUP),
    (r"cudnn\.benchmark", "True", LOOK, "the fastest algorithm is taken, another one each run", STARTUP),
    ("sandbox", "(?!full).*", LOOK, "what targets can do here (METHODOLOGY.md, section 10)",
     "apt install bubblewrap  (containers need leave to make user namespaces; Landlock is in Linux 5.13 and later)"),
    ("git", "not installed", NONE, "`gate` cannot compare revisions", "apt install {name}"),
    ("valgrind", "not installed", NONE, "`gate` counts no instructions", "apt install {name}"),
    ("git|valgrind", "does not run.*", LOOK, "`gate` needs it", "apt install {name}"),
    ("(ONEDNN|DNNL)_DEFAULT_FPMATH_MODE", "(?!strict$).*", LOOK, f"in oneDNN {LESS}", UNSET),
    ("NVIDIA_TF32_OVERRIDE", "(?!0$).*", LOOK, "float32 on the GPU is computed in TF32, whatever the program says",
     UNSET),
    ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "(?!0$).*", LOOK, "products of matrices on the GPU are computed in TF32",
     UNSET),
    ("ONEDNN_MAX_CPU_ISA", "(?!all$).*", LOOK, f"oneDNN {PART}", UNSET),
    ("ATEN_CPU_CAPABILITY", ".+", LOOK, f"torch {PART}", UNSET),
    ("OPENBLAS_CORETYPE|MKL_CBWR|MKL_ENABLE_INSTRUCTIONS", ".+", LOOK,
     "the order of sums follows this, not the processor", UNSET),
    ("[A-Z0-9_]+", ".*", NONE, "", ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: `said` of it, and `todo`, what to type; `fatal` where corrbench cannot work so."""

    topic: str
    mark: str
    name: str
    said: str
    todo: str = ""
    fatal: bool = False


def examine(facts: Facts) -> list[Line]:
    """All lines, by topic."""
    return [_line(topic, name, found) for topic, several in facts.items() for name, found in several.items()]


def _line(topic: str, name: str, found: str) -> Line:
    for names, values, mark, means, command in RULES:
        if re.fullmatch(names, name) and re.fullmatch(values, found, re.IGNORECASE):
            said, todo = ": ".join(filter(None, (found, means))), command.format(name=name)
            return Line(topic, LOOK if mark == FATAL else mark, name, said, todo, mark == FATAL)
    return Line(topic, GOOD, name, found)


def works(lines: list[Line]) -> bool:
    """Whether corrbench can work here."""
    return not any(line.fatal for line in lines)


def to_json(facts: Facts, lines: list[Line]) -> dict[str, Any]:
    """The object that ``--json`` writes."""
    verdict = "ready" if works(lines) else "cannot work"
    return {"schema": SCHEMA, "verdict": verdict, "lines": [asdict(line) for line in lines], "facts": facts}
