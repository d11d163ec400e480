"""Comparison of an array with the exact answer: every element within the bound, nothing broadcast."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corrbench.case import INTEGERS
from corrbench.numerics import bounds, expansion, oracle
from corrbench.numerics.diagnose import element
from corrbench.numerics.formats import UNIT
from corrbench.numerics.problem import Array, Problem

SHOWN = 64  # elements below which each array of a wrong result is kept with it, to be printed
TRANSFORM_GRADIENT = 512.0  # a transform differentiated through itself has its own constant, see METHODOLOGY.md


@dataclass(slots=True)
class Judgement:
    """The comparison of one array: `wrong` marks the elements beyond the bound."""

    wrong: Array
    message: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)
    beyond: str = ""  # the laxer class of `bounds.LAX` that all elements keep

    @property
    def right(self) -> bool:
        return not self.message


@dataclass(slots=True)
class Expected:
    """The exact answer to a problem and what may differ from it, for one element type and accuracy class."""

    problem: Problem
    dtype: str
    accuracy: str = "direct"
    flush: bool = False
    slack: Array | float = 0.0  # allowed on top, for results that are composed of several rounded ones
    lax: tuple[str, ...] = ()  # classes of `bounds.LAX` that a wrong result is tried against
    rows: bool = False  # whether partial sums may be rounded in the laxer class, a row of the kernel at a time
    truth: oracle.Exact = field(init=False)
    allowed: Array = field(init=False)
    exact_tier: bool = field(init=False)
    _magnitude: Array | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.truth = oracle.exact(self.problem)
        rounds_once = not np.any(self.slack)
        self.exact_tier = self.dtype in INTEGERS or (self.accuracy == "direct" and rounds_once and self._sums_exactly())
        if self.exact_tier:
            self.allowed = np.zeros(self.truth.hi.shape)
        else:
            self.allowed = bounds.bound(
                self.problem,
                self.truth,
                dtype=self.dtype,
                accuracy=self.accuracy,
                magnitude=self.magnitude,
                flush=self.flush,
            )
            self.allowed = self.allowed + self.slack

    @property
    def magnitude(self) -> Array:
        """`oracle.magnitude` of the problem, computed when it is first wanted."""
        if self._magnitude is None:
            self._magnitude = oracle.magnitude(self.problem)
        return self._magnitude

    def _sums_exactly(self) -> bool:
        """Whether all partial sums are whole numbers that the accumulator holds: then any order gives the same bits.

        The magnitude of complex numbers, |re| + |im|, bounds the products of sums in the three-product scheme too.
        """
        limit, most = 1 / UNIT[bounds.accumulator(self.dtype)], oracle.whole_sums(self.problem)
        return most <= limit or (math.isfinite(most) and bool(np.all(self.magnitude <= limit)))

    @property
    def blind(self) -> str:
        """Why these data could not tell a right result from a null model; empty if they can."""
        values, allowed = self.truth.hi, self.allowed
        if not values.size:
            return ""
        if np.all(np.isinf(allowed)):
            return "the bound is vacuous here (terms × unit roundoff >= 1, or overflow)"
        nulls = {"zeros": np.zeros_like(values)}
        if values.size > 2:
            nulls["a constant"] = np.full_like(values, values.reshape(-1)[0])
        for name, null in nulls.items():
            if np.all(np.abs(values - null) <= allowed):
                return f"{name} would pass on these data"
        return ""

    def compare(self, got: Array, name: str = "y") -> Judgement:
        """Compare every element. The caller has made sure of the shape and dtype."""
        truth = self.truth
        if got.shape != truth.hi.shape:
            raise ValueError(f"{name}: shape {got.shape} against {truth.hi.shape}")
        if not got.size:
            return Judgement(np.zeros(got.shape, bool), numbers={"elements": 0})
        rounded = truth.rounded(self.dtype)
        accuracy: dict[str, float] = {}
        with np.errstate(all="ignore"):
            if self.exact_tier:
                wrong = got != rounded
                off = _distance(got, rounded)
                scale = np.ones(got.shape)
            else:
                error = oracle.error(got, truth)
                accuracy["bits"] = float(bounds.effective_bits(error, self.magnitude))
                accuracy["visible"] = float(bounds.smallest_visible_fault(self.allowed, truth))
                off = np.where(np.isinf(rounded) & (got == rounded), 0.0, bounds.absolute(error))
                wrong = ~bounds.within(off, self.allowed)
                scale = np.where(self.allowed > 0, self.allowed, 1.0)
            ratio = np.where(np.isinf(scale), 0.0, np.where(np.isnan(off), np.inf, off / scale))
        worst = int(np.argmax(np.where(wrong, ratio, -1.0) if wrong.any() else ratio))
        where = np.unravel_index(worst, got.shape)
        numbers: dict[str, Any] = {
            "array": name,
            "elements": int(got.size),
            "tier": "exact" if self.exact_tier else "bound",
            "wrong": int(wrong.sum()),
            "at": [int(i) for i in where],
            "got": _plain(got[where]),
            "exact": _plain((rounded if self.dtype in INTEGERS else truth.hi)[where]),  # integers wrap around
            "off": float(off[where]),
            "allowed": float(self.allowed[where]),
            "ratio": float(ratio[where]) if self.exact_tier is False else float(bool(wrong.any())),
            "rounded": float(np.mean(got == rounded)),
            **accuracy,
        }
        if not wrong.any():
            return Judgement(wrong, numbers=numbers)
        if name == "y" and self.problem.axes == (0, 1, 2, 3):
            numbers |= _shown(self.problem, got, rounded)
        return Judgement(wrong, _sentence(numbers, self, got.shape), numbers, beyond=self._lax(got, name))

    def _lax(self, got: Array, name: str) -> str:
        """The first of the laxer classes whose bound a wrong result keeps; empty if it keeps none."""
        partial = -(-self.problem.m // self.problem.w.shape[3]) if self.rows and name == "y" else 0
        for kind in self.lax:
            allowed = bounds.lax(
                self.problem,
                self.truth,
                dtype=self.dtype,
                kind=kind,
                magnitude=self.magnitude,
                partial=partial,
                summed=name != "y",
                whole=self.exact_tier,
            )
            with np.errstate(all="ignore"):
                rounded = self.truth.rounded(self.dtype)
                off = _distance(got, rounded) if self.dtype in INTEGERS else oracle.error(got, self.truth)
                off = np.where(got == rounded, 0.0, bounds.absolute(off))
            if bounds.within(off, allowed + self.slack).all():
                return kind
        return ""


def as_type(values: Array, dtype: str, source: str = "") -> Array | None:
    """Values of another element type as what they express in `dtype`; integers wrap. None where it cannot hold them.

    bfloat16 values come in float32, hence their type as `source`.
    """
    kind = values.dtype.kind
    with np.errstate(all="ignore"):
        if dtype in INTEGERS:
            if kind in "iub":
                return values.astype(dtype)
            most = 1 / UNIT.get(source or str(values.dtype), 1.0)  # beyond it not every whole number is one of them
            if kind != "f" or not (np.isfinite(values).all() and (np.abs(values) <= most).all()):
                return None
            whole = np.floor(values)
            return whole.astype(np.int64).astype(dtype) if (whole == values).all() else None
        if dtype.startswith("complex") != (kind == "c"):
            return None
        if kind == "c":
            return values.astype(dtype)
        wide = values.astype(np.float64)
        return expansion.rounded(wide, np.zeros_like(wide), dtype)


def _distance(got: Array, want: Array) -> Array:
    if got.dtype.kind in "iub":
        a, b = got.astype(np.int64), want.astype(np.int64)  # as floats, neighbours beyond 2**53 would be 0 apart
        return (np.maximum(a, b).astype(np.uint64) - np.minimum(a, b).astype(np.uint64)).astype(np.float64)
    return bounds.absolute(got.astype(np.complex128) - want.astype(np.complex128))


def _plain(value: Any) -> Any:
    """A number that JSON can hold; complex ones and infinities as text."""
    if isinstance(value, (complex, np.complexfloating)):
        return str(complex(value))
    number = value.item()
    return number if isinstance(number, int) or np.isfinite(number) else str(number)


def _shown(problem: Problem, got: Array, right: Array) -> dict[str, Any]:
    """The operands, the result and the exact one where all are small, as lists."""
    found = {"x": problem.x, "w": problem.w, "b": problem.bias, "got": got, "exact": right}
    arrays = {name: array for name, array in found.items() if array is not None}
    if max(array.size for array in arrays.values()) >= SHOWN:
        return {}
    return {"arrays": {name: _listed(array) for name, array in arrays.items()}}


def _listed(array: Array) -> Any:
    return [_listed(part) for part in array] if array.ndim else _plain(array[()])


def _sentence(numbers: dict[str, Any], expected: Expected, shape: tuple[int, ...]) -> str:
    """The finding in one sentence."""
    subject = "" if numbers["array"] == "y" else f"{numbers['array']}: "
    got, exact = (f"{v:.9g}" if isinstance(v, float) else str(v) for v in (numbers["got"], numbers["exact"]))
    text = (
        f"{subject}{numbers['wrong']} of {numbers['elements']} elements differ; "
        f"worst at {element(numbers['at'], shape)}: got {got}, exact {exact}, off by {numbers['off']:.3g}"
    )
    terms = expected.problem.terms
    products = f"{terms} product{'s' * (terms != 1)}"
    if expected.exact_tier:
        return f"{text}, where whole numbers leave no room for rounding ({expected.dtype}, {products})"
    return (
        f"{text}, {numbers['ratio']:.2g} times the {numbers['allowed']:.2g} allowed "
        f"({expected.accuracy}, {expected.dtype}, {products})"
    )
