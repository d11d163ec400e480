"""The mutants of the audit: implementations with a seeded fault, adversarial ones, and equivalent variants.

Each is an ordinary target. To add one, write a function in any file of this folder and decorate it; what the decorator
is told are literals. The audit, which is mutation testing of the suite, runs the verifier on all of them: every
``defect`` (seeded fault, a mutant) and every ``cheat`` (adversarial implementation) must be found by the family of
checks that it names, and no ``honest`` one (equivalent variant, the negative control) may be flagged. A ``trigger``
(trigger fault) is wrong only where something meets one constant that no suite has; these have a score of their own.
"""

from __future__ import annotations

import ast
import importlib.util
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack, get_args

from corrbench.case import Case

Kind = Literal["defect", "cheat", "trigger", "honest"]
Form = Literal["corr2d", "conv2d", "module"]
Target = TypeVar("Target", bound=Callable[..., Any])

NAMES = (
    "case", "N", "C", "H", "W", "O", "I", "kh", "kw", "sh", "sw", "dh", "dw", "rows", "cols",
    "top", "bottom", "left", "right", "groups", "bias", "dtype", "terms", "layout", "mode", "sides_max",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One implementation of which it is known beforehand what the verifier has to say: a mutant or a control.

    Attributes:
        name: unique, in kebab-case.
        target: ``package.module:attribute``.
        kind: ``defect`` (a seeded fault, by accident), ``cheat`` (adversarial: an attempt to look right), ``trigger``
            (wrong only where one quantity meets one constant) or ``honest`` (an equivalent variant: right, must pass).
        form: how it is called, see `corrbench.target`.
        arrays: ``torch`` or ``numpy``.
        accuracy: the accuracy class it has to declare.
        device: where its fault shows: ``cpu``, hence everywhere, or ``cuda`` only.
        needs: the module of the library that it is written with; empty for torch and NumPy.
        number: class of fault in docs/faults.md; None where it has none.
        cites: reports of the same fault in released software, ``owner/repo#number``.
        region: where it is wrong, for a person.
        witness: text of a Case on which it is wrong (the killing case); None where no single case shows it.
        near_miss: text of a Case just outside the region, on which it is right (a boundary case).
        wrong: what shows there: value, gradient, double (second derivatives), jvp, vmap, raises (an error where there
            is an answer), silent (an answer where an error is due), special (NaN, Inf, subnormals), state (depends on
            earlier calls), memory (inputs altered, memory shared), contract (type, shape, dtype, global state), module,
            relation (results that do not fit each other), crash, timeout, appetite (memory without end), leftover (a
            process or thread stays behind), use (called as no case does: defaults
            spelled out, a cotangent of one element).
        check: the family of checks that must catch it.
        outside: expression over `NAMES` that holds only for cases on which the target is right; None where the cases
            do not decide.
        excuse: why the suite lets it pass, where it is known to; it counts as a surviving mutant all the same.
    """

    name: str
    target: str
    kind: Kind
    form: Form
    arrays: Literal["torch", "numpy"] = "torch"
    accuracy: str = "direct"
    device: Literal["cpu", "cuda"] = "cpu"
    needs: str = ""
    number: int | None = None
    cites: tuple[str, ...] = ()
    region: str = ""
    witness: str | None = None
    near_miss: str | None = None
    wrong: str = "value"
    check: str = "values"
    outside: str | None = None
    excuse: str = ""

    def __post_init__(self) -> None:
        for text in (self.witness, self.near_miss):
            if text is not None:
                Case.parse(text)

    @property
    def half(self) -> str:
        """Of the mutants after reports that were collected at once: ``seen`` or ``unseen`` while the suite was built.

        Those in ``reported_again_*`` were written last, after reports that no other cites and without a look at the
        suite. When they had been judged once, one half, by a checksum of the name, was looked at; the other is unseen.
        Empty for mutants that are not after reports.
        """
        module = self.target.rpartition(":")[0].rpartition(".")[2]
        fresh = module.startswith("reported_again_") and zlib.crc32(f"halves {self.name}".encode()) % 2 == 0
        return "unseen" if fresh else "seen" if module.startswith("reported_") else ""

    @property
    def constant(self) -> str:
        """Of a trigger fault, how its source has the constant: ``readable``, as a number, or ``computed``, which only
        running it tells. Its file says so. Empty for the others.
        """
        if self.kind != "trigger":
            return ""
        return self.target.rpartition(":")[0].rpartition("triggers_")[2].partition("_")[0]

    def right_on(self, case: Case) -> bool:
        """Whether `outside` promises that the target is right on `case`."""
        if self.outside is None:
            return self.kind == "honest"
        return holds(self.outside, case)


def holds(expression: str, case: Case) -> bool:
    """Whether an expression over `NAMES` holds for a case."""
    n, c, h, w = case.x
    o, i, kh, kw = case.w
    mode = case.padding if isinstance(case.padding, str) else ""
    values = (
        case, n, c, h, w, o, i, kh, kw, *case.stride, *case.dilation, *case.out[2:], *case.sides, case.groups,
        case.bias, case.dtype, case.terms, case.layout, mode, max(case.sides),
    )  # fmt: skip
    return true(expression, dict(zip(NAMES, values, strict=True)))


def true(expression: str, values: dict[str, Any]) -> bool:
    """Whether an expression that stands in this folder holds for these values."""
    return bool(eval(expression, {}, values))


class About(TypedDict, total=False):
    """What a decorator may say of its target; see `Mutant`."""

    name: str
    form: Form
    arrays: Literal["torch", "numpy"]
    accuracy: str
    device: Literal["cpu", "cuda"]
    needs: str
    number: int
    cites: tuple[str, ...]
    region: str
    witness: str
    near_miss: str
    wrong: str
    check: str
    outside: str
    excuse: str


def defect(**about: Unpack[About]) -> Callable[[Target], Target]:
    """Mark a mutant: an implementation with a fault that somebody made by accident. It is returned unchanged."""
    return lambda target: target


def cheat(**about: Unpack[About]) -> Callable[[Target], Target]:
    """Mark an adversarial implementation, which tries to look right. It is returned unchanged."""
    return lambda target: target


def trigger(**about: Unpack[About]) -> Callable[[Target], Target]:
    """Mark a trigger fault: it is right unless one quantity meets one constant. It is returned unchanged."""
    return lambda target: target


def honest(**about: Unpack[About]) -> Callable[[Target], Target]:
    """Mark an equivalent variant: a right implementation, which must not be flagged. It is returned unchanged."""
    return lambda target: target


def absent(one: Mutant, device: str = "cpu") -> str:
    """Why a mutant cannot be judged here, or shows no fault; empty where it can."""
    if one.device != "cpu" and device == "cpu":
        return f"shows on a {one.device} device only"
    if one.needs and importlib.util.find_spec(one.needs.partition(".")[0]) is None:
        return f"needs {one.needs}"
    return ""


@cache
def catalogue() -> tuple[Mutant, ...]:
    """All mutants, adversarial implementations and equivalent variants, in the order of files and of definitions.

    Raises:
        ValueError: two have one name, or see `mutants`.
    """
    found: dict[str, Mutant] = {}
    for path in sorted(Path(__file__).parent.glob("*.py"), key=lambda path: path.stem):
        for one in mutants(f"{__name__}.{path.stem}", path.read_bytes()):
            if found.setdefault(one.name, one) is not one:
                raise ValueError(f"{one.name!r} is there twice: {found[one.name].target} and {one.target}")
    return tuple(found.values())


def mutants(module: str, source: str | bytes) -> Iterator[Mutant]:
    """What the decorators in a module's source say. They are read and not run, for running them would import torch.

    Raises:
        ValueError: one says what is no literal.
    """
    for node in (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)):
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and (kind := ast.unparse(mark.func)) in get_args(Kind):
                about: dict[str, Any] = {"kind": kind, "form": "conv2d", "name": node.name.lower().replace("_", "-")}
                about |= {"check": "source"} if kind == "trigger" else {}
                about |= {str(word.arg): ast.literal_eval(word.value) for word in mark.keywords}
                yield Mutant(target=f"{module}:{node.name}", **about)
