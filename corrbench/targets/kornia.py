"""Kornia's image filter on torch tensors."""

from __future__ import annotations

from typing import Any

from corrbench.target import Declared

DECLARED = {
    "filter2d": Declared(
        form="corr2d", needs="kornia", dtypes="float32 float64", about="kornia.filters.filter2d, padding='valid'"
    )
}


def filter2d(X: Any, K: Any) -> Any:
    """`kornia.filters.filter2d`: a correlation of each channel with one kernel."""
    from kornia import filters

    return filters.filter2d(X[None, None], K[None], border_type="constant", padding="valid")[0, 0]
