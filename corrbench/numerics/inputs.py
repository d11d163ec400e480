"""The operands of a case: deterministic fills, made from a seed."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import numpy as np

from corrbench.case import COMPLEX, INTEGERS, Case, there_are
from corrbench.numerics import natural_inputs, planted
from corrbench.numerics.bounds import accumulator, exact_radius
from corrbench.numerics.formats import PRECISION, TOP_EXPONENT, UNIT
from corrbench.numerics.problem import Array, Problem

Fill = Callable[[np.random.Generator, tuple[int, ...], str, Case], Array]
FILLS: dict[str, Fill] = {}
SCALE = {"float64": 300, "complex128": 300, "float32": 40, "complex64": 40, "bfloat16": 40, "float16": 4}
SPREAD = {"float64": 30, "complex128": 30, "float32": 16, "complex64": 16, "bfloat16": 16, "float16": 3}
LAYOUTS = (
    "contiguous", "transposed", "channels_last", "batch_last", "step", "rows", "channels", "batch", "offset",
    "expanded", "expanded_all", "lonely", "reversed", "far",
)  # fmt: skip
BASE = {"v": "", "t": ""}  # tangents vx, tx, ... are drawn like their operand


def fill(function: Fill) -> Fill:
    """Register a fill under its function's name."""
    FILLS[function.__name__.rstrip("_")] = function
    return function


def draw(case: Case, seed: int, name: str) -> Array:
    """Values of one operand of `case`, as numpy holds them (bfloat16 values in float32).

    Args:
        case: gives shapes, element type and the fill.
        seed: of the run.
        name: ``x``, ``w``, ``b`` or ``g`` (cotangent), or a tangent such as ``vx`` or ``tx`` with its operand's shape.

    Raises:
        KeyError: see `of`.
    """
    role = name[1:] if name[0] in BASE and len(name) > 1 else name
    shape: tuple[int, ...] = {"x": case.x, "w": case.w, "b": (case.w[0],), "g": case.out}[role]
    layout = layouts(case).get(name, "")
    drawn = {"expanded": (1, *shape[1:]), "expanded_all": (1,) * len(shape)}.get(layout, shape)
    kind = of(case)
    text = str(case.but(layout=""))
    rng = np.random.default_rng([seed, zlib.crc32(text.encode()), zlib.crc32(name.encode())])
    if external(case) and role != "g":
        from corrbench.numerics import external_cases

        taken: Array = external_cases.sample(case.data).operands[role]
        return np.broadcast_to(cast(taken[tuple(map(slice, drawn))], case.dtype), shape).copy(order="C")
    if case.dtype.startswith("complex"):
        values: Array = kind(rng, drawn, role, case) + 1j * kind(rng, drawn, role, case)
    else:
        values = kind(rng, drawn, role, case)
    return np.broadcast_to(cast(values, case.dtype), shape).copy(order="C")


def of(case: Case) -> Fill:
    """How the operands of a case are filled.

    Raises:
        KeyError: its fill does not exist; the message says which do.
    """
    if external(case):
        return FILLS["unit"]
    if case.data in FILLS:
        return FILLS[case.data]
    if planted.is_planted(case.data):
        return planted.fill(case.data, FILLS)
    given, _, kernel = case.data.partition("+")
    if (given not in natural_inputs.INPUTS and not (given in SPECIAL and kernel)) or (
        kernel or "kaiming"
    ) not in natural_inputs.KERNELS:
        raise KeyError(
            f"no data named {case.data!r}; {there_are(given, [*FILLS, *natural_inputs.INPUTS])}: "
            f"{', '.join(FILLS)}; and of natural data any of "
            f"{', '.join(natural_inputs.INPUTS)}, with a kernel after +: {', '.join(natural_inputs.KERNELS)}"
        )
    return _natural(given, kernel or "kaiming")


def external(case: Case) -> bool:
    """Whether its operands are another suite's, named ``corpus:sample``; its cotangents and tangents are drawn."""
    return ":" in case.data


