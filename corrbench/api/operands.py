"""The operands of a case in the form in which a target is called."""

from __future__ import annotations

from typing import Any

from corrbench.case import Case
from corrbench.support import config


def operands(case: Case, seed: int, form: str, arrays: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments for ``f(*args, **kwargs)``.

    Args:
        case: what is asked; for corr2d and module of one plane and one kernel.
        seed: of the data.
        form: ``corr2d`` or ``module``: X and K of two axes; else input and weight of four.
        arrays: ``torch``, ``numpy`` or ``list``.

    Returns:
        Input and weight, and the bias if the case has one; stride, padding, dilation and groups where they are not the
        default.
    """
    from corrbench.numerics import inputs

    drawn: list[Any] = [inputs.draw(case, seed, name) for name in ("x", "w", *("b" * case.bias))]
    if form in ("corr2d", "module"):
        drawn = [one[0, 0] if one.ndim == 4 else one for one in drawn]
    if arrays == "torch":
        import torch

        drawn = [torch.from_numpy(one).to(getattr(torch, case.dtype)) for one in drawn]
    elif arrays == "list":
        drawn = [one.tolist() for one in drawn]
    words = {key: tuple(value) if isinstance(value, list) else value for key, value in config(case).items()}
    return tuple(drawn), words
