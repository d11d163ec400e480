"""NumPy: windows as a view, and a sum of products over them."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import pair, sides

DECLARED = {
    "einsum": Declared(form="conv2d", arrays="numpy", needs="numpy", about="numpy.einsum over sliding_window_view"),
    "tensordot": Declared(
        form="conv2d", arrays="numpy", needs="numpy", about="numpy.tensordot over sliding_window_view, by group"
    ),
}


def einsum(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """`numpy.einsum` as it is, without a search for a better order."""
    import numpy as np

    seen, (o, cg, kh, kw) = windows(input, weight, stride, padding, dilation), weight.shape
    n, _, rows, columns = seen.shape[:4]
    seen, kernels = seen.reshape(n, groups, cg, *seen.shape[2:]), weight.reshape(groups, o // groups, cg, kh, kw)
    return biased(np.einsum("ngcijab,gocab->ngoij", seen, kernels).reshape(n, o, rows, columns), bias)


def tensordot(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """`numpy.tensordot`, a matrix product for each group."""
    import numpy as np

    seen = np.split(windows(input, weight, stride, padding, dilation), groups, axis=1)
    parts = [
        np.moveaxis(np.tensordot(one, kernels, axes=((1, 4, 5), (1, 2, 3))), 3, 1)
        for one, kernels in zip(seen, np.split(weight, groups), strict=True)
    ]
    return biased(np.concatenate(parts, axis=1), bias)


def windows(input: Any, weight: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """A view (N, C, H', W', kh, kw) of the padded input."""
    import numpy as np

    (rows, columns), (down, right) = pair(stride), pair(dilation)
    if min(rows, columns, down, right) < 1:
        raise ValueError(f"stride {stride} and dilation {dilation} must be positive: a slice would run backwards")
    top, bottom, left, far = sides(padding, weight.shape[2:], (down, right))
    padded = np.pad(input, ((0, 0), (0, 0), (top, bottom), (left, far)))
    reach = (down * (weight.shape[2] - 1) + 1, right * (weight.shape[3] - 1) + 1)
    every = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return every[:, :, ::rows, ::columns, ::down, ::right]


def biased(result: Any, bias: Any) -> Any:
    """With the bias of each kernel; one that was rounded to 16 bits before has no exact place for it."""
    if bias is not None and bias.dtype == "float16":
        raise NotImplementedError("a bias on float16: it would be added to results that are rounded already")
    return result if bias is None else result + bias.reshape(result.shape[1], 1, 1)