def layouts(case: Case) -> dict[str, str]:
    """The layout of each operand that has one."""
    pairs = (part.partition(":") for part in case.layout.split(",") if part)
    return {name: layout for name, _, layout in pairs}


def problem(case: Case, seed: int) -> Problem:
    """The case with its data."""
    return Problem.of_case(
        case, draw(case, seed, "x"), draw(case, seed, "w"), draw(case, seed, "b") if case.bias else None
    )


def cast(values: Array, dtype: str) -> Array:
    """Round to the element type, to nearest even; bfloat16 values stay in float32."""
    if dtype != "bfloat16":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    wide = np.ascontiguousarray(values, np.float32)
    bits = wide.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    return np.where(np.isnan(wide), wide, rounded)


# ---- whole numbers: every order of summation gives the same bits


def _integers(rng: np.random.Generator, shape: tuple[int, ...], radius: int, case: Case) -> Array:
    """Uniform on -radius..radius; where even 1 is too much, mostly zeros."""
    low = 0 if case.dtype == "uint8" else -radius
    if radius >= 1:
        return rng.integers(low, radius, shape, endpoint=True).astype(np.float64 if radius < 2**52 else np.int64)
    room = max(1, exact_room(case))
    return (
        (rng.random(shape) < min(1.0, room / case.terms / 2))
        * rng.integers(min(low, -1) if low else 0, 1, shape, endpoint=True)
        * 1.0
    )


def exact_room(case: Case) -> int:
    """Largest sum that accumulator and output can hold exactly."""
    if case.dtype in INTEGERS:
        return int(np.iinfo(case.dtype).max)
    room = min(1 / UNIT[accumulator(case.dtype)], 2.0 ** TOP_EXPONENT[case.dtype])
    return int(room) // (4 if case.dtype in COMPLEX else 1)


