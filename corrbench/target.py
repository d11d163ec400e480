"""The names of targets, and `Spec`: what is judged, and how it is called."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from corrbench.case import DTYPES
from corrbench.convention import Convention, options

FORMS = ("corr2d", "conv2d", "module", "layer")
ARRAYS = ("torch", "numpy", "list")
ACCURACIES = ("direct", "winograd", "fft", "tf32")
SANDBOXES = ("auto", "require", "off")  # whether a target is confined, see `corrbench.judge.boundary`
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")  # tools of compute-sanitizer
PROFILES = ("quick", "standard", "deep")  # how thoroughly a target is judged


def option(about: str, choices: tuple[str, ...] = (), *, default: str = "", least: float | None = None) -> Any:
    """A field of `Given`: what the help says of it, and what may be given, a word or, with `least`, a number."""
    said = {"about": about, "choices": choices, "default": default, "least": least}
    return field(default="" if least is None else 0.0, metadata=said)


def flag(about: str) -> Any:
    """A field of `Given` that is said or not."""
    return field(default=False, metadata={"about": about, "choices": (), "default": "", "least": None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a user says of how a target is to be called; empty or 0 for what its adapter declares, or the default.

    The options of the shell, of pytest and of `corrbench.testing` are made from these fields.

    Raises:
        ValueError: an option is none of its choices, or out of range; the message says what there is.
    """

    form: str = option("How targets are called.", FORMS, default="recognised from the signature")
    arrays: str = option("What targets are given and return.", ARRAYS, default="torch")
    accuracy: str = option("The declared accuracy class.", ACCURACIES, default="direct")
    device: str = option("cpu or cuda.", default="cpu")
    sanitize: str = option("Run targets under compute-sanitizer, with this tool of it.", SANITIZERS, default="no")
    dtypes: str = option("The element types that it claims, and is asked about.", default="all that it takes")
    python: str = option("Interpreter of another environment that targets run in.")
    compile: bool = flag("Call targets under torch.compile.")
    sandbox: str = option("Whether targets are confined: as far as can be, wholly or not.", SANDBOXES, default="auto")
    timeout: float = option("Seconds that one call may take.", least=0.0, default="30")
    memory: float = option("GiB that the target's process may hold.", least=0.1, default="4")
    call: str = option("How it is called: an expression over f x w b, s p d groups, sh sw ph pw, np torch.")
    layer: str = option("How a layer is made: 'C(cin, cout, k, s, p)', or an expression over w and b.")
    params: str = option("Where a layer keeps weight and bias: weight,bias.", default="looked for")
    backward: str = option("How gradients are had: 'backward(g), .dW, .db', in the order gx, gw, gb.")
    layout: str = option("Axes of input, kernel and result: NHWC,HWIO.", default="NCHW,OIHW")
    output: str = option("How large results are: valid, same, same-lower or full, and the border, same:edge.")
    kernels: str = option("Kernels that it is made for: odd, square, 3x3.")
    result: str = option("The element type of every result.", default="that of the operands")
    flip: bool = flag("It turns the kernel by a half turn: convolution, not cross-correlation.")
    strict: bool = flag("Every element type that it takes, and the direct bound, decide the verdict.")
    no_guess: bool = flag("Do not look for another calling convention where the signature does not fit.")

    def __post_init__(self) -> None:
        for one in fields(self):
            value, there, least = getattr(self, one.name), *map(one.metadata.get, ("choices", "least"))
            if there and value not in ("", *there):
                raise ValueError(f"no {one.name} {value!r}; there are: {', '.join(there)}")
            if least is not None and not (isinstance(value, int | float) and (value == 0 or least <= value < math.inf)):
                wanted = f"{least:g} GiB or more" if least else "seconds, more than 0"
                raise ValueError(f"{one.name}={value!r}: give {wanted}, or 0 for the default")
        options.dtypes(self.dtypes)
        if len(options.dtypes(self.result).split()) > 1:
            raise ValueError(f"result={self.result!r}: give one element type")
        if self.backward:
            options.parsed(options.attributes(self.backward), "--backward")
        options.of(self.form or "conv2d", *(getattr(self, name) for name in CONVENTION))


