"""Several simple faults in one function, each in a region of its own: does a report tell them apart?

``corrbench.defects._composed:strided_rows__grouped`` is a right conv2d with two faults. They bend the right result one
after the other, so that each can be seen where it is alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from corrbench.defects import true

if TYPE_CHECKING:
    from torch import Tensor

    from corrbench.defects.correct import Call

REGIONS = {  # where each is wrong, over the names of `corrbench.defects.NAMES`
    "strided_rows": "sh > 1",
    "strided_columns": "sw > 1",
    "grouped": "groups > 1",
    "dilated": "dw > 1",
    "biased": "bias",
    "even_rows": "kh % 2 == 0",
    "many_columns": "cols > 16",
    "many_rows": "rows > 12",
    "deep": "I > 8",
    "many_kernels": "O > 8",
    "large_batch": "N > 2",
    "padded": "sides_max > 0",
    "high_kernel": "kh > kw",
    "double": "dtype == 'float64'",
    "half": "dtype == 'float16'",
    "odd_columns": "cols % 2 == 1",
    "pointwise": "kh * kw == 1",
    "many_taps": "kh * kw > 9",
    "oblong": "rows != cols",
    "depthwise": "groups > 1 and I == 1",
    "long_steps": "dh > 1 and kh > 1",
    "two_by_two": "kh == 2 and kw == 2",
}
PLACES = {  # what a report should say of where their results are wrong, of those whose place has a name
    "strided_rows": "only the last row", "strided_columns": "only the last column", "grouped": "only the first channel",
    "large_batch": "only sample 2", "padded": "only the first row", "half": "only the last channel",
    "odd_columns": "only the last column", "many_taps": "only the last sample", "oblong": "only the last row",
    "long_steps": "only the first row", "two_by_two": "only the first column", "many_columns": "only column 16",
    "many_rows": "only row 12", "many_kernels": "only channel 8",
}  # fmt: skip
SEPARATOR = "__"


def combinations(seed: int, pairs: int, triples: int) -> list[str]:
    """Names of functions with two and with three faults, drawn from all that there are."""
    drawn = random.Random(seed)
    found: dict[str, None] = {}
    for size, count in ((2, pairs), (3, triples)):
        while sum(name.count(SEPARATOR) == size - 1 for name in found) < count:
            found[SEPARATOR.join(sorted(drawn.sample(sorted(REGIONS), size)))] = None
    return list(found)


def _zeroed(axis: int, index: int) -> Callable[[Call, Tensor], Tensor]:
    def bend(c: Call, y: Tensor) -> Tensor:
        import torch

        kept = torch.ones(y.shape[axis], dtype=torch.bool, device=y.device)
        kept[min(index, y.shape[axis] - 1) if index >= 0 else -1] = False
        return y * kept.reshape([-1 if a == axis else 1 for a in range(4)])

    return bend


BENT: dict[str, Callable[[Call, Tensor], Tensor]] = {
    "strided_rows": _zeroed(2, -1),
    "strided_columns": _zeroed(3, -1),
    "grouped": _zeroed(1, 0),
    "dilated": lambda c, y: y + y,
    "biased": lambda c, y: y + c.b.reshape(1, -1, 1, 1) if c.b is not None else y,
    "even_rows": lambda c, y: y + 1,
    "many_columns": _zeroed(3, 16),
    "many_rows": _zeroed(2, 12),
    "deep": lambda c, y: y + c.x.sum().to(y.dtype),
    "many_kernels": _zeroed(1, 8),
    "large_batch": _zeroed(0, 2),
    "padded": _zeroed(2, 0),
    "high_kernel": lambda c, y: -y,
    "double": lambda c, y: y * 3,
    "half": _zeroed(1, -1),
    "odd_columns": _zeroed(3, -1),
    "pointwise": lambda c, y: y + 2,
    "many_taps": _zeroed(0, -1),
    "oblong": _zeroed(2, -1),
    "depthwise": lambda c, y: y * 2,
    "long_steps": _zeroed(2, 0),
    "two_by_two": _zeroed(3, 0),
}


def __getattr__(name: str) -> Callable[..., Any]:
    faults = name.split(SEPARATOR)
    if not set(faults) <= REGIONS.keys():
        raise AttributeError(f"no faults {name!r}")
    from corrbench.defects.correct import conv2d_form

    def composed(c: Call) -> Tensor:
        _, _, rows, cols = c.out
        values = {
            "N": c.N, "I": c.I, "O": c.O, "kh": c.kh, "kw": c.kw, "sh": c.sh, "sw": c.sw, "dh": c.dh, "dw": c.dw,
            "rows": rows, "cols": cols, "groups": c.groups, "bias": c.b is not None, "sides_max": max(c.sides),
            "dtype": str(c.x.dtype).removeprefix("torch."),
        }  # fmt: skip
        y = c.y()
        for fault in faults:
            if true(REGIONS[fault], values):
                y = BENT[fault](c, y)
        return y

    return conv2d_form(composed)
