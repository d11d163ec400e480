"""The arguments of a call written out, for libraries that want every number by name."""

from __future__ import annotations

from typing import Any

Pair = tuple[int, int]


def pair(value: Any) -> Any:
    """A number twice, a pair as it is, a word as it is.

    Raises:
        NotImplementedError: another number of numbers.
    """
    if isinstance(value, str):
        return value
    numbers = (value, value) if isinstance(value, int) else tuple(value)
    if len(numbers) != 2:
        raise NotImplementedError("stride, padding and dilation are one number or two, and padding may be a word")
    return numbers


def sides(padding: Any, kernel: Pair, dilation: Pair) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of a padding; ``"same"`` puts an odd zero at the bottom and right."""
    if padding == "valid":
        return (0, 0, 0, 0)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    if isinstance(padding, tuple) and len(padding) == 4:
        return padding
    rows, columns = pair(padding)
    return (rows, rows, columns, columns)


def valid(X: Any, K: Any) -> Pair:
    """Rows and columns of the windows that fit, for libraries that filter up to the border or not at all.

    Raises:
        ValueError: the kernel is larger than the image.
    """
    rows, columns = (image - kernel + 1 for image, kernel in zip(X.shape, K.shape, strict=True))
    if min(rows, columns) < 1:
        raise ValueError(f"the kernel {tuple(K.shape)} is larger than the image {tuple(X.shape)}")
    return rows, columns
