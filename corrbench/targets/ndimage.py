"""SciPy's image filters, cut to the part that no border reaches."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared
from corrbench.targets._arguments import valid

DECLARED = {
    "correlate": Declared(
        form="corr2d", arrays="numpy", needs="scipy.ndimage", about="scipy.ndimage.correlate, the part without borders"
    )
}


def correlate(X: Any, K: Any) -> Any:
    """`scipy.ndimage.correlate`: the middle of the kernel lies on each element; it conjugates its second operand."""
    from scipy import ndimage

    (rows, columns), (top, left) = valid(X, K), (size // 2 for size in K.shape)
    return ndimage.correlate(X, K.conj(), mode="constant")[top : top + rows, left : left + columns]
