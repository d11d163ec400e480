"""What is judged? Names of targets, what a target can do, and what it says when it cannot."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Any

from corrbench.case import DTYPES, FLOATS, Case

FORMS = ("corr2d", "conv2d", "module")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A target and how it is to be called; strings and numbers only, so that it crosses processes and files.

    Attributes:
        target: ``pkg.mod:attr`` or ``path/to/file.py:attr``.
        name: its registered name, if it has one.
        form: one of `FORMS`; empty until recognised from the signature.
        arrays: ``torch`` or ``numpy``, what it is given and returns.
        accuracy: the declared class, one of `corrbench.numerics.bounds.ACCURACIES`.
        device: ``cpu`` or ``cuda``.
        python: interpreter of another environment to run it in; empty for this one.
        timeout: seconds that one call may take.
        memory: GiB that its process may hold.
        folder: where it runs, and what its imports see first; empty for the current folder.
        tree: the checkout of a revision that it must come from; empty if it may come from anywhere.
        needs: the module of the library that it calls, imported before the target; empty for none.
        environ: variables set before that, ``NAME=value`` separated by spaces.
        dtypes: the element types it declares, separated by spaces; empty to ask it about all.
        lacks: the features and modes it declares not to have, separated by commas.
    """

    target: str
    name: str = ""
    form: str = ""
    arrays: str = "torch"
    accuracy: str = "direct"
    device: str = "cpu"
    python: str = ""
    timeout: float = 30.0
    memory: float = 4.0
    folder: str = ""
    tree: str = ""
    needs: str = ""
    environ: str = ""
    dtypes: str = ""
    lacks: str = ""

    def undeclared(self, asked: set[str]) -> str:
        """Why a case that asks for these features and modes, and a dtype, is not for this target; empty if it is."""
        lacking = asked & set(self.lacks.split(","))
        types = asked & set(DTYPES) - set(self.dtypes.split() or DTYPES)
        return f"the adapter declares no {' and no '.join(sorted(lacking | types))}" if lacking | types else ""


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


def find(name: str, **given: Any) -> Spec:
    """The Spec for what a user typed; what is given there overrides what the adapter declares.

    Raises:
        UnknownTarget: neither a registered name nor ``place:attr``.
    """
    given = {key: value for key, value in given.items() if value not in (None, "")}
    if ":" in name:
        return Spec(target=name, **given)
    known = registered()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        there = f"did you mean {' or '.join(near)}?" if near else f"registered: {', '.join(sorted(known))}"
        raise UnknownTarget(
            f"{name!r} is not a registered target; name your own as pkg.mod:attr or path/to/file.py:attr"
            + (f", here {name}:NAME" if name.endswith(".py") else f" ({there})")
        )
    target, declared = known[name]
    said = {key: value for key, value in asdict(declared).items() if key != "about"}
    return replace(Spec(target=target, name=name, **said), **given)


# ---- what a target supports

# Calls that any implementation takes; the later ones are for those that are made for square or for 3×3 kernels only.
BASES = (
    Case(x=(2, 4, 6, 7), w=(6, 4, 3, 2), data="small"),
    Case(x=(2, 4, 6, 7), w=(6, 4, 3, 3), data="small"),
    Case(x=(1, 4, 8, 8), w=(4, 4, 3, 3), padding=(1, 1, 1, 1), data="small"),
    Case(x=(2, 4, 6, 7), w=(6, 4, 1, 1), data="small"),
)