CONVENTION = (
    "call",
    "layer",
    "params",
    "layout",
    "output",
    "kernels",
    "flip",
    "backward",
)  # what a convention is made from


def words(given: Mapping[str, Any]) -> list[str]:
    """The options of `Given` that are not empty, as they are typed."""
    said = {one.name: given[one.name] for one in fields(Given) if given.get(one.name)}
    typed = ([f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])] for name, value in said.items())
    return [word for words in typed for word in words]


def shell_line(words: Iterable[str]) -> str:
    """Words as a line for a shell; double quotes around what holds single ones, as a person would type it."""
    return " ".join(f'"{one}"' if "'" in one and not set(one) & set('"$`\\!') else shlex.quote(one) for one in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A target and how it is to be called; strings and numbers only, so that it crosses processes and files.

    Attributes:
        target: ``pkg.mod:attr`` or ``path/to/file.py:attr``, or an artefact: ``path/lib.so:symbol``, ``cmd:PROGRAM`` or
            ``path/model.onnx``.
        name: its registered name, if it has one.
        form: one of `FORMS`; empty until recognised from the signature.
        arrays: ``torch`` or ``numpy``, what it is given and returns.
        accuracy: the declared class, one of `ACCURACIES`.
        device: ``cpu`` or ``cuda``.
        python: interpreter of another environment to run it in; empty for this one.
        compile: whether it is called under `torch.compile`.
        timeout: seconds that one call may take.
        memory: GiB that its process may hold.
        folder: where it runs, and what its imports see first; empty for the current folder.
        tree: the checkout of a revision that it must come from; empty if it may come from anywhere.
        needs: the module of the library that it calls, imported before the target; empty for none.
        environ: variables set before that, ``NAME=value`` separated by spaces.
        dtypes: the element types that it is asked about, separated by spaces; empty for all.
        lacks: the features and modes it declares not to have, separated by commas.
        call, layer, params, backward, layout, output, kernels, result, flip: its convention, as `Given` has them.
        strict: whether every element type that it takes, and the direct bound, decide the verdict.
        no_guess: whether another convention is looked for where its signature does not fit.
        sanitize: the tool of compute-sanitizer that its process runs under; empty for none.
        sandbox: ``auto``, which it is if empty, ``require`` or ``off``.
        divided: whether its process divides from one that has imported its library, see `corrbench.judge.divided`.
        outlived: whether that one goes on and divides again where the other dies of a signal.
        hides: what its process may not read though it lies in its project, separated as in PATH: the record of the run.
    """

    target: str
    name: str = ""
    form: str = ""
    arrays: str = "torch"
    accuracy: str = "direct"
    device: str = "cpu"
    python: str = ""
    compile: bool = False
    timeout: float = 30.0
    memory: float = 4.0
    folder: str = ""
    tree: str = ""
    needs: str = ""
    environ: str = ""
    dtypes: str = ""
    lacks: str = ""
    call: str = ""
    layer: str = ""
    params: str = ""
    backward: str = ""
    layout: str = ""
    output: str = ""
    kernels: str = ""
    result: str = ""
    flip: bool = False
    strict: bool = False
    no_guess: bool = False

    @property
    def lenient(self) -> bool:
        """Whether it is judged for what its author evidently claims: code that is neither registered nor ours."""
        return not (self.strict or self.name or self.target.startswith("corrbench."))

    def convention(self, form: str) -> Convention:
        """How it is called, given its form."""
        return options.of(form, *(getattr(self, name) for name in CONVENTION))

    sanitize: str = ""
    sandbox: str = ""
    hides: str = ""
    divided: bool = False
    outlived: bool = False

    def undeclared(self, asked: set[str]) -> str:
        """Why a case that asks for these features and modes, and a dtype, is not for this target; empty if it is."""
        lacking = asked & set(self.lacks.split(","))
        types = asked & set(DTYPES) - set(self.dtypes.split() or DTYPES)
        if not lacking | types:
            return ""
        if self.name:
            return f"the adapter declares no {' and no '.join(sorted(lacking | types))}"
        return f"not claimed: {', '.join(sorted(lacking | types))} (--dtypes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What an adapter in `corrbench.targets` says of one of its targets; the names are those of `Spec`."""

    form: str
    arrays: str = "torch"
    accuracy: str = "direct"
    about: str = ""
    device: str = "cpu"
    needs: str = ""
    environ: str = ""
    dtypes: str = ""
    lacks: str = ""


class UnknownTarget(ValueError):
    """No such registered name, and not of the form of a path; the message says what there is."""


@cache
def registered() -> dict[str, tuple[str, Declared]]:
    """Every registered name with its ``pkg.mod:attr`` and what it declares. Imports no library under test."""
    import corrbench.targets

    found = {}
    for info in pkgutil.iter_modules(corrbench.targets.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"corrbench.targets.{info.name}")
        for attribute, declared in module.DECLARED.items():
            name = info.name if attribute == info.name else f"{info.name}.{attribute}"
            found[name] = (f"{module.__name__}:{attribute}", declared)
    return found


MODEL = "a model"
ARTEFACTS = {  # what the name of a target looks like that is no Python; `judge/worker/artefacts.py` loads them
    "a program": r"cmd:",
    "a library": r".*\.(so(\.\d+)*|dylib):[^:/]*$",
    MODEL: r".*\.onnx(:\w*)?$",
}


def artefact(name: str) -> str:
    """What a target is that is no Python, in words; empty for one that is."""
    return next((kind for kind, form in ARTEFACTS.items() if re.match(form, name, re.DOTALL)), "")


PYTHON = {  # options that speak of what is Python only, and what may be given for them all the same
    "arrays": ("numpy",), "form": ("conv2d", "corr2d"), "layer": (), "params": (), "backward": (), "compile": (),
}  # fmt: skip


def for_artefact(name: str, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of an artefact's spec.

    Raises:
        ValueError: it cannot be called so.
    """
    for key, allowed in PYTHON.items():
        if key in given and given[key] not in allowed:
            option = " ".join(words({key: given[key]}))
            raise ValueError(f"{name} is {kind}, over numpy arrays, of the form conv2d or corr2d: leave out {option}")
    return {"arrays": "numpy", "needs": "onnxruntime" if kind == MODEL else "", **given}


def find(name: str, **given: Any) -> Spec:
    """The Spec for what a user typed; what is given there overrides what the adapter declares.

    Raises:
        UnknownTarget: neither a registered name nor ``place:attr``.
        ValueError: `dtypes` names what is no element type, or an artefact cannot be called so.
    """
    given = {key: value for key, value in given.items() if value}
    if "dtypes" in given:
        given["dtypes"] = options.dtypes(given["dtypes"])
    if kind := artefact(name):
        return Spec(target=name, **for_artefact(name, kind, given))
    if ":" in name:
        return Spec(target=name, **given)
    known = registered()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        there = f"did you mean {' or '.join(near)}?" if near else f"registered: {', '.join(sorted(known))}"
        raise UnknownTarget(
            f"{name!r} is not a registered target; name your own as pkg.mod:attr or path/to/file.py:attr"
            + (f", here {name}:NAME" if name.endswith((".py", ".ipynb", ".so", ".dylib")) else f" ({there})")
        )
    target, declared = known[name]
    said = {key: value for key, value in asdict(declared).items() if key != "about"}
    return replace(Spec(target=target, name=name, **said), **given)
