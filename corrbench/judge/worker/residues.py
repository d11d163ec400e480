"""Numbers of a prime field that stand for real ones: a program over arrays of them shows what it computes.

A residue can be added, subtracted and multiplied, and divided by a constant. Whatever would decide by its value, take a
part of it, or leave the field raises `Refused`, and says in which line of the program.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from fractions import Fraction
from types import FrameType
from typing import Any

import numpy as np

SIMPLE = 1 << 10  # largest denominator of a constant that a float stands for, rounded: 1/6, 4/21
LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platlib", "purelib"))
PACKAGES = ("/site-packages/", "/dist-packages/", "/judge/worker/")


def own(file: str) -> bool:
    """Whether a file is the program's rather than a library's or ours."""
    return (
        bool(file) and not file.startswith((*LIBRARIES, "process.", "<")) and not any(one in file for one in PACKAGES)
    )


class Refused(BaseException):
    """What the program does has no meaning over a field. It is no `Exception`: no handler of the program's sees it.

    Attributes:
        kind: ``data`` where the program's course depends on values, ``unknown`` where an operation has no meaning.
        what, where: the operation, and the place in the program.
    """

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind, self.what, self.where = kind, what, place()


class Record:
    """What was seen while a program ran over a field.

    Attributes:
        prime: of the field.
        operators: those that were called, and how often.
        constants: that were read as the fraction they are rounded from.
        refused: the first thing that had no meaning, even if the program went on.
        degree: of the result as a polynomial in the operands, at most.
    """

    def __init__(self, prime: int) -> None:
        self.prime, self.degree = prime, 0
        self.operators: dict[str, int] = {}
        self.constants: dict[str, str] = {}
        self.refused: Refused | None = None

    def called(self, name: str) -> None:
        """Note an operator."""
        self.operators[name] = self.operators.get(name, 0) + 1

    def refuse(self, kind: str, what: str) -> Refused:
        """What to raise."""
        error = Refused(kind, what)
        self.refused = self.refused or error
        return error

    def number(self, value: Any) -> int:
        """The residue of a constant. One that is a rounded simple fraction is taken for that fraction."""
        if isinstance(value, (int, np.integer)):
            return int(value) % self.prime
        try:
            exact = Fraction(float(value))
        except (ValueError, OverflowError):
            raise self.refuse("unknown", f"the constant {value}") from None
        found = exact
        if exact.denominator > SIMPLE:
            near = exact.limit_denominator(SIMPLE)
            if any(float(kind(float(near))) == float(value) for kind in (np.float64, np.float32)):
                found = near
                self.constants[repr(float(value))] = str(near)
        return found.numerator * pow(found.denominator, -1, self.prime) % self.prime


def place() -> str:
    """``file.py:12`` of the innermost frame that is the program's; empty where there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if own(frame.f_code.co_filename):
            return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


class Residue:
    """An element of the field of a record's prime, and its degree as a polynomial in the operands."""

    __slots__ = ("degree", "record", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: int, degree: int, record: Record) -> None:
        self.value, self.degree, self.record = value, degree, record

    def _other(self, other: Any) -> tuple[int, int]:
        if type(other) is Residue:
            return other.value, other.degree
        return self.record.number(other), 0

    def _made(self, value: int, degree: int) -> Residue:
        return Residue(value % self.record.prime, degree, self.record)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        value, degree = self._other(other)
        return self._made(self.value + value, max(self.degree, degree))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        value, degree = self._other(other)
        return self._made(self.value - value, max(self.degree, degree))

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        value, degree = self._other(other)
        return self._made(self.value * value, self.degree + degree)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        value, degree = self._other(other)
        if degree or not value:
            raise self.record.refuse("data" if degree else "unknown", "a division by what depends on the operands")
        return self._made(self.value * pow(value, -1, self.record.prime), self.degree)

    def __pow__(self, power: Any) -> Any:
        if not isinstance(power, (int, np.integer)) or power < 0:
            raise self.record.refuse("unknown", f"the power {power}")
        return self._made(pow(self.value, int(power), self.record.prime), self.degree * int(power))

    def __neg__(self) -> Residue:
        return self._made(-self.value, self.degree)

    def __pos__(self) -> Residue:
        return self

    def conjugate(self) -> Residue:
        """Itself: operands are real."""
        return self

    @property
    def real(self) -> Residue:
        return self


def refusing(name: str) -> Callable[..., Any]:
    """A method that refuses: it would decide by a value, or take it out of the field."""

    def method(self: Residue, *_: object) -> Any:
        raise self.record.refuse("data", f"{name} of a value")

    return method


for method in ("eq", "ne", "lt", "le", "gt", "ge", "bool", "float", "int", "index", "abs", "round", "floor", "ceil",
               "trunc", "mod", "rmod", "floordiv", "rfloordiv", "divmod", "complex", "format", "str", "repr",
               "rtruediv",
               "rpow", "and", "or", "xor", "invert", "lshift", "rshift", "reduce_ex"):  # fmt: skip
    setattr(Residue, f"__{method}__", refusing(method))


def objects(values: Any, record: Record) -> Any:
    """An array of objects, a residue for each integer, of the first degree."""
    made = np.empty(values.shape, object)
    flat = made.reshape(-1)
    for index, value in enumerate(values.reshape(-1).tolist()):
        flat[index] = Residue(value % record.prime, 1, record)
    return made


def integers(value: Any, record: Record) -> list[int]:
    """The residues of a result, in order; its degree goes to the record."""
    found = []
    for one in np.asarray(value, object).reshape(-1).tolist():
        found.append(one.value if type(one) is Residue else record.number(one))
        record.degree = max(record.degree, one.degree if type(one) is Residue else 0)
    return found
