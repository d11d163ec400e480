"""What a target supports: features and the cases that ask for them, what counts as a refusal, and `Support`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from corrbench.case import FLOATS, INTEGERS, Case
from corrbench.convention import Convention, options

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
    divides = not c % 2 and not o % 2
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
        **({"groups": base.but(w=(o, c // 2, kh, kw), groups=2)} if divides else {}),
        "empty batch": base.but(x=(0, *base.x[1:])),
        "four-sided padding": base.but(padding=(1, 0, 0, 2)),
    }


FEATURES = tuple(features(BASES[0]))
LARGE = ("full", "wide", "narrow", "sums")  # whole numbers whose sums float32 does not keep in every order
SLOW = 1e-6  # seconds for an element of a result; vectorised code takes a hundredth of that
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
    return options.of(form).fit(case)


def with_fixed(case: Case, fixed: dict[str, Any]) -> Case | None:
    """The case with the arguments that a target has once and for all; None where it then has no result.

    Args:
        case: any.
        fixed: ``stride``, ``dilation``, ``padding`` (of four sides, or a word), ``groups`` and ``kernel`` (its two
            sides) as of `Case`, those that are fixed; as they come over the wire, in lists.
    """
    if not fixed:
        return case
    o, inner = case.w[0] // case.groups, case.w[1]
    changes = {
        key: value if isinstance(value, str) else tuple(value)
        for key, value in fixed.items()
        if key in ("stride", "padding", "dilation")
    }
    try:
        [groups], kernel = fixed.get("groups", [case.groups]), tuple(fixed.get("kernel", case.w[2:]))
        x = (case.x[0], inner * groups, *case.x[2:])
        made = case.but(x=x, w=(o * groups, inner, *kernel), groups=groups, **changes)
    except ValueError:
        return None
    return made if made == case or ":" not in case.data else None  # operands from elsewhere have their shapes


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


def exception(raised: dict[str, Any]) -> str:
    """An exception that a target raised, in one line."""
    first = raised["message"].splitlines()[:1]
    return f"{raised['type']}: {''.join(first)[:160]}"


def refusal(raised: dict[str, Any], case: Case) -> str:
    """Why an exception means *unsupported* rather than wrong; empty where it does not.

    `NotImplementedError` always does. A `TypeError` does when it names an argument that the case gives, or says of
    float32 that other types are meant. For any other element type a `RuntimeError`, `TypeError` or `ValueError` that
    speaks of types does, and so does any refusal of a padding given as a word or of an empty batch.
    """
    kinds, message = set(raised["bases"]), raised["message"]
    said = exception(raised)
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
class Pace:
    """What a target costs, as its first calls showed: seconds for one element of a result, for one product, and for one
    element where gradients are asked for too.
    """

    element: float = 0.0
    product: float = 0.0
    backward: float = 0.0

    def seconds(self, case: Case, *, backward: bool = False) -> float:
        """About what one call takes: code that loops over elements, or over products, or over neither."""
        elements = math.prod(case.out)
        forward = max(self.element * elements, self.product * case.macs)
        return max(forward, self.backward * elements) if backward else forward

    @property
    def slow(self) -> bool:
        """Whether it is one that loops in Python, or as slow."""
        return max(self.element, self.backward, 9 * self.product) > SLOW


@dataclass(frozen=True, slots=True)
class Support:
    """What a target answered to the probe: features and modes it takes, and what it said of the others; a `note` says
    how it was loaded, if not as usual, and `file` where its module is.
    """

    takes: frozenset[str]
    refuses: dict[str, str]
    form: str
    version: str = ""
    note: str = ""
    file: str = ""
    said: Convention | None = None
    adopted: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)  # arguments that it has once and for all, see `with_fixed`
    pace: Pace = Pace()
    conduct: tuple[
        tuple[str, str], ...
    ] = ()  # what its calls did that none may do: a check, and the words of a finding
    sandbox: dict[str, Any] = field(default_factory=dict)  # what stood around it, see `corrbench.judge.boundary.Level`

    @property
    def convention(self) -> Convention:
        """How it is called; by its form alone where nothing was said."""
        return self.said or options.of(self.form)

    def all_of(self, case: Case) -> bool:
        """Whether it takes every feature and the dtype of a case. The parameters of a layer are trained, so floating
        numbers, in which sums of large integers round: of these it is not asked.
        """
        if not needs(case) <= self.takes or not self.convention.expresses(case):
            return False
        if self.convention.parameters and case.dtype in INTEGERS and case.data in LARGE:
            return False
        return with_fixed(case, self.fixed) == case

    def differentiates(self, dtype: str) -> bool:
        """Whether gradients of an element type can be asked for: those written by hand are real."""
        return dtype in DIFFERENTIABLE and not (self.convention.by_hand and dtype.startswith("complex"))

    @property
    def floats(self) -> list[str]:
        """Real element types it takes, the common ones first."""
        return [dtype for dtype in ("float32", "float64", "bfloat16", "float16") if dtype in self.takes & set(FLOATS)]