def _width(case: Case) -> int:
    """Largest odd number that an operand can hold exactly, with room for the sum; 0 where even 1 is too much."""
    terms = max(1, case.terms + case.bias)
    own = 2 ** PRECISION.get(case.dtype, 62) - 1
    width = int(max(0, min(own, exact_room(case) // terms)))
    return width - (width > 0 and width % 2 == 0)


@fill
def small(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Integers of at most 3: every wrong index shows, whatever the order of summation."""
    return _integers(rng, shape, min(3, exact_radius(case.dtype, case.terms + 1)), case)


@fill
def full(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Integers as large as keeps every partial sum exact."""
    radius = exact_radius(case.dtype, case.terms + 1)
    return _integers(rng, shape, min(3, radius) if role == "g" else radius, case)


@fill
def wide(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Wide input against a kernel of -1, 0, 1: a truncated input shows."""
    if role != "x":
        return _integers(rng, shape, 1, case)
    values = _integers(rng, shape, _width(case), case)
    return values - (values % 2 == 0) if case.dtype != "uint8" and _width(case) > 1 else values


@fill
def narrow(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Input of -1, 0, 1 against a wide kernel."""
    return wide(rng, shape, {"x": "w", "w": "x"}.get(role, role), case)


@fill
def sums(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """All of one sign, so that sums come near the end of the accumulator."""
    radius = max(1, exact_radius(case.dtype, case.terms + 1))
    if role in "bg":
        return rng.integers(0, 2, shape) * 1.0
    low = radius - radius // 8
    return rng.integers(low, radius, shape, endpoint=True) * (1.0 if radius > 1 else rng.random(shape) < 0.5)


# ---- real numbers: full mantissas


@fill
def unit(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Uniform on [-1, 1)."""
    if case.dtype in INTEGERS:
        return full(rng, shape, role, case)
    return rng.random(shape) * 2 - 1


@fill
def positive(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Uniform on [0.5, 1): rounding errors of one sign add up."""
    return rng.random(shape) / 2 + 0.5


def _scaled(power: int) -> Fill:
    def scaled(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
        exponent = power * SCALE.get(case.dtype, 0) * (2 if role == "b" else 1 if role in "xw" else 0)
        return np.ldexp(unit(rng, shape, role, case), exponent)

    return scaled


FILLS["tiny"] = _scaled(-1)
FILLS["huge"] = _scaled(1)
FILLS["tiny"].__doc__ = "Full significands near the small end of the type's range."
FILLS["huge"].__doc__ = "Full significands near the large end of the type's range."


@fill
def range_(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Magnitudes over many powers of two."""
    spread = SPREAD.get(case.dtype, 0)
    return np.ldexp(unit(rng, shape, role, case), rng.integers(-spread, spread + 1, shape))


@fill
def offset(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """A large constant under small detail, against kernels that sum to nearly zero: cancellation."""
    values = unit(rng, shape, role, case)
    if role == "x":
        return 2.0 ** min(8, PRECISION.get(case.dtype, 8) - 3) + values
    return values - values.mean(axis=(1, 2, 3), keepdims=True) if role == "w" and math.prod(case.w[1:]) > 1 else values


@fill
def subnormal(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Products and sums below the smallest normal number."""
    lowest = {"float64": -1060, "float32": -140, "bfloat16": -130, "float16": -20}.get(case.dtype, -140)
    if role == "w":
        return rng.integers(1, 4, shape) * 1.0
    return np.ldexp(rng.integers(1, 8, shape) * 1.0, lowest) if role in "xb" else rng.integers(1, 4, shape) * 1.0


def _natural(given: str, kernel: str) -> Fill:
    """Natural data: an input under a kernel; bias and cotangent are whole where these are."""
    whole = given in (*natural_inputs.WHOLE, *SPECIAL) and kernel in natural_inputs.WHOLE_KERNELS

    def drawn(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
        if role == "x":
            natural = natural_inputs.INPUTS.get(given)
            return natural(rng, shape) if natural else FILLS[given](rng, shape, role, case)
        if role == "w":
            return natural_inputs.KERNELS[kernel](rng, shape)
        return rng.integers(-2, 2, shape, endpoint=True) * 1.0 if whole else rng.standard_normal(shape)

    return drawn


# ---- special values, one of them, on small integers


def _single(value: float, where: str) -> Fill:
    def single(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
        values: Array = rng.integers(1, 4, shape) * rng.choice((-1.0, 1.0), shape)
        if role == where and values.size:
            values.reshape(-1)[rng.integers(values.size)] = value
        return values

    single.__doc__ = f"Small integers, and one {value} in {'the bias' if where == 'b' else where}."
    return single


FILLS |= {
    "nan": _single(math.nan, "x"), "inf": _single(math.inf, "x"), "ninf": _single(-math.inf, "x"),
    "nan_w": _single(math.nan, "w"), "inf_w": _single(math.inf, "w"), "nan_b": _single(math.nan, "b"),
}  # fmt: skip
SPECIAL = ("nan", "inf", "ninf", "nan_w", "inf_w", "nan_b")
WHOLE = ("small", "full", "wide", "narrow", "sums")
REAL = ("unit", "positive", "tiny", "huge", "range", "offset")


@fill
def infzero(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """An infinity in the input that some kernels meet with zero: 0·Inf is NaN."""
    values = FILLS["inf"](rng, shape, role, case)
    return values * (rng.random(shape) < 0.6) if role == "w" else values


@fill
def overflow(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """All of one sign and so large that every result lies beyond the largest finite number."""
    half = TOP_EXPONENT[case.dtype] // 2 + 1
    return np.ldexp(1 + rng.random(shape) / 2, half if role in "xw" else 0)


@fill
def zero(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Kernel of zeros, some of them negative."""
    return rng.choice((-0.0, 0.0), shape) if role in "wb" else unit(rng, shape, role, case)


@fill
def impulse(rng: np.random.Generator, shape: tuple[int, ...], role: str, case: Case) -> Array:
    """Each kernel is one 1: the result is a copy of the input, bit for bit."""
    values = unit(rng, shape, role, case)
    if role == "w":
        flat = np.zeros((shape[0], math.prod(shape[1:])))
        flat[np.arange(shape[0]), rng.integers(flat.shape[1], size=shape[0])] = 1
        return flat.reshape(shape)
    return values * 0 if role == "b" else values
