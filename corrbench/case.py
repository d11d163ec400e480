"""One 2-D cross-correlation problem, and its one-line text form."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right
PaddingMode = Literal["valid", "same"]

FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")
COMPLEX = ("complex128", "complex64")
DTYPES = FLOATS + INTEGERS + COMPLEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cross-correlation problem: shapes, geometry, dtype, kind of data and memory layout.

    `str(case)` is a line such as ``x=2,3,7,9 w=4,3,3,2 stride=1,2 padding=1 bias dtype=float32 data=unit`` and
    `Case.parse` reads it back: ``Case.parse(str(case)) == case``.

    Attributes:
        x: input shape (N, C, H, W).
        w: weight shape (O, C/groups, kh, kw).
        stride, dilation: steps in rows and columns, each >= 1.
        padding: (top, bottom, left, right) zeros added, or ``"valid"`` or ``"same"`` handed over as the word.
        groups: number of blocked connections from input to output channels.
        bias: whether a bias of shape (O,) is added.
        dtype: name of the element type of every operand and of the result.
        data: name of the fill, a key of `corrbench.numerics.inputs.FILLS`; or an input and a kernel of
            `corrbench.numerics.natural_inputs`, ``photo+sobel``; or ``corpus:sample`` of
            `corrbench.numerics.external_cases`.
        layout: how operands lie in memory, ``"x:transposed,w:step"``; empty for contiguous.
    """

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    stride: Pair = (1, 1)
    padding: Sides | PaddingMode = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False
    dtype: str = "float32"
    data: str = "unit"
    layout: str = ""

    def __post_init__(self) -> None:
        n, c, h, w = self.x
        o, cg, kh, kw = self.w
        if min(c, h, w, o, cg, kh, kw) < 1 or n < 0:
            raise ValueError(f"sizes must be positive (only N may be 0): x={self.x} w={self.w}")
        if min(*self.stride, *self.dilation, self.groups) < 1:
            raise ValueError(f"stride {self.stride}, dilation {self.dilation} and groups {self.groups} must be >= 1")
        if c != cg * self.groups or o % self.groups:
            raise ValueError(f"groups={self.groups} does not divide C={c} into kernels of {cg} channels, O={o}")
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}; known: {', '.join(DTYPES)}")
        if isinstance(self.padding, str):
            if self.padding not in get_args(PaddingMode):
                raise ValueError(f"unknown padding mode {self.padding!r}")
            if self.padding == "same" and self.stride != (1, 1):
                raise ValueError("padding='same' needs stride 1")
        elif min(self.padding) < 0:
            raise ValueError(f"negative padding {self.padding}")
        if min(self.out[2:]) < 1:
            raise ValueError(f"kernel larger than the padded input: {self}")

    @property
    def sides(self) -> Sides:
        """Zeros added at (top, bottom, left, right); ``"same"`` puts an odd one at the bottom and right, like torch."""
        if self.padding == "valid":
            return (0, 0, 0, 0)
        if self.padding == "same":
            rows, cols = (d * (k - 1) for d, k in zip(self.dilation, self.w[2:], strict=True))
            return (rows // 2, rows - rows // 2, cols // 2, cols - cols // 2)
        assert not isinstance(self.padding, str)
        return self.padding

    @property
    def out(self) -> tuple[int, int, int, int]:
        """Shape of the result, (N, O, H', W')."""
        top, bottom, left, right = self.sides
        height = (self.x[2] + top + bottom - self.dilation[0] * (self.w[2] - 1) - 1) // self.stride[0] + 1
        width = (self.x[3] + left + right - self.dilation[1] * (self.w[3] - 1) - 1) // self.stride[1] + 1
        return (self.x[0], self.w[0], height, width)

    @property
    def terms(self) -> int:
        """K, the number of products summed in one element of the result."""
        return math.prod(self.w[1:])

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of the direct algorithm."""
        return math.prod(self.out) * self.terms

    @property
    def single_channel(self) -> bool:
        """Whether the two-operand form `corr2d(X, K)` can express the case (a bias aside)."""
        default = self.stride == self.dilation == (1, 1) and self.sides == (0, 0, 0, 0)
        return default and self.x[:2] == (1, 1) and self.w[:2] == (1, 1) and self.padding != "same"

    def but(self, **changes: Any) -> Case:
        """The same case with some attributes changed."""
        return replace(self, **changes)

    @functools.lru_cache(maxsize=1 << 16)  # noqa: B019 - a case is written to the record, its key and the reports
    def __str__(self) -> str:
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("x", "w", "dtype", "data") or value != field.default:
                words.append(field.name if value is True else f"{field.name}={_text(field.name, value)}")
        return " ".join(words)

    @classmethod
    def parse(cls, text: str) -> Case:
        """Read the text form back.

        Raises:
            ValueError: an unknown key, a malformed number, or a case that has no result.
        """
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for word in text.split():
            key, _, value = word.partition("=")
            if key not in known or key in values:
                raise ValueError(f"case {text!r}: {word!r} is not one of {', '.join(sorted(known))}, each once")
            values[key] = _value(key, value, text)
        if not {"x", "w"} <= values.keys():
            raise ValueError(f"case {text!r}: needs x=N,C,H,W and w=O,I,kh,kw")
        return cls(**values)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, tuple):
        return str(value)
    if key == "padding" and value[0::2] == value[1::2]:
        value = value[0::2]
    if key not in ("x", "w") and len(set(value)) == 1:
        value = value[:1]
    return ",".join(map(str, value))


def _value(key: str, value: str, text: str) -> Any:
    if key == "bias":
        return value in ("", "1", "True", "true", "yes")
    if key in ("dtype", "data", "layout") or (key == "padding" and value.isalpha()):
        return value
    try:
        numbers = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise ValueError(f"case {text!r}: {key}={value!r} is not a list of integers") from None
    allowed = {"x": (4,), "w": (4,), "groups": (1,), "padding": (1, 2, 4)}.get(key, (1, 2))
    if len(numbers) not in allowed:
        raise ValueError(f"case {text!r}: {key}={value} needs {' or '.join(map(str, allowed))} numbers")
    if key == "groups":
        return numbers[0]
    if key in ("x", "w") or len(numbers) == 4:
        return numbers
    pair = numbers * 2 if len(numbers) == 1 else numbers
    return (pair[0], pair[0], pair[1], pair[1]) if key == "padding" else pair


def there_are(name: str, known: Iterable[str]) -> str:
    """How a refusal of a name goes on before it lists what there is: with the known ones that are near, if any are."""
    from difflib import get_close_matches

    near = get_close_matches(name, list(known), 2)
    return f"did you mean {' or '.join(near)}? There are" if near else "there are"