def features(base: Case) -> dict[str, Case]:
    """For each feature the simplest case that asks for it and, beyond what `base` needs, for no other."""
    o, c, kh, kw = base.w
    return {
        "bias": base.but(bias=True),
        "stride": base.but(stride=(2, 2)),
        "stride by axis": base.but(stride=(1, 2)),
        "padding": base.but(padding=(1, 1, 1, 1)),
        "padding by axis": base.but(padding=(0, 0, 1, 1)),
        "padding='same'": base.but(padding="same"),
        "padding='valid'": base.but(padding="valid"),
        "dilation": base.but(dilation=(2, 2)),
        "dilation by axis": base.but(dilation=(1, 2)),
        "groups": base.but(w=(o, c // 2, kh, kw), groups=2),
        "empty batch": base.but(x=(0, *base.x[1:])),
        "four-sided padding": base.but(padding=(1, 0, 0, 2)),
    }


EXTENSIONS = {"four-sided padding"}  # beyond the signature of F.conv2d: asked of those who declare it
DIFFERENTIABLE = ("float64", "float32", "float16", "bfloat16", "complex128", "complex64")


def needs(case: Case) -> set[str]:
    """The features and the dtype that a case asks for."""
    top, bottom, left, right = case.sides
    wants = {
        "bias": case.bias,
        "stride": case.stride != (1, 1),
        "stride by axis": case.stride[0] != case.stride[1],
        "padding": any(case.sides) and not isinstance(case.padding, str),
        "padding by axis": top != left and not isinstance(case.padding, str),
        "padding='same'": case.padding == "same",
        "padding='valid'": case.padding == "valid",
        "dilation": case.dilation != (1, 1),
        "dilation by axis": case.dilation[0] != case.dilation[1],
        "groups": case.groups != 1,
        "empty batch": case.x[0] == 0,
        "four-sided padding": (top, left) != (bottom, right) and not isinstance(case.padding, str),
    }
    return {name for name, wanted in wants.items() if wanted} | {case.dtype}


def fit(case: Case, form: str) -> Case | None:
    """The part of a case that a form can express; None where nothing is left."""
    if form == "conv2d":
        return case
    if isinstance(case.padding, str) or case.x[0] == 0:
        return None
    height, width = (case.x[2 + i] + sum(case.sides[2 * i : 2 * i + 2]) for i in (0, 1))
    return Case(
        x=(1, 1, height, width), w=(1, 1, *case.w[2:]), bias=form == "module", dtype=case.dtype, data=case.data,
        layout=case.layout,
    )  # fmt: skip


def config(case: Case) -> dict[str, Any]:
    """Keyword arguments beyond input, weight and bias: what differs from the default, integers where one will do."""

    def simple(pair: tuple[int, int]) -> Any:
        return pair[0] if pair[0] == pair[1] else list(pair)

    words: dict[str, Any] = {}
    if case.stride != (1, 1):
        words["stride"] = simple(case.stride)
    if isinstance(case.padding, str):
        words["padding"] = case.padding
    elif any(case.padding):
        top, bottom, left, right = case.padding
        words["padding"] = simple((top, left)) if (top, left) == (bottom, right) else list(case.padding)
    if case.dilation != (1, 1):
        words["dilation"] = simple(case.dilation)
    if case.groups != 1:
        words["groups"] = case.groups
    return words


ARGUMENTS = re.compile(r"stride|padding|dilation|group|bias|keyword|positional argument|unsupported")
TYPES = re.compile(
    r"dtype|scalar type|not implemented|support|float|half|double|int|byte|short|long|char|complex|\btype",
    re.IGNORECASE,
)
OTHERS = re.compile(r"\bonly\b", re.IGNORECASE)  # in what a target says of float32, if it is made for other types


def refusal(raised: dict[str, Any], case: Case) -> str:
    """Why an exception means *unsupported* rather than wrong; empty where it does not.

    `NotImplementedError` always does. A `TypeError` does when it names an argument that the case gives, or says of
    float32 that other types are meant. For any other element type a `RuntimeError`, `TypeError` or `ValueError` that
    speaks of types does, and so does any refusal of a padding given as a word or of an empty batch.
    """
    kinds, message = set(raised["bases"]), raised["message"]
    said = f"{raised['type']}: {message.splitlines()[0][:160] if message else ''}"
    asked = needs(case)
    if "NotImplementedError" in kinds:
        return said
    if "TypeError" in kinds and ARGUMENTS.search(message) and (config(case) or case.bias):
        return said
    if case.dtype == "float32" and "TypeError" in kinds and OTHERS.search(message):
        return said
    if case.dtype != "float32" and kinds & {"TypeError", "ValueError", "RuntimeError"} and TYPES.search(message):
        return said
    loud = {"TypeError", "ValueError", "RuntimeError"}
    if asked & {"padding='same'", "padding='valid'", "empty batch", "four-sided padding"} and kinds & loud:
        return said
    if any(word.endswith("by axis") for word in asked) and "TypeError" in kinds and "int" in message:
        return said
    return ""


@dataclass(frozen=True, slots=True)
class Support:
    """What a target answered to the probe: features and modes it takes, and what it said of the others."""

    takes: frozenset[str]
    refuses: dict[str, str]
    form: str
    version: str = ""

    def all_of(self, case: Case) -> bool:
        """Whether it takes every feature and the dtype of a case."""
        return needs(case) <= self.takes

    @property
    def floats(self) -> list[str]:
        """Real element types it takes, the common ones first."""
        return [dtype for dtype in ("float32", "float64", "bfloat16", "float16") if dtype in self.takes & set(FLOATS)]
